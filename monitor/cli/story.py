"""`story`: mend what was grouped wrongly, mute, acknowledge; logged and reversible."""

from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import Any

import click

from monitor.cli.look import show
from monitor.cli.options import database_of, directory_option, looking, who, writing
from monitor.cli.output import to_json
from monitor.errors import MonitorError
from monitor.model import ItemId, StoryId, stable_id


@click.group()
def story() -> None:
    """Mend stories: split, merge, mute, acknowledge. Every step is logged and can be taken back."""


story.add_command(show)


@story.command()
@click.argument("story_id")
@click.argument("items", nargs=-1, required=True)
@directory_option
@click.option("--by", default=None, help="Who says so; your login by default.")
def split(*, story_id: str, items: tuple[str, ...], directory: Path, by: str | None) -> None:
    """Put ITEMS of a story into one of their own; `merge` takes it back."""

    def step(tx: Any, now: Any, name: str) -> str:
        known = story_named(tx, story_id)
        members = {row["id"]: row for row in tx.stories.members(known.id)}
        strangers = [item for item in items if item not in members]
        if strangers:
            raise MonitorError(f"not in {known.id}: {', '.join(strangers)}")
        if len(items) == len(members):
            raise MonitorError(f"all items of {known.id} are named; nothing would stay")
        new_id = StoryId(stable_id("s-", "split", known.id, *sorted(items)))
        tx.stories.copy(known, new_id, members[items[0]]["title"])
        tx.stories.move([ItemId(item) for item in items], new_id)
        stayed = [item for item in members if item not in items]
        _log(tx, now, name, ("split", known.id, new_id), (items, stayed))
        back = f"monitor story merge {new_id} {known.id}"
        return f"{len(items)} items are story {new_id} now; to take it back: {back}"

    carry_out(step, directory, by)


@story.command()
@click.argument("story_id")
@click.argument("into")
@directory_option
@click.option("--by", default=None, help="Who says so; your login by default.")
def merge(*, story_id: str, into: str, directory: Path, by: str | None) -> None:
    """Put all items of a story into another one; `split` takes it back."""

    def step(tx: Any, now: Any, name: str) -> str:
        known, target = story_named(tx, story_id), story_named(tx, into)
        if known.id == target.id:
            raise MonitorError(f"{known.id} is one story already")
        items, stayed = ([row["id"] for row in tx.stories.members(x.id)] for x in (known, target))
        tx.stories.move(items, target.id)
        tx.stories.absorb(target, known)
        _log(tx, now, name, ("merge", target.id, known.id), (items, stayed))
        return f"{len(items)} items joined {target.id}"

    carry_out(step, directory, by)


@story.command()
@click.argument("story_id")
@directory_option
@click.option("--off", is_flag=True, help="Let it speak again.")
@click.option("--by", default=None, help="Who says so; your login by default.")
def mute(*, story_id: str, directory: Path, off: bool, by: str | None) -> None:
    """Send nothing more about a story; what joins it is still stored and shown."""

    def step(tx: Any, now: Any, name: str) -> str:
        known = story_named(tx, story_id)
        tx.stories.set_muted(known.id, muted=not off)
        tx.log.put_activity(now, name, "unmute" if off else "mute", known.id)
        return f"{known.id} is {'heard again' if off else 'muted'}"

    carry_out(step, directory, by)


@story.command()
@click.argument("story_id")
@click.argument("state", type=click.Choice(["acknowledged", "escalated", "dismissed", "new"]))
@directory_option
@click.option("--note", default="", help="Why; kept in the log.")
@click.option("--by", default=None, help="Who says so; your login by default.")
def mark(*, story_id: str, state: str, directory: Path, note: str, by: str | None) -> None:
    """Say what you made of a story: acknowledged, escalated, dismissed, or new again."""

    def step(tx: Any, now: Any, name: str) -> str:
        known = story_named(tx, story_id)
        tx.stories.set_state(known.id, state)
        tx.log.put_activity(now, name, state, known.id, note)
        return f"{known.id} is {state}"

    carry_out(step, directory, by)


@story.command()
@directory_option
def pairs(*, directory: Path) -> None:
    """Print what splits and merges taught, one JSON line a pair of items: test data for grouping.

    `same` says whether the two tell one event. The latest word on a pair counts.
    """
    with looking(directory) as tx:
        for row in labelled_pairs(tx):
            click.echo(to_json(row))


def labelled_pairs(tx: Any) -> list[dict[str, Any]]:
    """Return the pairs of items of which a split or merge says whether they belong together."""
    known: dict[tuple[str, str], dict[str, Any]] = {}
    for row in tx.log.activities():
        if row["action"] not in ("split", "merge"):
            continue
        moved, stayed = (part.split() for part in row["detail"].split(": ", 1)[1].split(" | "))
        for one, other in product(moved, stayed):
            first, second = sorted((one, other))
            is_same = row["action"] == "merge"
            known[first, second] = {"a": first, "b": second, "same": is_same, "by": row["who"]}
    return list(known.values())


def carry_out(step: Callable[[Any, Any, str], str], directory: Path, by: str | None) -> None:
    """Run a change of stories as one transaction, and say what it did."""
    from monitor.engine.clock import utc_now

    with writing(database_of(directory)) as tx:
        said = step(tx, utc_now(), by or who())
    click.echo(said)


def _log(
    tx: Any,
    now: Any,
    name: str,
    what: tuple[str, str, str],
    items: tuple[Iterable[str], Iterable[str]],
) -> None:
    """Log who moved which items from or to which story, beside those that were there."""
    action, subject, other = what
    moved, stayed = items
    detail = f"{other}: {' '.join(moved)} | {' '.join(stayed)}"
    tx.log.put_activity(now, name, action, subject, detail)


def story_named(tx: Any, prefix: str) -> Any:
    """Return the one story that a beginning of its id, or an item in it, names.

    Raises:
        MonitorError: none or several are named.
    """
    ids = tx.stories.find(prefix)
    if len(ids) != 1:
        found = f"several stories: {', '.join(ids)}" if ids else "no story; see monitor stories"
        raise MonitorError(f'"{prefix}" names {found}')
    return tx.stories.get(ids[0])
