"""`rules`: the workbench around the watch rules."""

import difflib
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, looking, output_options, read_config, stored
from monitor.cli.output import emit, since
from monitor.model import STATES

if TYPE_CHECKING:
    from monitor.config import Config

_WRONG = ("wrong-match", "irrelevant")  # dismissals that are the rule's fault
_LIMIT = click.option("--limit", default=50, show_default=True, help="At most so many.")
_SINCE = click.option("--since", "since_", default="30d", show_default=True, help="30d, 12h, date.")


@click.group()
def rules() -> None:
    """List, show, test and compare rules."""


@rules.command("list")
@directory_option
@output_options
def list_rules(*, directory: Path, output: str) -> None:
    """List the rules in force."""
    config = read_config(directory)
    rows = [
        {**vars(info), "severity": info.severity.label, "where": f"{info.file}:{info.line}"}
        for info in config.ruleset.rules.values()
    ]
    emit(rows, output, ("id", "severity", "theme", "where", "title"))


@rules.command("show")
@click.argument("rule")
@directory_option
def show_rule(*, rule: str, directory: Path) -> None:
    """Print a rule as it stands in its file, with what it is for."""
    config = read_config(directory)
    info = config.ruleset.rules.get(rule)
    if info is None:
        raise click.BadParameter(f'no rule "{rule}"; one of: {", ".join(config.ruleset.rules)}')
    click.echo(f"# {directory / info.file}, line {info.line}; version {info.version}")
    click.echo(_text_of(config.files[info.file], info.line))


def _text_of(text: str, line: int) -> str:
    """Return the lines of a list entry that begins at `line` (from 1)."""
    lines = text.splitlines()[line - 1 :]
    indent = len(lines[0]) - len(lines[0].lstrip())
    taken = [lines[0]]
    for one in lines[1:]:
        if one.strip() and len(one) - len(one.lstrip()) <= indent:
            break
        taken.append(one)
    return "\n".join(taken).rstrip()


@rules.command("test")
@directory_option
def test_rules(*, directory: Path) -> None:
    """Run every rule's examples; exit code 3 with each one that fails, and why."""
    config = read_config(directory)
    rules_ = len(config.ruleset.rules)
    click.echo(f"{rules_} rules: every example holds.")


@rules.command()
@directory_option
@click.option("--rule", help="Of this rule only.")
@_LIMIT
@output_options
def near(*, directory: Path, rule: str | None, limit: int, output: str) -> None:
    """List stored items that a rule missed by one clause (rules with near_miss)."""
    with looking(directory) as tx:
        rows = tx.items.near_misses(rule, limit)
    emit(rows, output, ("seen_at", "rule", "missing", "source", "title"))


@rules.command()
@directory_option
@click.option("--rule", help="Of this rule only.")
@click.option(
    "--by",
    type=click.Choice(["word", "rule"]),
    default="word",
    show_default=True,
    help="Count for each word, or for each rule what people made of its stories.",
)
@_SINCE
@_LIMIT
@output_options
def stats(
    *, directory: Path, rule: str | None, by: str, since_: str, limit: int, output: str
) -> None:
    """Count how many stored items hold each word of a rule, how many hit, how many were dismissed.

    With --by rule: stories of each rule by what people decided, and the share that was right.
    """
    from monitor.engine.clock import utc_now

    now = utc_now()
    begin = since(since_, now)
    with stored(directory) as (config, tx):
        count = _by_word if by == "word" else _by_rule
        rows = [row for row in count(config, tx, begin, now) if rule in (None, row["rule"])]
    emit(rows[:limit], output, _STATS[by])


_STATS = {
    "word": ("rule", "clause", "word", "items", "hits", "dismissed"),
    "rule": ("rule", "hits", "stories", *STATES, "wrong", "right"),
}


