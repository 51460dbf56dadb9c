"""near and then: words that stand within a distance of each other, in any order or in this one.

The distance is Factiva's: the n-th word after the one is the other, so neighbours are near/1. Han,
kana and Thai count by the character. Sentence ends do not stop it, the end of a field does.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.rules.document import Document, Found
from monitor.rules.expression import Context, Expression, Matches, Need, Rarity
from monitor.rules.operators.base import Operator, Reader
from monitor.yamlnodes import Node


@dataclass(frozen=True, kw_only=True)
class Near(Expression):
    """Holds when each operand stands within its distance of the one before it in the chain."""

    operands: tuple[Expression, ...]
    distances: tuple[int, ...]  # one fewer than the operands
    ordered: tuple[bool, ...]  # of each distance: must the right one follow?

    @property
    def children(self) -> tuple[Expression, ...]:
        """Return the operands."""
        return self.operands

    def evaluate(self, context: Context) -> Matches | None:
        """Return the places of every operand that take part in a chain."""
        chain: list[Matches] = []
        for operand in self.operands:
            found = operand.evaluate(context)
            if not found:
                return None
            chain.append(found)
        links = list(zip(self.distances, self.ordered, strict=True))
        for index, (distance, is_ordered) in enumerate(links):
            close = _Close(context.document, distance, is_ordered)
            chain[index + 1] = close.right(chain[index], chain[index + 1])
        if not chain[-1]:
            return None
        for index, (distance, is_ordered) in reversed(list(enumerate(links))):
            close = _Close(context.document, distance, is_ordered)
            chain[index] = close.left(chain[index], chain[index + 1])
        return [match for matches in chain for match in matches]

    def needs(self, rarity: Rarity) -> tuple[Need, ...]:
        """Return what each of the operands needs."""
        return tuple(need for operand in self.operands for need in operand.needs(rarity))


@dataclass(frozen=True)
class _Close:
    """The relation between the two sides of one link; n log n, since texts are hostile."""

    document: Document
    distance: int
    is_ordered: bool

    def right(self, left: Sequence[Found], right: Sequence[Found]) -> Matches:
        """Return those of the right side that have a partner on the left."""
        after = self._followers(left, right)
        return after if self.is_ordered else _either(right, after, self._leaders(right, left))

    def left(self, left: Sequence[Found], right: Sequence[Found]) -> Matches:
        """Return those of the left side that have a partner on the right."""
        before = self._leaders(left, right)
        return before if self.is_ordered else _either(left, before, self._followers(right, left))

    def _followers(self, first: Sequence[Found], second: Sequence[Found]) -> Matches:
        """Return those of `second` that come after one of `first`, near enough."""
        ends = sorted(match.end for match in first)
        out = []
        for match in second:
            index = bisect_right(ends, match.start)
            if index and self._is_near(ends[index - 1], match.start):
                out.append(match)
        return out

    def _leaders(self, first: Sequence[Found], second: Sequence[Found]) -> Matches:
        """Return those of `first` that come before one of `second`, near enough."""
        starts = sorted(match.start for match in second)
        out = []
        for match in first:
            index = bisect_left(starts, match.end)
            if index < len(starts) and self._is_near(match.end, starts[index]):
                out.append(match)
        return out

    def _is_near(self, end: int, start: int) -> bool:
        return self.document.token(start) - self.document.token(end - 1) <= self.distance


def _either(matches: Sequence[Found], one: Sequence[Found], other: Sequence[Found]) -> Matches:
    kept = {*one, *other}
    return [match for match in matches if match in kept]


def link(
    reader: Reader,
    node: Node,
    operands: Sequence[Expression],
    distances: Sequence[int],
    ordered: Sequence[bool],
) -> Expression:
    """Return the chain of operands; each must have a place in the text."""
    if not all(operand.is_local for operand in operands):
        reader.report(
            node, "near and then join words; all, none and at_least have no place in the text"
        )
    return Near(operands=tuple(operands), distances=tuple(distances), ordered=tuple(ordered))


def _parse(
    reader: Reader, node: Node, companions: Mapping[str, Node], *, is_ordered: bool
) -> Expression:
    operands = reader.parts(node)
    links = max(len(operands) - 1, 0)
    if not links:
        reader.report(node, "near and then need two operands or more", "near: [A, B]")
    distance = reader.number(companions["within"], least=1)
    return link(reader, node, operands, [distance] * links, [is_ordered] * links)


def _near(reader: Reader, node: Node, companions: Mapping[str, Node]) -> Expression:
    return _parse(reader, node, companions, is_ordered=False)


def _then(reader: Reader, node: Node, companions: Mapping[str, Node]) -> Expression:
    return _parse(reader, node, companions, is_ordered=True)


_WITHIN = {"within": {"type": ["integer", "string"], "description": "distance in words"}}
_PARTS = {"$ref": "#/$defs/parts"}
NEAR = Operator(
    key="near", parse=_near, companions=("within",), schema=_PARTS, companion_schema=_WITHIN
)
THEN = Operator(
    key="then", parse=_then, companions=("within",), schema=_PARTS, companion_schema=_WITHIN
)
