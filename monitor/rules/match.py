"""Which rules an item hits, and with which words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from monitor.model import ClauseMatch, Hit, Item, Severity
from monitor.rules.document import Document, Found
from monitor.rules.expression import All, Any, Context, Expression, Masked, Named
from monitor.rules.names import Listed
from monitor.rules.rule import Clause, Filters, Rule
from monitor.rules.ruleset import RuleSet

SHOWN = 100  # matches of a clause that are told: a hostile text could bring a hundred thousand
Held = tuple[Clause, Sequence[Found]]  # a clause that holds, and what it found


def match(item: Item, ruleset: RuleSet, now: datetime) -> tuple[Hit, ...]:
    """Return the hits of an item, in the order of the rule files."""
    document = Document.of(item)
    matches = ruleset.automaton.scan(document.text)
    listed = ruleset.names.find(document) if ruleset.names else ()
    literals = {match[0] for match in matches}
    literals.update(one.number for one in listed)
    candidates = sorted(_candidates(ruleset, literals))
    if not candidates:
        return ()
    context = _context(document, ruleset, matches, listed)
    hits = (hit(ruleset.active[number].rule, item, context, now) for number in candidates)
    return tuple(one for one in hits if one is not None)


def match_with_article(item: Item, ruleset: RuleSet, now: datetime) -> tuple[Hit, ...]:
    """Return the hits of an item whose `content` was fetched: it adds to them and takes none away.

    An article names far more than the summary it goes with, by the way also what suppresses a
    rule; the feed's own words hit as they would without it. Of two hits the worse one stays.
    """
    hits = {hit.rule: hit for hit in match(item, ruleset, now)}
    if not item.content:
        return tuple(hits.values())
    for hit in match(replace(item, content=""), ruleset, now):
        if hit.rule not in hits or hits[hit.rule].severity < hit.severity:
            hits[hit.rule] = hit
    order = {rule: number for number, rule in enumerate(ruleset.rules)}
    return tuple(sorted(hits.values(), key=lambda hit: order[hit.rule]))


def look(document: Document, ruleset: RuleSet) -> Context:
    """Return everything that the rule set's words find in a document."""
    listed = ruleset.names.find(document) if ruleset.names else ()
    return _context(document, ruleset, ruleset.automaton.scan(document.text), listed)


def _context(
    document: Document,
    ruleset: RuleSet,
    matches: Sequence[tuple[int, int, int]],
    listed: Sequence[Listed],
) -> Context:
    found = ruleset.automaton.found(document, matches)
    names: dict[Found, list[str]] = {}
    for one in listed:
        found.setdefault(one.number, []).append(one.found)
        names.setdefault(one.found, []).append(one.name)
    return Context(document=document, found=found, listed=names)


def _candidates(ruleset: RuleSet, literals: set[int]) -> Iterator[int]:
    """Return the rules of which every need is met, rarest need first."""
    triggers, active = ruleset.triggers, ruleset.active
    tried = set(ruleset.always)
    for literal in literals:
        if literal in triggers:
            tried.update(triggers[literal])
    for number in tried:
        for need in active[number].needs:
            if need.isdisjoint(literals):
                break
        else:
            yield number


def hit(rule: Rule, item: Item, context: Context, now: datetime) -> Hit | None:
    """Return the hit of one rule, or None."""
    if rule.until is not None and now.date() > rule.until:
        return None
    if not passes(rule.filters, item):
        return None
    context = masking(rule, context)
    results = []
    for clause in rule.clauses:
        found = clause.body.evaluate(context)
        if found is None:
            return None
        results.append((clause, found))
    if rule.unless is not None and rule.unless.evaluate(context) is not None:
        return None
    return Hit(
        rule=rule.info.id,
        version=rule.info.version,
        severity=severity(rule, context),
        clauses=tuple(explain_clauses(results, context)),
        listed_names=_listed(results, context) if context.listed else (),
    )


def passes(filters: Filters, item: Item) -> bool:
    """Return whether the item is one that the rule looks at."""
    if filters.sources is not None and item.source_id not in filters.sources:
        return False
    if filters.tags is not None and filters.tags.isdisjoint(item.tags):
        return False
    language = item.lang.lower().replace("_", "-")
    return filters.langs is None or bool({language, language.split("-")[0]} & filters.langs)


def masking(rule: Rule, context: Context) -> Context:
    """Return the context without what stands inside a phrase that the rule masks."""
    masked = phrases(rule, context)
    return replace(context, masked=Masked(masked)) if masked else context


def phrases(rule: Rule, context: Context) -> tuple[Found, ...]:
    """Return the places of the phrases that the rule masks."""
    terms = rule.mask & context.found.keys()
    return tuple(place for term in terms for place in context.found[term])


def _listed(results: Sequence[Held], context: Context) -> tuple[str, ...]:
    """Return the names of watch lists among the matches, in order of the text."""
    matches = {match for _, found in results for match in found}
    places = sorted(context.listed.keys() & matches)
    return tuple(dict.fromkeys(name for place in places for name in context.listed[place]))


def severity(rule: Rule, context: Context) -> Severity:
    """Return the severity of a hit: that of the first `severity_if` that holds, or the rule's."""
    for changed, expression in rule.severity_if:
        if expression.evaluate(context) is not None:
            return changed
    return rule.info.severity


def explain_clauses(results: Sequence[Held], context: Context) -> Iterator[ClauseMatch]:
    """Return what each clause found, in the original text."""
    for clause, found in results:
        for name, matches in _named(clause.name, clause.body, found, context):
            if matches:
                spans = tuple(context.document.span(one) for one in outermost(matches))
                yield ClauseMatch(clause=name, matched=spans)


def _named(
    name: str, body: Expression, found: Sequence[Found], context: Context
) -> Iterator[tuple[str, Sequence[Found]]]:
    """Return the named parts of a clause that hold, or the clause itself where nothing is named."""
    if isinstance(body, All | Any) and any(isinstance(node, Named) for node in body.walk()):
        for part in body.parts:
            inner = part.evaluate(context)
            if inner is not None:
                own = part.name if isinstance(part, Named) else part.label or name
                yield from _named(own, part, inner, context)
    else:
        yield name, found


def outermost(matches: Sequence[Found]) -> list[Found]:
    """Return the first matches in order of place, without those inside another."""
    kept: list[Found] = []
    for one in sorted(set(matches), key=lambda match: (match.start, -match.end)):
        if not kept or one.end > kept[-1].end:
            kept.append(one)
    return kept[:SHOWN]
