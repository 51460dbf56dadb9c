"""Items and rule sets with full defaults for the tests of the rule language."""

from datetime import UTC, datetime

from monitor import rules
from monitor.model import Hit, Item, ItemId, SourceId

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def make_item(
    title: str = "",
    summary: str = "",
    content: str = "",
    *,
    lang: str = "",
    source: str = "feed",
    tags: frozenset[str] = frozenset(),
) -> Item:
    """Return an item of these texts."""
    return Item(
        id=ItemId("item"),
        source_id=SourceId(source),
        title=title,
        summary=summary,
        content=content,
        lang=lang,
        tags=tags,
        when=NOW,
        seen_at=NOW,
    )


def load(text: str, *more: str, watchlists: dict[str, str] | None = None) -> rules.RuleSet:
    """Return the rule set of some files, called rules.yaml, rules2.yaml, ..."""
    files = [(f"rules{number or ''}.yaml", each) for number, each in enumerate((text, *more))]
    return rules.load(files, list((watchlists or {}).items()))


def rule(when: str, extra: str = "") -> rules.RuleSet:
    """Return the rule set of one rule, from its `when:` in flow style and other lines."""
    return load(f"rules:\n  - id: r\n    when: {when}\n{extra}")


def hits(ruleset: rules.RuleSet, *texts: str) -> tuple[Hit, ...]:
    """Return the hits of an item of title, summary and content."""
    return rules.match(make_item(*texts), ruleset, NOW)


def hit_texts(ruleset: rules.RuleSet, *texts: str) -> list[str] | None:
    """Return the matched texts of the one hit, in order, or None when there is none."""
    found = hits(ruleset, *texts)
    if not found:
        return None
    return [span.text for clause in found[0].clauses for span in clause.matched]
