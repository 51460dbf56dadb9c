"""Stories that nobody acknowledged are told again."""

from datetime import datetime

from monitor.alerts.silence import heard
from monitor.model import Hit, Item, Reason, Story
from monitor.steps.tell import Again, Cause, tell_story
from monitor.steps.watch import Watch
from monitor.store import Transaction
from monitor.store.attention import DueRepeat


def repeat_due(tx: Transaction, watch: Watch, now: datetime) -> int:
    """Tell again what is due and still new; return how many messages.

    What was acknowledged, escalated, dismissed, muted or silenced since is not repeated, nor what
    no rule or route knows any more.
    """
    return sum(_repeat(tx, watch, one, now) for one in tx.attention.repeats_due(now))


def _repeat(tx: Transaction, watch: Watch, one: DueRepeat, now: datetime) -> int:
    tx.attention.end_repeat(one)
    story, item = tx.stories.get(one.story_id), tx.items.get(one.item_id)
    if story is None or item is None or story.state != "new" or story.muted:
        return 0
    hits = _loud(tx, watch, item, now)
    return _tell(tx, watch, one, story, (item, hits), now) if hits else 0


def _loud(tx: Transaction, watch: Watch, item: Item, now: datetime) -> tuple[Hit, ...]:
    """Return the hits of rules that are still known and that no silence covers."""
    rules = watch.settings.ruleset.rules
    known = [hit for hit in tx.items.hits(item.id) if hit.rule in rules]
    silences = (*watch.settings.silences, *tx.attention.silences(now))
    return heard(item, known, rules, silences, now)[0]


def _tell(  # what it tells of, one argument each
    tx: Transaction,
    watch: Watch,
    one: DueRepeat,
    story: Story,
    what: tuple[Item, tuple[Hit, ...]],
    now: datetime,
) -> int:
    item, hits = what
    cause = Cause(
        story=story,
        item=item,
        hits=hits,
        reason=Reason.NOT_ACKNOWLEDGED,
        again=Again(at=now, channel=one.channel, left=one.left - 1),
    )
    return tell_story(tx, watch, cause)[1]
