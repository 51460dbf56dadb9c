"""What is known of each source: validators, due time, failures, entries seen."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlite_utils import Database

from monitor.model import Source, SourceId, Validators, stable_id
from monitor.store.codec import (
    clean,
    from_json,
    to_json,
    to_text,
    to_text_or_none,
    to_time,
    to_time_or_none,
)
from monitor.store.ledger import Day


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """A source as the last poll left it; `last_ok_at` None means that it was never read."""

    id: SourceId
    url: str  # a name of the configured address: that may hold a key, and is only compared
    validators: Validators = field(default_factory=Validators)
    next_poll_at: datetime
    last_poll_at: datetime | None = None
    last_ok_at: datetime | None = None
    last_new_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    error: str = ""
    error_kind: str = ""
    is_suspended: bool = False
    permanent_url: str = ""
    permanent_seen: int = 0
    permanent_since: datetime | None = None
    polls: int = 0
    recent_when: tuple[datetime, ...] = ()
    newest_at: datetime | None = None  # of its items
    silent_after: datetime | None = None  # None: its rhythm is not known yet
    usual_pause: timedelta | None = None
    unread_since: datetime | None = None
    outcomes: int = 0  # a bit for each of the latest polls, set where it failed
    shortened: timedelta | None = None  # the interval in place of its own
    shortened_at: datetime | None = None
    title: str = ""  # of the feed, as last known
    lang: str = ""
    host: str = ""  # that its items lead to
    problem: int | None = None  # number of the open episode
    today: Day = field(default_factory=Day)


class Sources:
    """The tables `source` and `entry`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def sync(self, sources: Sequence[Source], first_polls: Sequence[datetime]) -> None:
        """Add new sources, due at `first_polls`; forget validators where the address changed."""
        self._db.execute("update source set configured = 0")
        for source, first_poll in zip(sources, first_polls, strict=True):
            self._db.execute(
                """insert into source (id, url, next_poll_at) values (?, ?, ?)
                   on conflict (id) do update set configured = 1,
                     next_poll_at = case when url = excluded.url
                       then next_poll_at else excluded.next_poll_at end,
                     suspended = case when url = excluded.url then suspended else 0 end,
                     etag = case when url = excluded.url then etag else '' end,
                     last_modified = case when url = excluded.url then last_modified else '' end,
                     last_ok_at = case when url = excluded.url then last_ok_at end,
                     body_hash = case when url = excluded.url then body_hash else x'' end,
                     permanent_url = case when url = excluded.url then permanent_url else '' end,
                     newest_at = case when url = excluded.url then newest_at end,
                     silent_after = case when url = excluded.url then silent_after end,
                     recent_when = case when url = excluded.url then recent_when else '[]' end,
                     shortened_s = case when url = excluded.url then shortened_s end,
                     title = case when url = excluded.url then title else '' end,
                     url = excluded.url""",
                [source.id, _named(source.url), to_text(first_poll)],
            )

    def state(self, source_id: SourceId) -> SourceState:
        """Return one source's state; it must have been synced."""
        rows = self._db.query("select * from source where id = ?", [source_id])
        return _state(next(iter(rows)))

    def states(self) -> tuple[SourceState, ...]:
        """Return the state of every configured source, in order of their ids."""
        rows = self._db.query("select * from source where configured = 1 order by id")
        return tuple(map(_state, rows))

    def due(self, now: datetime) -> tuple[SourceId, ...]:
        """Return the configured sources whose poll is due, longest overdue first."""
        rows = self._db.query(
            """select id from source where configured = 1 and next_poll_at <= ?
               order by next_poll_at, id""",
            [to_text(now)],
        )
        return tuple(row["id"] for row in rows)

    def known(self, source_id: SourceId) -> frozenset[bytes]:
        """Return the hashes of the entries in the last document of a source."""
        rows = self._db.query("select hash from entry where source_id = ?", [source_id])
        return frozenset(row["hash"] for row in rows)

    def replace_known(self, source_id: SourceId, hashes: Iterable[bytes]) -> None:
        """Store the hashes of a whole document in place of those before."""
        before, after = self.known(source_id), frozenset(hashes)
        for entry_hash in sorted(before - after):
            self._db.execute(
                "delete from entry where source_id = ? and hash = ?", [source_id, entry_hash]
            )
        self.add_known(source_id, sorted(after - before))

    def add_known(self, source_id: SourceId, hashes: Iterable[bytes]) -> None:
        """Store the hashes of a document that broke off, beside those before."""
        for entry_hash in hashes:
            self._db.execute(
                "insert or ignore into entry (source_id, hash) values (?, ?)",
                [source_id, entry_hash],
            )

    def put(self, state: SourceState) -> None:
        """Store the state that a poll left."""
        row = _row(state)
        columns = ", ".join(f"{name} = ?" for name in row)
        self._db.execute(
            f"update source set {columns} where id = ?",  # noqa: S608 - names of this file
            [*row.values(), state.id],
        )

    def hold(self, source_ids: Iterable[SourceId], until: datetime) -> None:
        """Let no poll of these sources be due before a time."""
        for source_id in source_ids:
            self._db.execute(
                "update source set next_poll_at = max(next_poll_at, ?) where id = ?",
                [to_text(until), source_id],
            )

    def hasten(self, source_ids: Sequence[SourceId], since: datetime, until: datetime) -> None:
        """Let the polls of these sources be due between two times, evenly spread."""
        for place, source_id in enumerate(source_ids):
            at = since + (until - since) * place / len(source_ids)
            self._db.execute(
                "update source set next_poll_at = min(next_poll_at, ?) where id = ?",
                [to_text(at), source_id],
            )

    def newly_failed(self, kinds: Collection[str]) -> dict[SourceId, datetime]:
        """Return the sources that failed so since the latest good poll of any, and since when."""
        marks = ", ".join("?" for _ in kinds)
        rows = self._db.query(
            f"""select id, failing_since from source
               where configured = 1 and failures > 0 and error_kind in ({marks})
                 and failing_since > coalesce((select max(last_ok_at) from source), '')""",  # noqa: S608 - question marks only
            list(kinds),
        )
        return {row["id"]: to_time(row["failing_since"]) for row in rows}

    def failing_since(self, since: datetime) -> tuple[SourceId, ...]:
        """Return the configured sources that fail, and began to after a time."""
        rows = self._db.query(
            """select id from source where configured = 1 and failures > 0 and failing_since >= ?
               order by id""",
            [to_text(since)],
        )
        return tuple(row["id"] for row in rows)

    def last_read_at(self) -> datetime | None:
        """Return when any source was last read."""
        rows = self._db.query("select max(last_ok_at) as at from source where configured = 1")
        return to_time_or_none(next(iter(rows))["at"])

    def next_due(self) -> datetime | None:
        """Return when the next poll is due, or None without sources."""
        rows = self._db.query("select min(next_poll_at) as at from source where configured = 1")
        return to_time_or_none(next(iter(rows))["at"])


