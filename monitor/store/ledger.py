"""What was asked of each source, day by day; what was not seen; what ailed it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlite_utils import Database

from monitor.alerts.health import Episode
from monitor.model import Health, SourceId
from monitor.store.codec import clean, to_text, to_text_or_none, to_time, to_time_or_none

HOURS = 24


@dataclass(frozen=True, kw_only=True)
class Day:
    """What came of a source's polls on one day in UTC.

    `hours` has a bit for each hour of that day from which an item is known, also one read later.
    """

    date: str = ""
    polls: int = 0
    reads: int = 0
    items: int = 0
    late_items: int = 0
    hours: int = 0


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """A span in which a source was not read, or in which its window rolled over (`gap`)."""

    source: SourceId
    kind: Literal["not-read", "gap"]
    since: datetime
    until: datetime
    late_items: int = 0


class Ledger:
    """The tables `source_day`, `unseen` and `problem`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    # ------------------------------------------------------------ days

    def add_day(self, source_id: SourceId, day: Day) -> None:
        """Add a day's counts to those stored of it."""
        self._db.execute(
            """insert into source_day (source_id, day, polls, reads, items, late_items, hours)
               values (?, ?, ?, ?, ?, ?, ?)
               on conflict (source_id, day) do update set polls = polls + excluded.polls,
                 reads = reads + excluded.reads, items = items + excluded.items,
                 late_items = late_items + excluded.late_items, hours = hours | excluded.hours""",
            [source_id, day.date, day.polls, day.reads, day.items, day.late_items, day.hours],
        )

    def days(self, source_id: SourceId, since: date) -> tuple[Day, ...]:
        """Return the stored days of a source, in order; today's counts stand in its state."""
        rows = self._db.query(
            """select day as date, polls, reads, items, late_items, hours from source_day
               where source_id = ? and day >= ? order by day""",
            [source_id, since.isoformat()],
        )
        return tuple(Day(**row) for row in rows)

    def counts(self, since: date) -> dict[SourceId, Day]:
        """Return the sums over the stored days of every source; `date` is the first of them."""
        rows = self._db.query(
            """select source_id, min(day) as date, sum(polls) as polls, sum(reads) as reads,
                 sum(items) as items, sum(late_items) as late_items
               from source_day where day >= ? group by source_id""",
            [since.isoformat()],
        )
        return {row.pop("source_id"): Day(**row) for row in rows}

    def forget(self, source_id: SourceId, *, days: date, spans: datetime) -> None:
        """Drop the days, spans and ended problems of a source that are older than these."""
        self._db.execute(
            "delete from source_day where source_id = ? and day < ?", [source_id, days.isoformat()]
        )
        for sql in (
            "delete from unseen where source_id = ? and until < ?",
            "delete from problem where source_id = ? and ended_at < ?",
        ):
            self._db.execute(sql, [source_id, to_text(spans)])

    # ------------------------------------------------------------ spans

    def put_unseen(self, span: Unseen) -> None:
        """Store a span that is over; the same one again replaces it."""
        self._db.execute(
            """insert or replace into unseen (source_id, kind, since, until, late_items)
               values (?, ?, ?, ?, ?)""",
            [span.source, span.kind, to_text(span.since), to_text(span.until), span.late_items],
        )

    def unseen(self, since: datetime) -> tuple[Unseen, ...]:
        """Return the spans that reach beyond a time, in order of their begin."""
        rows = self._db.query(
            """select source_id as source, kind, since, until, late_items from unseen
               where until > ? order by since, source_id""",
            [to_text(since)],
        )
        return tuple(
            Unseen(**{**row, "since": to_time(row["since"]), "until": to_time(row["until"])})
            for row in rows
        )

    # ------------------------------------------------------------ problems

    def put_episode(self, episode: Episode) -> int:
        """Store an episode; return its number."""
        values = [
            episode.source,
            episode.state.value,
            to_text(episode.since),
            to_text(episode.noticed_at),
            clean(episode.detail),
            episode.kind,
            clean(episode.cause),
            to_text_or_none(episode.well_since),
            episode.well_reads,
            episode.relapses,
            episode.late_items,
            to_text_or_none(episode.ended_at),
            to_text_or_none(episode.told_at),
            to_text_or_none(episode.end_told_at),
        ]
        if episode.number is None:
            self._db.execute(
                """insert into problem (source_id, state, since, noticed_at, detail, kind, cause,
                     well_since, well_reads, relapses, late_items, ended_at, told_at, end_told_at)
                   values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                values,
            )
            [(number,)] = self._db.execute("select last_insert_rowid()").fetchall()
            return int(number)
        self._db.execute(
            """update problem set source_id = ?, state = ?, since = ?, noticed_at = ?, detail = ?,
                 kind = ?, cause = ?, well_since = ?, well_reads = ?, relapses = ?,
                 late_items = ?, ended_at = ?, told_at = ?, end_told_at = ?
               where number = ?""",
            [*values, episode.number],
        )
        return episode.number

    def episode(self, number: int) -> Episode:
        """Return a stored episode."""
        [row] = self._db.query("select * from problem where number = ?", [number])
        return _episode(row)

    def open_episodes(self) -> tuple[Episode, ...]:
        """Return the problems of today, in order of their begin."""
        rows = self._db.query("select * from problem where ended_at is null order by since, number")
        return tuple(map(_episode, rows))

    def ended_episodes(self, since: datetime) -> tuple[Episode, ...]:
        """Return the problems that ended after a time, in order of their end."""
        rows = self._db.query(
            "select * from problem where ended_at > ? order by ended_at, number", [to_text(since)]
        )
        return tuple(map(_episode, rows))

    def untold(self) -> tuple[Episode, ...]:
        """Return the problems whose begin or end nobody was told of, in order of their number."""
        rows = self._db.query(
            """select * from problem where told_at is null
                 or (ended_at is not null and end_told_at is null) order by number"""
        )
        return tuple(map(_episode, rows))

    def silences(self, source_id: SourceId) -> tuple[tuple[datetime, datetime], ...]:
        """Return the spans in which a source is known to have been silent, and no longer is."""
        rows = self._db.query(
            """select since, ended_at from problem where source_id = ? and ended_at is not null
               and state in (?, ?) order by number""",
            [source_id, Health.SILENT.value, Health.STALE.value],
        )
        return tuple((to_time(row["since"]), to_time(row["ended_at"])) for row in rows)

    def mark_told(self, numbers: Iterable[int], at: datetime | None, *, cause: str = "") -> None:
        """Store that people know of problems, and under which cause where one is named."""
        for number in numbers:
            self._db.execute(
                "update problem set told_at = ?, cause = coalesce(nullif(?, ''), cause) "
                "where number = ?",
                [to_text_or_none(at), cause, number],
            )

    def mark_end_told(self, numbers: Iterable[int], at: datetime) -> None:
        """Store that people know of the end of problems."""
        for number in numbers:
            self._db.execute(
                """update problem set end_told_at = ?1, told_at = coalesce(told_at, ?1)
                   where number = ?2""",
                [to_text(at), number],
            )

    def latest_of(self, source_id: SourceId) -> Episode | None:
        """Return the latest problem of a source, over or not."""
        rows = self._db.query(
            "select * from problem where source_id = ? order by number desc limit 1", [source_id]
        )
        return next(map(_episode, rows), None)

    def latest_ended(self, source_id: SourceId, states: Collection[Health]) -> Episode | None:
        """Return the latest problem of a source of these states that is over."""
        marks = ", ".join("?" for _ in states)
        rows = self._db.query(
            f"""select * from problem where source_id = ? and state in ({marks})
                and ended_at is not null order by number desc limit 1""",  # noqa: S608 - question marks only
            [source_id, *(state.value for state in states)],
        )
        return next(map(_episode, rows), None)

    def last_told(self, states: Collection[Health]) -> datetime | None:
        """Return when people were last told of a problem of these states."""
        marks = ", ".join("?" for _ in states)
        rows = self._db.query(
            f"select max(told_at) as at from problem where state in ({marks})",  # noqa: S608 - question marks only
            [state.value for state in states],
        )
        return to_time_or_none(next(iter(rows))["at"])

    def end_removed(self, now: datetime) -> None:
        """End the problems of sources that are no longer watched; nobody needs to know."""
        self._db.execute(
            """update problem set ended_at = ?1, end_told_at = ?1, told_at = coalesce(told_at, ?1)
               where ended_at is null and source_id <> ''
                 and source_id not in (select id from source where configured = 1)""",
            [to_text(now)],
        )
        self._db.execute("update source set problem = null where configured = 0")


def hours_of(days: Sequence[Day]) -> list[datetime]:
    """Return the hours from which items are known."""
    return [
        datetime.fromisoformat(f"{day.date}T{hour:02}:00:00+00:00")
        for day in days
        for hour in range(HOURS)
        if day.hours >> hour & 1
    ]


def _episode(row: dict[str, Any]) -> Episode:
    times = ("well_since", "ended_at", "told_at", "end_told_at")
    plain = ("detail", "kind", "cause", "number", "well_reads", "relapses", "late_items")
    values: dict[str, Any] = {name: to_time_or_none(row[name]) for name in times}
    values |= {name: row[name] for name in plain}
    return Episode(
        source=row["source_id"],
        state=Health(row["state"]),
        since=to_time(row["since"]),
        noticed_at=to_time(row["noticed_at"]),
        **values,
    )
