"""YAML with positions: the one loader of all configuration files.

Every scalar stays text (`NO`, `12:30` and `1718` are what was written); the schema that reads the
nodes gives types. Duplicate keys, anchors, aliases and tags are refused with their place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import yaml

from monitor.errors import ConfigError, Problem

# The C loader composes ten thousand rules in a third of the time; wheels carry it, some
# distributions do not.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_MAX_DEPTH = 60  # levels; deeper nesting is no configuration and would exhaust the stack
_MAX_NODES = 5_000_000  # values in one file; a hundred thousand rules have three million
_NEEDS_QUOTES = "a term that starts with * or & needs quotes; a shared value is written out"
_NOT_PRINTABLE = re.compile(  # YAML 1.2 section 5.1
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_MAX_SHOWN = 400  # characters of a line in a message
_MAX_LISTED = 40  # names in a hint; more cannot be read


@dataclass(frozen=True)
class Node:
    """A value of a file with its place; exactly one of `text`, `items`, `entries` is set.

    `entries` maps key nodes to value nodes in file order; `line` and `column` count from 1.
    """

    file: File
    line: int
    column: int
    text: str | None = None
    items: tuple[Node, ...] | None = None
    entries: tuple[tuple[Node, Node], ...] | None = None
    is_quoted: bool = False

    @property
    def kind(self) -> str:
        """Return what this is, as a message names it: `text`, `list` or `mapping`."""
        if self.text is not None:
            return "text"
        return "list" if self.items is not None else "mapping"

    @property
    def key(self) -> str:
        """Return the text of a mapping key."""
        assert self.text is not None, "keys are text: checked by the loader"
        return self.text

    def get(self, key: str) -> Node | None:
        """Return the value under `key`, or None."""
        return next((value for name, value in self.entries or () if name.key == key), None)

    def keys(self) -> Iterator[Node]:
        """Return the key nodes of a mapping in file order."""
        return (name for name, _ in self.entries or ())

    def problem(self, message: str, hint: str = "", *, is_warning: bool = False) -> Problem:
        """Return a problem that points at this node."""
        return self.file.problem(self.line, self.column, message, hint, is_warning=is_warning)

    def plain(self) -> object:
        """Return the value as nested dicts, lists and texts."""
        if self.text is not None:
            return self.text
        if self.items is not None:
            return [item.plain() for item in self.items]
        return {name.key: value.plain() for name, value in self.entries or ()}


@dataclass(frozen=True)
class File:
    """A named text, for messages that show the line."""

    name: str
    source: str

    @cached_property
    def _lines(self) -> list[str]:
        """The lines of the text: split once, however many problems there are."""
        return self.source.splitlines()

    def problem(
        self, line: int, column: int, message: str, hint: str = "", *, is_warning: bool = False
    ) -> Problem:
        """Return a problem at a place of this file; line 0 means the whole file."""
        lines = self._lines
        return Problem(
            file=self.name,
            line=line,
            column=column,
            message=message,
            hint=hint,
            source_line=lines[line - 1][:_MAX_SHOWN] if 0 < line <= len(lines) else "",
            is_warning=is_warning,
        )


def load(name: str, text: str) -> Node:
    """Return the root node of a YAML text; an empty file is an empty mapping.

    Raises:
        ConfigError: with every fault of form that was found.
    """
    file = File(name, text)
    problems = list(_unprintable(file, text))
    root = None if problems else _compose(file, text, problems)
    node = _convert(file, root, problems) if root else Node(file, 1, 1, entries=())
    if problems:
        raise ConfigError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return node


def _compose(file: File, text: str, problems: list[Problem]) -> yaml.Node | None:
    """Return PyYAML's tree of a text, or None when there is none, or a problem."""
    try:
        problems += _forbidden(file, text)
        # Only what passed is composed: the C composer recurses, and dies of deep nesting.
        return None if problems else yaml.compose(text, Loader=_LOADER)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        problems.append(_syntax_problem(file, error))
        return None


