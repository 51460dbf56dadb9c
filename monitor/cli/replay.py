"""`replay` and `history`: rules over what is stored, and which rules were in force when."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import (
    directory_option,
    looking,
    output_options,
    read_config,
    reading,
)
from monitor.cli.output import emit, since
from monitor.cli.rules import loaded
from monitor.cli.run import progress
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.config import Config
    from monitor.model import Item
    from monitor.rules import RuleSet
    from monitor.store import Transaction


_DECIDED = ("escalated", "acknowledged", "dismissed")  # states, the most telling first


@dataclass(frozen=True)
class _Change:
    """A hit that the new rules make and the old ones do not, or the other way round."""

    is_gained: bool
    rule: str
    item: "Item"
    story: str | None
    state: str  # what people made of the story, "" where there is none

    @property
    def row(self) -> dict[str, Any]:
        """Return the change as a row of a listing."""
        return {
            "change": "gained" if self.is_gained else "lost",
            "rule": self.rule,
            "item": self.item.id,
            "source": self.item.source_id,
            "seen_at": self.item.seen_at,
            "title": self.item.title,
            "story": self.story,
            "state": self.state,
        }


@click.command()
@directory_option
@click.option("--since", "since_", default="30d", show_default=True, help="30d, 12h, or a date.")
@click.option(
    "--against",
    default="running",
    show_default=True,
    help="Compare with the rules last in force, or with another configuration directory.",
)
@click.option(
    "--notify", is_flag=True, help="Take the gained hits in and alert as if they were new."
)
@output_options
def replay(*, directory: Path, since_: str, against: str, notify: bool, output: str) -> None:
    """Match stored items with the rules on disk: hits gained and lost, stories touched.

    Nothing is stored and nothing is sent, unless --notify is given.
    """
    from monitor.engine.clock import utc_now

    now = utc_now()
    config = read_config(directory)
    with reading(Path(config.service.storage.database)) as tx:
        old = _baseline(tx, against)
        begin = since(since_, now)
        total = tx.items.count(begin, now)[0]
        with progress(total, "items") as advance:
            items = _each(tx.items.since(begin), advance)
            changes = list(_changes(tx, old, config.ruleset, items, now))
    rows = [one.row for one in changes]
    emit(rows, output, ("change", "rule", "seen_at", "source", "title", "story", "state"))
    click.echo(f"{total} items: {_said(rows)}{'.' if notify else '; nothing was sent.'}", err=True)
    if notify:
        gained = {one.item.id: one.item for one in changes if one.is_gained}
        alerts, sent = asyncio.run(_tell(config, list(gained.values())))
        click.echo(f"{alerts} alerts made, {sent} messages sent.", err=True)


def _said(rows: list[dict[str, Any]]) -> str:
    """Return the changes in a line: `1 hit gained; 2 hits lost, one was escalated`."""
    parts = []
    for change in ("gained", "lost"):
        found = [row for row in rows if row["change"] == change]
        states = Counter(row["state"] for row in found if row["state"] in _DECIDED)
        known = [f"{_number(states[one])} {one}" for one in _DECIDED if states[one]]
        hits = f"{len(found)} {'hit' if len(found) == 1 else 'hits'} {change}"
        parts.append(", ".join([hits, *known]))
    stories = len({row["story"] for row in rows if row["story"]})
    return "; ".join([*parts, f"{stories} known stories touched"])


def _number(count: int) -> str:
    return "one was" if count == 1 else f"{count} were"


async def _tell(config: "Config", items: "list[Item]") -> tuple[int, int]:
    """Take in what these items hit now, and deliver; a running worker must be stopped first."""
    from monitor import rules
    from monitor.engine.clock import utc_now
    from monitor.engine.local import start_up
    from monitor.pipeline import deliver_due
    from monitor.service import Place, opened
    from monitor.steps.record import take_up

    place = Place(database=Path(config.service.storage.database))
    alerts = 0
    async with opened(config, place) as open_:
        watch = open_.watch
        await start_up(watch, utc_now())
        for stored_item in items:
            item = replace(stored_item, seen_at=utc_now())
            hits = rules.match_with_article(item, config.ruleset, item.seen_at)
            told = await watch.write(partial(take_up, watch=watch, item=item, hits=hits))
            alerts += told.decision.alert_id is not None
        outcomes = [
            outcome
            for channel in watch.channels.values()
            for outcome in await deliver_due(watch, channel, utc_now)
        ]
    return alerts, sum(outcome.result == "sent" for outcome in outcomes)


def _each(items: "Iterable[Item]", advance: Callable[[], None]) -> "Iterator[Item]":
    for item in items:
        yield item
        advance()


def _baseline(tx: "Transaction", against: str) -> "RuleSet":
    if against != "running":
        if not Path(against).is_dir():
            raise click.BadParameter(f'"{against}" is neither running nor a directory')
        ruleset: RuleSet = read_config(Path(against)).ruleset
        return ruleset
    stored_sets = tx.log.rulesets()
    if not stored_sets:
        raise MonitorError("no rule set was in force yet: compare with --against DIRECTORY")
    files = tx.log.ruleset_files(stored_sets[0]["hash"])
    assert files is not None, "it is listed"
    running: RuleSet = loaded(files)
    return running


def _changes(
    tx: "Transaction", old: "RuleSet", new: "RuleSet", items: Iterable["Item"], now: "datetime"
) -> Iterator[_Change]:
    from monitor.rules import match_with_article as match

    for item in items:
        before = {new.renamed.get(hit.rule, hit.rule) for hit in match(item, old, now)}
        after = {hit.rule for hit in match(item, new, now)}
        for rule in sorted(before ^ after):
            story, state = tx.stories.standing(item.id) or (None, "")
            yield _Change(rule in after, rule, item, story, state)


@click.command()
@click.argument("ruleset", required=False)
@directory_option
@output_options
def history(*, ruleset: str | None, directory: Path, output: str) -> None:
    """List what was in force, newest first, whose edit it was and what it changed.

    With a hash print the files of one.
    """
    with looking(directory) as tx:
        if ruleset is None:
            emit(tx.log.rulesets(), output, ("loaded_at", "who", "hash", "changes"))
            return
        files = tx.log.ruleset_files(ruleset)
    if files is None:
        click.echo(f'no rule set begins with "{ruleset}"', err=True)
        sys.exit(EXIT_PROBLEM)
    for name, text in files.items():
        click.echo(f"# ---- {name}\n{text}")