def _named(url: str) -> str:
    """Return what tells an address from others and gives none of it away."""
    return stable_id("sha256-", url, length=52)


_REMEMBERED = 1_024  # sources: with most polls the times of their items are those of before
# The columns of a state, each named as its field where nothing else is said.
_TIMES = (
    "last_poll_at",
    "last_ok_at",
    "last_new_at",
    "failing_since",
    "permanent_since",
    "newest_at",
    "silent_after",
    "unread_since",
    "shortened_at",
)
_PLAIN = (
    "failures",
    "error",
    "error_kind",
    "permanent_url",
    "permanent_seen",
    "polls",
    "outcomes",
    "problem",
)
_PUBLISHED = ("title", "lang", "host")  # words of others
_DURATIONS = {"usual_pause": "usual_pause_s", "shortened": "shortened_s"}
_TODAY = {
    "date": "day",
    "polls": "day_polls",
    "reads": "day_reads",
    "items": "day_items",
    "late_items": "day_late",
    "hours": "day_hours",
}


@lru_cache(maxsize=_REMEMBERED)
def _times_to_json(times: tuple[datetime, ...]) -> str:
    return to_json([to_text(time) for time in times])


@lru_cache(maxsize=_REMEMBERED)
def _times_from_json(text: str) -> tuple[datetime, ...]:
    return tuple(to_time(one) for one in from_json(text))


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


def _duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _row(state: SourceState) -> dict[str, Any]:
    """Return the columns of a state; `_state` reads them."""
    return {
        "etag": state.validators.etag,
        "last_modified": state.validators.last_modified,
        "body_hash": state.validators.body_hash,
        "next_poll_at": to_text(state.next_poll_at),
        "suspended": int(state.is_suspended),
        "recent_when": _times_to_json(state.recent_when),
        **{name: getattr(state, name) for name in _PLAIN},
        **{name: clean(getattr(state, name)) for name in _PUBLISHED},
        **{name: to_text_or_none(getattr(state, name)) for name in _TIMES},
        **{column: _seconds(getattr(state, name)) for name, column in _DURATIONS.items()},
        **{column: getattr(state.today, name) for name, column in _TODAY.items()},
    }


def _state(row: Mapping[str, Any]) -> SourceState:
    fields: dict[str, Any] = {
        **{name: row[name] for name in ("id", "url", *_PLAIN, *_PUBLISHED)},
        **{name: to_time_or_none(row[name]) for name in _TIMES},
        **{name: _duration(row[column]) for name, column in _DURATIONS.items()},
    }
    return SourceState(
        validators=Validators(
            etag=row["etag"], last_modified=row["last_modified"], body_hash=row["body_hash"]
        ),
        next_poll_at=to_time(row["next_poll_at"]),
        is_suspended=bool(row["suspended"]),
        recent_when=_times_from_json(row["recent_when"]),
        today=Day(**{name: row[column] for name, column in _TODAY.items()}),
        **fields,
    )
