"""What was over a channel's cap, told in one message at the end of its window."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from monitor.model import Alert, AlertId, Digest, DigestStory, StoryId, stable_id
from monitor.steps.coverage import coverage
from monitor.steps.tell import enqueue
from monitor.steps.watch import Settings, Watch
from monitor.store import Transaction
from monitor.store.codec import to_text, to_time


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
    stories = [_line(tx, settings, name, since) for name in {row["story_id"]: 0 for row in rows}]
    items, hits = tx.items.count(since, now)
    return Digest(
        date=now.astimezone(settings.digest_zone).date().isoformat(),
        zone=settings.digest_zone.key,
        since=since,
        until=now,
        stories=tuple(sorted(stories, key=lambda one: (-one.severity, one.latest_at))),
        coverage=coverage(settings, tx.sources.states(), since),
        items=items,
        hits=hits,
    )


def _line(tx: Transaction, settings: Settings, story_id: str, since: datetime) -> DigestStory:
    story = tx.stories.get(StoryId(story_id))
    assert story is not None, "an alert was made for it, and stories are kept"
    members = tx.stories.members(story.id)
    return DigestStory(
        story_id=story.id,
        title=story.title,
        severity=story.severity,
        rules=worst_first(settings, sorted(story.rules)),
        is_new=story.opened_at >= since,
        articles_added=sum(row["joined_at"] >= to_text(since) for row in members),
        articles_total=len(members),
        sources=tuple(sorted({row["source"] for row in members})),
        url=members[0]["url"] if members else "",
        latest_at=story.latest_at,
        state=story.state,
        was_alerted=True,
    )


def worst_first(settings: Settings, rules: Sequence[str]) -> tuple[str, ...]:
    """Return rules in order of their severity; those that are gone come last."""
    known = settings.ruleset.rules
    return tuple(sorted(rules, key=lambda name: -known[name].severity if name in known else 0))
