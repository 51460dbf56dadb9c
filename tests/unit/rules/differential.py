"""One case of the property "engine == naive evaluation"; the long target runs 20,000 of them."""

from __future__ import annotations

import random

from monitor import rules
from monitor.rules.document import Document
from monitor.rules.match import look, masking
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
    item = make_item(*fields)
    hits = {hit.rule: hit for hit in rules.match(item, ruleset, NOW)}
    text = naive.Text(fields)
    context = look(Document.of(item), ruleset)
    for number, (key, tree) in enumerate(trees.items()):
        scope = naive.Scope(text)
        if "mask" in extras[key]:
            scope = naive.Scope(text, masks=tuple(naive.holds(extras[key]["mask"], scope) or ()))
        expected = naive.holds(tree, scope)
        if expected is not None and "unless" in extras[key]:
            if naive.holds(extras[key]["unless"], scope) is not None:
                expected = None
        if (expected is not None) != (key in hits):
            return f"{key}: expected {expected}, got {hits.get(key)}\n{text.folded!r}"
        if expected is None:
            continue
        rule = ruleset.active[number].rule
        places = set()
        for clause in rule.clauses:
            places |= {tuple(m) for m in clause.body.evaluate(masking(rule, context)) or ()}
        if places != expected:
            return f"{key}: expected places {expected}, got {places}\n{text.folded!r}"
        for clause_match in hits[key].clauses:
            for span in clause_match.matched:
                if getattr(item, span.field)[span.start : span.end] != span.text:
                    return f"{key}: span {span} is not in the item"
    return None
