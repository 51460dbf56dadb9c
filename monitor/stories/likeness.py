"""How like a story an item is: words and facts within its language, facts across languages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import exp

from monitor.stories.fingerprints import UNIT, Fingerprint, Weights
from monitor.stories.window import Group

# Tuned on the window of 2025 of events-dev, checked on that of 2024: docs/stories.md.
_WORDS_SHARE = 0.7  # of words in likeness within a language; the rest is facts
_NEEDED = 0.28  # mean likeness to the members in the same language
_NEEDED_ACROSS = 0.50  # likeness of facts to the whole story, where it has none in that language
_FADE = timedelta(hours=30)  # of quiet, after which likeness counts 1/e of what it did
_CLASH = 0.8  # what a likeness still counts when names, weapons, amounts or rules differ
_OTHER_DAY = 0.6  # ... when the days named are more than a day apart
_HALF = 0.5  # share of a story's members that makes a fact the story's own


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """A story's likeness to an item: it may join where `ratio` is 1 or more."""

    group: Group
    score: float
    needed: float
    ratio: float
    clashes: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def summary(self) -> str:
        """Return the figures for people."""
        clashes = "".join(f"; {clash}" for clash in self.clashes)
        return f"likeness {self.score:.2f}, needed {self.needed:.2f}{clashes}"


def likeness(new: Fingerprint, group: Group) -> Likeness:
    """Return how like the story as a whole the item is."""
    voice = group.voices.get(new.lang)
    if voice:
        mean = UNIT * UNIT * voice.members
        alike = _dot(new.words, voice.words) * _WORDS_SHARE
        score = (alike + _dot(new.facts, voice.facts) * (1 - _WORDS_SHARE)) / mean
        needed = _NEEDED
    else:
        score = _dot(new.facts, group.facts) / (UNIT * (group.length or 1))
        needed = _NEEDED_ACROSS
    clashes = dict(_clashes(new, group))
    fading = exp(-(group.quiet(new.when) / _FADE))
    ratio = score * fading / needed
    for factor in clashes.values():
        ratio *= factor
    return Likeness(
        group=group,
        score=score,
        needed=needed / max(fading, 1e-9),
        ratio=ratio,
        clashes=tuple(clashes),
        shared=tuple(_shared(new, group)),
    )


def apart(days: tuple[int, ...], others: Mapping[int, int]) -> bool:
    """Return whether both name calendar days and none is within a day of one of the others."""
    known = [day for day, count in others.items() if count]
    return bool(days and known) and all(abs(a - b) > 1 for a in days for b in known)


def _clashes(new: Fingerprint, group: Group) -> Iterator[tuple[str, float]]:
    for kind, name in (("w:", "weapons"), ("n:", "amounts"), ("p:", "people")):
        if _differ(new, group, kind):
            yield f"{name} differ", _CLASH
    if apart(new.days, group.days):
        yield "days differ", _OTHER_DAY
    if new.rules and +group.rules and not any(group.rules[rule] for rule in new.rules):
        yield "no rule in common", _CLASH


def _differ(new: Fingerprint, group: Group, kind: str) -> bool:
    mine = {fact for fact in new.head if fact.startswith(kind)}
    own = {
        fact
        for fact, count in group.head.items()
        if fact.startswith(kind) and count >= _HALF * len(group.members)
    }
    return any(not group.head[fact] for fact in mine) and bool(own - mine)


def _dot(vector: Weights, sums: Mapping[str, int]) -> int:
    return sum(weight * sums.get(token, 0) for token, weight in vector)


def _shared(new: Fingerprint, group: Group) -> Iterator[str]:
    both = [(weight, fact) for fact, weight in new.facts if group.facts[fact] > 0]
    for _, fact in sorted(both, reverse=True)[:4]:
        yield fact.partition(":")[2]
