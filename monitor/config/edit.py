"""Changing values of feeds.yaml as a person would: in place, order and comments kept, reasons said.

The text is edited at the places of its values; nothing is written anew.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.config.crosscheck import each
from monitor.errors import MonitorError
from monitor.yamlnodes import Node, load, scalar_ends

_MARK = "# audit "  # begins the reason above a value; the next audit of that value replaces it
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9./:?=&%~+;@_-]*[A-Za-z0-9/=_-])?")
_AFTER = "url"  # the key that a new one is written behind: every feed has it


@dataclass(frozen=True, kw_only=True)
class Change:
    """A value to write for a key of a feed, and why; `day` is when that was seen."""

    feed: str
    key: str
    value: str
    why: str
    day: str


class Uneditable(MonitorError):
    """A value that must not be written over, or is written in a way that we leave alone."""


def edited(text: str, changes: Sequence[Change]) -> str:
    """Return the text of feeds.yaml with these changes, each with its reason as a comment above.

    Raises:
        ConfigError: the text is no YAML.
        Uneditable: a value is a reference to the outside, or stands on several lines.
    """
    for change in changes:  # places move with every change
        text = _with(text, change)
    return text


def _with(text: str, change: Change) -> str:
    root = load("feeds.yaml", text)
    entries = (one for one in each(root.get("feeds")) if _text(one, "id") == change.feed)
    entry = next(entries, None)
    assert entry is not None, "the feed was read from this file"
    place = _Place(lines=text.splitlines(keepends=True), ends=scalar_ends(text), entry=entry)
    value = entry.get(change.key)
    if value is None:
        return place.with_new(change)
    if "${" in (value.text or ""):
        raise Uneditable(f"{change.key} of {change.feed} comes from outside the file")
    return place.with_other(value, change)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """The lines of a file, where its values end, and one entry of it."""

    lines: Sequence[str]
    ends: Mapping[tuple[int, int], tuple[int, int]]
    entry: Node

    @property
    def is_flow(self) -> bool:
        """Return whether the entry is written as `{id: x, url: y}`."""
        return self.lines[self.entry.line - 1][self.entry.column - 1] == "{"

    def with_other(self, value: Node, change: Change) -> str:
        """Return the text with a value in place of one."""
        line, end = self._end(value)
        if line != value.line:
            raise Uneditable(f"{change.key} of {change.feed} stands on several lines")
        lines = list(self.lines)
        written = _written(change.value, is_quoted=value.is_quoted)
        old = lines[line - 1]
        lines[line - 1] = old[: value.column - 1] + written + old[end - 1 :]
        return self._commented(lines, line, change)

    def with_new(self, change: Change) -> str:
        """Return the text with a key that the entry did not have."""
        after = self.entry.get(_AFTER)
        assert after is not None, "every feed has an address"
        line, end = self._end(after)
        lines = list(self.lines)
        written = _written(change.value, is_quoted=False)
        old = lines[line - 1]
        if self.is_flow:
            lines[line - 1] = f"{old[: end - 1]}, {change.key}: {written}{old[end - 1 :]}"
            return self._commented(lines, line, change)
        key = next(one for one in self.entry.keys() if one.key == _AFTER)  # noqa: SIM118 - nodes
        break_ = _line_break(old)
        lines[line - 1] = old if old.endswith(break_) else old + break_
        lines.insert(line, f"{' ' * (key.column - 1)}{change.key}: {written}{break_}")
        return self._commented(lines, line + 1, change)

    def _end(self, value: Node) -> tuple[int, int]:
        return self.ends[value.line, value.column]

    def _commented(self, lines: list[str], line: int, change: Change) -> str:
        """Return the lines with the reason above one of them, in place of an older reason."""
        at = self.entry.line if self.is_flow else line
        below = lines[at - 1]
        indent = below[: len(below) - len(below.lstrip(" "))]
        comment = f"{indent}{_MARK}{change.day}: {_one_line(change.why)}{_line_break(below)}"
        above = lines[at - 2].strip() if at > 1 else ""
        if above.startswith(_MARK) and not self.is_flow:
            lines[at - 2] = comment
        else:
            lines.insert(at - 1, comment)
        return "".join(lines)


def _text(entry: Node, key: str) -> str:
    node = entry.get(key)
    return node.text or "" if node is not None else ""


def _written(value: str, *, is_quoted: bool) -> str:
    """Return a value as YAML: plain where nothing in it could be read otherwise."""
    is_plain = not is_quoted and _PLAIN.fullmatch(value)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _line_break(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())
