"""Runs the examples of rules: what must match, what must not."""

from datetime import UTC, datetime

from monitor.model import ClauseMatch, Hit, Item, ItemId, SourceId
from monitor.rules.document import Document
from monitor.rules.expression import Context
from monitor.rules.match import explain_clauses, hit, look, masking
from monitor.rules.parse import Parsed
from monitor.rules.rule import Example, Rule
from monitor.rules.ruleset import RuleSet

_NOW = datetime(2000, 1, 1, tzinfo=UTC)  # before any `until`: an expired rule is still tested


def run_examples(parsed: Parsed, ruleset: RuleSet) -> None:
    """Record an error for each example that a rule fails, at the example's line."""
    for rule in parsed.rules:
        for example in rule.examples:
            failure = _failure(rule, example, ruleset)
            if failure is not None:
                parsed.problems.error(example.node, *failure)


def _failure(rule: Rule, example: Example, ruleset: RuleSet) -> tuple[str, str] | None:
    """Return what is wrong, and the words that say why."""
    item = _item(rule, example)
    context = look(Document.of(item), ruleset)
    outcome = hit(rule, item, context, _NOW)
    name = f'rule "{rule.info.id}"'
    if example.must_match and outcome is None:
        return f"{name} does not match this example", _why_not(rule, context)
    if not example.must_match and outcome is not None:
        return f"{name} must not match this example", _why(outcome)
    if outcome and example.severity not in (None, outcome.severity):
        return f"{name} gives this example another severity", outcome.severity.label
    return None


def _why(outcome: Hit) -> str:
    return "; ".join(map(_words, outcome.clauses)) or "no clause needs a word"


def _words(clause: ClauseMatch) -> str:
    return f"{clause.clause}: {', '.join(dict.fromkeys(span.text for span in clause.matched))}"


def _why_not(rule: Rule, context: Context) -> str:
    context = masking(rule, context)
    results = [(clause, clause.body.evaluate(context)) for clause in rule.clauses]
    missing = [clause.name for clause, found in results if found is None]
    if missing:
        held = [(clause, found) for clause, found in results if found is not None]
        words = "; ".join(map(_words, explain_clauses(held, context)))
        return f"missing: {', '.join(missing)}" + (f" (found {words})" if words else "")
    suppressed = rule.unless.evaluate(context) if rule.unless is not None else None
    if suppressed is not None:
        suppressing = dict.fromkeys(context.document.span(one).text for one in suppressed)
        return f"unless: {', '.join(suppressing) or 'it holds'}"
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
