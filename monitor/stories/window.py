"""The recent members of stories, indexed by what an arriving item may share with them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from monitor.model import ItemId, StoryId
from monitor.stories.fingerprint import Fingerprint


@dataclass
class Window:
    """An index of members; adding the same members in the same order gives the same answers."""

    _members: dict[ItemId, tuple[StoryId, Fingerprint]] = field(default_factory=dict)
    _index: dict[str, dict[ItemId, None]] = field(default_factory=dict)
    _latest: dict[StoryId, dict[ItemId, datetime]] = field(default_factory=dict)

    def add(self, story_id: StoryId, fingerprint: Fingerprint) -> None:
        """Make the item a member of the story; an item that is known already is moved."""
        self._remove(fingerprint.item_id)
        self._members[fingerprint.item_id] = (story_id, fingerprint)
        self._latest.setdefault(story_id, {})[fingerprint.item_id] = fingerprint.when
        for key in _keys(fingerprint):
            self._index.setdefault(key, {})[fingerprint.item_id] = None

    def move(self, item_id: ItemId, story_id: StoryId) -> None:
        """Make a known item a member of another story; an item that has left is ignored."""
        if item_id in self._members:
            self.add(story_id, self._members[item_id][1])

    def forget(self, item_id: ItemId) -> None:
        """Drop one member; an item that is not known is ignored."""
        self._remove(item_id)

    def drop_before(self, time: datetime) -> None:
        """Forget the members that are older than `time`."""
        old = [i for i, (_, member) in self._members.items() if member.when < time]
        for item_id in old:
            self._remove(item_id)

    def sharing(self, key: str) -> list[tuple[StoryId, Fingerprint]]:
        """Return the members that have this key, in the order they were added."""
        return [self._members[item_id] for item_id in self._index.get(key, ())]

    def latest(self, story_id: StoryId) -> datetime:
        """Return the time of the story's latest member."""
        return max(self._latest[story_id].values())

    def __len__(self) -> int:
        return len(self._members)

    def _remove(self, item_id: ItemId) -> None:
        if item_id not in self._members:
            return
        story_id, member = self._members.pop(item_id)
        del self._latest[story_id][item_id]
        if not self._latest[story_id]:
            del self._latest[story_id]
        for key in _keys(member):
            del self._index[key][item_id]
            if not self._index[key]:
                del self._index[key]


def exact_keys(fingerprint: Fingerprint) -> Iterable[tuple[str, str]]:
    """Yield (key, reason for people), strongest first, that join two items without more ado."""
    for symbol in fingerprint.symbols:
        yield f"symbol {symbol}", f"same document symbol {symbol}"
    for url in fingerprint.urls:
        yield f"url {url}", f"same address {url}"
    if fingerprint.title:
        yield f"title {fingerprint.title}", "same title"


def _keys(fingerprint: Fingerprint) -> Iterable[str]:
    return (key for key, _ in exact_keys(fingerprint))
