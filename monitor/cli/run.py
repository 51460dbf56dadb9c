"""`run`, `once` and `health`: the watch itself."""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PARTLY, EXIT_PROBLEM
from monitor.cli.options import database_of, directory_option, environment, read_config, reading
from monitor.errors import ConfigError

if TYPE_CHECKING:
    from monitor.cli.logs import Hidden
    from monitor.config import Config
    from monitor.engine.local import Cycle
    from monitor.steps.record import PollReport

_HOW_TO_ADD = (
    "Stories are printed here. To get them by mail or webhook, set the address in routes.yaml "
    "(commented examples are there), then: monitor notify test CHANNEL"
)
_OFFLINE = (
    "No source at all could be reached: is this machine offline? I keep trying. "
    "To see the program work without a network: make demo, or monitor demo"
)


@click.command()
@directory_option
def run(*, directory: Path) -> None:
    """Watch: poll, match and alert until stopped (SIGTERM or Ctrl-C ends what is under way first).

    A changed configuration is loaded by itself; one with errors is refused and told.
    """
    config = read_config(directory)
    hidden = set_up_logs(config)
    asyncio.run(_run(config, directory, hidden))


async def _run(config: "Config", directory: Path, hidden: "Hidden | None" = None) -> None:
    from monitor import daemon
    from monitor.service import Place

    first = FirstCycle(sum(source.enabled for source in config.sources))
    talk = daemon.Talk(
        on_start=lambda started: _greet(started, directory),
        on_report=first.saw,
        on_refused=lambda error: click.echo(str(error), err=True),
        on_read=lambda read: hidden.add(read.secrets) if hidden else None,
    )
    place = Place(database=Path(config.service.storage.database))
    await daemon.run(config, environment(), place, talk)
    click.echo("monitor: stopped; nothing is lost.", err=True)


def _greet(config: "Config", directory: Path) -> None:
    enabled = sum(source.enabled for source in config.sources)
    click.echo(
        f"monitor: watching {enabled} sources with {len(config.ruleset.rules)} rules from "
        f"{directory}; database {config.service.storage.database}; Ctrl-C ends it.",
        err=True,
    )
    if {channel.kind for channel in config.channels.values()} == {"console"}:
        click.echo(_HOW_TO_ADD, err=True)


class FirstCycle:
    """Tells once, when every source was tried for the first time, how that went."""

    def __init__(self, expected: int, tell: Callable[[str], None] | None = None) -> None:
        self._expected = expected
        self._results: dict[str, str] = {}
        self._tell = tell or (lambda text: click.echo(text, err=True))

    def saw(self, report: "PollReport") -> None:
        """Take note of a poll."""
        if len(self._results) >= self._expected:
            return
        self._results.setdefault(report.source.id, report.result)
        if len(self._results) == self._expected:
            self._tell(self._summary())

    def _summary(self) -> str:
        counts = Counter(self._results.values())
        if counts["failed"] == self._expected:
            return f"monitor: {_OFFLINE}"
        failed = f", {counts['failed']} failed (monitor feeds list --problems)"
        read = self._expected - counts["failed"]
        return (
            f"monitor: read {read} of {self._expected} sources{failed if counts['failed'] else ''}"
        )


def set_up_logs(config: "Config | None" = None) -> "Hidden":
    """Send log lines to stderr, without the secrets of a configuration; returns what hides them."""
    from monitor.cli.logs import Hidden, goes_to_journal, set_up

    hidden = Hidden()
    hidden.add(config.secrets if config else frozenset())
    set_up(sys.stderr, hidden, is_journal=goes_to_journal(sys.stderr, environment()))
    return hidden


# ---------------------------------------------------------------- once


@click.command()
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print the counts as one JSON object.")
@click.option("--dry-run", is_flag=True, help="Store and send nothing; say what would be found.")
def once(*, directory: Path, as_json: bool, dry_run: bool) -> None:
    """Run one cycle over every source and say what was read, what failed and why, what was found.

    Exit code 0: every source was read. 4: some were not. 1: none was.
    """
    config = read_config(directory)
    set_up_logs(config)
    database = Path(config.service.storage.database)
    with _copy_of(database) if dry_run else _as_is(database) as used:
        cycle = asyncio.run(_once(config, used, quiet=as_json, deliver=not dry_run))
    summary = summary_of(cycle)
    click.echo(json.dumps(summary, ensure_ascii=False) if as_json else told(cycle, summary))
    failed, all_sources = summary["feeds"]["failed"], len(cycle.reports)
    if failed:
        sys.exit(EXIT_PARTLY if failed < all_sources else EXIT_PROBLEM)


async def _once(config: "Config", database: Path, *, quiet: bool, deliver: bool) -> "Cycle":
    from monitor.engine import local
    from monitor.service import Place, opened

    place = Place(database=database, console=sys.stderr if quiet else sys.stdout)
    async with opened(config, place) as open_:
        if not deliver:
            open_.watch.channels = {
                name: _Unsent(one) for name, one in open_.watch.channels.items()
            }
        total = sum(source.enabled for source in config.sources)
        with progress(total, "sources") as advance:
            at_once = config.service.polling.at_once
            return await local.once(open_.watch, place.clock, at_once, lambda _: advance())


class _Unsent:
    """A channel of a dry run: composes as the real one does, and sends nothing."""

    def __init__(self, channel: Any) -> None:
        self.name = channel.name
        self.recipients = channel.recipients
        self.compose = channel.compose

    async def send(self, message: object, recipient: str, now: datetime) -> None:
        """Accept and forget."""


