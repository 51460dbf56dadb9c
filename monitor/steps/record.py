"""What a poll brought, stored in one transaction: all of it is committed, or none.

A document with very many new items is taken in by portions, each of them whole, so that a flood
holds up no other source and no message; its validators come with the last one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog

from monitor import stories
from monitor.alerts.decide import Arrival, decide, returned_at
from monitor.alerts.silence import heard
from monitor.errors import FetchError, ParseError, StoreError
from monitor.model import (
    Assignment,
    Decision,
    Fetched,
    FullText,
    Hit,
    Item,
    ItemId,
    NotModified,
    Reading,
    Reason,
    Source,
    Story,
    StoryId,
    Validators,
)
from monitor.steps.health import note_failure, note_read, note_unchanged
from monitor.steps.ledger import Seen, keep_pace, relax
from monitor.steps.schedule import (
    after_failure,
    after_read,
    after_unchanged,
    neighbours,
)
from monitor.steps.tell import Cause, tell_story
from monitor.steps.watch import Watch
from monitor.store import Transaction
from monitor.store.items import words_hash

log = structlog.get_logger()

FAULT = "fault"  # flag of an item that we failed to match or to record

AT_ONCE = 100  # items of one transaction; with hits in all of them 1.6 s on a busy machine

_POSTPONED = "postponed"  # others wait for the same host: our politeness, not the source's failure
_POSTPONED_FOR = timedelta(minutes=1)
_BUSY = "busy"  # 429 or 503 of the source's own host, with a Retry-After


@dataclass(frozen=True, kw_only=True)
class Found:
    """An item of a document with what the rules made of it.

    `feed_words` is set where the feed asks for articles: it names what the feed itself says, by
    which an edit is known. `full_text` is what came of asking, None where there was no need.
    """

    item: Item
    hits: tuple[Hit, ...]
    near_misses: tuple[tuple[str, str], ...] = ()  # rule and missing clause
    feed_words: bytes | None = None
    full_text: FullText | None = None


@dataclass(frozen=True, kw_only=True)
class Poll:
    """A document that was read, with what the rules made of it."""

    source: Source
    fetched: Fetched
    reading: Reading
    found: tuple[Found, ...]
    now: datetime


@dataclass(frozen=True, kw_only=True)
class Told:
    """An item with hits that was taken in, its story, and why people are told or not."""

    item: Item
    hits: tuple[Hit, ...]
    story_id: StoryId
    opened: bool
    decision: Decision
    deliveries: int = 0


@dataclass(frozen=True, kw_only=True)
class PollReport:
    """What one poll came to; `seconds` has the wall time of each stage."""

    source: Source
    result: Literal["read", "unchanged", "failed"]
    entries: int = 0
    new_items: int = 0
    changed_items: int = 0
    told: tuple[Told, ...] = ()
    error: str = ""
    error_kind: str = ""
    partial: bool = False
    articles: Mapping[str, int] = field(default_factory=dict)  # what came of asking, how often
    has_gap: bool = False  # nothing in the document was known: items may have come and gone unseen
    next_poll_at: datetime | None = None
    reading_s: float = 0.0  # of CPU, in the child that read the document
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What was new of some items, or edited, and what became of it; `faulty` we failed on."""

    new: tuple[Item, ...] = ()
    changed: tuple[Item, ...] = ()
    told: tuple[Told, ...] = ()
    faulty: tuple[Item, ...] = ()

    def __add__(self, other: "Taken") -> "Taken":
        """Return both together."""
        return Taken(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            told=self.told + other.told,
            faulty=self.faulty + other.faulty,
        )


def portions(found: Sequence[Found]) -> list[tuple[Found, ...]]:
    """Return items in the order in which they are taken in, cut into transactions; at least one."""
    ordered = tuple(sorted(found, key=lambda one: (one.item.when, one.item.id)))
    return [ordered[at : at + AT_ONCE] for at in range(0, max(len(ordered), 1), AT_ONCE)]


def take(tx: Transaction, watch: Watch, poll: Poll, found: Sequence[Found]) -> Taken:
    """Store what is new of some of a poll's items: hits, stories, decisions, messages included."""
    before = tx.sources.state(poll.source.id)
    is_backlog = before.last_ok_at is None and poll.source.first_poll != "alert"
    fresh = _unseen(tx, found)
    watch.recent.sync(tx, poll.now)
    told: list[Told] = []
    faulty: list[Item] = []
    for one, is_edit in fresh:
        outcome = _store_one(tx, watch, one, _How(is_backlog=is_backlog, is_edit=is_edit))
        told += outcome or ()
        faulty += [one.item] if outcome is None else []
    tx.items.forget_words([item.id for item in faulty])
    return Taken(
        new=tuple(one.item for one, is_edit in fresh if not is_edit),
        changed=tuple(one.item for one, is_edit in fresh if is_edit),
        told=tuple(told),
        faulty=tuple(faulty),
    )


