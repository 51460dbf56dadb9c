"""Items, hits and streams with full defaults for the tests of stories."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.model import Hit, Item, ItemId, Severity, SourceId, StoryId
from monitor.stories import Fingerprint, Window, assign, fingerprint, story_id

NOON = datetime(2024, 10, 31, 12, 0, tzinfo=UTC)


def make_item(title: str = "", *, hours: float = 0, **changes: Any) -> Item:
    """Return an item published `hours` after noon of 31 October 2024, a Thursday."""
    when = NOON + timedelta(hours=hours)
    plain: dict[str, Any] = {
        "id": ItemId(f"{title}/{changes.get('source_id', 'wire')}/{hours}"),
        "source_id": SourceId("wire"),
        "title": title,
        "when": when,
        "seen_at": when,
    }
    return Item(**{**plain, **changes})


def make_hit(rule: str = "missiles") -> Hit:
    """Return a hit of a rule; its clauses do not matter to stories."""
    return Hit(rule=rule, version="1", severity=Severity.HIGH, clauses=())


def make_print(title: str = "", *, rules: Sequence[str] = (), **changes: Any) -> Fingerprint:
    """Return the fingerprint of `make_item(title, ...)` that hit `rules`."""
    return fingerprint(make_item(title, **changes), [make_hit(rule) for rule in rules])


def opened(*prints: Fingerprint) -> tuple[Window, StoryId]:
    """Return a window with one story of these members, named after the first, and its id."""
    window = Window()
    story = story_id(prints[0])
    for one in prints:
        window.add(story, one)
    return window, story


def run(prints: Sequence[Fingerprint]) -> dict[ItemId, StoryId]:
    """Return each item's story, assigned and added in this order."""
    window = Window()
    found: dict[ItemId, StoryId] = {}
    for one in prints:
        found[one.item_id] = assign(one, window).story_id or story_id(one)
        window.add(found[one.item_id], one)
    return found
