"""The SQLite store: one file, one writer, readers beside it.

WAL with synchronous=FULL: a commit survives a power cut. Write transactions are BEGIN IMMEDIATE:
a deferred one that reads and then writes fails at once when another one commits in between, busy
timeout or not, which is why sqlite-utils' `atomic()` is not used for them.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor.errors import NewerSchema, OlderSchema, StoreBusy, StoreError
from monitor.store.attention import Attention
from monitor.store.backup import OWNER_ONLY, back_up, give_to_owner, uri
from monitor.store.canary import Canaries
from monitor.store.chain import Chain
from monitor.store.full_text import FullTexts
from monitor.store.items import Items
from monitor.store.ledger import Ledger
from monitor.store.log import Log
from monitor.store.outbox import Outbox
from monitor.store.schema import migrations
from monitor.store.sources import Sources
from monitor.store.stories import Stories

_BUSY_TIMEOUT_S = 10.0
_PRAGMAS = ("journal_mode = wal", "synchronous = full", "foreign_keys = on")
_WHAT_TO_DO = "; look with monitor db check, put a copy back with monitor db restore COPY"


@dataclass(frozen=True)
class Transaction:
    """The tables within one transaction."""

    sources: Sources
    items: Items
    stories: Stories
    outbox: Outbox
    log: Log
    attention: Attention
    ledger: Ledger
    full_text: FullTexts
    canary: Canaries
    chain: Chain
    _db: Database
    _path: Path

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run the block so that an error undoes it alone, not the whole transaction.

        Raises:
            StoreError: the database refused; the transaction cannot go on.
        """
        with _translated(self._path):
            self._db.execute("savepoint step")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.OperationalError):
                    self._db.execute("rollback to step")
                    self._db.execute("release step")
                raise
            self._db.execute("release step")


