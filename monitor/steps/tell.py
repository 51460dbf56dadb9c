"""An alert is made, routed, composed and put into the outbox: its bytes are frozen from then on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog

from monitor.alerts.route import Traits, Way, route
from monitor.errors import StoreError
from monitor.model import (
    Alert,
    AlertId,
    Article,
    Decision,
    Hit,
    Item,
    Operations,
    Reason,
    RuleRef,
    Severity,
    SourceId,
    Story,
    StoryAlert,
    Why,
    stable_id,
)
from monitor.steps.watch import Channel, Settings, Watch
from monitor.store import Transaction
from monitor.store.attention import DueRepeat
from monitor.store.codec import to_time, to_time_or_none

log = structlog.get_logger()

_ARTICLES_SHOWN = 10  # of a story in one alert: the one that caused it, then the latest


@dataclass(frozen=True, kw_only=True)
class Again:
    """That a channel is told again now, and how often it will be after that."""

    at: datetime
    channel: str
    left: int


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What makes an alert: the item's hits, the story with the item in it, and the reason.

    `again` is set where a channel is told again; else all are told that routes lead to.
    """

    story: Story
    item: Item
    hits: tuple[Hit, ...]
    reason: Reason
    detail: str = ""
    again: Again | None = None

    @property
    def now(self) -> datetime:
        """Return when people are told."""
        return self.again.at if self.again else self.item.seen_at

    @property
    def severity(self) -> Severity:
        """Return the worst severity of the hits."""
        return max(hit.severity for hit in self.hits)


def tell_story(tx: Transaction, watch: Watch, cause: Cause) -> tuple[Decision, int]:
    """Put an alert about a story into the outbox; what no route takes is left for the digest.

    Returns the decision as it is carried out, and the number of messages.
    """
    now, again = cause.now, cause.again
    ways = route(traits_of(watch.settings, cause), watch.settings.routes, now)
    if again is not None:
        ways = tuple(way for way in ways if way.channel == again.channel)
    if not ways:
        return Decision(reason=Reason.DIGESTED, detail=cause.reason.value), 0
    story = cause.story
    alert = Alert(
        id=AlertId(stable_id("a-", story.id, str(story.revision))),
        occurred_at=now,
        body=story_alert(tx, watch.settings, cause),
    )
    tx.stories.put_alert(alert, story_id=story.id, reason=cause.reason.value, title=story.title)
    sent = [_send(tx, watch, alert, cause, way) for way in ways]
    tx.stories.told(story, alert, cause.hits)
    return _decision(cause, alert.id, sent), sum(one.messages for one in sent)


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """What became of an alert on its way to one channel; `why` is why it waits until `at`."""

    channel: str
    messages: int = 0
    at: datetime | None = None
    why: Reason | None = None


def _decision(cause: Cause, alert_id: AlertId, sent: Sequence[_Sent]) -> Decision:
    """Return why and when people are told; no channel at once is another reason."""
    waits = [f"{one.channel} gets it at {one.at:%Y-%m-%d %H:%M} UTC" for one in sent if one.at]
    why = [one.why for one in sent if one.why is not None]
    is_late = len(why) == len(sent)
    said = (cause.reason.value if is_late else "", cause.detail, *waits)
    return Decision(
        reason=why[0] if is_late else cause.reason,
        detail="; ".join(part for part in said if part),
        alert_id=alert_id,
    )


def _send(tx: Transaction, watch: Watch, alert: Alert, cause: Cause, way: Way) -> _Sent:
    """Put an alert into the outbox for one channel, in place of what is held of its story there.

    Where the channel's cap is used up, it waits to be told with others.
    """
    channel, due = way.channel, way.held_until
    if tx.attention.withdraw(cause.story.id, channel, alert.occurred_at):
        alert = _collapsed(tx, alert, cause.story, channel)
    _plan_repeat(tx, cause, way)
    if way.cap is not None and way.rolled_at is not None:
        window = way.cap.window(due or alert.occurred_at)
        if tx.attention.sent_between(channel, *window) >= way.cap.count:
            tx.attention.put_over_cap(alert.id, channel, way.rolled_at)
            return _Sent(channel=channel, at=way.rolled_at, why=Reason.ROLLED_UP)
    messages = enqueue(tx, watch, alert, (channel,), due=due)
    return _Sent(channel=channel, messages=messages, at=due, why=Reason.HELD if due else None)


