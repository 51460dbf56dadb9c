"""The canaries of each local date, and what became of their messages."""

from datetime import datetime
from typing import Any

from sqlite_utils import Database

from monitor.alerts.canary import Flight, Landing
from monitor.model import AlertId
from monitor.store.codec import clean, to_text, to_text_or_none, to_time, to_time_or_none


class Canaries:
    """The table `canary`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def last(self) -> Flight | None:
        """Return the canary of the latest date, or None."""
        rows = self._db.query("select * from canary order by local_date desc limit 1")
        return next((_flight(row) for row in rows), None)

    def put(self, flight: Flight) -> None:
        """Store how far the canary of a date has come."""
        self._db.execute(
            """insert or replace into canary (local_date, begun_at, tried_at, alert_id, error,
                 delivered_at) values (?, ?, ?, ?, ?, ?)""",
            [
                flight.local_date,
                to_text(flight.begun_at),
                to_text(flight.tried_at),
                flight.alert_id,
                clean(flight.error),
                to_text_or_none(flight.delivered_at),
            ],
        )

    def landings(self, alert_id: AlertId) -> tuple[Landing, ...]:
        """Return what became of a canary's messages, in order of channel and recipient."""
        rows = self._db.query(
            """select channel, state, settled_at, error from outbox where alert_id = ?
               order by channel, recipient""",
            [alert_id],
        )
        return tuple(
            Landing(
                channel=row["channel"],
                state=row["state"],
                settled_at=to_time_or_none(row["settled_at"]),
                error=row["error"],
            )
            for row in rows
        )

    def delivered_at(self) -> datetime | None:
        """Return when a canary last arrived at every channel it is sent to, or None."""
        rows = self._db.query("select max(delivered_at) as at from canary")
        return to_time_or_none(next(iter(rows))["at"])


def _flight(row: dict[str, Any]) -> Flight:
    return Flight(
        local_date=row["local_date"],
        begun_at=to_time(row["begun_at"]),
        tried_at=to_time(row["tried_at"]),
        alert_id=AlertId(row["alert_id"]) if row["alert_id"] else None,
        error=row["error"],
        delivered_at=to_time_or_none(row["delivered_at"]),
    )
