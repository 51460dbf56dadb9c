"""The outbox: what must go out, to whom, and every try.

States: pending -> sending (leased) -> sent | pending (next_at) | dead | cancelled. `next_at` is
the due time of a pending row and the end of the lease of a sending one, so that a row whose sender
died is claimed again by itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlite_utils import Database

from monitor.model import AlertId, Delivery, Message
from monitor.store.codec import (
    clean,
    from_json,
    to_json,
    to_text,
    to_text_or_none,
    to_time,
    to_time_or_none,
)

_DETAIL_LIMIT = 500  # characters kept of what a receiver answered
_FARTHEST = timedelta(hours=29)  # the longest wait that a try can end in: a day and its jitter


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a try; `retry_at` is set where it is tried again."""

    result: Literal["sent", "retry", "dead", "paused"]
    at: datetime
    took: timedelta
    retry_at: datetime | None = None
    code: int | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class ChannelState:
    """A channel's circuit: paused by refused credentials, or probing after failures in a row."""

    name: str
    paused_at: datetime | None = None
    paused_why: str = ""
    alarmed_at: datetime | None = None
    failures: int = 0
    probe_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A row that was tried and still waits."""

    first_try_at: datetime
    error: str


class Outbox:
    """The tables `outbox`, `attempt` and `channel`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def enqueue(
        self,
        alert_id: AlertId,
        channel: str,
        recipient: str,
        message: Message,
        now: datetime,
        *,
        due: datetime | None = None,
    ) -> None:
        """Store one frozen message, due now; the same alert for the same recipient once."""
        self._db.execute(
            """insert into outbox (alert_id, channel, recipient, message_id, body, headers, state,
                 next_at, created_at) values (?, ?, ?, ?, ?, ?, 'pending', ?, ?)
               on conflict (alert_id, channel, recipient) do nothing""",
            [
                alert_id,
                channel,
                recipient,
                message.id,
                message.body,
                to_json(message.headers),
                to_text(due or now),
                to_text(now),
            ],
        )

    def put_dead(self, alert_id: AlertId, channel: str, why: str, now: datetime) -> None:
        """Store that an alert made no message for a channel; there is nothing to send again."""
        self._db.execute(
            """insert into outbox (alert_id, channel, recipient, message_id, body, headers, state,
                 next_at, created_at, settled_at, error)
               values (?1, ?2, '', ?1, x'', '{}', 'dead', ?3, ?3, ?3, ?4)
               on conflict (alert_id, channel, recipient) do nothing""",
            [alert_id, channel, to_text(now), clean(why)[:_DETAIL_LIMIT]],
        )

    def claim(self, channel: str, now: datetime, lease: timedelta, limit: int) -> list[Delivery]:
        """Lease the rows of a channel that are due, or whose lease ran out, oldest first."""
        rows = list(
            self._db.query(
                """select * from outbox where channel = ? and state in ('pending', 'sending')
                     and next_at <= ? order by next_at, id limit ?""",
                [channel, to_text(now), limit],
            )
        )
        until = now + lease
        for row in rows:
            self._db.execute(
                """update outbox set state = 'sending', next_at = ?, attempts = attempts + 1,
                     first_try_at = coalesce(first_try_at, ?) where id = ?""",
                [to_text(until), to_text(now), row["id"]],
            )
        return [_delivery(row, until) for row in rows]

    def settle(self, delivery: Delivery, outcome: Outcome) -> bool:
        """Store the outcome of a try; return False, and store the try alone, if it is settled.

        A row that was cancelled or settled by another sender meanwhile keeps that state.
        """
        self._db.execute(
            """insert into attempt (outbox_id, at, outcome, code, took_ms, detail)
               values (?, ?, ?, ?, ?, ?)""",
            [
                delivery.id,
                to_text(outcome.at),
                outcome.result,
                outcome.code,
                round(outcome.took / timedelta(milliseconds=1)),
                clean(outcome.detail)[:_DETAIL_LIMIT],
            ],
        )
        state = {"sent": "sent", "dead": "dead"}.get(outcome.result, "pending")
        final = state != "pending"
        cursor = self._db.execute(
            """update outbox set state = ?, next_at = ?, settled_at = ?, error = ?,
                 attempts = attempts - ?
               where id = ? and state = 'sending'""",
            [
                state,
                to_text(outcome.retry_at or outcome.at),
                to_text(outcome.at) if final else None,
                clean(outcome.detail)[:_DETAIL_LIMIT],
                int(outcome.result == "paused"),
                delivery.id,
            ],
        )
        return bool(cursor.rowcount)

    def release(self, now: datetime) -> int:
        """Give back every leased row: its sender died, since we hold the instance lock."""
        cursor = self._db.execute(
            "update outbox set state = 'pending', next_at = ? where state = 'sending'",
            [to_text(now)],
        )
        return int(cursor.rowcount)

    def mend_times(self, now: datetime) -> int:
        """Make rows due that wait for a time which a clock that was set back has made far.

        A row is such when it was made, tried, or is due later than anything can be.
        """
        cursor = self._db.execute(
            """update outbox set next_at = ?1 where state = 'pending' and next_at > ?1
                 and (created_at > ?1 or first_try_at > ?1 or next_at > ?2)""",
            [to_text(now), to_text(now + _FARTHEST)],
        )
        self._db.execute(
            "update channel set probe_at = ?1 where probe_at > ?2",
            [to_text(now), to_text(now + _FARTHEST)],
        )
        return int(cursor.rowcount)

    def forget_bodies(self, before: datetime) -> int:
        """Drop the bytes of messages that were accepted before a time; return how many.

        The rows stay: that an alert went to a recipient is what keeps it from going twice. What
        waits, died or was cancelled can still be sent and keeps its bytes.
        """
        cursor = self._db.execute(
            """update outbox set body = x'' where state = 'sent' and settled_at < ?
                 and length(body) > 0""",
            [to_text(before)],
        )
        return int(cursor.rowcount)

    def retire(self, channels: Iterable[str], now: datetime) -> int:
        """End what waits for channels that are no longer configured as dead; return how many.

        What is being sent is settled by its sender.
        """
        known = to_json(sorted(channels))
        cursor = self._db.execute(
            """update outbox set state = 'dead', settled_at = ?, error = 'channel was removed'
               where state = 'pending'
                 and channel not in (select value from json_each(?))""",
            [to_text(now), known],
        )
        return int(cursor.rowcount)

    def open_rows(self, channel: str) -> int:
        """Return how many rows of a channel still wait."""
        rows = self._db.query(
            """select count(*) as n from outbox where channel = ?
               and state in ('pending', 'sending')""",
            [channel],
        )
        return int(next(iter(rows))["n"])

    def oldest_tried(self, channel: str) -> Tried | None:
        """Return the row of a channel that waits longest since its first try, or None."""
        rows = self._db.query(
            """select first_try_at, error from outbox where channel = ? and state = 'pending'
                 and first_try_at is not null order by first_try_at limit 1""",
            [channel],
        )
        return next(
            (Tried(first_try_at=to_time(row["first_try_at"]), error=row["error"]) for row in rows),
            None,
        )

    def next_due(self) -> datetime | None:
        """Return when the next row is due, or None when nothing waits."""
        rows = self._db.query(
            "select min(next_at) as at from outbox where state in ('pending', 'sending')"
        )
        return to_time_or_none(next(iter(rows))["at"])

    def counts(self) -> dict[str, int]:
        """Return how many rows are in each state that occurs."""
        rows = self._db.query("select state, count(*) as n from outbox group by state")
        return {row["state"]: row["n"] for row in rows}

    def counts_by_channel(self) -> dict[tuple[str, str], int]:
        """Return how many rows each channel has in each state that occurs."""
        rows = self._db.query(
            "select channel, state, count(*) as n from outbox group by state, channel"
        )
        return {(row["channel"], row["state"]): row["n"] for row in rows}

    def waits_since(self, now: datetime) -> dict[str, datetime]:
        """Return since when the oldest message of each channel waits that is due or was tried.

        What is held for quiet hours or a cap is not due yet, and does not count.
        """
        rows = self._db.query(
            """select channel, min(coalesce(first_try_at, next_at)) as since from outbox
               where state in ('pending', 'sending') and (first_try_at is not null or next_at <= ?)
               group by channel""",
            [to_text(now)],
        )
        return {row["channel"]: to_time(row["since"]) for row in rows}

    def unalarmed_dead(self) -> list[dict[str, Any]]:
        """Return dead rows that nobody was told of, oldest first."""
        return list(
            self._db.query(
                """select id, alert_id, channel, recipient, error, settled_at from outbox
                   where state = 'dead' and alarmed = 0 order by id"""
            )
        )

    def dead(self, channel: str | None) -> tuple[int, ...]:
        """Return the numbers of the dead rows, of one channel or of all, oldest first."""
        rows = self._db.query(
            """select id from outbox where state = 'dead' and (?1 is null or channel = ?1)
               order by id""",
            [channel],
        )
        return tuple(row["id"] for row in rows)

    def mark_alarmed(self, ids: Iterable[int]) -> None:
        """Store that people were told of these dead rows."""
        for number in ids:
            self._db.execute("update outbox set alarmed = 1 where id = ?", [number])

    def retry(self, ids: Iterable[int], now: datetime) -> int:
        """Make dead or cancelled rows due again, with the same id and bytes."""
        done = 0
        for number in ids:
            cursor = self._db.execute(
                """update outbox set state = 'pending', next_at = ?, settled_at = null,
                     attempts = 0, alarmed = 0
                   where id = ? and state in ('dead', 'cancelled', 'pending')""",
                [to_text(now), number],
            )
            done += cursor.rowcount
        return done

    def cancel(self, ids: Iterable[int], now: datetime) -> int:
        """End rows that wait, unsent."""
        done = 0
        for number in ids:
            cursor = self._db.execute(
                """update outbox set state = 'cancelled', settled_at = ?
                   where id = ? and state in ('pending', 'dead')""",
                [to_text(now), number],
            )
            done += cursor.rowcount
        return done

    def rows(self, state: str | None, limit: int) -> list[dict[str, Any]]:
        """Return rows for a listing, newest first."""
        return list(
            self._db.query(
                """select outbox.id, outbox.state, outbox.channel, outbox.recipient,
                     outbox.attempts, outbox.next_at, outbox.created_at, outbox.settled_at,
                     outbox.error, outbox.alert_id, alert.title
                   from outbox left join alert on alert.id = outbox.alert_id
                   where ? is null or outbox.state = ? order by outbox.id desc limit ?""",
                [state, state, limit],
            )
        )

    def row(self, number: int) -> dict[str, Any] | None:
        """Return a row whole, with its tries."""
        rows = list(self._db.query("select * from outbox where id = ?", [number]))
        if not rows:
            return None
        tries = self._db.query(
            """select at, outcome, code, took_ms, detail from attempt where outbox_id = ?
               order by number""",
            [number],
        )
        return {**rows[0], "tries": list(tries)}

    def of_story(self, story_id: str) -> list[dict[str, Any]]:
        """Return what went out, or waits, for a story."""
        return list(
            self._db.query(
                """select outbox.id, outbox.channel, outbox.recipient, outbox.state,
                     outbox.settled_at, outbox.error, alert.reason, alert.occurred_at
                   from outbox join alert on alert.id = outbox.alert_id
                   where alert.story_id = ? order by outbox.id""",
                [story_id],
            )
        )

    def mark_channel_alarmed(self, name: str, at: datetime) -> None:
        """Store that people were told of a channel's pause."""
        self._db.execute("update channel set alarmed_at = ? where name = ?", [to_text(at), name])

    def reopen_channels(self) -> None:
        """Close every circuit's pause: credentials may have been mended."""
        self._db.execute("delete from channel")

    def channel(self, name: str) -> ChannelState:
        """Return a channel's circuit; one that was never used is open."""
        rows = self._db.query("select * from channel where name = ?", [name])
        return next((_channel(row) for row in rows), ChannelState(name=name))

    def channels(self) -> tuple[ChannelState, ...]:
        """Return every circuit that was ever not open."""
        return tuple(map(_channel, self._db.query("select * from channel order by name")))

    def put_channel(self, state: ChannelState) -> None:
        """Store a channel's circuit."""
        self._db.execute(
            """insert or replace into channel
                 (name, paused_at, paused_why, alarmed_at, failures, probe_at)
               values (?, ?, ?, ?, ?, ?)""",
            [
                state.name,
                to_text_or_none(state.paused_at),
                state.paused_why[:_DETAIL_LIMIT],
                to_text_or_none(state.alarmed_at),
                state.failures,
                to_text_or_none(state.probe_at),
            ],
        )


def _delivery(row: dict[str, Any], until: datetime) -> Delivery:
    return Delivery(
        id=row["id"],
        channel=row["channel"],
        recipient=row["recipient"],
        message=Message(id=row["message_id"], body=row["body"], headers=from_json(row["headers"])),
        attempts=row["attempts"],
        first_try_at=to_time_or_none(row["first_try_at"]),
        leased_until=until,
    )


def _channel(row: dict[str, Any]) -> ChannelState:
    return ChannelState(
        name=row["name"],
        paused_at=to_time_or_none(row["paused_at"]),
        paused_why=row["paused_why"],
        alarmed_at=to_time_or_none(row["alarmed_at"]),
        failures=row["failures"],
        probe_at=to_time_or_none(row["probe_at"]),
    )
