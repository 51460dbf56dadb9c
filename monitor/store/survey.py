"""What a database file tells of its health; it is read only, whatever version wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor.errors import NewerSchema, StoreError
from monitor.store.backup import BACKED_UP, litestream_wrote_at, uri
from monitor.store.codec import from_json, to_text, to_time_or_none
from monitor.store.outbox import ChannelState, Outbox
from monitor.store.sqlite import pending_migrations

_FAULTS = 3  # of the quick check, that are told
_LOOKS_BACK = timedelta(days=7)
_LEAST_HISTORY = timedelta(days=1)  # less says nothing of the growth
_DAY = timedelta(days=1)
_META = "select value from meta where key = ?"
_LAST_READ = "select max(last_ok_at) from source where configured = 1"


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A database file as it stands.

    With `faults`, `lacking` or `newer` its tables were not read. `judged` is what the watch last
    said of itself. `growth` is in bytes a day, None while there is too little history.
    `last_read_at` is when any source was last read, `backed_up_at` when `monitor db backup` last
    made a copy, `litestream_at` when Litestream last took something.
    """

    size_bytes: int
    wal_bytes: int
    faults: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    newer: str = ""
    outbox: Mapping[str, int] | None = None
    oldest_dead_at: datetime | None = None
    paused: tuple[ChannelState, ...] = ()
    judged: Mapping[str, Any] | None = None
    growth: float | None = None
    last_read_at: datetime | None = None
    backed_up_at: datetime | None = None
    litestream_at: datetime | None = None

    @property
    def is_read(self) -> bool:
        """Return whether the tables were read."""
        return self.outbox is not None


def survey(path: Path, health_key: str, now: datetime) -> Survey:
    """Look through a database that exists, beside whoever works with it."""
    wal = path.with_name(f"{path.name}-wal")
    found = Survey(
        size_bytes=path.stat().st_size, wal_bytes=wal.stat().st_size if wal.exists() else 0
    )
    try:
        found = replace(found, lacking=pending_migrations(path), faults=quick_faults(path))
    except NewerSchema as error:
        return replace(found, newer=str(error))
    except StoreError as error:
        return replace(found, faults=(str(error),))
    return found if found.lacking or found.faults else _read(path, health_key, now, found)


def quick_faults(path: Path) -> tuple[str, ...]:
    """Return what a look through every page, indexes excepted, finds wrong."""
    connection = sqlite3.connect(uri(path, "ro"), uri=True)
    try:
        rows = connection.execute(f"pragma quick_check({_FAULTS})").fetchall()
    except sqlite3.Error as error:
        return (str(error),)
    finally:
        connection.close()
    return tuple(text for (text,) in rows if text != "ok")


def _read(path: Path, health_key: str, now: datetime, found: Survey) -> Survey:
    db = Database(sqlite3.connect(uri(path, "ro"), uri=True), execute_plugins=False)
    try:
        outbox = Outbox(db)
        judged = _one(db, _META, health_key)
        dead_at = _one(db, "select min(settled_at) from outbox where state = 'dead'")
        return replace(
            found,
            outbox=outbox.counts(),
            oldest_dead_at=to_time_or_none(dead_at),
            paused=tuple(one for one in outbox.channels() if one.paused_at),
            judged=from_json(judged) if judged else None,
            growth=_growth(db, now),
            last_read_at=to_time_or_none(_one(db, _LAST_READ)),
            backed_up_at=to_time_or_none(_one(db, _META, BACKED_UP)),
            litestream_at=litestream_wrote_at(path),
        )
    finally:
        db.close()


def _growth(db: Database, now: datetime) -> float | None:
    """Return the bytes a day that came in lately: the share of the items of these days."""
    since = now - _LOOKS_BACK
    first = to_time_or_none(_one(db, "select min(seen_at) from item"))
    if first is None or now - first < _LEAST_HISTORY:
        return None
    total = _one(db, "select count(*) from item")
    recent = _one(db, "select count(*) from item where seen_at >= ?", to_text(since))
    pages = _one(db, "pragma page_count") - _one(db, "pragma freelist_count")
    used = pages * _one(db, "pragma page_size")
    return float(used * recent / total / (min(_LOOKS_BACK, now - first) / _DAY))


def _one(db: Database, sql: str, *values: object) -> Any:
    row = db.execute(sql, list(values)).fetchone()
    return row[0] if row else None
