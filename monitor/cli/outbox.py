"""`outbox`: messages that wait, went, or could not be delivered."""

import json
import sys
from pathlib import Path

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import database_of, directory_option, looking, output_options, who, writing
from monitor.cli.output import emit
from monitor.store.codec import clean

_STATES = click.Choice(["pending", "sending", "sent", "dead", "cancelled"])


@click.group()
def outbox() -> None:
    """List, show, retry and cancel messages."""


@outbox.command("list")
@directory_option
@click.option("--state", type=_STATES, help="In this state only.")
@click.option("--limit", default=50, show_default=True, help="At most so many.")
@output_options
def list_rows(*, directory: Path, state: str | None, limit: int, output: str) -> None:
    """List messages, newest first."""
    with looking(directory) as tx:
        rows = tx.outbox.rows(state, limit)
    columns = ("id", "state", "channel", "recipient", "attempts", "next_at", "title", "error")
    emit(rows, output, columns)


@outbox.command("show")
@click.argument("number", type=int)
@directory_option
def show_row(*, number: int, directory: Path) -> None:
    """Show a message whole, with every try."""
    with looking(directory) as tx:
        row = tx.outbox.row(number)
    if row is None:
        click.echo(f"there is no message {number}; see monitor outbox list", err=True)
        sys.exit(EXIT_PROBLEM)
    row["body"] = clean(row["body"].decode("utf-8", "replace"))
    click.echo(json.dumps(row, ensure_ascii=False, indent=2))


@outbox.command()
@click.argument("numbers", type=int, nargs=-1)
@click.option("--dead", is_flag=True, help="All that could not be delivered.")
@click.option("--channel", help="With --dead: of this channel only.")
@directory_option
def retry(*, numbers: tuple[int, ...], dead: bool, channel: str | None, directory: Path) -> None:
    """Make messages due again, with the same id and the same bytes."""
    if dead == bool(numbers) or (channel and not dead):
        raise click.UsageError("write numbers, or --dead with or without --channel NAME")
    if dead:
        with looking(directory) as tx:
            numbers = tx.outbox.dead(channel)
    _change("retry", numbers, directory)


@outbox.command()
@click.argument("numbers", type=int, nargs=-1, required=True)
@directory_option
def cancel(*, numbers: tuple[int, ...], directory: Path) -> None:
    """End messages unsent; they can be retried later."""
    _change("cancel", numbers, directory)


def _change(action: str, numbers: tuple[int, ...], directory: Path) -> None:
    from monitor.engine.clock import utc_now

    now = utc_now()
    with writing(database_of(directory)) as tx:
        change = tx.outbox.retry if action == "retry" else tx.outbox.cancel
        done = change(numbers, now)
        for number in numbers:
            tx.log.put_activity(now, who(), f"outbox {action}", f"outbox:{number}")
    click.echo(f"{done} of {len(numbers)} messages changed")
    if done < len(numbers):
        click.echo("the others do not exist, or their state does not allow it", err=True)
        sys.exit(EXIT_PROBLEM)
