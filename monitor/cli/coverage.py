"""`coverage`: which sources were read, which were not and for how long, what came late."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.options import directory_option, output_options, stored
from monitor.cli.output import emit, since

if TYPE_CHECKING:
    from monitor.model import Coverage, Source
    from monitor.steps.watch import Settings
    from monitor.store import SourceState, Transaction
    from monitor.store.ledger import Day

_COLUMNS = ("id", "state", "reads", "polls", "not_read", "spells", "late", "gaps", "last_read")


@click.command()
@directory_option
@click.option("--since", "since_", default="24h", show_default=True, help="24h, 7d, date.")
@click.option("--all", "show_all", is_flag=True, help="Also sources that were read throughout.")
@output_options
def coverage(*, directory: Path, since_: str, show_all: bool, output: str) -> None:
    """Say which sources were read, which were not and for how long, and what came late.

    A table, CSV and JSON lines have a line for each source; --json has the whole, with the spans
    in which items may have been lost. Polls and reads are counted by whole days in UTC.
    """
    from monitor.cli.feedlist import redacted
    from monitor.engine.clock import utc_now
    from monitor.notify.payload import coverage_data
    from monitor.service import settings_of
    from monitor.steps.coverage import coverage as seen_in

    now = utc_now()
    begin = since(since_, now)
    with stored(directory) as (config, tx):
        settings = settings_of(config)
        seen = seen_in(tx, settings, begin, now, at_least=timedelta(0))
        rows = [redacted(row, config.secrets) for row in _rows(tx, settings, seen, begin)]
    if output == "json":
        whole = {"since": begin, "until": now, **coverage_data(seen), "by_source": rows}
        click.echo(json.dumps(whole, default=str, ensure_ascii=False, indent=2))
        return
    shown = rows if show_all else [row for row in rows if _is_told(row)]
    click.echo(sentence(seen), err=True)
    if shown:
        emit(shown, output, _COLUMNS)


def sentence(seen: "Coverage") -> str:
    """Return in a line how much was seen."""
    late = sum(one.late_items for one in seen.not_read)
    parts = [
        f"{seen.read} of {seen.sources} sources were read",
        f"{len(seen.problems)} have a problem now" if seen.problems else "",
        f"{len(seen.not_read)} were not read for a while" if seen.not_read else "",
        f"{late} items came late" if late else "",
        f"in {len(seen.gaps)} spans items may have been lost" if seen.gaps else "",
    ]
    return "; ".join(part for part in parts if part) + "."


def _rows(
    tx: "Transaction", settings: "Settings", seen: "Coverage", begin: datetime
) -> list[dict[str, Any]]:
    states = {state.id: state for state in tx.sources.states()}
    counts = tx.ledger.counts(begin.date())
    enabled = [one for one in settings.sources.values() if one.enabled and one.id in states]
    rows = [_row(one, states[one.id], counts.get(one.id), seen, begin) for one in enabled]
    return sorted(rows, key=lambda row: (-row["not_read_s"], -row["gaps"], row["id"]))


def _row(
    source: "Source",
    state: "SourceState",
    day: "Day | None",
    seen: "Coverage",
    begin: datetime,
) -> dict[str, Any]:
    from monitor.alerts.watch import words

    away = next((one for one in seen.not_read if one.source == source.id), None)
    problem = next((one for one in seen.problems if one.source == source.id), None)
    total = away.total if away else timedelta(0)
    days = [day] if day else []
    days += [state.today] if state.today.date >= begin.date().isoformat() else []
    return {
        "id": source.id,
        "name": source.label,
        "state": problem.state.value if problem else "ok",
        "detail": problem.detail if problem else "",
        "polls": sum(one.polls for one in days),
        "reads": sum(one.reads for one in days),
        "items": sum(one.items for one in days),
        "not_read": words(total) if total else "",
        "not_read_s": round(total.total_seconds()),
        "spells": away.spells if away else 0,
        "late": away.late_items if away else 0,
        "gaps": sum(one.source == source.id for one in seen.gaps),
        "last_read": state.last_ok_at,
    }


def _is_told(row: dict[str, Any]) -> bool:
    return bool(row["not_read_s"] or row["gaps"] or row["state"] != "ok")
