"""To which story an item belongs, and why: layers from the certain to the likely."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.model import Assignment, Hit, Item, ItemId, StoryId, stable_id
from monitor.stories.fingerprints import UNIT, Fingerprint, fingerprint
from monitor.stories.likeness import Likeness, apart, likeness
from monitor.stories.window import Group, Window, exact_keys

JOIN_WITHIN = timedelta(hours=72)  # of the story's latest item: DESIGN.md section 6
LIKE_WITHIN = timedelta(hours=48)  # ... by likeness; later only by symbol, address or title
KEEP = timedelta(days=7)  # after its arrival that a member stays in the window
_SERIES = timedelta(hours=20)  # a source that repeats a headline later than this writes a series
_WEIGHT_OF_MANY = 0.25  # power of the members: heals a story that broke in two: docs/stories.md
_COPY = 0.90  # likeness of words from which a text is a copy
_COPY_WORDS = 12  # words below which likeness says nothing of copying


def assign(fingerprint: Fingerprint, window: Window) -> Assignment:
    """Return the story that the item belongs to, or None for a story of its own, and why."""
    rivals: dict[StoryId, str] = {}
    series: set[StoryId] = set()
    for key, reason in exact_keys(fingerprint):
        layer = key.partition(" ")[0]
        against = dict(_objections(layer, fingerprint, window.same(key)))
        for group, _ in window.same(key):
            if group.story_id in series or group.quiet(fingerprint.when) > JOIN_WITHIN:
                continue
            if group.story_id not in against:
                return _joined(fingerprint, group, reason, None, rivals)
            rivals.setdefault(group.story_id, f"{reason}, but {against[group.story_id]}")
        series |= against.keys() if layer == "title" else set()
    near = (group for group in window.near(fingerprint) if group.story_id not in series)
    ranked = _ranked(fingerprint, near)
    for other in ranked:
        rivals.setdefault(other.group.story_id, other.summary)
    if ranked and ranked[0].score >= 1:
        best = ranked[0]
        return _joined(fingerprint, best.group, best.summary, best.score, rivals)
    rival, rival_why = next(iter(rivals.items()), (None, ""))
    return Assignment(
        story_id=None,
        why=("no recent story is like it",),
        score=round(ranked[0].score, 3) if ranked else None,
        rival=rival,
        rival_why=rival_why,
    )


def story_id(fingerprint: Fingerprint) -> StoryId:
    """Return the id of the story that this item opens."""
    return StoryId(stable_id("s-", "story", fingerprint.item_id))


def cluster(
    items_with_hits: Iterable[tuple[Item, Sequence[Hit]]],
) -> Iterator[tuple[ItemId, StoryId, Assignment]]:
    """Yield each item's story, in the order of arrival: assign and add in a loop, nothing else.

    The clock is that of the items: it stands at the latest one so far.
    """
    window = Window()
    arrivals: deque[tuple[datetime, ItemId]] = deque()
    for item, hits in items_with_hits:
        new = fingerprint(item, hits)
        now = max(new.when, arrivals[-1][0]) if arrivals else new.when
        while arrivals and arrivals[0][0] < now - KEEP:
            window.forget(arrivals.popleft()[1])
        answer = assign(new, window)
        story = answer.story_id or story_id(new)
        window.add(story, new)
        arrivals.append((now, item.id))
        yield item.id, story, answer


def _ranked(new: Fingerprint, groups: Iterable[Group]) -> list[Likeness]:
    recent = (group for group in groups if group.quiet(new.when) <= LIKE_WITHIN)
    found = (likeness(new, group) for group in recent)
    return sorted(found, key=lambda other: (-_claim(other), other.group.story_id))


def _claim(other: Likeness) -> float:
    """Return by what to choose among stories: of two it may join, rather the one told by many."""
    return other.score * (len(other.group.members) ** _WEIGHT_OF_MANY if other.score >= 1 else 1)


def _objections(
    layer: str, new: Fingerprint, members: Iterable[tuple[Group, Fingerprint]]
) -> Iterator[tuple[StoryId, str]]:
    """Yield the stories that an equal key must not join to; one member's objection is enough."""
    if layer in _OBJECTIONS:
        for group, member in members:
            if objection := _OBJECTIONS[layer](new, member):
                yield group.story_id, objection


def _shared_address(new: Fingerprint, member: Fingerprint) -> str:
    """Return an objection where a feed gives one address to entries that it tells apart."""
    known = new.guid and member.guid and new.source_id == member.source_id
    if known and new.guid != member.guid:
        return "the source gives other items that address too"
    return ""


def _series(new: Fingerprint, member: Fingerprint) -> str:
    """Return an objection where an equal headline is the next of a series."""
    if apart(new.days, member.days):
        return "the days named differ"
    later = abs(new.when - member.when) > _SERIES
    if later and new.source_id == member.source_id and new.urls != member.urls:
        return "the source repeats it a day later at another address"
    return ""


_OBJECTIONS: Mapping[str, Callable[[Fingerprint, Fingerprint], str]] = {
    "url": _shared_address,
    "title": _series,
}


def _joined(
    new: Fingerprint,
    group: Group,
    reason: str,
    score: float | None,
    rivals: Mapping[StoryId, str],
) -> Assignment:
    original, share = _original(new, group)
    others = ((story, why) for story, why in rivals.items() if story != group.story_id)
    rival, rival_why = next(others, (None, ""))
    return Assignment(
        story_id=group.story_id,
        why=(reason, f"copy of {original.source_id}, {share:.0%}") if original else (reason,),
        score=None if score is None else round(score, 3),
        rival=rival,
        rival_why=rival_why,
        copy_of=original.item_id if original else None,
        is_denial=new.denies and 2 * group.denials < len(group.members),
    )


def _original(new: Fingerprint, group: Group) -> tuple[Fingerprint | None, float]:
    """Return the member whose words the item repeats most closely, the earliest of equals."""
    if len(new.words) < _COPY_WORDS:
        return None, 0.0
    mine = dict(new.words)
    best: tuple[int, datetime, ItemId] | None = None
    for member in group.members.values():
        if member.lang == new.lang:
            alike = sum(mine.get(token, 0) * weight for token, weight in member.words)
            found = (-alike, member.when, member.item_id)
            best = min(best, found) if best else found
    if best is None or -best[0] < _COPY * UNIT * UNIT:
        return None, 0.0
    return group.members[best[2]], min(-best[0] / (UNIT * UNIT), 1.0)
