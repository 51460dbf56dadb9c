"""One case of the property "engine == naive evaluation"; the long target runs 20,000 of them."""

from __future__ import annotations

import random

from monitor import rules
from monitor.model import Item
from monitor.rules.document import Document
from monitor.rules.match import look, masking
from monitor.rules.rule import Rule
from tests.unit.rules import naive
from tests.unit.rules.factory import NOW, make_item


def difference(seed: int) -> str | None:
    """Return what is different in the case of a seed, or None when nothing is."""
    draw = random.Random(seed)
    trees = {f"r{number}": naive.tree(draw, 2) for number in range(3)}
    extras = {key: _extras(draw) for key in trees}
    positive = {
        key: ("all", ("word", draw.choice(naive.TERMS)), tree) for key, tree in trees.items()
    }
    chosen = {key: positive[key] if draw.random() < 0.3 else tree for key, tree in trees.items()}
    text = naive.rule_file(
        {key: {"when": naive.to_yaml(tree), **_yaml(extras[key])} for key, tree in chosen.items()}
    )
    ruleset = rules.load([("random.yaml", text)])
    for _ in range(3):
        fields = tuple(naive.document(draw, length) for length in (8, 20, 6))
        found = _compare(chosen, extras, ruleset, (fields[0], fields[1], fields[2]))
        if found:
            return f"seed {seed}\n{text}\n{fields!r}\n{found}"
    return None


def _extras(draw: random.Random) -> dict[str, naive.Tree]:
    extras: dict[str, naive.Tree] = {}
    if draw.random() < 0.3:
        extras["unless"] = naive.tree(draw, 1)
    if draw.random() < 0.3:
        extras["mask"] = ("any", *(("word", term) for term in draw.sample(naive.TERMS, 2)))
    return extras


def _yaml(extras: dict[str, naive.Tree]) -> dict[str, object]:
    return {key: naive.to_yaml(tree) for key, tree in extras.items()}


def _compare(
    trees: dict[str, naive.Tree],
    extras: dict[str, dict[str, naive.Tree]],
    ruleset: rules.RuleSet,
    fields: tuple[str, str, str],
) -> str | None:
    item, text = make_item(*fields), naive.Text(fields)
    hits = {hit.rule: hit for hit in rules.match(item, ruleset, NOW)}
    for active in ruleset.active:
        key = active.rule.info.id
        expected = _expected(trees[key], extras[key], text)
        if (expected is not None) != (key in hits):
            return f"{key}: expected {expected}, got {hits.get(key)}\n{text.folded!r}"
        if expected is not None and (wrong := _misplaced(active.rule, item, ruleset, expected)):
            return f"{key}: {wrong}\n{text.folded!r}"
    spans = [span for hit in hits.values() for clause in hit.clauses for span in clause.matched]
    inexact = [s for s in spans if getattr(item, s.field)[s.start : s.end] != s.text]
    return f"spans that are not in the item: {inexact}" if inexact else None


def _expected(
    tree: naive.Tree, extras: dict[str, naive.Tree], text: naive.Text
) -> set[naive.Place] | None:
    scope = naive.Scope(text)
    if "mask" in extras:
        scope = naive.Scope(text, masks=tuple(naive.holds(extras["mask"], scope) or ()))
    if "unless" in extras and naive.holds(extras["unless"], scope) is not None:
        return None
    return naive.holds(tree, scope)


def _misplaced(
    rule: Rule, item: Item, ruleset: rules.RuleSet, expected: set[naive.Place]
) -> str | None:
    context = masking(rule, look(Document.of(item), ruleset))
    found = [clause.body.evaluate(context) or () for clause in rule.clauses]
    places = {tuple(match) for matches in found for match in matches}
    return None if places == expected else f"expected {expected}, got {places}"
