"""What happened around the lines: digests closed, rule sets in force, what people did."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlite_utils import Database

from monitor.model import AlertId
from monitor.store.chain import Chain
from monitor.store.codec import clean, from_json, to_json, to_text, to_time
from monitor.store.marks import Marks

DigestKind = Literal["day", "week"]
_MARKS: Mapping[DigestKind, str] = {"day": "digest_marks", "week": "digest_marks_week"}


class Log:
    """The tables `digest`, `ruleset`, `activity` and `meta`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def last_digest(self, kind: DigestKind, now: datetime) -> tuple[str, datetime] | None:
        """Return the local date and closing time of the last digest of a kind, or None.

        One that was closed by a clock that ran ahead is not the last one until its time comes.
        """
        rows = self._db.query(
            """select local_date, closed_at from digest where kind = ? and closed_at <= ?
               order by local_date desc limit 1""",
            [kind, to_text(now)],
        )
        return next(((row["local_date"], to_time(row["closed_at"])) for row in rows), None)

    def has_digest(self, kind: DigestKind, local_date: str) -> bool:
        """Return whether the window of a date was closed before."""
        rows = self._db.query(
            "select 1 from digest where kind = ? and local_date = ?", [kind, local_date]
        )
        return next(iter(rows), None) is not None

    def marks(self, kind: DigestKind = "day") -> Marks:
        """Return how far the last digest of a kind has read."""
        return Marks.from_json(self.meta(_MARKS[kind]))

    def reached(self) -> Marks:
        """Return how far a digest reads that is closed now."""
        sql = """select (select coalesce(max(number), 0) from member) as member,
                   (select coalesce(max(number), 0) from decision) as decision,
                   (select coalesce(max(number), 0) from item) as item,
                   (select coalesce(max(number), 0) from hit) as hit"""
        return Marks(**next(iter(self._db.query(sql))))

    def put_digest(
        self, kind: DigestKind, local_date: str, closed_at: datetime, alert_id: AlertId
    ) -> None:
        """Store that a window was closed; a second one of a kind for the same date is an error.

        `alert_id` is empty where nobody gets such digests.
        """
        self._db.execute(
            "insert into digest (kind, local_date, closed_at, alert_id) values (?, ?, ?, ?)",
            [kind, local_date, to_text(closed_at), alert_id],
        )
        self.set_meta(_MARKS[kind], self.reached().to_json())

    def put_ruleset(
        self,
        ruleset: str,
        files: Mapping[str, str],
        now: datetime,
        *,
        who: str = "",
        changes: Sequence[str] = (),
    ) -> bool:
        """Store the rule set and files that come into force; False where they are in force.

        `changes` says in lines what differs from the set before, `who` whose edit that was.
        """
        text = clean(to_json(files))
        rows = self._db.query("select hash, files from ruleset order by number desc limit 1")
        if any((row["hash"], row["files"]) == (ruleset, text) for row in rows):
            return False
        self._db.execute(
            "insert into ruleset (hash, loaded_at, files, who, changes) values (?, ?, ?, ?, ?)",
            [ruleset, to_text(now), text, clean(who), clean(to_json(changes))],
        )
        return True

    def rulesets(self) -> list[dict[str, Any]]:
        """Return the rule sets that were in force, newest first, without their texts."""
        rows = self._db.query(
            "select number, hash, loaded_at, who, changes from ruleset order by number desc"
        )
        return [{**row, "changes": from_json(row["changes"])} for row in rows]

    def files_in_force(self) -> Mapping[str, str] | None:
        """Return the files of the set that was loaded last, None before the first."""
        rows = self._db.query("select files from ruleset order by number desc limit 1")
        return next((from_json(row["files"]) for row in rows), None)

    def ruleset_files(self, ruleset: str) -> Mapping[str, str] | None:
        """Return the files of a stored rule set, or None."""
        rows = self._db.query(
            """select files from ruleset where substr(hash, 1, length(?1)) = ?1
               order by number desc limit 1""",
            [ruleset],
        )
        return next((from_json(row["files"]) for row in rows), None)

    def put_activity(
        self, now: datetime, who: str, action: str, subject: str, detail: str = ""
    ) -> None:
        """Store what somebody did."""
        cursor = self._db.execute(
            "insert into activity (at, who, action, subject, detail) values (?, ?, ?, ?, ?)",
            [to_text(now), clean(who), action, clean(subject), clean(detail)],
        )
        Chain(self._db).add("activity", cursor.lastrowid)

    def last_mend(self) -> int:
        """Return the number of the latest split or merge of stories, 0 for none."""
        rows = self._db.query(
            """select coalesce(max(number), 0) as number from activity
               where action in ('split', 'merge')"""
        )
        return int(next(iter(rows))["number"])

    def last_decisions(self) -> dict[str, dict[str, Any]]:
        """Return what was last decided of each story, by its id: action, detail, who, at."""
        rows = self._db.query(
            """select subject, action, detail, who, at, max(number) from activity
               where action in ('acknowledged', 'escalated', 'dismissed', 'new')
               group by subject"""
        )
        return {row["subject"]: row for row in rows}

    def recent_activities(
        self, since: datetime, limit: int, *, subject: str | None, who: str | None
    ) -> list[dict[str, Any]]:
        """Return what was done since a time, newest first, to one subject or by one person."""
        return list(
            self._db.query(
                """select number, at, who, action, subject, detail from activity
                   where at >= ?1 and (?2 is null or subject = ?2) and (?3 is null or who = ?3)
                   order by number desc limit ?4""",
                [to_text(since), subject, who, limit],
            )
        )

    def activities(self, subject: str | None = None) -> list[dict[str, Any]]:
        """Return what people did, in order, to one subject or to all."""
        return list(
            self._db.query(
                """select at, who, action, subject, detail from activity
                   where ?1 is null or subject = ?1 order by number""",
                [subject],
            )
        )

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about this database."""
        self._db.execute("insert or replace into meta (key, value) values (?, ?)", [key, value])

    def meta(self, key: str) -> str | None:
        """Return a fact about this database, or None."""
        rows = self._db.query("select value from meta where key = ?", [key])
        return next((row["value"] for row in rows), None)
