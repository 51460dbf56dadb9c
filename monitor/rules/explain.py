"""Why a rule did or did not fire, what nearly fired, and what each word brings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import ClauseMatch, Hit, Item, Span
from monitor.rules.document import Document, Found
from monitor.rules.expression import Context
from monitor.rules.match import (
    explain_clauses,
    hit,
    look,
    masking,
    match,
    outermost,
    passes,
    phrases,
)
from monitor.rules.rule import Clause, Rule
from monitor.rules.ruleset import RuleSet


@dataclass(frozen=True, kw_only=True)
class ClauseVerdict:
    """Whether a clause holds; where it does not, `found` are words of it that stand in the text."""

    clause: str
    is_met: bool
    found: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What one rule says of an item.

    `hit` is None when it does not fire; `reasons` then say why, for people. `unless` and `masked`
    are the words that suppressed it and the phrases that were not counted.
    """

    rule: str
    hit: Hit | None
    clauses: tuple[ClauseVerdict, ...]
    unless: tuple[Span, ...]
    masked: tuple[Span, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NearMiss:
    """An item that a rule would have hit but for the `missing` clauses."""

    rule: str
    missing: tuple[str, ...]
    clauses: tuple[ClauseMatch, ...]


@dataclass(frozen=True, kw_only=True)
class WordCount:
    """How many items hold a word of a rule, and how many of those the rule hits."""

    rule: str
    clause: str
    word: str
    items: int
    hits: int


def explain(item: Item, ruleset: RuleSet, now: datetime) -> tuple[Verdict, ...]:
    """Return the verdict of every rule in force, in the order of the rule files."""
    context = look(Document.of(item), ruleset)
    return tuple(_verdict(active.rule, item, context, now) for active in ruleset.active)


def _verdict(rule: Rule, item: Item, context: Context, now: datetime) -> Verdict:
    masked = masking(rule, context)
    clauses = tuple(_clause(clause, masked) for clause in rule.clauses)
    unless = rule.unless.evaluate(masked) if rule.unless is not None else None
    outcome = hit(rule, item, context, now)
    return Verdict(
        rule=rule.info.id,
        hit=outcome,
        clauses=clauses,
        unless=_spans(unless or (), context),
        masked=_spans(phrases(rule, context), context),
        reasons=()
        if outcome
        else tuple(_reasons(rule, item, clauses, now, is_suppressed=unless is not None)),
    )


def _clause(clause: Clause, context: Context) -> ClauseVerdict:
    found = clause.body.evaluate(context)
    if found is None:
        places = [place for term in clause.body.terms() for place in context.found.get(term, ())]
        return ClauseVerdict(clause=clause.name, is_met=False, found=_spans(places, context))
    return ClauseVerdict(clause=clause.name, is_met=True, found=_spans(found, context))


def _spans(found: Sequence[Found], context: Context) -> tuple[Span, ...]:
    return tuple(context.document.span(one) for one in outermost(found))


def _reasons(
    rule: Rule,
    item: Item,
    clauses: Sequence[ClauseVerdict],
    now: datetime,
    *,
    is_suppressed: bool,
) -> Iterator[str]:
    for clause in clauses:
        if not clause.is_met:
            words = ", ".join(dict.fromkeys(span.text for span in clause.found))
            yield f"missing: {clause.clause}" + (f" (found only {words})" if words else "")
    if is_suppressed:
        yield "suppressed by unless"
    if not passes(rule.filters, item):
        yield "left out by a filter (sources, tags or lang)"
    if rule.until is not None and now.date() > rule.until:
        yield f"ended on {rule.until.isoformat()}"


def near_misses(item: Item, ruleset: RuleSet, now: datetime) -> tuple[NearMiss, ...]:
    """Return the rules with `near_miss` that lack no more clauses than that to hit the item."""
    rules = [active.rule for active in ruleset.active if active.rule.near_miss]
    if not rules:
        return ()
    context = look(Document.of(item), ruleset)
    misses = (_near_miss(rule, item, context, now) for rule in rules)
    return tuple(miss for miss in misses if miss is not None)


def _near_miss(rule: Rule, item: Item, context: Context, now: datetime) -> NearMiss | None:
    if not passes(rule.filters, item) or (rule.until is not None and now.date() > rule.until):
        return None
    context = masking(rule, context)
    results = [(clause, clause.body.evaluate(context)) for clause in rule.clauses]
    held = [(clause, found) for clause, found in results if found is not None]
    missing = [clause.name for clause, found in results if found is None]
    if not missing or len(missing) > rule.near_miss:
        return None
    clauses = tuple(explain_clauses(held, context))
    if not clauses or (rule.unless is not None and rule.unless.evaluate(context) is not None):
        return None
    return NearMiss(rule=rule.info.id, missing=tuple(missing), clauses=clauses)


def word_stats(items: Iterable[Item], ruleset: RuleSet, now: datetime) -> tuple[WordCount, ...]:
    """Return what each word of each rule brings over some items, rules and clauses in order.

    Items are read once and may be a stream. Words that no item holds are counted too: with 0.
    """
    seen: dict[str, int] = {}
    brought: dict[tuple[str, str], int] = {}
    for item in items:
        context = look(Document.of(item), ruleset)
        words = {_written(term, ruleset) for term in context.found}
        for word in words:
            seen[word] = seen.get(word, 0) + 1
        for one in match(item, ruleset, now):
            for word in words:
                brought[one.rule, word] = brought.get((one.rule, word), 0) + 1
    return tuple(
        WordCount(
            rule=rule.info.id,
            clause=clause.name,
            word=word,
            items=seen.get(word, 0),
            hits=brought.get((rule.info.id, word), 0),
        )
        for rule in (active.rule for active in ruleset.active)
        for clause in rule.clauses
        for word in dict.fromkeys(_written(t, ruleset) for t in sorted(clause.body.terms()))
    )


def _written(term: int, ruleset: RuleSet) -> str:
    return ruleset.written[term] if term >= 0 else f"${ruleset.list_names[-term - 1]}"