class SqliteStore:
    """A database file; `write()` belongs to one thread at a time, `read()` to any."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: Database | None = None
        self._readers = threading.local()
        self._opened: list[Database] = []
        self._mode = "rwc"  # as SQLite's addresses say it: read, write, create

    def open(self, now: datetime) -> None:
        """Open the file, make or migrate its tables; a copy is kept before a migration.

        Raises:
            NewerSchema: a newer version of the program wrote it.
            StoreBusy: another process holds it.
            StoreError: it is damaged, no database, or gone although there was one.
        """
        with _translated(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _refuse_gone(self.path, is_empty=not self.path.exists())
            self.path.touch(mode=OWNER_ONLY)
            give_to_owner(self.path)
            db = self._connect()
            _refuse_newer(db, self.path)
            is_empty = not db.table("source").exists()
            _refuse_gone(self.path, is_empty=is_empty)
            if not is_empty and migrations.pending(db):
                back_up(self.path, _before_migration(self.path, now))
            _migrate(db)
            _marker(self.path).touch(mode=OWNER_ONLY)
            give_to_owner(_marker(self.path))
        self._writer = db

    def join(self) -> None:
        """Open the file beside a watch that may be of another version: no table is changed.

        Raises:
            OlderSchema, NewerSchema: another version of the program wrote it.
            StoreError: it is no database, or gone although there was one.
        """
        self._mode = "rw"
        _refuse_other(self.path)
        with _translated(self.path):
            self._writer = self._connect()

    def look(self) -> None:
        """Open the file for reading alone; otherwise like `join`."""
        self._mode = "ro"
        _refuse_other(self.path)

    def verify(self) -> None:
        """Look through the whole file, indexes excepted; 0.5 s for 200 MB.

        Raises:
            StoreError: it is damaged.
        """
        assert self._writer is not None, "the store is not open"
        with _translated(self.path):
            [(answer,)] = self._writer.execute("pragma quick_check(1)").fetchall()
        if answer != "ok":
            raise StoreError(f"{self.path} is damaged: {answer}{_WHAT_TO_DO}")

    def close(self) -> None:
        """Close every connection; the file can be moved afterwards."""
        for db in self._opened:
            db.close()
        self._opened.clear()
        self._writer = None
        self._readers = threading.local()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Run the block as one write transaction: all of it is committed, or none."""
        assert self._writer is not None, "the store is not open"
        db = self._writer
        with _translated(self.path):
            db.execute("begin immediate")
            try:
                yield _transaction(db, self.path)
                db.execute("commit")
            except BaseException:
                # A full disk has rolled back by itself; a second rollback would raise.
                with suppress(sqlite3.OperationalError):
                    db.execute("rollback")
                raise

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """Run the block on one consistent view of what is committed."""
        db = getattr(self._readers, "db", None)
        with _translated(self.path):
            if db is None:
                db = self._readers.db = self._connect()
                db.execute("pragma query_only = on")
            db.execute("begin")
            try:
                yield _transaction(db, self.path)
            finally:
                db.execute("rollback")

    def _connect(self) -> Database:
        connection = sqlite3.connect(
            uri(self.path, self._mode),
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        db = Database(connection, execute_plugins=False)
        self._opened.append(db)
        for pragma in () if self._mode == "ro" else _PRAGMAS:
            db.execute(f"pragma {pragma}").fetchall()
        return db


def _transaction(db: Database, path: Path) -> Transaction:
    return Transaction(
        sources=Sources(db),
        items=Items(db),
        stories=Stories(db),
        outbox=Outbox(db),
        log=Log(db),
        attention=Attention(db),
        ledger=Ledger(db),
        full_text=FullTexts(db),
        canary=Canaries(db),
        chain=Chain(db),
        _db=db,
        _path=path,
    )


def _refuse_newer(db: Database, path: Path) -> None:
    known = {migration.name for migration in migrations.pending(Database(memory=True))}
    applied = {migration.name for migration in migrations.applied(db)}
    if applied - known:
        newer = ", ".join(sorted(applied - known))
        raise NewerSchema(f"{path} was written by a newer version (it has {newer}): upgrade first")


def pending_migrations(path: Path) -> tuple[str, ...]:
    """Return the names of the migrations that a database lacks; it is not changed.

    Raises:
        NewerSchema: a newer version of the program wrote it.
        StoreError: it is no database.
    """
    with _translated(path):
        db = Database(sqlite3.connect(uri(path, "ro"), uri=True), execute_plugins=False)
        try:
            _refuse_newer(db, path)
            return tuple(migration.name for migration in migrations.pending(db))
        finally:
            db.close()


def _refuse_other(path: Path) -> None:
    """Refuse a database that is gone, or of another version than this program."""
    try:
        is_there = path.exists()
        _refuse_gone(path, is_empty=not is_there)
    except OSError as error:
        hint = "run this as the user of the watch, or with sudo"
        raise StoreError(f"{path}: {error.strerror}; {hint}") from error
    if not is_there:
        raise StoreError(f"{path} does not exist yet: start with monitor run or monitor once")
    lacking = pending_migrations(path)
    if lacking:
        raise OlderSchema(
            f"{path} was written by an older version (it lacks {', '.join(lacking)}): restart the "
            "watch, which migrates it and keeps a copy; or, while none runs: monitor db migrate"
        )


def _migrate(db: Database) -> None:
    """Apply what is pending, each migration in a transaction of its own.

    The library makes its list of migrations in two steps; a kill between them would leave it
    without its index for good.
    """
    db.execute("begin immediate")
    migrations.ensure_migrations_table(db)
    db.execute("commit")
    migrations.apply(db)


def _before_migration(path: Path, now: datetime) -> Path:
    return path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%S%f}.before-migration")


def _marker(path: Path) -> Path:
    """Return the file that says that a database was here: an empty volume is not begun anew."""
    return path.with_name(f"{path.name}.was-here")


def _refuse_gone(path: Path, *, is_empty: bool) -> None:
    if is_empty and _marker(path).exists():
        raise StoreError(
            f"{path} is gone or empty, and {_marker(path).name} says that it was here: is the "
            "volume mounted? Put a copy back with monitor db restore COPY, or remove "
            f"{_marker(path)} to begin anew"
        )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, at this border only."""
    try:
        yield
    except sqlite3.OperationalError as error:
        kind = StoreBusy if "locked" in str(error) or "busy" in str(error) else StoreError
        raise kind(f"{path}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}{_WHAT_TO_DO}") from error
