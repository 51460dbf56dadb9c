"""What people asked not to be told of for a while."""

from datetime import datetime
from typing import Any

from sqlite_utils import Database

from monitor.alerts.silence import Silence
from monitor.store.codec import clean, from_json, names_to_json, to_text, to_time


class Attention:
    """The table `silence`."""

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
