"""What people asked not to be told of for a while, and what waits for a better hour."""

from datetime import datetime
from typing import Any

from sqlite_utils import Database

from monitor.alerts.silence import Silence
from monitor.model import StoryId
from monitor.store.codec import clean, from_json, names_to_json, to_text, to_time


class Attention:
    """The table `silence`, and the rows of `outbox` that are held back."""

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
