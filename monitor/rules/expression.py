"""What a rule asks for, as a tree; each operator of the language is one kind of node.

A new operator is a file in `operators/` and a line in its registry.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate

from monitor.rules.document import Document, Found

Matches = list[Found]  # what was found; an empty list is a match without words (`none`)
Need = frozenset[int]  # terms of which at least one must be found
Rarity = Callable[[Need], float]  # how often one of the terms is expected to be found


class Masked:
    """Phrases that hide what stands inside them."""

    def __init__(self, phrases: Sequence[Found]) -> None:
        self._starts = [phrase.start for phrase in sorted(phrases)]
        ends = (phrase.end for phrase in sorted(phrases))
        self._furthest = list(accumulate(ends, max))  # end of the phrases that begin so far

    def covers(self, match: Found) -> bool:
        """Return whether the match lies inside one of the phrases."""
        begun = bisect_right(self._starts, match.start)
        return begun > 0 and self._furthest[begun - 1] >= match.end


@dataclass(frozen=True, kw_only=True)
class Context:
    """What was found in a document, and which part of it counts."""

    document: Document
    found: Mapping[int, Sequence[Found]]
    windows: tuple[tuple[int, int], ...] | None = None
    masked: Masked | None = None
    listed: Mapping[Found, Sequence[str]] = field(default_factory=dict)  # names of watch lists
    # Rules share their term lists: each is looked up once for each context.
    _looked_up: dict[frozenset[int], Matches | None] = field(default_factory=dict, init=False)

    @cached_property
    def terms(self) -> frozenset[int]:
        """Return the terms that were found."""
        return frozenset(self.found)

    def of(self, ids: frozenset[int]) -> Matches | None:
        """Return all places of all of these terms that count, None where there is none."""
        if ids not in self._looked_up:
            found = [match for term in self.terms & ids for match in self.found[term]]
            self._looked_up[ids] = self.counting(found) or None if found else None
        return self._looked_up[ids]

    def within(self, windows: tuple[tuple[int, int], ...]) -> "Context":
        """Return the context narrowed to some parts of the text."""
        return replace(self, windows=windows)

    def counting(self, found: Sequence[Found]) -> Matches:
        """Return those matches that lie in the windows and in no masked phrase."""
        matches = list(found)
        if self.windows is not None:
            matches = [
                match
                for match in matches
                if any(low <= match.start and match.end <= high for low, high in self.windows)
            ]
        if self.masked:
            matches = [match for match in matches if not self.masked.covers(match)]
        return matches


@dataclass(frozen=True, kw_only=True)
class Expression(ABC):
    """A node of a rule. `label` is what the analyst wrote, short, for explanations."""

    label: str = field(default="", compare=False)

    @property
    def children(self) -> tuple["Expression", ...]:
        """Return the nodes below this one."""
        return ()

    @property
    def is_local(self) -> bool:
        """Return whether a match has a place in the text (`near` and sentences need one)."""
        return True

    @abstractmethod
    def evaluate(self, context: Context) -> Matches | None:
        """Return what was found, or None when the expression does not hold."""

    @abstractmethod
    def needs(self, rarity: Rarity, /) -> tuple[Need, ...]:
        """Return sets of terms: of each set one term must be found, else this cannot hold."""

    def terms(self) -> frozenset[int]:
        """Return every term that can take part in a match."""
        return frozenset[int]().union(*(child.terms() for child in self.children))

    def walk(self) -> Iterator["Expression"]:
        """Return this node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, kw_only=True)
class Compound(Expression):
    """An expression of several parts, which may lie anywhere unless the class says otherwise."""

    parts: tuple[Expression, ...]

    @property
    def children(self) -> tuple[Expression, ...]:
        """Return the parts."""
        return self.parts

    @property
    def is_local(self) -> bool:
        """Return False: parts may lie anywhere."""
        return False

    def needs(self, rarity: Rarity) -> tuple[Need, ...]:
        """Return what each of the parts needs."""
        return tuple(need for part in self.parts for need in part.needs(rarity))