@contextmanager
def _as_is(database: Path) -> Iterator[Path]:
    yield database


@contextmanager
def _copy_of(database: Path) -> Iterator[Path]:
    """Give a copy of a database (or a new one) that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "dry-run.db"
        if database.exists():
            from sqlite_utils import Database

            source = Database(str(database))
            source.execute("vacuum into ?", [str(copy)])
            source.close()
        yield copy


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def summary_of(cycle: "Cycle") -> dict[str, Any]:
    """Return the counts of a cycle: feeds, items, hits, stories, alerts, deliveries, seconds."""
    from monitor.notify.payload import coverage_data

    results = Counter(report.result for report in cycle.reports)
    told = [told for report in cycle.reports for told in report.told]
    stages: Counter[str] = Counter()
    articles: Counter[str] = Counter()
    for report in cycle.reports:
        stages.update(report.seconds)
        articles.update(report.articles)
    deliveries = Counter(cycle.results)
    return {
        "feeds": {name: results[name] for name in ("read", "unchanged", "failed")},
        "failures": [
            {"source": one.source.id, "kind": one.error_kind, "error": one.error}
            for one in cycle.reports
            if one.result == "failed"
        ],
        "coverage": coverage_data(cycle.coverage),
        "items": {
            "new": sum(report.new_items for report in cycle.reports),
            "changed": sum(report.changed_items for report in cycle.reports),
        },
        "articles": {"read": articles.pop("read", 0), "failed": dict(articles.most_common())},
        "hits": sum(len(one.hits) for one in told),
        "stories": {
            "new": sum(one.opened for one in told),
            "touched": len({t.story_id for t in told}),
        },
        "alerts": sum(one.decision.alert_id is not None for one in told) + cycle.digests,
        "decisions": dict(Counter(one.decision.reason.value for one in told)),
        "deliveries": {name: deliveries[name] for name in ("sent", "retry", "dead", "paused")},
        "seconds": {
            **{k: round(v, 3) for k, v in stages.items()},
            "total": round(cycle.seconds, 3),
        },
    }


def told(cycle: "Cycle", summary: dict[str, Any]) -> str:
    """Return the counts of a cycle as lines for people, every failure with its reason."""
    feeds, items = summary["feeds"], summary["items"]
    lines = [
        f"Sources: {feeds['read']} read, {feeds['unchanged']} unchanged, {feeds['failed']} failed.",
        *(f"  {one['source']}: {one['error']}" for one in summary["failures"]),
        *_unseen(summary["coverage"]),
        f"Items: {items['new']} new, {items['changed']} edited.",
        *_articles(summary["articles"]),
        f"Hits: {summary['hits']} in {_stories(summary['stories'])}.",
        f"Alerts: {summary['alerts']}. Messages: {_listed(summary['deliveries'])}.",
    ]
    if summary["decisions"]:
        lines.append(f"Why: {_listed(summary['decisions'])}.")
    if cycle.reports and feeds["failed"] == len(cycle.reports):
        lines.append(_OFFLINE.replace(" I keep trying.", ""))
    return "\n".join(lines)


def _unseen(coverage: dict[str, Any]) -> list[str]:
    """Return what was read badly, late or not at all, beside the failures of this cycle."""
    lines = [
        f"  {one['source']}: {one['state']}: {one['detail']}"
        for one in coverage["problems"]
        if one["state"] != "failing"
    ]
    late = sum(one["late_items"] for one in coverage["not_read"])
    if late:
        lines.append(f"Late: {late} items of sources that could not be read before.")
    return lines


def _articles(counts: dict[str, Any]) -> list[str]:
    """Return how many articles were read, and why the others were not; no line without any."""
    if not counts["read"] and not counts["failed"]:
        return []
    failed = sum(counts["failed"].values())
    why = f" ({_listed(counts['failed'])}: their feeds' own text stands)" if failed else ""
    return [f"Articles: {counts['read']} read, {failed} not{why}."]


def _stories(counts: dict[str, int]) -> str:
    return f"{counts['touched']} stories, {counts['new']} of them new"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


# ---------------------------------------------------------------- health


def _watched(directory: Path) -> Path:
    """Return the database of the running watch.

    An edit that broke monitor.yaml is refused by the watch and must not look like its death: the
    variable that the shipped file reads, and the container image sets, then says where it is.
    """
    try:
        return database_of(directory)
    except ConfigError:
        known = environment().get("MONITOR_DATABASE")
        if not known:
            raise
        return Path(known)


@click.command()
@directory_option
@click.option("--database", type=click.Path(path_type=Path), help="Instead of the configured one.")
@click.option("--ready", is_flag=True, help="Ask for readiness: every check, not life alone.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole judgement as JSON.")
def health(*, directory: Path, database: Path | None, ready: bool, as_json: bool) -> None:
    """Exit with 0 while the watch is alive, with 1 otherwise; one line says which, and why.

    The watch judges itself every 15 seconds, as its /healthz does, and this reads what it said.
    """
    from monitor.engine.clock import utc_now
    from monitor.engine.vitals import HEALTH, heard_of

    with reading(database or _watched(directory)) as tx:
        stored = tx.log.meta(HEALTH)
    judged = json.loads(stored) if stored else None
    heard = heard_of(judged, utc_now())
    is_good = heard.is_good(ready=ready)
    click.echo(json.dumps({"ok": is_good, **(judged or {})}) if as_json else heard.said)
    sys.exit(0 if is_good else EXIT_PROBLEM)
