"""any, all, none and at_least: how many of the parts must hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.rules.expression import (
    All,
    Compound,
    Context,
    Expression,
    Matches,
    Need,
    Rarity,
    Words,
    any_of,
    one_of,
)
from monitor.rules.operators.base import Operator, Reader
from monitor.yamlnodes import Node


@dataclass(frozen=True, kw_only=True)
class Without(Compound):
    """Holds when no part holds; it brings no words."""

    def evaluate(self, context: Context) -> Matches | None:
        """Return an empty match when no part holds."""
        return None if any(part.evaluate(context) is not None for part in self.parts) else []

    def needs(self, _: Rarity) -> tuple[Need, ...]:
        """Return nothing: it holds for a text without any term."""
        return ()


@dataclass(frozen=True, kw_only=True)
class AtLeast(Compound):
    """Holds when `count` of the parts hold."""

    count: int

    def evaluate(self, context: Context) -> Matches | None:
        """Return what all the parts that hold find."""
        results = [part.evaluate(context) for part in self.parts]
        held = [found for found in results if found is not None]
        return [match for found in held for match in found] if len(held) >= self.count else None

    def needs(self, rarity: Rarity) -> tuple[Need, ...]:
        """Return the rarest parts: if none of them holds, too few others are left."""
        needs = [part.needs(rarity) for part in self.parts]
        if not all(needs):
            return ()
        rarest_first = sorted(needs, key=lambda need: min(map(rarity, need)))
        return one_of(rarest_first[: len(needs) - self.count + 1], rarity)


def _any(reader: Reader, node: Node, _: Mapping[str, Node]) -> Expression:
    return any_of(reader.parts(node))


def _all(reader: Reader, node: Node, _: Mapping[str, Node]) -> Expression:
    return All(parts=reader.parts(node))


def _none(reader: Reader, node: Node, _: Mapping[str, Node]) -> Expression:
    return Without(parts=reader.parts(node))


def _at_least(reader: Reader, node: Node, companions: Mapping[str, Node]) -> Expression:
    of = companions["of"]
    parts = reader.parts(of)
    if len(parts) == 1 and isinstance(parts[0], Words):  # one list: its words are counted
        parts = tuple(Words(ids=frozenset({term})) for term in sorted(parts[0].ids))
    count = reader.number(node, least=1)
    if count > len(parts):
        reader.report(
            node, f"at_least: {count} can never hold: there are {len(parts)} to choose from"
        )
    return AtLeast(count=count, parts=parts)


_PARTS = {"$ref": "#/$defs/parts"}
ANY = Operator(key="any", parse=_any, schema=_PARTS)
ALL = Operator(key="all", parse=_all, schema=_PARTS)
NONE = Operator(key="none", parse=_none, schema=_PARTS)
AT_LEAST = Operator(
    key="at_least",
    parse=_at_least,
    companions=("of",),
    schema={"type": ["integer", "string"]},
    companion_schema={"of": _PARTS},
)
