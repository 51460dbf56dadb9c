"""To which story an item belongs, and why: layers from the certain to the likely."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from monitor.model import Assignment, Hit, Item, ItemId, StoryId, stable_id
from monitor.stories.fingerprints import UNIT, Fingerprint, fingerprint
from monitor.stories.likeness import Likeness, apart, likeness
from monitor.stories.window import Group, Window, exact_keys

JOIN_WITHIN = timedelta(hours=72)  # of the story's latest item: DESIGN.md section 6
LIKE_WITHIN = timedelta(hours=48)  # ... by likeness; later only by symbol, address or title
KEEP = timedelta(days=7)  # after its arrival that a member stays in the window
_SERIES = timedelta(hours=20)  # a source that repeats a headline later than this writes a series
_COPY = 0.90  # likeness of words from which a text is a copy
_COPY_WORDS = 12  # words below which likeness says nothing of copying


def assign(fingerprint: Fingerprint, window: Window) -> Assignment:
    """Return the story that the item belongs to, or None for a story of its own, and why."""
    rivals: list[tuple[StoryId, str]] = []
    for key, reason in exact_keys(fingerprint):
        for group, member in window.same(key):
            if group.quiet(fingerprint.when) > JOIN_WITHIN:
                continue
            objection = _objection(fingerprint, member) if key.startswith("title ") else ""
            if not objection:
                return _joined(fingerprint, group, reason, None, rivals)
            rivals.append((group.story_id, f"{reason}, but {objection}"))
    barred = {story for story, _ in rivals}
    ranked = _ranked(fingerprint, [g for g in window.near(fingerprint) if g.story_id not in barred])
    rivals += [(other.group.story_id, other.summary) for other in ranked]
    if ranked and ranked[0].score >= 1:
        best = ranked[0]
        return _joined(fingerprint, best.group, best.summary, best.score, rivals)
    rival, rival_why = rivals[0] if rivals else (None, "")
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
    return sorted(found, key=lambda other: (-other.score, other.group.story_id))


def _objection(new: Fingerprint, member: Fingerprint) -> str:
    """Return why an equal headline is the next of a series, or nothing."""
    if apart(new.days, member.days):
        return "the days named differ"
    later = abs(new.when - member.when) > _SERIES
    if later and new.source_id == member.source_id and new.urls != member.urls:
        return "the source repeats it a day later at another address"
    return ""


def _joined(
    new: Fingerprint,
    group: Group,
    reason: str,
    score: float | None,
    rivals: Sequence[tuple[StoryId, str]],
) -> Assignment:
    share, original = _copied(new, group)
    rival, rival_why = next((r for r in rivals if r[0] != group.story_id), (None, ""))
    return Assignment(
        story_id=group.story_id,
        why=(reason, f"copy of {original}, {share:.0%}") if original else (reason,),
        score=None if score is None else round(score, 3),
        rival=rival,
        rival_why=rival_why,
        copy_of=original,
        is_denial=new.denies and 2 * group.denials < len(group.members),
    )


def _copied(new: Fingerprint, group: Group) -> tuple[float, ItemId | None]:
    """Return the member whose words the item repeats most closely, the earliest of equals."""
    if len(new.words) < _COPY_WORDS:
        return 0.0, None
    mine = dict(new.words)
    found = [
        (
            -sum(mine.get(token, 0) * weight for token, weight in member.words),
            member.when,
            member.item_id,
        )
        for member in group.members.values()
        if member.lang == new.lang
    ]
    if not found:
        return 0.0, None
    alike, _, item_id = min(found)
    share = min(-alike / (UNIT * UNIT), 1.0)
    return (share, item_id) if share >= _COPY else (0.0, None)
