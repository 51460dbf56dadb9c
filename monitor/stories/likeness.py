"""How like a story an item is: words and facts within its language, facts across languages."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import exp

from monitor.stories import idf
from monitor.stories.fingerprints import AGAIN, UNIT, Fingerprint, Weights
from monitor.stories.window import Group

# Tuned on the window of 2025 of events-dev, checked on that of 2024: docs/stories.md.
_WORDS_SHARE = 0.7  # of words in likeness within a language; the rest is facts
_NEEDED = 0.28  # mean likeness to the members in the item's language
_NEEDED_ACROSS = 0.48  # likeness of facts to the story as a whole
_ACROSS_COUNTS = (
    0.5  # the story as a whole counts as half a member where it has some in the language
)
_EVIDENCE = 5.0  # weight of shared facts below which nothing joins across languages: two rare ones
_FADE = timedelta(hours=34)  # of quiet, after which likeness counts 1/e of what it did
_CLASH = 0.7  # what a likeness still counts when people, weapons, amounts, days or rules differ
_AGAIN = "it happened again"
_AGAIN_AFTER = timedelta(hours=12)  # of quiet, after which `again` means another event
_OWN = 2 / 3  # share of a story's members that makes a mark the story's own


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """A story's likeness to an item: it joins where `score` is 1 or more."""

    group: Group
    score: float
    clashes: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Return the figure and what spoke for and against, for people."""
        against = "".join(f"; {clash}" for clash in self.clashes)
        return f"likeness {self.score:.2f} of 1: {', '.join(self.shared)}{against}"


def likeness(new: Fingerprint, group: Group) -> Likeness:
    """Return how like the story as a whole the item is, 1 being enough to join."""
    quiet = group.quiet(new.when)
    score = _alike(new, group) * exp(-(quiet / _FADE))
    clashes = tuple(_clashes(new, group))
    again = _AGAIN in clashes and quiet > _AGAIN_AFTER
    return Likeness(
        group=group,
        score=0.0 if again else score * _CLASH ** len(clashes),
        clashes=clashes,
        shared=tuple(_shared(new, group)),
    )


def _alike(new: Fingerprint, group: Group) -> float:
    evidence = sum(idf.weight(fact) for fact, _ in new.facts if fact in group.facts)
    across = 0.0  # one weak fact joins nothing
    if evidence >= _EVIDENCE:
        across = _dot(new.facts, group.facts) / (UNIT * (group.length or 1)) / _NEEDED_ACROSS
    voice = group.voices.get(new.lang)
    if not voice:
        return across
    words = _WORDS_SHARE * _dot(new.words, voice.words)
    facts = (1 - _WORDS_SHARE) * _dot(new.facts, voice.facts)
    within = (words + facts) / (UNIT * UNIT) / _NEEDED  # the sum over the members
    return (within + _ACROSS_COUNTS * across) / (voice.members + _ACROSS_COUNTS)


def apart(days: Collection[int], others: Collection[int]) -> bool:
    """Return whether both name calendar days and none is within a day of one of the others."""
    return bool(days and others) and all(abs(a - b) > 1 for a in days for b in others)


def _clashes(new: Fingerprint, group: Group) -> Iterator[str]:
    for kind, name in (("p:", "people"), ("w:", "weapons"), ("n:", "amounts")):
        if _differ(new, group, kind):
            yield f"{name} differ"
    if AGAIN in new.marks and AGAIN not in group.marks:
        yield _AGAIN
    if apart(new.days, group.days):
        yield "days differ"
    if new.rules and group.rules and group.rules.keys().isdisjoint(new.rules):
        yield "no rule in common"


def _differ(new: Fingerprint, group: Group, kind: str) -> bool:
    """Return whether the item has a mark the story lacks, and lacks one that is the story's own."""
    mine = {mark for mark in new.marks if mark.startswith(kind)}
    own = {
        mark
        for mark, count in group.marks.items()
        if mark.startswith(kind) and count >= _OWN * len(group.members)
    }
    return any(mark not in group.marks for mark in mine) and bool(own - mine)


def _dot(vector: Weights, sums: Mapping[str, int]) -> int:
    return sum(weight * sums.get(token, 0) for token, weight in vector)


def _shared(new: Fingerprint, group: Group) -> Iterator[str]:
    both = [(weight, fact) for fact, weight in new.facts if fact in group.facts]
    for _, fact in sorted(both, reverse=True)[:4]:
        yield fact.partition(":")[2]
