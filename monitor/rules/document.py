"""An item as the matcher sees it: its fields folded into one text, and the way back to them."""

import re
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import Literal, NamedTuple

from monitor.model import Item, Span
from monitor.text.fold import FIELD_END, NO_SPACE, SENTENCE_END, fold, fold_cased
from monitor.text.unfold import FoldMap, Origin, fold_map, origin

FIELDS: tuple[Literal["title", "summary", "content"], ...] = ("title", "summary", "content")

_TOKEN = re.compile(
    f"[{NO_SPACE}]|(?<= )[^ {SENTENCE_END}{FIELD_END}{NO_SPACE}]"  # a word, or one CJK character
)
_FAR = 1_000_000  # tokens between two fields: further than any distance a rule can ask for


class Found(NamedTuple):
    """Characters of the folded text, half-open, without the spaces around them."""

    start: int
    end: int


class Document:
    """The folded text of an item; what only some rules need is worked out when they ask."""

    __slots__ = ("__dict__", "fields", "text")

    def __init__(self, title: str, summary: str, content: str) -> None:
        self.fields = (title, summary, content)
        if content:
            self.text = FIELD_END.join((fold(title), fold(summary), fold(content)))
        else:
            self.text = f"{fold(title)}{FIELD_END}{fold(summary)}{FIELD_END} "

    @classmethod
    def of(cls, item: Item) -> "Document":
        """Return the document of an item."""
        return cls(item.title, item.summary, item.content)

    @cached_property
    def cased(self) -> str:
        """The folded text with its capitals, position for position."""
        return FIELD_END.join(fold_cased(field) for field in self.fields)

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        first = self.text.index(FIELD_END)
        return first + 1, self.text.index(FIELD_END, first + 1) + 1

    def field_of(self, position: int) -> int:
        """Return which of `FIELDS` a position of the folded text lies in."""
        return bisect_right(self._bounds, position)

    def window(self, field: int) -> tuple[int, int]:
        """Return the first position of a field and the one after its last."""
        bounds = (0, *self._bounds, len(self.text) + 1)
        return bounds[field], bounds[field + 1] - 1

    @cached_property
    def _tokens(self) -> list[int]:
        return [token.start() for token in _TOKEN.finditer(self.text)]

    def token(self, position: int) -> int:
        """Return the number of the word at a position; fields lie far apart."""
        return bisect_right(self._tokens, position) + self.field_of(position) * _FAR

    def after_tokens(self, start: int, count: int) -> int:
        """Return the position where the word after the next `count` words begins."""
        index = bisect_left(self._tokens, start) + count
        return self._tokens[index] if index < len(self._tokens) else len(self.text)

    def count_tokens(self, start: int, end: int) -> int:
        """Return how many words begin between two positions."""
        return bisect_left(self._tokens, end) - bisect_left(self._tokens, start)

    @cached_property
    def _sentence_ends(self) -> list[int]:
        marks = (SENTENCE_END, FIELD_END)
        return [position for position, c in enumerate(self.text) if c in marks]

    def sentence(self, position: int) -> int:
        """Return the number of the sentence; 0 and no other for the whole title."""
        if position < self._bounds[0]:
            return 0
        return bisect_right(self._sentence_ends, position)

    @cached_property
    def _origins(self) -> dict[int, Origin]:
        return {}

    def _origin(self, field: int) -> Origin:
        if field not in self._origins:
            low, high = self.window(field)
            self._origins[field] = origin(self.fields[field], self.text[low:high])
        return self._origins[field]

    @cached_property
    def _maps(self) -> dict[int, FoldMap]:
        return {}

    def folded_place(self, field: int, start: int, end: int) -> Found | None:
        """Return the place of original characters, or None when no word stands among them."""
        places = self._maps.get(field) or fold_map(self.fields[field])
        self._maps[field] = places
        low, high = bisect_left(places.starts, start), bisect_right(places.ends, end)
        inside = places.folded[low:high]
        kept = inside.strip(f" {SENTENCE_END}")
        if not kept:
            return None
        low += inside.index(kept)
        base = self.window(field)[0]
        return Found(base + low, base + low + len(kept))

    def span(self, found: Found) -> Span:
        """Return the characters of the original item."""
        field = self.field_of(found.start)
        base = self.window(field)[0]
        start, end = self._origin(field).original(found.start - base, found.end - base)
        return Span(field=FIELDS[field], start=start, end=end, text=self.fields[field][start:end])
