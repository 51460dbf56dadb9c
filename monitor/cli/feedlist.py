"""The rows of `feeds list`: every source with its state, the worst first."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.alerts.watch import words
from monitor.cli.options import reading
from monitor.config import Config
from monitor.config.secrets import redact
from monitor.model import Health, Source, SourceId, SourceProblem
from monitor.service import settings_of
from monitor.steps.coverage import problems
from monitor.steps.schedule import interval_of
from monitor.store import SourceState

COLUMNS = ("state", "id", "since", "last_read", "every", "detail", "what_to_do")
_ADDRESSES = ("url", "moved_to", "detail")  # may hold a key
_ORDER = (*Health, "new", "off")


def rows_of(config: Config, now: datetime) -> list[dict[str, Any]]:
    """Return a row for every source, the worst first; those off last."""
    states, ailing = _stored(config)
    rows = [
        _row(source, states.get(source.id), ailing.get(source.id), now) for source in config.sources
    ]
    return sorted(rows, key=lambda row: _ORDER.index(row["state"]))


def redacted(row: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return a row without secrets."""
    shown = {name: redact(row.get(name) or "", secrets) for name in _ADDRESSES}
    return {**row, **shown}


def _stored(
    config: Config,
) -> tuple[dict[SourceId, SourceState], dict[SourceId, SourceProblem]]:
    database = Path(config.service.storage.database)
    if not database.exists():
        return {}, {}
    with reading(database) as tx:
        states = {state.id: state for state in tx.sources.states()}
        found = problems(settings_of(config), tx.ledger.open_episodes())
    return states, {one.source: one for one in found}


def _row(
    source: Source, state: SourceState | None, problem: SourceProblem | None, now: datetime
) -> dict[str, Any]:
    row = {"id": source.id, "name": source.label, "url": source.url, "lang": source.lang}
    if not source.enabled:
        return {**row, "state": "off", "detail": source.note}
    if state is None or state.last_poll_at is None:
        return {**row, "state": "new", "detail": ""}
    return {
        **row,
        "state": problem.state.value if problem else Health.OK.value,
        "since": problem.since if problem else None,
        "detail": problem.detail if problem else state.error,
        "what_to_do": problem.what_to_do if problem else "",
        "last_read": state.last_ok_at,
        "last_new": state.last_new_at,
        "newest_item": state.newest_at,
        "next_poll": state.next_poll_at,
        "every": _every(source, state, now),
        "failures": state.failures,
        "moved_to": state.permanent_url,
    }


def _every(source: Source, state: SourceState, now: datetime) -> str:
    """Return the interval; where it was shortened, from what."""
    every = words(interval_of(source, state, now))
    return every if state.shortened is None else f"{words(source.every)} -> {every}"
