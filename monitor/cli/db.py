"""`db`: the database as a file: copies, checks, migrations, old messages."""

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import database_of, directory_option, who, writing
from monitor.errors import MonitorError, StoreError

if TYPE_CHECKING:
    from monitor.store import Transaction

_KEPT = timedelta(days=180)

database_option = click.option(
    "--database", type=click.Path(path_type=Path), help="Instead of the configured one."
)


@click.group()
def db() -> None:
    """Back up, restore, check, migrate and prune the database."""


@db.command()
@click.argument("copy", type=click.Path(path_type=Path), required=False)
@directory_option
@database_option
def backup(*, copy: Path | None, directory: Path, database: Path | None) -> None:
    """Write a checked copy, beside a running watch; without COPY it is named after the time."""
    from monitor.store.backup import BACKED_UP, back_up

    path, now = _existing(directory, database), _now()
    to = copy or path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%S}.backup")
    back_up(path, to)
    try:
        with writing(path) as tx:
            tx.log.set_meta(BACKED_UP, now.isoformat())
    except StoreError as error:  # the copy is good all the same
        click.echo(f"monitor: that a copy was made is not noted for doctor: {error}", err=True)
    click.echo(f"{to}: {to.stat().st_size:,} bytes, checked")


@db.command()
@click.argument("copy", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@directory_option
@database_option
def restore(*, copy: Path, directory: Path, database: Path | None) -> None:
    """Put a copy in the database's place; the old file is kept beside it.

    Refused while a watch runs. What went out after the copy was made goes out again, with the same
    ids and bytes, when its items are still in the feeds.
    """
    from monitor.service import single_instance
    from monitor.store.backup import restore as put_back

    path = _database(directory, database)
    with single_instance(path):
        aside = put_back(copy, path, _now())
    click.echo(f"{path} is {copy} again" + (f"; the old file is {aside}" if aside else ""))


@db.command()
@directory_option
@database_option
def check(*, directory: Path, database: Path | None) -> None:
    """Read the whole file, indexes and references too; exit with 1 and name what is damaged."""
    from monitor.store.backup import damage

    path = _existing(directory, database)
    faults = damage(path)
    for fault in faults:
        click.echo(fault)
    if faults:
        click.echo("damaged: put a copy back with monitor db restore COPY", err=True)
        sys.exit(EXIT_PROBLEM)
    click.echo(f"{path}: whole, {path.stat().st_size:,} bytes")


@db.command()
@click.option("--dry-run", is_flag=True, help="On a copy that is thrown away.")
@directory_option
@database_option
def migrate(*, dry_run: bool, directory: Path, database: Path | None) -> None:
    """Bring the tables to this version; a copy of what was is kept beside the file.

    Every start does the same; this is for doing it, or trying it, beforehand. --dry-run works on a
    copy, beside a running watch, and says which migrations there are and how long they take.
    """
    from monitor.service import single_instance
    from monitor.store.sqlite import pending_migrations

    path = _existing(directory, database)
    names = pending_migrations(path)
    if not names:
        click.echo("nothing to migrate")
    elif dry_run:
        click.echo(_tried(path, names))
    else:
        with single_instance(path):
            _open_once(path)
        click.echo(f"{', '.join(names)}: applied; what was is kept beside {path}")


@db.command()
@click.option("--days", default=_KEPT.days, show_default=True, help="Keep so many days.")
@click.option(
    "--evidence-days",
    type=click.IntRange(min=1),
    help="Erase evidence that is older; without it, evidence is kept for good.",
)
@directory_option
@database_option
def prune(*, days: int, evidence_days: int | None, directory: Path, database: Path | None) -> None:
    """Drop the bytes of messages that were accepted long ago.

    Nothing that waits or died is touched, and that a message went, when and to whom, is kept.
    Erased evidence leaves its hash in the chain: monitor verify.
    """
    now = _now()
    with writing(_existing(directory, database)) as tx:
        count = tx.outbox.forget_bodies(now - timedelta(days=days))
        tx.log.put_activity(now, who(), "db prune", "db", f"{count} messages, {days} days")
        erased = _erase_older(tx, now, evidence_days) if evidence_days else 0
    said = f", {erased} items erased" if evidence_days else ""
    click.echo(f"{count} messages dropped{said}")


def _erase_older(tx: "Transaction", now: datetime, days: int) -> int:
    """Erase the evidence of items that was captured so long ago; return how many items."""
    why = f"older than {days} days"
    items = tx.chain.captured_before(now - timedelta(days=days))
    for item in items:
        tx.chain.erase(item, now, who(), why)
    tx.log.put_activity(now, who(), "db prune", "evidence", f"{len(items)} items {why}")
    return len(items)


def _tried(path: Path, names: Sequence[str]) -> str:
    """Return what a migration would do and how long it takes, after trying it on a copy."""
    from monitor.store.backup import back_up, damage

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".migrate-") as folder:
        copy = Path(folder) / path.name
        back_up(path, copy)
        size = copy.stat().st_size
        started = time.monotonic()
        _open_once(copy)  # makes a copy first, as the start of a watch does
        seconds = time.monotonic() - started
        if faults := damage(copy):
            raise MonitorError(f"{path}: {', '.join(names)} would damage it: {faults[0]}")
    return (
        f"{', '.join(names)}: would be applied.\n"
        f"Tried on a copy of {size:,} bytes, which is whole afterwards: {seconds:.1f} s, a copy of "
        f"what was included. The start of the watch takes that much longer, once, and the kept "
        f"copy needs {size:,} bytes beside {path}."
    )


def _open_once(path: Path) -> None:
    from monitor.store import SqliteStore

    store = SqliteStore(path)
    try:
        store.open(_now())
    finally:
        store.close()


def _database(directory: Path, database: Path | None) -> Path:
    return database or database_of(directory)


def _existing(directory: Path, database: Path | None) -> Path:
    path = _database(directory, database)
    if not path.exists():
        raise MonitorError(f"{path} does not exist; put a copy there with monitor db restore COPY")
    return path


def _now() -> datetime:
    from monitor.engine.clock import utc_now

    return utc_now()
