"""What was over a channel's cap, told in one message at the end of its window."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from monitor.model import Alert, AlertId, Coverage, Digest, stable_id
from monitor.steps.coverage import coverage
from monitor.steps.digest import digest_story
from monitor.steps.tell import enqueue
from monitor.steps.watch import Settings, Watch
from monitor.store import Transaction
from monitor.store.codec import to_time


def roll_up(tx: Transaction, watch: Watch, now: datetime) -> int:
    """Tell each channel in one message what waits for it and is due; return how many messages."""
    count = 0
    for channel, rows in tx.attention.over_cap(now).items():
        told_in = ""
        if channel in watch.channels:
            told_in = _tell(tx, watch, channel, rows, now)
            count += 1
        tx.attention.mark_told(channel, (row["alert_id"] for row in rows), told_in)
    return count


def _tell(
    tx: Transaction, watch: Watch, channel: str, rows: Sequence[dict[str, Any]], now: datetime
) -> AlertId:
    alert_id = AlertId(stable_id("a-", "rolled up", channel, *(row["alert_id"] for row in rows)))
    body = _digest(tx, watch.settings, rows, now)
    alert = Alert(id=alert_id, occurred_at=now, body=body)
    title = f"{len(body.stories)} stories over the cap of {channel}"
    tx.stories.put_alert(alert, story_id=None, reason="rolled up", title=title)
    enqueue(tx, watch, alert, (channel,))
    return alert_id


def _digest(
    tx: Transaction, settings: Settings, rows: Sequence[dict[str, Any]], now: datetime
) -> Digest:
    """Return a digest of these alerts alone: each story once, the worst first."""
    since = to_time(rows[0]["occurred_at"])
    names = dict.fromkeys(row["story_id"] for row in rows)
    decided = tx.log.last_decisions()
    stories = [
        replace(
            digest_story(settings, row, decided),
            is_new=to_time(row["opened_at"]) >= since,
            was_alerted=True,
        )
        for row in tx.stories.listed(list(names), since)
    ]
    items, hits = tx.items.count(since, now)
    seen = coverage(tx, settings, since, now)
    return Digest(
        date=now.astimezone(settings.digest_zone).date().isoformat(),
        zone=settings.digest_zone.key,
        since=since,
        until=now,
        stories=tuple(sorted(stories, key=lambda one: (-one.severity, one.latest_at))),
        coverage=Coverage(sources=seen.sources, read=seen.read),  # the rest: in the digest
        items=items,
        hits=hits,
        period="over-cap",
    )
