"""What an analyst makes of stories: `ack`, `dismiss`, `escalate`, `assign`, `note`, `activity`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import directory_option, looking, output_options
from monitor.cli.output import emit, since
from monitor.cli.story import carry_out, story_named
from monitor.model import DISMISSED_AS, ESCALATED_TO

_LONGEST_NOTE = 10_000  # characters
_LONGEST_NAME = 100

_ids = click.argument("story_ids", nargs=-1, required=True)
_by = click.option("--by", default=None, help="Who says so; your login by default.")
_note = click.option("--note", default="", help="In your words; kept in the log.")
_Where = tuple[Path, str | None]


@click.command()
@_ids
@directory_option
@_note
@_by
def ack(*, story_ids: tuple[str, ...], directory: Path, note: str, by: str | None) -> None:
    """Say that stories are seen: they are not told again unless something is new."""
    _set_state(story_ids, "acknowledged", note, (directory, by))


@click.command()
@_ids
@directory_option
@click.option("--reason", required=True, type=click.Choice(DISMISSED_AS), help="Why.")
@_note
@_by
def dismiss(
    *, story_ids: tuple[str, ...], directory: Path, reason: str, note: str, by: str | None
) -> None:
    """Say that stories are of no interest, and why; rules stats and replay count it."""
    _set_state(story_ids, "dismissed", f"{reason}: {note}" if note else reason, (directory, by))


@click.command()
@_ids
@directory_option
@click.option("--reason", required=True, type=click.Choice(ESCALATED_TO), help="Where to.")
@_note
@_by
def escalate(
    *, story_ids: tuple[str, ...], directory: Path, reason: str, note: str, by: str | None
) -> None:
    """Say that stories were passed on, and where to."""
    _set_state(story_ids, "escalated", f"{reason}: {note}" if note else reason, (directory, by))


@click.command()
@_ids
@directory_option
@click.option("--to", "name", default=None, help="Who works on them from now on.")
@click.option("--nobody", is_flag=True, help="Take it back: nobody does.")
@_by
def assign(
    *,
    story_ids: tuple[str, ...],
    directory: Path,
    name: str | None,
    nobody: bool,
    by: str | None,
) -> None:
    """Say who works on stories; what they are decided to be does not change."""
    assignee = "" if nobody else _said(name, "--to", _LONGEST_NAME)
    if nobody and name:
        raise click.UsageError("--to and --nobody contradict each other")

    def one(tx: Any, story: Any) -> tuple[str, str, str]:
        tx.stories.assign(story.id, assignee)
        return "assigned", assignee or "nobody", f"{story.id} is {_whose(assignee)}"

    _each(story_ids, one, (directory, by))


@click.command()
@_ids
@directory_option
@click.option("-m", "--text", default=None, help="The note; kept for good, shown by show.")
@_by
def note(*, story_ids: tuple[str, ...], directory: Path, text: str | None, by: str | None) -> None:
    """Write down something about stories; notes are never changed, a second one adds to it."""
    said = _said(text, "--text", _LONGEST_NOTE)
    _each(story_ids, lambda _, story: ("note", said, f"{story.id}: noted"), (directory, by))


def _whose(assignee: str) -> str:
    return f"with {assignee}" if assignee else "with nobody"


def _said(text: str | None, option: str, longest: int) -> str:
    """Return a text of somebody, which is not empty and no book."""
    said = " ".join(text.split()) if text else ""
    if not said:
        raise click.UsageError(f"{option} is missing or empty")
    if len(said) > longest:
        raise click.UsageError(f"{option} has {len(said)} characters, at most {longest} are kept")
    return said


def _set_state(story_ids: tuple[str, ...], state: str, detail: str, where: _Where) -> None:
    def one(tx: Any, story: Any) -> tuple[str, str, str]:
        tx.stories.set_state(story.id, state)
        return state, detail, f"{story.id} is {state}"

    _each(story_ids, one, where)


def _each(
    story_ids: tuple[str, ...], change: Callable[[Any, Any], tuple[str, str, str]], where: _Where
) -> None:
    """Change all these stories, or none where one is not known; each change stands in the log.

    `change` returns the action and detail for the log, and what the caller is told.
    """

    def step(tx: Any, now: Any, name: str) -> str:
        known = {story.id: story for story in (story_named(tx, one) for one in story_ids)}
        lines = []
        for story in known.values():
            action, detail, line = change(tx, story)
            tx.log.put_activity(now, name, action, story.id, detail)
            lines.append(line)
        return "\n".join(lines)

    carry_out(step, *where)


# ---------------------------------------------------------------- the log of activities


@click.command()
@directory_option
@click.option("--about", default=None, help="Of a story, rule, source, channel or silence only.")
@click.option("--by", default=None, help="Of this person only.")
@click.option("--since", "since_", default="30d", show_default=True, help="30d, 12h, date.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@output_options
def activity(  # one option each
    *, directory: Path, about: str | None, by: str | None, since_: str, limit: int, output: str
) -> None:
    """List who did what, newest first: triage, silences, and every change of the configuration."""
    from monitor.engine.clock import utc_now

    begin = since(since_, utc_now())
    with looking(directory) as tx:
        subject = _subject(tx, about)
        rows = tx.log.recent_activities(begin, limit, subject=subject, who=by)
    emit(rows, output, ("at", "who", "action", "subject", "detail"))


def _subject(tx: Any, about: str | None) -> str | None:
    """Return the whole id where a story is meant, by its beginning or by an item in it."""
    if not about:
        return None
    ids = tx.stories.find(about)
    return ids[0] if len(ids) == 1 else about
