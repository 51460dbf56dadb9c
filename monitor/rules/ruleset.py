"""A rule set: immutable, named by its hash, with what the matcher needs worked out beforehand."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from monitor.errors import Problem
from monitor.model import RuleInfo
from monitor.rules.expression import Need
from monitor.rules.lexicon import Automaton, Lexicon
from monitor.rules.names import Names
from monitor.rules.parse import Parsed
from monitor.rules.rule import Rule


@dataclass(frozen=True, kw_only=True)
class Active:
    """A rule in force; of each set in `needs` one literal must occur before it is evaluated."""

    rule: Rule
    needs: tuple[frozenset[int], ...]


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """The rules in force. `renamed` maps the former id of a rule to the present one."""

    hash: str
    rules: Mapping[str, RuleInfo]
    warnings: tuple[Problem, ...]
    renamed: Mapping[str, str]
    disabled: Mapping[str, RuleInfo]
    active: tuple[Active, ...]
    automaton: Automaton
    names: Names
    triggers: Mapping[int, tuple[int, ...]]  # literal -> numbers of the rules it makes candidates
    always: tuple[int, ...]  # rules that no word makes a candidate
    written: tuple[str, ...]  # by number of the term, as written
    list_names: tuple[str, ...]  # of the watch lists: -1, -2, ...


def build(parsed: Parsed, names: Names) -> RuleSet:
    """Return the rule set of what was read, with all its warnings so far."""
    rules, lexicon = parsed.rules, parsed.lexicon
    automaton = Automaton(lexicon.terms)
    rarity = _Rarity(lexicon)
    active: list[Active] = []
    triggers: dict[int, list[int]] = {}
    always: list[int] = []
    for rule in rules:
        if not rule.enabled:
            continue
        needs = [need for clause in rule.clauses for need in clause.body.needs(rarity.of)]
        rarest_first = sorted(needs, key=rarity.of)
        literals = tuple(_literals(need, automaton) for need in rarest_first)
        for literal in literals[0] if literals else ():
            triggers.setdefault(literal, []).append(len(active))
        if not literals:
            always.append(len(active))
        active.append(Active(rule=rule, needs=literals[1:]))
    return RuleSet(
        hash=_hash(rules),
        rules=MappingProxyType({one.rule.info.id: one.rule.info for one in active}),
        warnings=(),
        renamed=MappingProxyType({old: rule.info.id for rule in rules for old in rule.was}),
        disabled=MappingProxyType({rule.info.id: rule.info for rule in rules if not rule.enabled}),
        active=tuple(active),
        automaton=automaton,
        names=names,
        triggers={key: tuple(value) for key, value in triggers.items()},
        always=tuple(always),
        written=tuple(lexicon.written),
        list_names=tuple(parsed.lists.names),
    )


def _literals(need: Need, automaton: Automaton) -> frozenset[int]:
    """Return the literals of terms; a watch list is its own."""
    return frozenset(number if number < 0 else automaton.literal_of[number] for number in need)


def _hash(rules: Sequence[Rule]) -> str:
    lines = [f"{rule.info.id} {rule.info.version} {rule.enabled}" for rule in rules]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class _Rarity:
    """Guesses how often terms occur, from their length.

    A rule is tried when its rarest part is found; a wrong guess costs time only.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        self._weights = [_commonness(len(term.literal)) for term in lexicon.terms]
        self._cache: dict[Need, float] = {}

    def of(self, need: Need) -> float:
        """Return the expected count of one of the terms; larger is more common."""
        if need not in self._cache:
            self._cache[need] = sum(
                self._weights[number] if number >= 0 else _LISTED for number in need
            )
        return self._cache[need]


_LISTED = 2.0**-8  # a name of some watch list


def _commonness(length: int) -> float:
    return 2.0 ** -min(length, 30)
