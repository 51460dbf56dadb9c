"""Text for people: printable, shortened at a character's end, times, counts, wrapped lines."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from monitor.text.clean import visible

_JOINERS = "\u200c\u200d"
_SPACE = re.compile(r"\s")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_FULL_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
LONGEST_URL = 2048  # characters; beyond it a URL is left out rather than cut
_HIDDEN_SHARE = 4  # times what is shown; nobody hides more than that between visible words
_HOURS_SAID = timedelta(hours=48)  # beyond it an age is said in days
_WIDE = 2  # columns of a terminal
_LANGUAGES = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fa": "Persian",
    "fr": "French",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "pt": "Portuguese",
    "ru": "Russian",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


def printable(text: str) -> str:
    """Return the text without hidden characters, every white space a space; nothing collapsed."""
    return text if text.isprintable() else _SPACE.sub(" ", visible(text))


def line(text: str, most: int = 1000) -> str:
    """Return the text as one line of visible characters, white space collapsed, `most` at most."""
    head = text[: _HIDDEN_SHARE * most]  # a text of megabytes costs no more than a long one
    return shorten(" ".join(visible(head).split()), most)


def utf16_units(text: str) -> int:
    """Return the length as JavaScript counts it: the safe reading of a chat service's limit."""
    return len(text) + sum(char > "\uffff" for char in text)


def shorten(text: str, most: int, size: Callable[[str], int] = len) -> str:
    """Return the text, or its beginning and "…", in at most `most` units of `size`.

    A character is never parted from the marks that belong to it.
    """
    if size(text) <= most:
        return text
    low, high = 0, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle]) < most else (low, middle - 1)
    return text[: _character_end(text, low)].rstrip() + "…" if most > 0 else ""


def moment(when: datetime) -> str:
    """Return `28 Mar 2024 21:00 UTC`, whatever the locale."""
    when = when.astimezone(UTC)
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year} {when:%H:%M} UTC"


def day_name(day: date) -> str:
    """Return `Thursday 28 March 2024`, whatever the locale."""
    return f"{_DAYS[day.weekday()]} {day.day} {_FULL_MONTHS[day.month - 1]} {day.year}"


def short_day(day: date) -> str:
    """Return `28 Mar`, whatever the locale."""
    return f"{day.day} {_MONTHS[day.month - 1]}"


def age(since: datetime, now: datetime) -> str:
    """Return how long ago that was: `40 min`, `28 h`, `9 days`."""
    passed = max(now - since, timedelta(0))
    if passed < timedelta(hours=1):
        return f"{passed // timedelta(minutes=1)} min"
    if passed < _HOURS_SAID:
        return f"{passed // timedelta(hours=1)} h"
    return count(passed.days, "day")


def local(when: datetime, zone: str) -> datetime:
    """Return the time in a named zone, in UTC where the name is unknown."""
    try:
        return when.astimezone(ZoneInfo(zone or "UTC"))
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        return when.astimezone(UTC)


def later_moment(when: datetime, after: datetime) -> str:
    """Return the time alone when it is on the day of `after`, else `moment`."""
    same_day = when.astimezone(UTC).date() == after.astimezone(UTC).date()
    return f"{when.astimezone(UTC):%H:%M} UTC" if same_day else moment(when)


def iso(when: datetime) -> str:
    """Return the time in UTC as RFC 3339 wants it, to the second unless it has a fraction."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def language(code: str) -> str:
    """Return the English name of a language code, or the code."""
    return _LANGUAGES.get(code.lower().split("-")[0], line(code, 20))


def web_url(url: str) -> str:
    """Return the URL when it is one a browser should follow, else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if len(url) > LONGEST_URL or parts.scheme not in {"http", "https"} or not parts.netloc:
        return ""
    return line(url, LONGEST_URL)


def count(number: int, word: str, many: str = "") -> str:
    """Return `1 story`, `1,904 items`."""
    return f"{number:,} {word if number == 1 else many or word + 's'}"


def listed(parts: Sequence[str], most: int) -> str:
    """Return `a, b and 3 more`, or all of them when they are no more than `most`."""
    shown = list(parts[:most])
    rest = len(parts) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def columns(text: str) -> int:
    """Return the width on a terminal: wide characters take two columns, marks none."""
    return sum(map(_width, text))


def wrap(text: str, width: int, indent: str = "", first: str | None = None) -> list[str]:
    """Return the lines of a paragraph within `width` columns.

    Lines break at spaces and beside wide characters, which need none; a longer word (a URL) keeps
    its line to itself.
    """
    lines: list[str] = []
    current = indent if first is None else first
    empty = True
    for word in _breakable(text):
        if not empty and columns(current + word.rstrip()) > width:
            lines.append(current.rstrip())
            current, empty = indent, True
        current += word.lstrip() if empty else word
        empty = empty and not word.strip()
    return [*lines, current.rstrip()] if not empty or not lines else lines


def _character_end(text: str, end: int) -> int:
    while 0 < end < len(text) and (_joins(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return end


def _joins(char: str) -> bool:
    return (
        unicodedata.category(char).startswith("M")
        or char in _JOINERS
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
    )


def _width(char: str) -> int:
    if char.isascii():
        return 1
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return _WIDE if unicodedata.east_asian_width(char) in "WF" else 1


def _breakable(text: str) -> Iterable[str]:
    """Yield the pieces between which a line may break, each with the spaces before it."""
    piece = ""
    for char in text:
        wide = _width(char) == _WIDE
        starts = char == " " or (wide and not piece.isspace()) or _ends_wide(piece)
        if piece and starts and not (char == " " and piece.isspace()):
            yield piece
            piece = ""
        piece += char
    if piece:
        yield piece


def _ends_wide(piece: str) -> bool:
    return bool(piece) and _width(piece[-1]) == _WIDE