def scalar_ends(text: str) -> Mapping[tuple[int, int], tuple[int, int]]:
    """Return where each scalar of a readable text ends (half-open), by where it begins.

    Lines and columns count from 1, as those of nodes do; for editing a text in place.
    """
    tokens = (one for one in yaml.scan(text, Loader=_LOADER) if isinstance(one, yaml.ScalarToken))
    return {
        (one.start_mark.line + 1, one.start_mark.column + 1): (
            one.end_mark.line + 1,
            one.end_mark.column + 1,
        )
        for one in tokens
    }


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean "x"?`, or what is allowed when nothing is near and the list is short."""
    choices = {choice.lower(): choice for choice in sorted(known)}
    near = difflib.get_close_matches(word.lower(), choices, 1, 0.6)
    if near:
        return f'did you mean "{choices[near[0]]}"?'
    listed = ", ".join(sorted(choices.values()))
    return f"allowed: {listed}" if 0 < len(choices) <= _MAX_LISTED else ""


def _unprintable(file: File, text: str) -> Iterator[Problem]:
    """Find the first character that YAML does not allow; the parser would not say where it is."""
    found = _NOT_PRINTABLE.search(text)
    if found:
        before = text[: found.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        yield file.problem(line, column, f"character U+{ord(found[0]):04X} is not allowed")


def _syntax_problem(file: File, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return file.problem(0, 0, f"not readable as YAML: {error}")
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    message = " ".join(filter(None, parts))
    begun = getattr(error, "context_mark", None)
    hint = _syntax_hint(message, file.source[max(mark.index - 1, 0) : mark.index + 1])
    if message.startswith("while") and not hint and begun and begun.line != mark.line:
        hint = f"it begins on line {begun.line + 1}"
    return file.problem(mark.line + 1, mark.column + 1, message, hint)


def _syntax_hint(message: str, around: str) -> str:
    """Return what to do about the faults of form that analysts make most.

    `around` is the character where reading stopped and the one before it.
    """
    if "alias" in message or "anchor" in message:
        return _NEEDS_QUOTES
    if around.endswith("\t"):
        return "indent with spaces, not with tabs"
    if around == "${":
        return 'inside { } and [ ] a reference needs quotes: "${NAME}"'
    if "cannot start any token" in message or "expected <block end>" in message:
        return "put the text in quotes"
    if "mapping values are not allowed" in message:
        return "a text with a colon needs quotes"
    return ""


def _forbidden(file: File, text: str) -> Iterator[Problem]:
    """Return a problem for each anchor, alias and tag: they make one place mean another.

    Nesting and size have bounds; what lies beyond is not looked at.
    """
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH or count > _MAX_NODES:
            what = f"{_MAX_DEPTH} levels deep" if depth > _MAX_DEPTH else f"{_MAX_NODES} values"
            yield _at(file, event, f"more than {what}", "split the file")
            return
        if getattr(event, "anchor", None):
            yield _at(file, event, "anchors and aliases are not allowed", _NEEDS_QUOTES)
        elif _has_tag(event):
            yield _at(file, event, "tags are not allowed", "leave out the !tag, or quote the text")


def _has_tag(event: yaml.Event) -> bool:
    return isinstance(event, yaml.NodeEvent) and bool(getattr(event, "tag", None))


def _at(file: File, event: yaml.Event, message: str, hint: str) -> Problem:
    mark = event.start_mark
    assert mark is not None, "the parser marks every event"
    return file.problem(mark.line + 1, mark.column + 1, message, hint)


def _convert(file: File, raw: yaml.Node, problems: list[Problem]) -> Node:
    line, column = raw.start_mark.line + 1, raw.start_mark.column + 1
    if isinstance(raw, yaml.ScalarNode):
        return Node(file, line, column, text=raw.value, is_quoted=raw.style in ("'", '"', "|", ">"))
    if isinstance(raw, yaml.SequenceNode):
        items = tuple(_convert(file, item, problems) for item in raw.value)
        return Node(file, line, column, items=items)
    return Node(file, line, column, entries=_entries(file, raw, problems))


def _entries(file: File, raw: yaml.Node, problems: list[Problem]) -> tuple[tuple[Node, Node], ...]:
    first_line: dict[str, int] = {}
    entries = []
    for raw_key, raw_value in raw.value:
        key = _convert(file, raw_key, problems)
        value = _convert(file, raw_value, problems)
        if key.text is None:
            problems.append(key.problem(f"a key must be text, this is a {key.kind}"))
            continue
        if key.text in first_line:
            where = f"first on line {first_line[key.text]}"
            problems.append(key.problem(f'key "{key.text}" is written twice; {where}'))
            continue
        first_line[key.text] = key.line
        entries.append((key, value))
    return tuple(entries)
