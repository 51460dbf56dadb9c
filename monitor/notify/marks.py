"""The text of an article with the characters that matched marked, and what matched in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.model import Article, Span, Why
from monitor.notify.words import count, line, printable

_FIELDS = ("title", "summary", "content")
_LEAD = 160  # characters kept before the first match: a sentence's beginning, as a rule
_FIELD_WORDS = {"title": "title", "summary": "summary", "content": "article"}


@dataclass(frozen=True)
class Piece:
    """A run of text; `clause` names what it matched, "" where nothing did."""

    text: str
    clause: str = ""


@dataclass(frozen=True)
class Found:
    """One rule's clause and what it matched, for people: `“vetoed” in title, twice`."""

    rule: str
    clause: str
    words: str


def excerpt(article: Article, most: int) -> list[Piece]:
    """Return about `most` characters of the text, beginning shortly before the first match.

    The summary is taken where it matched or nothing else did, else the article's content.
    """
    field = _best_field(article)
    text = article.summary if field == "summary" else article.content
    spans = _spans(article, field)
    start = _window_start(text, spans[0][0].start if spans else 0, most)
    end = _window_end(text, start + most)
    before = [Piece("… ")] if start else []
    after = [Piece(" …")] if end < len(text) else []
    return before + _pieces(text, spans, start, end) + after


def found(article: Article, most: int = 6) -> list[Found]:
    """Return every clause that the article satisfied, with at most `most` words of each."""
    return [Found(line(why.rule), _clause(why.clause), _words(why, most)) for why in article.why]


def text_of(pieces: Sequence[Piece], mark: str = "") -> str:
    """Return the pieces as one text, each match between two `mark`s."""
    return "".join(f"{mark}{piece.text}{mark}" if piece.clause else piece.text for piece in pieces)


def _best_field(article: Article) -> str:
    matched = {span.field for why in article.why for span in why.matched}
    if "summary" in matched or "content" not in matched:
        return "summary" if article.summary.strip() else "content"
    return "content"


def _spans(article: Article, field: str) -> list[tuple[Span, str]]:
    """Return the spans of a field in order, without those that overlap an earlier one."""
    spans = [
        (span, why.clause) for why in article.why for span in why.matched if span.field == field
    ]
    kept: list[tuple[Span, str]] = []
    end = 0
    for span, clause in sorted(spans, key=lambda pair: (pair[0].start, -pair[0].end)):
        if span.start >= end and span.end > span.start:
            kept.append((span, clause))
            end = span.end
    return kept


def _pieces(text: str, spans: Sequence[tuple[Span, str]], start: int, end: int) -> list[Piece]:
    pieces: list[Piece] = []
    at = start
    for span, clause in spans:
        if span.start < at or span.end > end:
            continue
        pieces.append(Piece(printable(text[at : span.start])))
        pieces.append(Piece(printable(text[span.start : span.end]), _clause(clause)))
        at = span.end
    pieces.append(Piece(printable(text[at:end])))
    return [piece for piece in pieces if piece.text]


def _window_start(text: str, first: int, most: int) -> int:
    if len(text) <= most or first <= _LEAD:
        return 0
    start = first - min(_LEAD, most // 3)
    space = text.find(" ", start, first)
    return space + 1 if space >= 0 else start


def _window_end(text: str, end: int) -> int:
    if end >= len(text):
        return len(text)
    space = text.rfind(" ", end - 30, end)
    return space if space > 0 else end


def _words(why: Why, most: int) -> str:
    """Return each distinct text with where it stands: `“vetoed” in title, twice`."""
    places: dict[str, list[str]] = {}
    for span in why.matched:
        places.setdefault(line(span.text, 200), []).append(span.field)
    parts = [f"“{text}” {_place(fields)}" for text, fields in list(places.items())[:most]]
    rest = len(places) - most
    return "; ".join([*parts, f"{count(rest, 'more word')}"] if rest > 0 else parts)


def _clause(name: str) -> str:
    return line(name, 100) or "match"


def _place(fields: Sequence[str]) -> str:
    names = [_FIELD_WORDS[field] for field in _FIELDS if field in fields]
    times = len(fields)
    often = {2: ", twice"}.get(times, f", {times} times") if times > len(names) else ""
    return "in " + " and ".join(names) + often