def _by_word(config: "Config", tx: Any, begin: datetime, now: datetime) -> list[dict[str, Any]]:
    """Return a row for each word, the most hits first."""
    from monitor.rules import word_stats

    gone = tx.stories.dismissed_items(begin)
    items = (item for item in tx.items.since(begin) if item.id in gone)
    dismissed = {_key(one): one.hits for one in word_stats(items, config.ruleset, now)}
    counts = word_stats(tx.items.since(begin), config.ruleset, now)
    rows = [{**vars(one), "dismissed": dismissed[_key(one)]} for one in counts]
    return sorted(rows, key=lambda row: (-row["hits"], -row["items"], row["rule"], row["word"]))


def _key(one: Any) -> tuple[str, str, str]:
    return one.rule, one.clause, one.word


def _by_rule(config: "Config", tx: Any, begin: datetime, _: datetime) -> list[dict[str, Any]]:
    """Return a row for each rule, those that were most often wrong first, unused ones last."""
    rows = {name: _outcome_of(name) for name in config.ruleset.rules}
    decided = tx.log.last_decisions()
    for one in tx.stories.by_rule(begin):
        row = rows.setdefault(one["rule"], _outcome_of(one["rule"]))
        row["hits"] += one["hits"]
        row["stories"] += 1
        row[one["state"]] += 1
        detail = decided.get(one["story"], {}).get("detail", "")
        row["wrong"] += one["state"] == "dismissed" and detail.startswith(_WRONG)
    for row in rows.values():
        right = row["acknowledged"] + row["escalated"]
        if right + row["wrong"]:
            row["right"] = f"{right / (right + row['wrong']):.0%}"
    return sorted(rows.values(), key=lambda row: (-row["wrong"], -row["stories"], row["rule"]))


def _outcome_of(rule: str) -> dict[str, Any]:
    """Return an empty row; `right` stays empty while nobody decided anything."""
    return {
        "rule": rule,
        "hits": 0,
        "stories": 0,
        **dict.fromkeys(STATES, 0),
        "wrong": 0,
        "right": "",
    }


@rules.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@directory_option
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 if a file would change.")
def fmt(*, files: tuple[Path, ...], directory: Path, check: bool) -> None:
    """Tidy rule files (line ends, spaces, blank lines); comments and meaning stay."""
    from monitor.rules import fmt as tidy

    changed = 0
    for path in files or sorted((directory / "rules").glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if tidy(text) == text:
            continue
        changed += 1
        click.echo(f"{path}: {'would change' if check else 'tidied'}")
        if not check:
            path.write_text(tidy(text), encoding="utf-8")
    if check and changed:
        sys.exit(EXIT_PROBLEM)


@rules.command()
@directory_option
@click.option(
    "--against",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Another configuration; the shipped one by default.",
)
def diff(*, directory: Path, against: Path | None) -> None:
    """Show how the rules and words differ from the shipped ones: `-` theirs, `+` yours."""
    from monitor.config import defaults_path

    mine = _rule_files(read_config(directory))
    theirs = _rule_files(read_config(against or defaults_path("config")))
    differences = 0
    for name in sorted({*mine, *theirs}):
        lines = difflib.unified_diff(
            theirs.get(name, "").splitlines(),
            mine.get(name, "").splitlines(),
            f"{against or 'shipped'}/{name}",
            f"{directory}/{name}",
            lineterm="",
        )
        for line in lines:
            differences += 1
            click.echo(line)
    if not differences:
        click.echo("no difference", err=True)


def _rule_files(config: "Config") -> Mapping[str, str]:
    prefixes = ("rules/", "watchlists/")
    return {name: text for name, text in config.files.items() if name.startswith(prefixes)}


def loaded(files: Mapping[str, str]) -> Any:
    """Return the rule set of stored configuration files."""
    from monitor.rules import load

    return load(
        [(name, text) for name, text in files.items() if name.startswith("rules/")],
        [(name, text) for name, text in files.items() if name.startswith("watchlists/")],
    )
