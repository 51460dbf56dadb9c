"""What people asked not to be told of for a while, and what waits for a better hour."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from monitor.alerts.silence import Silence
from monitor.model import AlertId, ItemId, StoryId
from monitor.store.codec import clean, from_json, names_to_json, to_text, to_time


@dataclass(frozen=True, kw_only=True)
class DueRepeat:
    """A channel that is to be told again of a story, by the item that caused the alert."""

    story_id: StoryId
    channel: str
    item_id: ItemId
    left: int


class Attention:
    """The tables `silence`, `over_cap`, `repeat`, and the rows of `outbox` that are held."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put_silence(self, silence: Silence, now: datetime) -> None:
        """Store a silence; one of the same name is begun anew."""
        self._db.execute(
            """insert or replace into silence (name, rules, sources, themes, text, until, who,
                 reason, added_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                silence.name,
                names_to_json(silence.rules),
                names_to_json(silence.sources),
                names_to_json(silence.themes),
                clean(silence.text),
                to_text(silence.until),
                clean(silence.by),
                clean(silence.reason),
                to_text(now),
            ],
        )

    def silences(self, now: datetime | None = None) -> tuple[Silence, ...]:
        """Return the silences that are not over, or (None) all that ever were, oldest first."""
        rows = self._db.query(
            """select * from silence where ?1 is null or until > ?1 order by added_at, name""",
            [to_text(now) if now else None],
        )
        return tuple(map(_silence, rows))

    def end_silence(self, name: str, now: datetime) -> bool:
        """End a silence now; return False where none of this name stands."""
        cursor = self._db.execute(
            "update silence set until = ?1 where name = ?2 and until > ?1", [to_text(now), name]
        )
        return bool(cursor.rowcount)

    def withdraw(self, story_id: StoryId, channel: str, now: datetime) -> int:
        """Cancel what is held of a story for a channel: a newer message tells it; return how many.

        A message that was tried may have arrived and stays.
        """
        cursor = self._db.execute(
            """update outbox set state = 'cancelled', settled_at = ?3,
                 error = 'told by a newer message of its story'
               where channel = ?2 and state = 'pending' and first_try_at is null
                 and next_at > ?3 and alert_id in (select id from alert where story_id = ?1)""",
            [story_id, channel, to_text(now)],
        )
        return int(cursor.rowcount)

    def is_told(self, story_id: StoryId, channel: str) -> bool:
        """Return whether a channel was told of a story, or is about to be."""
        rows = self._db.query(
            """select 1 from outbox join alert on alert.id = outbox.alert_id
               where alert.story_id = ? and outbox.channel = ? and outbox.state != 'cancelled'
               limit 1""",
            [story_id, channel],
        )
        return next(iter(rows), None) is not None

    def sent_between(self, channel: str, since: datetime, until: datetime) -> int:
        """Return how many alerts of stories a channel got, or gets, in a window of time."""
        rows = self._db.query(
            """select count(distinct outbox.alert_id) as n from outbox
                 join alert on alert.id = outbox.alert_id
               where outbox.channel = ? and outbox.state != 'cancelled'
                 and outbox.next_at >= ? and outbox.next_at < ? and alert.subject = 'story'""",
            [channel, to_text(since), to_text(until)],
        )
        return int(next(iter(rows))["n"])

    def put_over_cap(self, alert_id: AlertId, channel: str, due: datetime) -> None:
        """Store that a channel gets an alert in one message with others, when it is due."""
        self._db.execute(
            "insert into over_cap (alert_id, channel, due_at) values (?, ?, ?)",
            [alert_id, channel, to_text(due)],
        )

    def over_cap(self, due: datetime) -> dict[str, list[dict[str, Any]]]:
        """Return what is due to be told with others by channel: alert, story, time, in order."""
        rows = self._db.query(
            """select over_cap.channel, over_cap.alert_id, alert.story_id, alert.occurred_at
               from over_cap join alert on alert.id = over_cap.alert_id
               where over_cap.told_in is null and over_cap.due_at <= ?
               order by over_cap.channel, alert.occurred_at, alert.id""",
            [to_text(due)],
        )
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            found.setdefault(row["channel"], []).append(row)
        return found

    def mark_told(self, channel: str, alert_ids: Iterable[str], told_in: str) -> None:
        """Store which alert told these of a channel; '' where the channel is gone."""
        for alert_id in alert_ids:
            self._db.execute(
                "update over_cap set told_in = ? where channel = ? and alert_id = ?",
                [told_in, channel, alert_id],
            )

    def put_repeat(self, one: DueRepeat, at: datetime) -> None:
        """Store that a channel is told again at a time; what it waited for before is replaced."""
        self._db.execute(
            """insert or replace into repeat (story_id, channel, item_id, times_left, next_at)
               values (?, ?, ?, ?, ?)""",
            [one.story_id, one.channel, one.item_id, one.left, to_text(at)],
        )

    def repeats_due(self, now: datetime) -> tuple[DueRepeat, ...]:
        """Return what is due to be told again, in order."""
        rows = self._db.query(
            """select story_id, channel, item_id, times_left as left from repeat
               where next_at <= ? order by next_at, story_id, channel""",
            [to_text(now)],
        )
        return tuple(DueRepeat(**row) for row in rows)

    def end_repeat(self, one: DueRepeat) -> None:
        """Forget that a channel is told again of a story."""
        self._db.execute(
            "delete from repeat where story_id = ? and channel = ?", [one.story_id, one.channel]
        )


def _silence(row: dict[str, Any]) -> Silence:
    return Silence(
        name=row["name"],
        until=to_time(row["until"]),
        by=row["who"],
        reason=row["reason"],
        rules=frozenset(from_json(row["rules"])),
        sources=frozenset(from_json(row["sources"])),
        themes=frozenset(from_json(row["themes"])),
        text=row["text"],
    )