def _plan_repeat(tx: Transaction, cause: Cause, way: Way) -> None:
    """Store when the channel is told again, if nobody acknowledges the story until then."""
    if way.repeat is None:
        return
    left = cause.again.left if cause.again else way.repeat.times
    if left > 0:
        one = DueRepeat(
            story_id=cause.story.id, channel=way.channel, item_id=cause.item.id, left=left
        )
        tx.attention.put_repeat(one, (way.held_until or cause.now) + way.repeat.every)


def _collapsed(tx: Transaction, alert: Alert, story: Story, channel: str) -> Alert:
    """Return the alert so that it tells what its held forerunners would have told as well."""
    assert isinstance(alert.body, StoryAlert), "an alert of a story"
    worst = max(alert.body.severity, story.alerted_severity or alert.body.severity)
    body = replace(alert.body, severity=worst)
    if not tx.attention.is_told(story.id, channel):
        body = replace(body, reason=Reason.NEW_STORY, detail="")
    return replace(alert, body=body)


def tell_operations(
    tx: Transaction,
    watch: Watch,
    operations: Operations,
    now: datetime,
    *,
    key: str,
    channels: Sequence[str] | None = None,
) -> AlertId | None:
    """Put news of the watch itself into the outbox; not on the channel that it is about.

    `key` names the occasion, so that it is told once. `channels` None means those of the settings.
    None comes back where no other channel is left.
    """
    if channels is None:
        is_of_channel = operations.kind.startswith(("channel.", "delivery."))
        about = operations.about if is_of_channel else None
        channels = [name for name in watch.settings.ops_channels if name != about]
    if not channels:
        return None
    alert = Alert(
        id=AlertId(stable_id("a-", operations.kind, key)), occurred_at=now, body=operations
    )
    tx.stories.put_alert(alert, story_id=None, reason=operations.kind, title=operations.title)
    enqueue(tx, watch, alert, channels)
    return alert.id


def enqueue(
    tx: Transaction,
    watch: Watch,
    alert: Alert,
    channels: Iterable[str],
    due: datetime | None = None,
) -> int:
    """Compose an alert for every recipient of these channels; return how many messages.

    They go out at once, or when they are `due`; their bytes are frozen now. A channel that fails
    to compose gets a dead row with the reason, the others get their messages.
    """
    count = 0
    for name in channels:
        try:
            with tx.savepoint():
                count += _enqueue_one(tx, watch.channels[name], alert, due)
        except StoreError:
            raise
        except Exception as fault:
            log.exception("message not composed", channel=name, alert=alert.id)
            why = f"could not be composed: {type(fault).__name__}: {fault}"
            tx.outbox.put_dead(alert.id, name, why, alert.occurred_at)
    return count


def _enqueue_one(tx: Transaction, channel: Channel, alert: Alert, due: datetime | None) -> int:
    recipients = channel.recipients()
    for recipient in recipients:
        message = channel.compose(alert, recipient)
        tx.outbox.enqueue(alert.id, channel.name, recipient, message, alert.occurred_at, due=due)
    return len(recipients)


def traits_of(settings: Settings, cause: Cause) -> Traits:
    """Return what routes look at."""
    infos = [settings.ruleset.rules[hit.rule] for hit in cause.hits]
    return Traits(
        severity=cause.severity,
        rules=frozenset(info.id for info in infos),
        themes=frozenset(info.theme for info in infos),
        tags=cause.item.tags.union(*(info.tags for info in infos)),
        source=cause.item.source_id,
        lang=cause.item.lang,
    )


