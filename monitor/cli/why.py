"""`why`: for each rule, why a text matches, or which clause is missing."""

import sys
from pathlib import Path

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, read_config, reading
from monitor.cli.output import to_json
from monitor.model import Item, ItemId, SourceId


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
    from monitor.engine.local import utc_now

    config = read_config(directory)
    item = _item(text, lang, Path(config.service.storage.database))
    if rule is not None and rule not in config.ruleset.rules:
        raise click.BadParameter(f'no rule "{rule}"; one of: {", ".join(config.ruleset.rules)}')
    verdicts = [
        verdict
        for verdict in rules.explain(item, config.ruleset, utc_now())
        if rule is None or verdict.rule == rule
    ]
    if not as_json:
        click.echo(f"{item.title}\n")
    for verdict in verdicts:
        if as_json:
            click.echo(to_json(as_row(verdict)))
        elif show_all or rule or _is_near(verdict):
            click.echo(_told(verdict))
    if not any(verdict.is_hit for verdict in verdicts):
        if not as_json:
            click.echo("no rule matches", err=True)
        sys.exit(EXIT_PROBLEM)


def _item(text: str, lang: str, database: Path) -> Item:
    from monitor.engine.local import utc_now

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
