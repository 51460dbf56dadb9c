"""Copies of a database file: made whole or not at all, checked, and put back."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor.errors import StoreError

OWNER_ONLY = 0o600  # of database files: what people watch is nobody else's business
BACKED_UP = "backed_up_at"  # in the table meta: when the last copy was made
_FAULTS_SHOWN = 10


def give_to_owner(path: Path) -> None:
    """Give a file that root has made to the owner of its directory: the service writes to it."""
    folder, file = path.parent.stat(), path.stat()
    if os.geteuid() == 0 and file.st_uid != folder.st_uid:
        os.chown(path, folder.st_uid, folder.st_gid)


def uri(database: Path, mode: str) -> str:
    """Return the address of a database file for SQLite; `mode` is ro, rw or rwc."""
    return f"{database.absolute().as_uri()}?mode={mode}"


def back_up(database: Path, copy: Path) -> None:
    """Write a checked copy of a database that may be in use; `copy` appears whole or not at all.

    One step: SQLite's page-by-page backup begins anew whenever somebody writes (17 s for 21 MB
    beside a busy writer, 0.2 s this way).

    Raises:
        StoreError: the database or the place of the copy cannot be read or written.
    """
    if copy.exists():
        raise StoreError(f"{copy} exists: it is not written over")
    part = copy.with_name(f"{copy.name}.part")
    part.unlink(missing_ok=True)
    try:
        part.touch(mode=OWNER_ONLY)
        _vacuum_into(database, part)
        faults = damage(part)
        if faults:
            raise StoreError(f"the copy of {database} is damaged: {faults[0]}")
        give_to_owner(part)
        _sync(part)
        part.rename(copy)
        _sync(copy.parent)
    except OSError as error:
        raise StoreError(f"backup of {database} to {copy}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def damage(database: Path) -> tuple[str, ...]:
    """Return what is wrong with a database file, empty when it is whole."""
    try:
        connection = sqlite3.connect(uri(database, "ro"), uri=True, isolation_level=None)
    except sqlite3.Error as error:
        return (str(error),)
    try:
        rows = connection.execute(f"pragma integrity_check({_FAULTS_SHOWN})").fetchall()
        lost = connection.execute("pragma foreign_key_check").fetchmany(_FAULTS_SHOWN)
    except sqlite3.Error as error:
        return (str(error),)
    finally:
        connection.close()
    faults = [text for (text,) in rows if text != "ok"]
    return (*faults, *(f"{row[0]} row {row[1]}: no {row[2]}" for row in lost))


def restore(copy: Path, database: Path, now: datetime) -> Path | None:
    """Put a checked copy in the database's place; return where the old file was moved, if any.

    The caller holds the instance lock. The old file is kept, its log (WAL) with it.

    Raises:
        StoreError: the copy is damaged or is no database of this program.
    """
    if not copy.is_file():
        raise StoreError(f"{copy} is no file")
    faults = damage(copy) or _foreign(copy)
    if faults:
        raise StoreError(f"{copy} is not restored: {faults[0]}")
    part = database.with_name(f"{database.name}.part")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        part.touch(mode=OWNER_ONLY)
        shutil.copyfile(copy, part)
        give_to_owner(part)
        _sync(part)
        aside = _move_aside(database, now)
        part.rename(database)
        _sync(database.parent)
    except OSError as error:
        raise StoreError(f"restore of {copy} to {database}: {error}") from error
    return aside


def litestream_wrote_at(database: Path) -> datetime | None:
    """Return when Litestream last put a file beside a database that it copies, None without one.

    What it read lies there before it is sent: that it arrived is not known here.
    """
    home = database.with_name(f".{database.name}-litestream")
    folders = [home, *home.glob("*/"), *home.glob("*/*/"), *home.glob("*/*/*/")]
    try:
        newest = max(one.stat().st_mtime for one in folders)
    except OSError:
        return None
    return datetime.fromtimestamp(newest, UTC)


def _vacuum_into(database: Path, part: Path) -> None:
    try:
        connection = sqlite3.connect(database, timeout=10, isolation_level=None)
        try:
            connection.execute("vacuum into ?", [str(part)])
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(f"backup of {database} to {part}: {error}") from error


def _foreign(copy: Path) -> tuple[str, ...]:
    db = Database(str(copy), execute_plugins=False)
    try:
        return (
            () if db.table("outbox").exists() else ("it holds no outbox: another program's file",)
        )
    finally:
        db.close()


def _move_aside(database: Path, now: datetime) -> Path | None:
    """Rename a database and its log together, so that the old log is never read into the copy."""
    if not database.exists():
        aside = None
    else:
        aside = database.with_name(f"{database.name}.{now:%Y%m%dT%H%M%S%f}.before-restore")
        database.rename(aside)
    for ending in ("-wal", "-shm"):
        log = database.with_name(database.name + ending)
        if log.exists() and aside:
            log.rename(aside.with_name(aside.name + ending))
        log.unlink(missing_ok=True)
    return aside


def _sync(path: Path) -> None:
    """Make a file, or the names in a directory, survive a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
