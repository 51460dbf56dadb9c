"""`story`: mend what was grouped wrongly, mute, acknowledge; logged and reversible."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import directory_option, read_config, who, writing
from monitor.errors import MonitorError
from monitor.model import ItemId, StoryId, stable_id


@click.group()
def story() -> None:
    """Mend stories: split, merge, mute, acknowledge. Every step is logged and can be taken back."""


@story.command()
@click.argument("story_id")
@click.argument("items", nargs=-1, required=True)
@directory_option
@click.option("--by", default=None, help="Who says so; your login by default.")
def split(*, story_id: str, items: tuple[str, ...], directory: Path, by: str | None) -> None:
    """Put ITEMS of a story into one of their own; `merge` takes it back."""

    def step(tx: Any, now: Any, name: str) -> str:
        known = _story(tx, story_id)
        members = {row["id"]: row for row in tx.stories.members(known.id)}
        strangers = [item for item in items if item not in members]
        if strangers:
            raise MonitorError(f"not in {known.id}: {', '.join(strangers)}")
        if len(items) == len(members):
            raise MonitorError(f"all items of {known.id} are named; nothing would stay")
        new_id = StoryId(stable_id("s-", "split", known.id, *sorted(items)))
        tx.stories.copy(known, new_id, members[items[0]]["title"])
        tx.stories.move([ItemId(item) for item in items], new_id)
        tx.log.put_activity(now, name, "split", known.id, f"{new_id}: {' '.join(items)}")
        back = f"monitor story merge {new_id} {known.id}"
        return f"{len(items)} items are story {new_id} now; to take it back: {back}"

    _run(step, directory, by)


@story.command()
@click.argument("story_id")
@click.argument("into")
@directory_option
@click.option("--by", default=None, help="Who says so; your login by default.")
def merge(*, story_id: str, into: str, directory: Path, by: str | None) -> None:
    """Put all items of a story into another one; `split` takes it back."""

    def step(tx: Any, now: Any, name: str) -> str:
        known, target = _story(tx, story_id), _story(tx, into)
        if known.id == target.id:
            raise MonitorError(f"{known.id} is one story already")
        items = [row["id"] for row in tx.stories.members(known.id)]
        tx.stories.move(items, target.id)
        tx.log.put_activity(now, name, "merge", target.id, f"{known.id}: {' '.join(items)}")
        return f"{len(items)} items joined {target.id}"

    _run(step, directory, by)


@story.command()
@click.argument("story_id")
@directory_option
@click.option("--off", is_flag=True, help="Let it speak again.")
@click.option("--by", default=None, help="Who says so; your login by default.")
def mute(*, story_id: str, directory: Path, off: bool, by: str | None) -> None:
    """Send nothing more about a story; what joins it is still stored and shown."""

    def step(tx: Any, now: Any, name: str) -> str:
        known = _story(tx, story_id)
        tx.stories.set_muted(known.id, muted=not off)
        tx.log.put_activity(now, name, "unmute" if off else "mute", known.id)
        return f"{known.id} is {'heard again' if off else 'muted'}"

    _run(step, directory, by)


@story.command()
@click.argument("story_id")
@click.argument("state", type=click.Choice(["acknowledged", "escalated", "dismissed", "new"]))
@directory_option
@click.option("--note", default="", help="Why; kept in the log.")
@click.option("--by", default=None, help="Who says so; your login by default.")
def mark(*, story_id: str, state: str, directory: Path, note: str, by: str | None) -> None:
    """Say what you made of a story: acknowledged, escalated, dismissed, or new again."""

    def step(tx: Any, now: Any, name: str) -> str:
        known = _story(tx, story_id)
        tx.stories.set_state(known.id, state)
        tx.log.put_activity(now, name, state, known.id, note)
        return f"{known.id} is {state}"

    _run(step, directory, by)


def _run(step: Callable[[Any, Any, str], str], directory: Path, by: str | None) -> None:
    from monitor.engine.local import utc_now

    config = read_config(directory)
    with writing(Path(config.service.storage.database)) as tx:
        said = step(tx, utc_now(), by or who())
    click.echo(said)


def _story(tx: Any, prefix: str) -> Any:
    ids = tx.stories.find(prefix)
    if len(ids) != 1:
        found = f"several stories: {', '.join(ids)}" if ids else "no story; see monitor stories"
        raise MonitorError(f'"{prefix}" names {found}')
    return tx.stories.get(ids[0])