def record(
    tx: Transaction, watch: Watch, poll: Poll, last: Sequence[Found], earlier: Taken
) -> PollReport:
    """Store the last portion of what was read, and with it what is known of the source from now on.

    Items, hits, stories, decisions, messages; then validators, known entries, next poll.
    """
    source = poll.source
    before = tx.sources.state(source.id)
    taken = earlier + take(tx, watch, poll, last)
    _store_known(tx, source, poll.reading, taken.faulty)
    items = (*taken.new, *taken.changed)
    seen = Seen(
        source=source,
        reading=poll.reading,
        new=taken.new,
        edited=taken.changed,
        now=poll.now,
    )
    paced = keep_pace(before, seen)
    after = after_read(paced, source, poll.fetched, poll.reading, items, poll.now)
    after, gap = note_read(tx, seen, before, after, watch.settings.failing_after)
    tx.sources.put(replace(after, validators=Validators()) if taken.faulty else after)
    return PollReport(
        source=source,
        result="read",
        entries=len(poll.reading.hashes),
        new_items=len(taken.new),
        changed_items=len(taken.changed),
        told=taken.told,
        partial=poll.reading.partial,
        articles=Counter(one.full_text.result for one in poll.found if one.full_text),
        has_gap=gap is not None,
        reading_s=poll.reading.cpu_s,
        next_poll_at=after.next_poll_at,
    )


def take_up(tx: Transaction, watch: Watch, item: Item, hits: tuple[Hit, ...]) -> Told:
    """Take in hits that a stored item makes with other rules than those it came under."""
    watch.recent.sync(tx, item.seen_at)
    found = Found(item=item, hits=hits)
    return _take_in(tx, watch, found, _How(is_backlog=False, is_edit=True))


def record_unchanged(
    tx: Transaction, source: Source, answer: NotModified, now: datetime
) -> PollReport:
    """Store that a source had nothing new."""
    before = tx.sources.state(source.id)
    after = after_unchanged(relax(before, source, now), source, answer, now)
    tx.sources.put(note_unchanged(tx, before, after, now))
    return PollReport(source=source, result="unchanged", next_poll_at=after.next_poll_at)


def record_failure(
    tx: Transaction, watch: Watch, source: Source, error: FetchError | ParseError, now: datetime
) -> PollReport:
    """Store that a poll failed; neither validators nor known entries change.

    A host that asked to be left alone is left alone by its other sources too, also after a restart.
    """
    before = tx.sources.state(source.id)
    if error.kind == _POSTPONED:
        after = replace(before, next_poll_at=now + (_asked_wait(error) or _POSTPONED_FOR))
    else:
        after = after_failure(before, source, error, now)
        after = note_failure(tx, source, error, before, after, watch.settings.failing_after)
    tx.sources.put(after)
    wait = _asked_wait(error)
    if error.kind == _BUSY and wait is not None:
        tx.sources.hold(neighbours(source, watch.settings.sources.values()), now + wait)
    return PollReport(
        source=source,
        result="failed",
        error=str(error),
        error_kind=error.kind,
        reading_s=error.cpu_s if isinstance(error, ParseError) else 0.0,
        next_poll_at=after.next_poll_at,
    )


def _asked_wait(error: FetchError | ParseError) -> timedelta | None:
    return error.retry_after if isinstance(error, FetchError) else None


def _unseen(tx: Transaction, found: Sequence[Found]) -> list[tuple[Found, bool]]:
    """Return what is new, or whose words changed, with whether it is such an edit."""
    stored = tx.items.words([one.item.id for one in found])
    fresh: dict[ItemId, tuple[Found, bool]] = {}
    for one in found:
        before = stored.get(one.item.id)
        if before is None or before != words_hash(one.item):
            fresh.setdefault(one.item.id, (one, before is not None))
    return list(fresh.values())


@dataclass(frozen=True, kw_only=True)
class _How:
    """How an item came."""

    is_backlog: bool
    is_edit: bool


