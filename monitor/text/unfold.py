"""The way back from folded text to the characters of the original.

Two ways that give the same places: by the number of the word, for the texts that folding changes
only between words, and by doing every step of `monitor.text.fold` again with its places.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from monitor.text.fold import (
    ACRONYM,
    ASCII,
    BARE,
    COMMON,
    FIRST,
    FOLDED,
    MARKED,
    SCRIPTS,
    SENTENCE_END,
    UNICODE,
    Step,
)

_SPACES = re.compile(" {2,}")


class Origin(Protocol):
    """The way back from a folded text."""

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where `folded[start:end]`, without outer spaces, stands in the original."""


def origin(text: str, folded: str) -> Origin:
    """Return the way back from `folded`, which is `fold(text)`."""
    if text.isascii() and not MARKED.search(text) and not ACRONYM.search(text):
        return _WordMap(text, folded)
    return fold_map(text)


class _WordMap:
    """The way back for texts whose folding changed nothing inside words: by the word's number."""

    def __init__(self, text: str, folded: str) -> None:
        self._folded = folded
        self._words = text.encode().translate(ASCII)  # as long as the text, not yet split

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where `folded[start:end]`, without outer spaces, stands in the original."""
        return self._at(start), self._at(end - 1) + 1

    def _at(self, position: int) -> int:
        folded = self._folded
        before = folded.count(" ", 0, position) - folded.count(SENTENCE_END, 0, position) - 1
        rest = self._words.split(None, before)[before]  # from this word on
        return len(self._words) - len(rest) + position - folded.rfind(" ", 0, position) - 1


@dataclass(frozen=True)
class FoldMap:
    """A folded text and, for each of its characters, the original characters it came from."""

    folded: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where `folded[start:end]`, without outer spaces, stands in the original."""
        return self.starts[start], self.ends[end - 1]


def fold_map(text: str) -> FoldMap:
    """Return `fold(text)` with the way back; many times slower, so only for texts that hit."""
    trace = _Trace(text, list(range(len(text))), list(range(1, len(text) + 1)))
    trace.rewrite(FIRST)
    if not trace.text.isascii():
        trace.rewrite(UNICODE)
    trace.rewrite(COMMON)
    trace.translate(FOLDED)
    if BARE.search(trace.text):
        trace.rewrite(SCRIPTS)
    trace.sub(_SPACES, " ")
    trace.pad(len(text))
    return FoldMap(trace.text, tuple(trace.starts), tuple(trace.ends))


@dataclass
class _Trace:
    """A text being rewritten that remembers where each character came from."""

    text: str
    starts: list[int]
    ends: list[int]

    def rewrite(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if step.is_needed(self.text):
                self.sub(step.pattern, step.replacement)

    def sub(
        self, pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str]
    ) -> None:
        """Do what `pattern.sub` does, for replacements of the kinds that the steps use."""
        if not pattern.search(self.text):
            return
        pieces: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        position = 0
        for found in pattern.finditer(self.text):
            new = found.expand(replacement) if isinstance(replacement, str) else replacement(found)
            begin, end = found.span()
            pieces += self.text[position:begin], new
            starts += self.starts[position:begin]
            ends += self.ends[position:begin]
            self._place(found.group(), new, begin, starts, ends)
            position = end
        self.text = "".join([*pieces, self.text[position:]])
        self.starts = starts + self.starts[position:]
        self.ends = ends + self.ends[position:]

    def _place(self, old: str, new: str, begin: int, starts: list[int], ends: list[int]) -> None:
        """Append the places of `new`, which stands for `old` at `begin`."""
        end = begin + len(old)
        if len(new) == len(old):
            starts += self.starts[begin:end]
            ends += self.ends[begin:end]
        elif new == f" {old} ":
            starts += [self.starts[begin], *self.starts[begin:end], self.starts[end - 1]]
            ends += [self.ends[begin], *self.ends[begin:end], self.ends[end - 1]]
        elif new:
            starts += [self.starts[begin]] * len(new)
            ends += [self.ends[end - 1]] * len(new)
        elif ends and unicodedata.combining(old[0]):  # an accent belongs to the letter before it
            ends[-1] = self.ends[end - 1]

    def translate(self, table: dict[int, str]) -> None:
        pieces = [table[ord(c)] for c in self.text]
        if all(len(table[ord(c)]) == 1 for c in set(self.text)):
            self.text = "".join(pieces)
            return
        self.starts = [
            start for start, piece in zip(self.starts, pieces, strict=True) for _ in piece
        ]
        self.ends = [end for end, piece in zip(self.ends, pieces, strict=True) for _ in piece]
        self.text = "".join(pieces)

    def pad(self, length: int) -> None:
        """Put one space at both ends."""
        body = self.text.strip(" ")
        offset = len(self.text) - len(self.text.lstrip(" "))
        inner = slice(offset, offset + len(body))
        self.text = f" {body} " if body else " "
        tail = [length] if body else []
        self.starts = [0, *self.starts[inner], *tail]
        self.ends = [0, *self.ends[inner], *tail]