def story_alert(tx: Transaction, settings: Settings, cause: Cause) -> StoryAlert:
    """Return what an alert says: the story, the item that caused it first, and every reason."""
    story, item, hits = cause.story, cause.item, cause.hits
    rows = tx.stories.members(story.id)
    others = [row for row in reversed(rows) if row["id"] != item.id][: _ARTICLES_SHOWN - 1]
    sha256 = next(row["sha256"] for row in rows if row["id"] == item.id)
    worst = max(hits, key=lambda hit: hit.severity)
    return StoryAlert(
        story_id=story.id,
        title=story.title,
        severity=cause.severity,
        theme=settings.ruleset.rules[worst.rule].theme,
        reason=cause.reason,
        detail=cause.detail,
        rules=_rule_refs(settings, story, hits),
        articles=(
            _article(settings, item, hits, sha256),
            *(_other_article(tx, settings, row) for row in others),
        ),
        first_seen=story.opened_at,
        last_seen=item.seen_at,
        state=story.state,
        article_count=story.items,
        source_count=story.sources,
        independent_count=len({row["source"] for row in rows if not row["copy_of"]}) or 1,
        languages=tuple(sorted({row["lang"] for row in rows if row["lang"]})),
        listed_names=tuple(sorted({name for hit in hits for name in hit.listed_names})),
        thread_id=story.first_alert_id,
    )


def _rule_refs(settings: Settings, story: Story, hits: Sequence[Hit]) -> tuple[RuleRef, ...]:
    """Return the item's rules, worst first, then the story's other rules that are still known."""
    by_rule = {hit.rule: hit for hit in hits}
    others = [name for name in sorted(story.rules) if name not in by_rule]
    refs = [_rule_ref(settings, hit.rule, hit.severity, hit.version) for hit in hits]
    refs.sort(key=lambda ref: -ref.severity)
    known = settings.ruleset.rules
    return (
        *refs,
        *(
            _rule_ref(settings, name, known[name].severity, known[name].version)
            for name in others
            if name in known
        ),
    )


def _rule_ref(settings: Settings, rule: str, severity: Severity, version: str) -> RuleRef:
    info = settings.ruleset.rules[rule]
    return RuleRef(
        id=rule,
        title=info.title,
        version=version,
        severity=severity,
        file=info.file,
        line=info.line,
        why=info.why,
    )


def _source_name(settings: Settings, source_id: SourceId) -> str:
    source = settings.sources.get(source_id)
    return source.label if source else source_id


def _why(hits: Sequence[Hit]) -> tuple[Why, ...]:
    return tuple(
        Why(rule=hit.rule, clause=clause.clause, matched=clause.matched)
        for hit in hits
        for clause in hit.clauses
    )


def _article(settings: Settings, item: Item, hits: Sequence[Hit], sha256: str) -> Article:
    return Article(
        item_id=item.id,
        url=item.url,
        title=item.title,
        source=item.source_id,
        source_name=_source_name(settings, item.source_id),
        seen=item.seen_at,
        sha256=sha256,
        summary=item.summary,
        content=item.content,
        lang=item.lang,
        published=item.published,
        why=_why(hits),
    )


def _other_article(tx: Transaction, settings: Settings, row: dict[str, Any]) -> Article:
    item_id = row["id"]
    shown = tx.items.shown(item_id)
    assert shown is not None, "members of stories have hits"
    return Article(
        item_id=item_id,
        url=row["url"],
        title=shown.title,
        source=SourceId(row["source"]),
        source_name=_source_name(settings, SourceId(row["source"])),
        seen=to_time(row["seen_at"]),
        sha256=shown.sha256,
        summary=shown.summary,
        content=shown.content,
        lang=row["lang"],
        published=to_time_or_none(row["published"]),
        copy_of=row["copy_of"] or "",
        why=_why(shown.hits),
    )
