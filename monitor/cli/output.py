"""How rows and texts reach the reader: tables for people, JSON and CSV for programs."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click

Row = Mapping[str, Any]

_LONG = frozenset(
    {
        "changes",
        "detail",
        "title",
        "error",
        "note",
        "url",
        "why",
        "what_to_do",
        "rules",
        "languages",
    }
)  # may wrap
_LONGEST = timedelta(days=36_500)
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def emit(rows: Iterable[Row], output: str, columns: Sequence[str]) -> None:
    """Write rows in the chosen form; a table and CSV show `columns`, JSON shows everything."""
    if output == "jsonl":
        for row in rows:
            click.echo(to_json(row))
    elif output == "json":
        click.echo(
            json.dumps([dict(row) for row in rows], default=str, ensure_ascii=False, indent=2)
        )
    elif output == "csv":
        click.echo(_csv(rows, columns), nl=False)
    else:
        _table(list(rows), columns)


def to_json(value: object) -> str:
    """Return one line of JSON."""
    return json.dumps(value, default=str, ensure_ascii=False)


def _csv(rows: Iterable[Row], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_formula_safe(_cell(row.get(column))) for column in columns])
    return text.getvalue()


def _formula_safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    if not rows:
        click.echo("nothing", err=True)
        return
    cells = [[_shown(row.get(column)) for column in columns] for row in rows]
    if not sys.stdout.isatty():
        click.echo(_plain(columns, cells), nl=False)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column not in _LONG)
    for row in cells:
        table.add_row(*map(Text, row))
    Console(highlight=False).print(table)


def _plain(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """Return aligned columns, nothing cut: for pipes and files."""
    rows = [columns, *cells]
    widths = [max(len(row[number]) for row in rows) for number in range(len(columns))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "".join(f"{line}\n" for line in lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(str, value))
    return str(value)


def _shown(value: object) -> str:
    """Return a cell for people: times to the minute, no control characters."""
    from monitor.text.clean import one_line

    text = _cell(value)
    if len(text) == 32 and text[10] == "T" and text.endswith("+00:00"):  # noqa: PLR2004 (a time)
        return f"{text[:10]} {text[11:16]}"
    return one_line(text)


def since(text: str, now: datetime) -> datetime:
    """Return the time that `30d`, `12h` or a date means.

    Raises:
        click.BadParameter: it is neither.
    """
    number, unit = text[:-1], text[-1:]
    if number.isdigit() and unit in _UNITS:
        return now - min(timedelta(seconds=min(int(number), 10**6) * _UNITS[unit]), _LONGEST)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f'"{text}" is no time; write 30d, 12h or 2026-01-31') from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