def _store_one(tx: Transaction, watch: Watch, one: Found, how: _How) -> list[Told] | None:
    """Store an item with all that follows; None for a fault of ours, which leaves the bare item.

    One item that cannot be handled must not hold back its feed; it is taken up again with every
    poll that still shows it.
    """
    if FAULT in one.item.flags:
        _store_item(tx, one, is_edit=how.is_edit)
        return None
    try:
        with tx.savepoint():
            _store_item(tx, one, is_edit=how.is_edit)
            return [_take_in(tx, watch, one, how)] if one.hits else []
    except StoreError:
        raise
    except Exception:
        log.exception("item stored without its hits", item=one.item.id)
        watch.recent.forget_all()
        watch.recent.sync(tx, one.item.seen_at)
        flagged = replace(one.item, flags=(*one.item.flags, FAULT))
        _store_item(tx, replace(one, item=flagged, hits=(), near_misses=()), is_edit=how.is_edit)
        return None


def _store_item(tx: Transaction, one: Found, *, is_edit: bool) -> None:
    if is_edit:
        tx.items.change(one.item)
    else:
        tx.items.put(one.item)
    if one.feed_words is not None:
        tx.full_text.put(one.item.id, one.feed_words, one.full_text)
    tx.items.put_near_misses(one.item, one.near_misses)


def _take_in(tx: Transaction, watch: Watch, one: Found, how: _How) -> Told:
    """Store the hits of an item, put it into its story, and tell people or say why not."""
    ruleset = watch.settings.ruleset
    evidence = tx.items.put_evidence(one.item)
    tx.items.put_hits(one.item, one.hits, ruleset.hash, evidence)
    story_id = tx.stories.story_of(one.item.id)
    opened, is_denial = False, False
    is_member = story_id is not None
    if story_id is None:
        story_id, assignment = _join(tx, watch, one)
        opened, is_denial = assignment.story_id is None, assignment.is_denial
    else:
        tx.stories.touch(
            story_id,
            at=one.item.seen_at,
            severity=max(hit.severity for hit in one.hits),
            returned_at=None,
        )
    story = tx.stories.get(story_id)
    assert story is not None, "the item has just joined it"
    silences = (*watch.settings.silences, *tx.attention.silences(one.item.seen_at))
    loud, silenced = heard(one.item, one.hits, ruleset.rules, silences, one.item.seen_at)
    arrival = Arrival(
        hits=loud,
        is_backlog=how.is_backlog,
        is_edit=how.is_edit and is_member,
        is_denial=is_denial,
        silenced=silenced,
    )
    reason, detail = decide(story, arrival, watch.settings.policy)
    said = replace(one, hits=loud)
    decision, deliveries = _carry_out(tx, watch, said, story, reason, detail)
    rules = [hit.rule for hit in one.hits]
    tx.stories.put_decision(one.item, story_id, decision, rules, ruleset.hash)
    return Told(
        item=one.item,
        hits=one.hits,
        story_id=story_id,
        opened=opened,
        decision=decision,
        deliveries=deliveries,
    )


def _join(tx: Transaction, watch: Watch, one: Found) -> tuple[StoryId, Assignment]:
    """Put an item into the story that tells of the same event, or open one."""
    print_ = stories.fingerprint(one.item, one.hits)
    assignment = stories.assign(print_, watch.recent.window)
    now = one.item.seen_at
    severity = max(hit.severity for hit in one.hits)
    story_id = assignment.story_id or stories.story_id(print_)
    latest_at = tx.stories.latest_at(story_id)
    if latest_at is None:
        tx.stories.open(story_id, one.item, severity)
    else:
        back = returned_at(latest_at, now, watch.settings.policy)
        tx.stories.touch(story_id, at=now, severity=severity, returned_at=back)
    number = tx.stories.join(story_id, one.item, assignment, print_.to_json())
    watch.recent.add(number, story_id, print_, now)
    return story_id, assignment


def _carry_out(
    tx: Transaction, watch: Watch, one: Found, story: Story, reason: Reason, detail: str
) -> tuple[Decision, int]:
    """Send what the decision asks for; what no route takes at once is left for the digest."""
    if reason is Reason.BACKLOG:
        source = watch.settings.sources.get(one.item.source_id)
        return Decision(reason=reason, detail=source.first_poll if source else ""), 0
    if not reason.sends:
        return Decision(reason=reason, detail=detail), 0
    cause = Cause(story=story, item=one.item, hits=one.hits, reason=reason, detail=detail)
    return tell_story(tx, watch, cause)


def _store_known(tx: Transaction, source: Source, reading: Reading, faulty: Sequence[Item]) -> None:
    """Store which entries need not be looked at again: all but those that we failed on."""
    again = {item.hash for item in faulty}
    hashes = [entry for entry in reading.hashes if entry not in again]
    if reading.partial:
        tx.sources.add_known(source.id, hashes)
    else:
        tx.sources.replace_known(source.id, hashes)
