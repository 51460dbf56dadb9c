"""`feeds list` on a terminal: a line of figures for each source, its trouble and cure below it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from monitor.alerts.watch import words
from monitor.cli.feedlist import NOT_READ
from monitor.model import Health
from monitor.text.clean import one_line

Row = Mapping[str, Any]

_UNREAD, _TROUBLE = "bold red", "yellow"
_STYLES: Mapping[str, str] = {
    **{state.value: _UNREAD if state.is_unread else _TROUBLE for state in Health},
    Health.OK.value: "green",
    Health.MOVED.value: "cyan",
    "new": "dim",
    "off": "dim",
}
_WIDE = 120  # columns of a terminal that shows every figure
_STATE, _READ, _EVERY, _DAY, _HITS = 15, 17, 19, 26, 9
_NAMES = (20, 44)  # at least and at most


def show(rows: Sequence[Row], watched: int, now: datetime) -> None:
    """Print the rows, the worst first, under a line that sums them up."""
    console = Console(highlight=False, soft_wrap=False)
    is_wide = console.width >= _WIDE
    name = _width_of_names(rows, console.width, is_wide=is_wide)
    console.print(_summary(rows, watched), end="\n\n")
    console.print(_head(name, is_wide=is_wide), no_wrap=True, overflow="crop")
    for row in rows:
        console.print(_line(row, name, now, is_wide=is_wide), no_wrap=True, overflow="crop")
        for text in _below(row, is_wide=is_wide):
            console.print(Padding(text, (0, 0, 0, _STATE)))


def _width_of_names(rows: Sequence[Row], width: int, *, is_wide: bool) -> int:
    figures = _READ + _EVERY + (_DAY + _HITS if is_wide else 0)
    widest = max((cell_len(_name(row).plain) for row in rows), default=0) + 2
    least, most = _NAMES
    return max(least, min(widest, most, width - _STATE - figures))


def _summary(rows: Sequence[Row], watched: int) -> Text:
    counts = Counter(row["state"] for row in rows)
    line = Text().append(f"{watched} sources", "bold")
    for state in (*Health, "new", "off"):
        if counts[state]:
            line.append(" · ", "dim").append(f"{counts[state]} {state}", _STYLES[state])
    return line


def _head(name: int, *, is_wide: bool) -> Text:
    figures = [("last read", _READ), ("every", _EVERY)]
    more = [("24 hours", _DAY), ("hits 30 d", _HITS)] if is_wide else []
    cells = [("state", _STATE), ("feed", name), *figures, *more]
    return Text("".join(set_cell_size(text, width) for text, width in cells).rstrip(), "dim")


def _line(row: Row, name: int, now: datetime, *, is_wide: bool) -> Text:
    line = Text().append(set_cell_size(row["state"], _STATE), _STYLES[row["state"]])
    label = _name(row)
    label.truncate(name - 2, overflow="ellipsis", pad=True)
    line.append_text(label).append("  ")
    read = row.get("last_read")
    line.append(set_cell_size(f"{words(now - read)} ago" if read else "", _READ))
    line.append(set_cell_size(row.get("every", ""), _EVERY))
    if is_wide and "last_24h" in row:
        line.append_text(_bars(row["last_24h"])).append("  ")
        line.append(f"{row['hits_30d']:>{_HITS}}", "" if row["hits_30d"] else "dim")
    return line


def _name(row: Row) -> Text:
    name = Text().append(one_line(row["name"]), "bold")
    if row["id"] != row["name"]:
        name.append(f" {row['id']}", "dim")
    return name


def _bars(day: str) -> Text:
    bars = Text().append(day, "blue")
    bars.highlight_regex(f"{NOT_READ}+", "red")
    bars.highlight_regex("▁+", "dim")
    return bars


def _below(row: Row, *, is_wide: bool) -> list[Text]:
    """Return what ails a source and what to do about it; of one that is well, nothing."""
    if row["state"] in (Health.OK, "new"):
        return []
    lines = [Text(one_line(row.get("detail") or ""))]
    if row.get("what_to_do"):
        lines.append(Text(f"→ {one_line(row['what_to_do'])}", "dim"))
    if not is_wide and "last_24h" in row:
        lines.append(_bars(row["last_24h"]))
    return [line for line in lines if line.plain]
