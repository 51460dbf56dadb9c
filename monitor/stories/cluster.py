"""To which story an item belongs, and why: layers from the certain to the likely."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from monitor.model import Assignment, Hit, Item, ItemId, StoryId, stable_id
from monitor.stories.fingerprint import Fingerprint, fingerprint
from monitor.stories.window import Window, exact_keys

JOIN_WITHIN = timedelta(hours=72)  # of the story's latest item: DESIGN.md section 6


def assign(fingerprint: Fingerprint, window: Window) -> Assignment:
    """Return the story that the item belongs to, or None for a story of its own, and why."""
    for key, reason in exact_keys(fingerprint):
        for story, _member in reversed(window.sharing(key)):
            if abs(fingerprint.when - window.latest(story)) <= JOIN_WITHIN:
                return Assignment(story_id=story, why=(reason,))
    return Assignment(story_id=None, why=("nothing like it in the last 72 hours",))


def story_id(fingerprint: Fingerprint) -> StoryId:
    """Return the id of the story that this item opens."""
    return StoryId(stable_id("s-", "story", fingerprint.item_id))


def cluster(
    items_with_hits: Iterable[tuple[Item, Sequence[Hit]]],
) -> Iterator[tuple[ItemId, StoryId, Assignment]]:
    """Yield each item's story, in the order of arrival: assign and add in a loop, nothing else."""
    window = Window()
    for item, hits in items_with_hits:
        new = fingerprint(item, hits)
        window.drop_before(new.when - 2 * JOIN_WITHIN)
        answer = assign(new, window)
        story = answer.story_id or story_id(new)
        window.add(story, new)
        yield item.id, story, answer
