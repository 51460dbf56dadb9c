"""`config diff`: what an edit changes, and what comes of it, before it is loaded."""

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, output_options, read_config, reading
from monitor.cli.output import emit
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from monitor.config import Change, Config
    from monitor.store import Transaction

_LOOKED_BACK = timedelta(days=30)


@click.command("diff")
@directory_option
@click.option(
    "--against",
    default="running",
    show_default=True,
    help="What was loaded last (running), what this version ships (shipped), or a directory.",
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where something differs.")
@output_options
def diff_config(*, directory: Path, against: str, exit_code: bool, output: str) -> None:
    """Say what the files change of what runs, and what comes of each change.

    Nothing is loaded and nothing is sent. A set with errors is told as by check.
    """
    config = read_config(directory)
    rows = _against_running(config) if against == "running" else _against(config, against)
    emit(rows, output, ("change", "what", "name", "detail", "then"))
    click.echo(_said(rows, directory, against), err=True)
    if rows and exit_code:
        sys.exit(EXIT_PROBLEM)


def _said(rows: list[dict[str, Any]], directory: Path, against: str) -> str:
    if not rows:
        return f"{directory} is what {against} has"
    return f"{len(rows)} changes; added is what {directory} has and {against} has not"


def _against(config: "Config", against: str) -> list[dict[str, Any]]:
    from monitor.config import changes, defaults_path

    other = defaults_path("config") if against == "shipped" else Path(against)
    if not other.is_dir():
        raise click.BadParameter(f'"{against}" is neither running, shipped nor a directory')
    return [_row(one, "") for one in changes(read_config(other).files, config.files)]


def _against_running(config: "Config") -> list[dict[str, Any]]:
    from monitor.config import changes
    from monitor.engine.clock import utc_now

    with reading(Path(config.service.storage.database)) as tx:
        before = tx.log.files_in_force()
        if before is None:
            raise MonitorError("nothing was loaded yet: compare with --against shipped")
        found = changes(before, config.files)
        consequences = _Consequences(tx, utc_now())
        return [_row(one, consequences.of(one, config)) for one in found]


def _row(change: "Change", then: str) -> dict[str, Any]:
    return {
        "change": change.action,
        "what": change.what,
        "name": change.name,
        "detail": change.detail,
        "then": then,
        "file": change.file,
    }


class _Consequences:
    """What comes of a change, by what is stored."""

    def __init__(self, tx: "Transaction", now: datetime) -> None:
        self._tx = tx
        self._hits: Mapping[str, int] = tx.items.hit_counts(now - _LOOKED_BACK)

    def of(self, change: "Change", config: "Config") -> str:
        """Return what to know before the edit is loaded, or nothing."""
        return "; ".join(self._lines(change, config))

    def _lines(self, change: "Change", config: "Config") -> Iterator[str]:
        from monitor.config import waits_for_start

        what, name = change.what, change.name
        if what == "rule":
            yield from self._of_rule(change)
        elif what == "channel" and name not in config.channels:
            waiting = self._tx.outbox.open_rows(name)
            if waiting:
                yield f"{waiting} messages wait for it: they will end as dead"
        elif what == "feed" and self._is_off(name, config):
            items = self._tx.items.count_of(name)
            yield f"it is not read any more; its {items} items and their stories stay"
        elif what == "silence" and change.action == "removed":
            yield "what it covers is told again"
        elif what == "setting" and change.file == "monitor.yaml" and waits_for_start(name):
            yield "it is taken up at the next start, not at a reload"

    def _of_rule(self, change: "Change") -> Iterator[str]:
        old = change.detail if change.action == "renamed" else change.name
        hits = self._hits.get(old, 0)
        recent = f"{hits} hits in {_LOOKED_BACK.days} days"
        if change.action == "renamed":
            yield f"its history goes with it ({recent})"
        elif change.action == "removed":
            yield f"it finds nothing any more ({recent}); its history stays"
        elif change.action == "changed":
            yield f"{recent}; monitor replay shows which would be lost or gained"
        else:
            yield "monitor replay shows what it finds in stored items"

    @staticmethod
    def _is_off(name: str, config: "Config") -> bool:
        return not any(one.id == name and one.enabled for one in config.sources)
