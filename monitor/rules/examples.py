"""Runs the examples of rules: what must match, what must not."""

from collections.abc import Iterator
from datetime import UTC, datetime

from monitor.errors import Problem
from monitor.model import ClauseMatch, Hit, Item, ItemId, SourceId
from monitor.rules.document import Document
from monitor.rules.expression import Context
from monitor.rules.match import explain_clauses, hit, masking
from monitor.rules.rule import Example, Rule
from monitor.rules.ruleset import RuleSet

_NOW = datetime(2000, 1, 1, tzinfo=UTC)  # before any `until`: an expired rule is still tested


def failures(rules: list[Rule], ruleset: RuleSet) -> Iterator[Problem]:
    """Return a problem for each example that a rule fails, at the example's line."""
    for rule in rules:
        for example in rule.examples:
            problem = _failure(rule, example, ruleset)
            if problem is not None:
                yield problem


def _failure(rule: Rule, example: Example, ruleset: RuleSet) -> Problem | None:
    item = _item(rule, example)
    document = Document.of(item)
    found = ruleset.automaton.found(document, ruleset.automaton.scan(document.text))
    context = Context(document=document, found=found)
    outcome = hit(rule, item, context, _NOW)
    name = f'rule "{rule.info.id}"'
    if example.must_match and outcome is None:
        return example.node.problem(f"{name} does not match this example", _why_not(rule, context))
    if not example.must_match and outcome is not None:
        return example.node.problem(f"{name} must not match this example", _why(outcome))
    if outcome and example.severity not in (None, outcome.severity):
        hint = f"it is {outcome.severity.label}"
        return example.node.problem(f"{name} gives this example another severity", hint)
    return None


def _why(outcome: Hit) -> str:
    return "; ".join(map(_words, outcome.clauses)) or "no clause needs a word"


def _words(clause: ClauseMatch) -> str:
    return f"{clause.clause}: {', '.join(dict.fromkeys(span.text for span in clause.matched))}"


def _why_not(rule: Rule, context: Context) -> str:
    context = masking(rule, context)
    missing = [c.name for c in rule.clauses if c.body.evaluate(context) is None]
    if missing:
        held = [c for c in rule.clauses if c.name not in missing]
        found = "; ".join(map(_words, explain_clauses(held, context)))
        return f"missing: {', '.join(missing)}" + (f" (found {found})" if found else "")
    if rule.unless is not None and (found := rule.unless.evaluate(context)) is not None:
        words = dict.fromkeys(context.document.span(match).text for match in found)
        return f"unless: {', '.join(words) or 'it holds'}"
    return "a filter (sources, tags, lang) leaves it out"


def _item(rule: Rule, example: Example) -> Item:
    """Return the example as an item; what it does not say passes the rule's filters."""
    filters = rule.filters
    return Item(
        id=ItemId("example"),
        source_id=SourceId(_given(example.source, filters.sources)),
        title=example.title,
        summary=example.summary,
        content=example.content,
        lang=_given(example.lang, filters.langs),
        tags=example.tags if example.tags is not None else filters.tags or frozenset(),
        when=_NOW,
        seen_at=_NOW,
    )


def _given(value: str | None, allowed: frozenset[str] | None) -> str:
    return value if value is not None else min(allowed or {""})
