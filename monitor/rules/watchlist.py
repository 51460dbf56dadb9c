"""Watch lists: CSV files of names, aliases and IMO numbers, used in rules as `$file-name`."""

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.errors import Problem
from monitor.rules.names import Entry

_NAME = re.compile(r"[\w-]+")
_IMO = re.compile(r"(?:IMO\s*)?(\d{7})", re.IGNORECASE)
_ALIASES_APART = ";"
_SHOWN = 20  # warnings of one kind and list: a list of a million names may hold many short ones


@dataclass
class Watchlist:
    """A list as read; `entries` is read once, while the index is built."""

    name: str
    file: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Return the hash of the text, for the version of the rules that use it."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def entries(self) -> Iterator[Entry]:
        """Return the entries in file order, recording what is wrong with them."""
        rows = csv.reader(_lines(self.text), strict=True)
        try:
            columns = self._columns(next(rows, []))
            line = rows.line_num + 1
            for row in rows if columns else ():
                entry = self._entry(row, columns, line)
                if entry:
                    yield entry
                line = rows.line_num + 1
        except csv.Error as error:
            self._report(rows.line_num, 1, f"not readable as CSV: {error}")

    def check(self) -> None:
        """Record what is wrong with a list that nobody uses."""
        for _ in self.entries():
            pass

    def _columns(self, header: Sequence[str]) -> Mapping[str, int]:
        columns = {name.strip().lower(): index for index, name in enumerate(header)}
        if "name" in columns:
            return columns
        hint = "the first line names the columns: name,aliases,imo"
        self._report(1, 1, 'the list has no column "name"', hint)
        return {}

    def _entry(self, row: Sequence[str], columns: Mapping[str, int], line: int) -> Entry | None:
        if not any(row):
            return None
        name = _cell(row, columns, "name")
        if not name:
            self._warn(line, "", "a row without a name is not looked for")
            return None
        aliases = _cell(row, columns, "aliases").split(_ALIASES_APART)
        written = [alias.strip() for alias in aliases if alias.strip()]
        imo = self._imo(_cell(row, columns, "imo"), line)
        return Entry(name, (name, *written), imo)

    def _imo(self, cell: str, line: int) -> str:
        """Return the seven digits of an IMO number that passes its check, else an empty text."""
        if not cell:
            return ""
        found = _IMO.fullmatch(cell)
        if not found:
            self._warn(line, cell, f'"{cell}" is no IMO number: it has seven digits')
            return ""
        digits = found.group(1)
        check = sum(
            int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=False)
        )
        if check % 10 == int(digits[6]):
            return digits
        message = f"IMO number {digits} fails its check digit and is not looked for"
        self._warn(line, cell, message, f"with these six digits it ends in {check % 10}")
        return ""

    def too_short(self, name: str) -> None:
        """Record that a name cannot be looked for."""
        self._warn(0, name, f'"{name}" is too short to be looked for')

    def _warn(self, line: int, cell: str, message: str, hint: str = "") -> None:
        kind = message.replace(cell, "") if cell else message
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _SHOWN:
            self._report(line, self._column(line, cell), message, hint, is_warning=True)

    def _column(self, line: int, cell: str) -> int:
        return max(self._source_line(line).find(cell), 0) + 1 if line else 0

    def _report(
        self, line: int, column: int, message: str, hint: str = "", *, is_warning: bool = False
    ) -> None:
        self.problems.append(
            Problem(
                file=self.file,
                line=line,
                column=column,
                message=message,
                hint=hint,
                source_line=self._source_line(line),
                is_warning=is_warning,
            )
        )

    def _source_line(self, line: int) -> str:
        for number, text in enumerate(_lines(self.text), 1):
            if number == line:
                return text.rstrip("\r\n")
        return ""


def read(files: Sequence[tuple[str, str]]) -> tuple[list[Watchlist], list[Problem]]:
    """Return the watch lists of (file name, text) pairs, named after their files."""
    lists: dict[str, Watchlist] = {}
    problems: list[Problem] = []
    for file, text in files:
        name = file.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
        if not _NAME.fullmatch(name):
            hint = "use letters, digits, - and _"
            problems.append(_whole(file, f'"{name}" is no name for a list: rename the file', hint))
        elif name in lists:
            problems.append(
                _whole(file, f"another watch list is called {name}: {lists[name].file}")
            )
        else:
            lists[name] = Watchlist(name, file, text)
    return list(lists.values()), problems


def _whole(file: str, message: str, hint: str = "") -> Problem:
    return Problem(file=file, line=0, column=0, message=message, hint=hint)


def _cell(row: Sequence[str], columns: Mapping[str, int], name: str) -> str:
    index = columns.get(name, len(row))
    return row[index].strip() if index < len(row) else ""


def _lines(text: str) -> Iterator[str]:
    """Return the lines one by one: a copy of a list of a million names would cost too much."""
    start = 1 if text.startswith("\ufeff") else 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
