"""Warnings: what a rule file may say, but probably does not mean."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import ahocorasick_rs

from monitor.rules.expression import Expression, Words
from monitor.rules.lexicon import Lexicon
from monitor.rules.lists import Lists, references
from monitor.rules.operators.logic import Without
from monitor.rules.problems import Problems
from monitor.rules.rule import Rule
from monitor.rules.terms import Term
from monitor.yamlnodes import Node


def warn(rules: Sequence[Rule], lists: Lists, today: date | None) -> None:
    """Record what is suspicious about rules that have no errors."""
    problems = lists.problems
    masking = _masking(rules, lists)
    for group in lists.groups:
        first = _warn_twice(group, lists.lexicon, problems)
        if masking.isdisjoint(map(id, group)):
            _warn_shadowed(first, lists.lexicon, problems)
    for name, key in lists.keys.items():
        if "." not in name and not _is_used(name, lists):
            problems.warn(key, f'term list "{name}" is not used by any rule')
    for rule in rules:
        _warn_rule(rule, problems, today)


def _is_used(name: str, lists: Lists) -> bool:
    return any(used == name or used.startswith(f"{name}.") for used in lists.used)


def _masking(rules: Sequence[Rule], lists: Lists) -> set[int]:
    """Return the terms of masks: there a longer phrase hides more than a shorter one does."""
    masks = [mask for rule in rules if (mask := rule.node.get("mask")) is not None]
    names = {name for mask in masks for name in references(mask)}
    nodes = [*masks, *(node for name in names for node in lists.below(name).values())]
    return {id(node) for root in nodes for node in _below(root)}


def _below(node: Node) -> Iterator[Node]:
    yield node
    for below in (*(node.items or ()), *(value for _, value in node.entries or ())):
        yield from _below(below)


def _warn_twice(
    group: Sequence[Node], lexicon: Lexicon, problems: Problems
) -> dict[frozenset[int], Node]:
    """Warn of terms that are written twice; return the others."""
    first: dict[frozenset[int], Node] = {}
    for node in group:
        text = (node.text or "").strip()
        ids = lexicon.ids(text)
        if ids in first:
            problems.warn(node, f'"{text}" is written twice; first on line {first[ids].line}')
        first.setdefault(ids, node)
    return first


def _warn_shadowed(first: dict[frozenset[int], Node], lexicon: Lexicon, problems: Problems) -> None:
    """Warn of terms that a wider term of the same list finds as well."""
    owners = {number: node for ids, node in first.items() for number in ids}
    for node, wider in _shadowed({n: lexicon.terms[n] for n in owners}, owners):
        problems.warn(node, f'"{node.text}" is already found by "{wider.text}"')


def _shadowed(terms: dict[int, Term], owners: dict[int, Node]) -> Iterable[tuple[Node, Node]]:
    """Return the terms whose every form contains a form of another term, with that term."""
    plain = [number for number, term in terms.items() if not term.pattern and not term.cased]
    if len(terms) < 2 or not plain:  # noqa: PLR2004 - one term shadows nothing
        return
    automaton = ahocorasick_rs.AhoCorasick([terms[number].literal for number in plain])
    wider: dict[int, Node] = {}
    for number, term in terms.items():
        if term.pattern:
            continue
        for index, _, _ in automaton.find_matches_as_indexes(term.literal, overlapping=True):
            other = owners[plain[index]]
            if other is not owners[number]:
                wider[number] = other
    for node in dict.fromkeys(owners.values()):
        numbers = [number for number, owner in owners.items() if owner is node]
        if all(number in wider for number in numbers):
            yield node, wider[numbers[0]]


def _warn_rule(rule: Rule, problems: Problems, today: date | None) -> None:
    node = rule.node.get("id") or rule.node
    name = f'rule "{rule.info.id}"'
    if not any(example.must_match for example in rule.examples):
        hint = "add match: with a headline that it is for"
        problems.warn(node, f"{name} has no example that must match", hint)
    until = rule.node.get("until")
    if until is not None and rule.until and today and today > rule.until:
        problems.warn(until, f"{name} ended on {rule.until.isoformat()} and finds nothing any more")
    if rule.near_miss >= len(rule.clauses):
        miss = rule.node.get("near_miss") or node
        problems.warn(miss, f"{name} has {len(rule.clauses)} clause(s): any text would nearly hit")
    _warn_dead(rule, name, node, problems)


def _warn_dead(rule: Rule, name: str, node: Node, problems: Problems) -> None:
    """Warn of a rule that can never fire, or that no word makes a candidate."""
    suppressing = _suppressing(rule)
    for clause in rule.clauses:
        words = _only_words(clause.body)
        if words and words <= suppressing:
            found = f"all that clause {clause.name} finds"
            message = f"{name} can never fire: unless or none rules out {found}"
            problems.warn(node, message)
        elif words and words <= rule.mask:
            message = f"{name} can never fire: mask hides all that clause {clause.name} finds"
            problems.warn(node, message)
    if not any(clause.body.needs(lambda _: 0.0) for clause in rule.clauses):
        hint = "add a clause of words beside it"
        problems.warn(node, f"{name} needs no word, so it is tried on every item", hint)


def _suppressing(rule: Rule) -> frozenset[int]:
    """Return the terms of which one is enough to keep the rule from firing."""
    bodies = [clause.body for clause in rule.clauses]
    parts = [part for body in bodies if isinstance(body, Without) for part in body.parts]
    alone = [part.ids for part in (*parts, rule.unless) if isinstance(part, Words)]
    return frozenset[int]().union(*alone)


def _only_words(body: Expression) -> frozenset[int]:
    kinds = {type(node).__name__ for node in body.walk()}
    return body.terms() if kinds <= {"Words", "Named", "Any", "InFields", "First"} else frozenset()
