"""The rows of `feeds list`: every source with its state, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
from monitor.store import SourceState, Transaction
from monitor.store.ledger import Day, Unseen

COLUMNS = (
    *("state", "id", "since", "last_read", "every", "last_24h", "hits_30d", "detail"),
    "what_to_do",
)
_ADDRESSES = ("url", "moved_to", "detail")  # may hold a key
_ORDER = (*Health, "new", "off")
_HOUR, _HOURS = timedelta(hours=1), 24
_HITS_OF = timedelta(days=30)
_BARS = "▁▂▃▄▅▆▇█"  # nothing new; then 1, 2-3, 4-7, ... items
NOT_READ = "×"
_UNKNOWN = " "


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """What the database knows of the sources."""

    states: Mapping[SourceId, SourceState] = field(default_factory=dict)
    ailing: Mapping[SourceId, SourceProblem] = field(default_factory=dict)
    arrivals: Mapping[SourceId, Mapping[str, int]] = field(default_factory=dict)
    unread: Sequence[Unseen] = ()
    days: Mapping[SourceId, Day] = field(default_factory=dict)
    hits: Mapping[SourceId, int] = field(default_factory=dict)


def rows_of(config: Config, now: datetime) -> list[dict[str, Any]]:
    """Return a row for every source, the worst first; those off last."""
    stored = _stored(config, now)
    rows = [_row(source, stored, now) for source in config.sources]
    return sorted(rows, key=lambda row: _ORDER.index(row["state"]))


def redacted(row: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return a row without secrets."""
    shown = {name: redact(row.get(name) or "", secrets) for name in _ADDRESSES}
    return {**row, **shown}


def bars(hours: Sequence[int | str | None]) -> str:
    """Return a sign for each hour: how many items arrived, that it was not read, or unknown."""
    return "".join(map(_bar, hours))


def _bar(hour: int | str | None) -> str:
    if isinstance(hour, int):
        return _BARS[min(hour.bit_length(), len(_BARS) - 1)]
    return NOT_READ if hour else _UNKNOWN


def hours_of(
    arrivals: Mapping[str, int], unread: Sequence[tuple[datetime, datetime]], now: datetime
) -> list[int | str | None]:
    """Return for each of the latest 24 hours, the present one last, how many items arrived.

    "not-read" stands for an hour of which more than half was not read and that brought nothing,
    None for those before all that is known.
    """
    last = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begins = [last - number * _HOUR for number in reversed(range(_HOURS))]
    return [_hour(begin, arrivals, unread, now) for begin in begins]


def _hour(
    begin: datetime,
    arrivals: Mapping[str, int],
    unread: Sequence[tuple[datetime, datetime]],
    now: datetime,
) -> int | str:
    end = min(begin + _HOUR, now)
    away = sum(
        (max(min(until, end) - max(since, begin), timedelta(0)) for since, until in unread),
        timedelta(0),
    )
    count = arrivals.get(f"{begin:%Y-%m-%dT%H}", 0)
    return count if count or 2 * away <= end - begin else "not-read"


def _stored(config: Config, now: datetime) -> _Stored:
    database = Path(config.service.storage.database)
    if not database.exists():
        return _Stored()
    with reading(database) as tx:
        return _looked_up(tx, config, now)


def _looked_up(tx: Transaction, config: Config, now: datetime) -> _Stored:
    since = now - _HOURS * _HOUR
    found = problems(settings_of(config), tx.ledger.open_episodes())
    return _Stored(
        states={state.id: state for state in tx.sources.states()},
        ailing={one.source: one for one in found},
        arrivals=tx.items.arrivals(since - _HOUR),
        unread=[one for one in tx.ledger.unseen(since) if one.kind == "not-read"],
        days=tx.ledger.counts(since.astimezone(UTC).date()),
        hits=tx.items.hits_by_source(now - _HITS_OF),
    )


def _row(source: Source, stored: _Stored, now: datetime) -> dict[str, Any]:
    row = {"id": source.id, "name": source.label, "url": source.url, "lang": source.lang}
    state, problem = stored.states.get(source.id), stored.ailing.get(source.id)
    if not source.enabled:
        return {**row, "state": "off", "detail": source.note}
    if state is None or state.last_poll_at is None:
        return {**row, "state": "new", "detail": ""}
    hours = _last_hours(state, stored, now)
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
        "last_24h": bars(hours),
        "items_24h": hours,
        "hits_30d": stored.hits.get(source.id, 0),
        "failures": state.failures,
        "moved_to": state.permanent_url,
    }


def _last_hours(state: SourceState, stored: _Stored, now: datetime) -> list[int | str | None]:
    unread = [(one.since, one.until) for one in stored.unread if one.source == state.id]
    if state.unread_since is not None:
        unread.append((state.unread_since, now))
    arrivals = stored.arrivals.get(state.id, {})
    hours = hours_of(arrivals, unread, now)
    if state.id in stored.days:
        return hours
    # Its first day is not over: what was before the first hour of which we know is unknown.
    known = next((number for number, hour in enumerate(hours) if hour), _HOURS - 1)
    return [None] * known + hours[known:]


def _every(source: Source, state: SourceState, now: datetime) -> str:
    """Return the interval; where it was shortened, from what."""
    every = words(interval_of(source, state, now))
    return every if state.shortened is None else f"{words(source.every)} -> {every}"
