"""`why`: for each rule, why a text matches, or which clause is missing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, read_config, reading
from monitor.cli.output import to_json
from monitor.model import Item, ItemId, SourceId

if TYPE_CHECKING:
    from monitor.rules import Verdict


@click.command()
@click.argument("text")
@directory_option
@click.option("--rule", help="Only this rule.")
@click.option("--lang", default="", help="Language of the text, for rules that ask.")
@click.option("--all", "show_all", is_flag=True, help="Also rules of which no clause fits.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per rule.")
def why(
    *, text: str, directory: Path, rule: str | None, lang: str, show_all: bool, as_json: bool
) -> None:
    """Say for each rule why TEXT matches, or what is missing; exit code 1 when none matches.

    TEXT is a headline, the id or address of a stored item, or - to read from stdin: the first line
    is the title, the rest the summary.
    """
    from monitor import rules
    from monitor.engine.clock import utc_now

    config = read_config(directory)
    item = _item(text, lang, Path(config.service.storage.database))
    if rule is not None and rule not in config.ruleset.rules:
        raise click.BadParameter(f'no rule "{rule}"; one of: {", ".join(config.ruleset.rules)}')
    verdicts = [
        verdict
        for verdict in rules.explain(item, config.ruleset, utc_now())
        if rule is None or verdict.rule == rule
    ]
    if as_json:
        for verdict in verdicts:
            click.echo(to_json(as_row(verdict)))
    else:
        shown = [one for one in verdicts if show_all or rule or one.hit or is_near(one)]
        click.echo("\n".join([item.title, "", *map(_told, shown)]))
    if not any(verdict.hit for verdict in verdicts):
        click.echo("no rule matches; --all shows every rule", err=True)
        sys.exit(EXIT_PROBLEM)


def is_near(verdict: "Verdict") -> bool:
    """Return whether a clause holds, or something suppressed the rule."""
    return bool(verdict.unless) or any(clause.is_met for clause in verdict.clauses)


def as_row(verdict: "Verdict") -> dict[str, Any]:
    """Return a verdict for JSON."""
    return {
        "rule": verdict.rule,
        "hit": verdict.hit is not None,
        "severity": verdict.hit.severity.label if verdict.hit else None,
        "clauses": [
            {"clause": one.clause, "met": one.is_met, "matched": [vars(span) for span in one.found]}
            for one in verdict.clauses
        ],
        "unless": [vars(span) for span in verdict.unless],
        "masked": [vars(span) for span in verdict.masked],
        "reasons": list(verdict.reasons),
    }


def _told(verdict: "Verdict") -> str:
    outcome = f"MATCH ({verdict.hit.severity.label})" if verdict.hit else "no match"
    lines = [f"{verdict.rule}: {outcome}"]
    for clause in verdict.clauses:
        words = ", ".join(f'"{span.text}" in {span.field}' for span in clause.found)
        lines.append(f"  {'+' if clause.is_met else '-'} {clause.clause}: {words or 'missing'}")
    for name, spans in (("suppressed by", verdict.unless), ("does not count", verdict.masked)):
        if spans:
            lines.append(f"  {name}: " + ", ".join(f'"{span.text}"' for span in spans))
    lines += [f"  {reason}" for reason in verdict.reasons if not reason.startswith("missing")]
    return "\n".join(lines)


def _item(text: str, lang: str, database: Path) -> Item:
    from monitor.engine.clock import utc_now

    if text != "-" and database.exists():
        with reading(database) as tx:
            stored = tx.items.get(text)
        if stored is not None:
            return stored
    title, _, summary = (sys.stdin.read() if text == "-" else text).partition("\n")
    now = utc_now()
    return Item(
        id=ItemId("why"),
        source_id=SourceId(""),
        title=title,
        summary=summary.strip(),
        lang=lang,
        when=now,
        seen_at=now,
    )
