"""`doctor`: is everything as it should be, and what to do where it is not."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import EXIT_CONFIG, EXIT_PROBLEM
from monitor.cli.options import directory_option, environment
from monitor.cli.run import progress

if TYPE_CHECKING:
    from rich.text import Text

    from monitor.config import Config
    from monitor.doctor.facts import Facts
    from monitor.doctor.findings import Finding
    from monitor.doctor.gather import Place

_SAMPLE = 20
_SIGNS = {
    "ok": ("✓", "green"),
    "note": ("·", "dim"),
    "warning": ("!", "yellow"),
    "fault": ("✗", "red"),
}
_LABEL = 15  # columns of a check's name
_NARROW, _WIDE, _ENDLESS = 60, 120, 10**6
_SHARED = "Nothing in it names people, hosts of channels or secrets; read it before you share it."


@click.command()
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON object.")
@click.option("--offline", is_flag=True, help="Ask no source and no receiver.")
@click.option("--paste", "as_paste", is_flag=True, help="Print a block for an issue.")
@click.option(
    "--sources",
    default=_SAMPLE,
    show_default=True,
    type=click.IntRange(min=0),
    help="Ask at most so many sources, 0 for all.",
)
@click.option(
    "--units",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/etc/systemd/system"),
    hidden=True,
)
def doctor(
    *, directory: Path, as_json: bool, offline: bool, as_paste: bool, sources: int, units: Path
) -> None:
    """Look for what is wrong, or soon will be, and say what to do. No message is sent.

    Exit code 0: nothing. 1: a warning or a fault. 3: the configuration is wrong.
    """
    from monitor.doctor.gather import Place
    from monitor.doctor.judge import judge
    from monitor.engine.clock import utc_now

    place = Place(directory=directory, environ=environment(), units=units, clock=utc_now)
    facts, config = _facts(place, most=None if offline else sources)
    findings = _redacted(judge(facts), config)
    if as_json:
        click.echo(_json(facts, findings))
    elif as_paste:
        _paste(facts, findings, config)
    else:
        _tell(findings)
    sys.exit(_exit_code(facts, findings))


def _facts(place: "Place", most: int | None) -> "tuple[Facts, Config | None]":
    from monitor.doctor.gather import local_facts, network_facts
    from monitor.doctor.gather_network import sample

    facts, config = local_facts(place)
    if config is None or most is None:
        return facts, config
    chosen = sample([source for source in config.sources if source.enabled], most)
    with progress(len(chosen), "sources") as advance:
        facts = asyncio.run(network_facts(facts, config, place, chosen, advance))
    return facts, config


def _redacted(findings: "Sequence[Finding]", config: "Config | None") -> "list[Finding]":
    from dataclasses import replace

    from monitor.config.secrets import redact

    secrets = config.secrets if config else frozenset()
    return [replace(one, said=redact(one.said, secrets)) for one in findings]


def _exit_code(facts: "Facts", findings: "Sequence[Finding]") -> int:
    from monitor.doctor.findings import Grade, worst

    if facts.files.errors:
        return EXIT_CONFIG
    return EXIT_PROBLEM if worst(findings) >= Grade.WARNING else 0


def _json(facts: "Facts", findings: "Sequence[Finding]") -> str:
    from dataclasses import asdict

    rows = [{**asdict(one), "grade": one.grade.label} for one in findings]
    told = {"at": facts.at.isoformat(), "software": asdict(facts.software), "findings": rows}
    return json.dumps(told, ensure_ascii=False, indent=2)


def _paste(facts: "Facts", findings: "Sequence[Finding]", config: "Config | None") -> None:
    from monitor.doctor.paste import hidden_in, paste

    click.echo(paste(facts, findings, hidden_in(config, environment().get("HOME", ""))))
    click.echo(_SHARED, err=True)


def _tell(findings: "Sequence[Finding]") -> None:
    """Print the findings for people: in colour on a terminal, in words alone elsewhere."""
    from rich.console import Console

    console = Console(highlight=False)
    is_plain = not console.is_terminal  # then each text stays on one line, for grep
    width = _ENDLESS if is_plain else max(_NARROW, min(console.width, _WIDE))
    for line in _lines(findings, width, is_plain=is_plain):
        console.print(line, soft_wrap=True, no_wrap=True)


def _lines(findings: "Sequence[Finding]", width: int, *, is_plain: bool) -> "Iterator[Text]":
    from rich.text import Text

    indent = _LABEL + (9 if is_plain else 4)
    for one in findings:
        sign, colour = _SIGNS[one.grade.label]
        lead = f"{one.grade.label:<9}" if is_plain else f"  {sign} "
        head = Text.assemble((lead, colour), (f"{one.check:<{_LABEL}}", "bold"))
        for number, line in enumerate(_wrapped(one.said, width - indent)):
            said = Text(line, style="" if one.grade.label == "ok" else colour)
            yield (head if number == 0 else Text(" " * indent)).append_text(said)
        for word, text in (("means", one.means), ("do", one.what_to_do)):
            yield from _advice(word, text, width, indent)
    yield Text()
    yield _verdict(findings)


def _advice(word: str, text: str, width: int, indent: int) -> "Iterator[Text]":
    from rich.text import Text

    for number, line in enumerate(_wrapped(text, width - indent - 7)):
        lead = f"{word + ':' if number == 0 else '':<7}"
        yield Text.assemble(" " * indent, (lead, "dim"), (line, "dim" if word == "means" else ""))


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Return the lines of a text; those of a message with a caret below keep their columns."""
    import textwrap

    from monitor.text.clean import one_line

    if "\n" in text:
        yield from (line.rstrip() for line in text.splitlines())
    elif text:
        yield from textwrap.wrap(one_line(text), width, break_on_hyphens=False)


def _verdict(findings: "Sequence[Finding]") -> "Text":
    from rich.text import Text

    counts = {label: sum(one.grade.label == label for one in findings) for label in _SIGNS}
    parts = [
        f"{counts[label]} {label}{'' if counts[label] == 1 else 's'}"
        for label in ("fault", "warning")
        if counts[label]
    ]
    if not parts:
        return Text("All is well.", style="green")
    return Text(", ".join(parts), style="red" if counts["fault"] else "yellow")