@dataclass(frozen=True, kw_only=True)
class Wrapper(Expression):
    """An expression around another one, of which it needs and has what that one does."""

    body: Expression

    @property
    def children(self) -> tuple[Expression, ...]:
        """Return the body."""
        return (self.body,)

    @property
    def is_local(self) -> bool:
        """Return what the body says."""
        return self.body.is_local

    def needs(self, rarity: Rarity) -> tuple[Need, ...]:
        """Return what the body needs."""
        return self.body.needs(rarity)


@dataclass(frozen=True, kw_only=True)
class Words(Expression):
    """Holds when one of the terms is found."""

    ids: frozenset[int]

    def evaluate(self, context: Context) -> Matches | None:
        """Return all places of all the terms."""
        return context.of(self.ids)

    def needs(self, _: Rarity) -> tuple[Need, ...]:
        """Return the terms themselves."""
        return (self.ids,)

    def terms(self) -> frozenset[int]:
        """Return the terms themselves."""
        return self.ids


@dataclass(frozen=True, kw_only=True)
class Named(Wrapper):
    """A clause with a name: the explanation shows it."""

    name: str

    def evaluate(self, context: Context) -> Matches | None:
        """Return what the body finds."""
        return self.body.evaluate(context)


@dataclass(frozen=True, kw_only=True)
class All(Compound):
    """Holds when every part holds."""

    def evaluate(self, context: Context) -> Matches | None:
        """Return what all the parts find."""
        matches: Matches = []
        for part in self.parts:
            found = part.evaluate(context)
            if found is None:
                return None
            matches += found
        return matches


@dataclass(frozen=True, kw_only=True)
class Any(Compound):
    """Holds when one part holds."""

    @property
    def is_local(self) -> bool:
        """Return whether every part has a place."""
        return all(part.is_local for part in self.parts)

    def evaluate(self, context: Context) -> Matches | None:
        """Return what all the parts that hold find."""
        results = [part.evaluate(context) for part in self._possible(context.terms)]
        held = [found for found in results if found is not None]
        return [match for found in held for match in found] if held else None

    def _possible(self, terms: frozenset[int]) -> list[Expression]:
        """Return the parts of which the rarest need is met: the others cost nothing."""
        met = {number for term in terms & self._waiting.keys() for number in self._waiting[term]}
        return [self.parts[number] for number in sorted(met.union(self._needless))]

    @cached_property
    def _waiting(self) -> Mapping[int, Sequence[int]]:
        """Return, for each term, the numbers of the parts whose rarest need it meets."""
        waiting: dict[int, list[int]] = {}
        for number, part in enumerate(self.parts):
            for term in min(part.needs(len), key=len, default=()):
                waiting.setdefault(term, []).append(number)
        return waiting

    @cached_property
    def _needless(self) -> Sequence[int]:
        return [number for number, part in enumerate(self.parts) if not part.needs(len)]

    def needs(self, rarity: Rarity) -> tuple[Need, ...]:
        """Return one set: the rarest need of every part."""
        return one_of([part.needs(rarity) for part in self.parts], rarity)


def one_of(needs: Sequence[tuple[Need, ...]], rarity: Rarity) -> tuple[Need, ...]:
    """Return the need of alternatives: none at all when one of them needs no term."""
    if not needs or not all(needs):
        return ()
    return (frozenset[int]().union(*(min(need, key=rarity) for need in needs)),)


def any_of(parts: Sequence[Expression], label: str = "") -> Expression:
    """Return an expression that holds when one of the parts does; plain words become one set."""
    words = [part.ids for part in parts if type(part) is Words]
    others = [part for part in parts if type(part) is not Words]
    plain = [Words(ids=frozenset[int]().union(*words), label=label)] if words else []
    together = [*others, *plain]
    return together[0] if len(together) == 1 else Any(parts=tuple(together), label=label)
