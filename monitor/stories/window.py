"""The recent members of stories, indexed by what an arriving item may share with them.

Every sum is of whole numbers and every choice breaks ties by id: what comes out depends on which
members are in the window, never on the order in which they came.
"""

import heapq
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import sqrt
from typing import TypeVar

from monitor.model import ItemId, StoryId
from monitor.stories.fingerprints import Fingerprint, Weights

MEMBERS = 200  # of one story, the latest; the largest in 200,000 real items has 46
SAME = 200  # members with one key that are looked at, the latest
VISITS = 20_000  # entries of the index looked at for one item: bounds the cost at any size
SHORT_LIST = 40  # stories compared in full
_NOTHING: Mapping[StoryId, int] = {}

_Key = TypeVar("_Key")
_Moment = tuple[datetime, ItemId]


class Voice:
    """The members of a story in one language, added up."""

    def __init__(self) -> None:
        self.members = 0
        self.words: Counter[str] = Counter()
        self.facts: Counter[str] = Counter()


class Group:
    """The members of one story that are in the window, added up."""

    def __init__(self, story_id: StoryId) -> None:
        self.story_id = story_id
        self.members: dict[ItemId, Fingerprint] = {}
        self.by_time: list[_Moment] = []
        self.voices: dict[str, Voice] = {}
        self.facts: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        self.rules: Counter[str] = Counter()
        self.days: Counter[int] = Counter()
        self.denials = 0
        self._length: float | None = None

    @property
    def length(self) -> float:
        """Return the length of the vector of facts."""
        if self._length is None:
            self._length = sqrt(sum(weight * weight for weight in self.facts.values()))
        return self._length

    def quiet(self, when: datetime) -> timedelta:
        """Return how far `when` lies outside the time between first and latest member."""
        return max(self.by_time[0][0] - when, when - self.by_time[-1][0], timedelta())

    def add(self, new: Fingerprint) -> None:
        """Count the member in."""
        self.members[new.item_id] = new
        insort(self.by_time, (new.when, new.item_id))
        self._count(new, 1)

    def remove(self, old: Fingerprint) -> None:
        """Count the member out."""
        del self.members[old.item_id]
        _take_out(self.by_time, (old.when, old.item_id))
        self._count(old, -1)

    def _count(self, member: Fingerprint, sign: int) -> None:
        voice = self.voices.setdefault(member.lang, Voice())
        voice.members += sign
        self.denials += sign * member.denies
        for token, weight in member.words:
            _count(voice.words, token, sign * weight)
        for token, weight in member.facts:
            _count(voice.facts, token, sign * weight)
            _count(self.facts, token, sign * weight)
        for mark in member.marks:
            _count(self.marks, mark, sign)
        for rule in member.rules:
            _count(self.rules, rule, sign)
        for day in member.days:
            _count(self.days, day, sign)
        self._length = None
        if not voice.members:
            del self.voices[member.lang]


class Window:
    """An index of members; the same members give the same answers, in whatever order added."""

    def __init__(self) -> None:
        self._groups: dict[StoryId, Group] = {}
        self._story_of: dict[ItemId, StoryId] = {}
        self._exact: dict[str, list[_Moment]] = {}
        self._shared: dict[str, Counter[StoryId]] = {}  # sums of weights
        self._by_time: list[_Moment] = []

    def __len__(self) -> int:
        return len(self._story_of)

    def add(self, story_id: StoryId, fingerprint: Fingerprint) -> None:
        """Make the item a member of the story; an item that is known already is replaced.

        A story that grows past `MEMBERS` loses its oldest one.
        """
        self.forget(fingerprint.item_id)
        self._story_of[fingerprint.item_id] = story_id
        group = self._groups.setdefault(story_id, Group(story_id))
        group.add(fingerprint)
        moment = (fingerprint.when, fingerprint.item_id)
        insort(self._by_time, moment)
        for key, _ in exact_keys(fingerprint):
            insort(self._exact.setdefault(key, []), moment)
        for token, weight in _tokens(fingerprint):
            _count(self._shared.setdefault(token, Counter()), story_id, weight)
        if len(group.members) > MEMBERS:
            self.forget(group.by_time[0][1])

    def move(self, item_id: ItemId, story_id: StoryId) -> None:
        """Make a known item a member of another story; an item that has left is ignored."""
        if item_id in self._story_of:
            self.add(story_id, self._groups[self._story_of[item_id]].members[item_id])

    def drop_before(self, time: datetime) -> None:
        """Forget the members that are older than `time`."""
        old = self._by_time[: bisect_left(self._by_time, (time, ItemId("")))]
        for _, item_id in old:
            self.forget(item_id)

    def forget(self, item_id: ItemId) -> None:
        """Drop one member; an item that is not known is ignored."""
        if item_id not in self._story_of:
            return
        story_id = self._story_of.pop(item_id)
        group = self._groups[story_id]
        old = group.members[item_id]
        group.remove(old)
        if not group.members:
            del self._groups[story_id]
        moment = (old.when, item_id)
        _take_out(self._by_time, moment)
        for key, _ in exact_keys(old):
            _take_out(self._exact[key], moment)
            if not self._exact[key]:
                del self._exact[key]
        for token, weight in _tokens(old):
            _count(self._shared[token], story_id, -weight)
            if not self._shared[token]:
                del self._shared[token]

    def same(self, key: str) -> list[tuple[Group, Fingerprint]]:
        """Return the latest `SAME` members that have this exact key, with their stories."""
        found = []
        for _, item_id in reversed(self._exact.get(key, ())[-SAME:]):
            group = self._groups[self._story_of[item_id]]
            found.append((group, group.members[item_id]))
        return found

    def near(self, fingerprint: Fingerprint) -> list[Group]:
        """Return the stories most like the item at a glance, rare words and facts first."""
        alike: dict[StoryId, int] = {}
        visits = 0
        for token, weight in sorted(
            _tokens(fingerprint), key=lambda pair: (self._spread(pair[0]), pair)
        ):
            visits += self._spread(token)
            if visits > VISITS:
                break
            for story_id, total in self._shared.get(token, _NOTHING).items():
                alike[story_id] = alike.get(story_id, 0) + weight * total
        groups = self._groups
        best = heapq.nsmallest(
            SHORT_LIST,
            (
                (-total / len(groups[story_id].members), story_id)
                for story_id, total in alike.items()
            ),
        )
        return [groups[story_id] for _, story_id in best]

    def _spread(self, token: str) -> int:
        return len(self._shared.get(token, ()))


def exact_keys(fingerprint: Fingerprint) -> Iterator[tuple[str, str]]:
    """Yield (key, reason for people), strongest first, that join two items without more ado."""
    for symbol in fingerprint.symbols:
        yield f"symbol {symbol}", f"same document symbol {symbol}"
    for url in fingerprint.urls:
        yield f"url {url}", f"same address {url}"
    if fingerprint.title:
        yield f"title {fingerprint.title}", "same title"


def _take_out(moments: list[_Moment], moment: _Moment) -> None:
    del moments[bisect_left(moments, moment)]


def _count(counter: Counter[_Key], key: _Key, change: int) -> None:
    counter[key] += change
    if not counter[key]:
        del counter[key]


def _tokens(fingerprint: Fingerprint) -> Weights:
    return (*fingerprint.words, *fingerprint.facts)
