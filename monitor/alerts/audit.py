"""What a look at every feed says about the list of feeds: what to change in it, and why."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from monitor.errors import FetchError, NotAFeed, ParseError
from monitor.model import Fetched, RawItem, Reading, Source
from monitor.stories.words import language

State = Literal[
    "ok", "off", "moved", "gone", "wrong-content", "language", "cadence", "stale", "empty",
    "truncated", "failing", "reads-again",
]  # fmt: skip

_GONE = frozenset({404, 410})
_NOT_HERE = frozenset({"challenge"})  # kinds of NotAFeed that may hold for our address alone
_FOR_NOW = "emporary failure"  # what resolvers say (EAI_AGAIN)
_STALE = timedelta(days=365)
_FEW = 5  # dated items, or titles: fewer prove nothing
_MOST = 0.6  # of the titles
_PACES = tuple(
    timedelta(minutes=minutes) for minutes in (720, 360, 180, 120, 60, 30, 20, 15, 10, 5, 2)
)

# Languages that may be meant where titles are in the script of the first.
_OF_SCRIPT: Mapping[str, frozenset[str]] = {
    "ko": frozenset({"ko"}),
    "ja": frozenset({"ja"}),
    "zh": frozenset({"zh", "ja"}),
    "ru": frozenset({"ru", "uk", "be", "bg", "sr", "mk", "kk", "ky", "mn"}),
    "ar": frozenset({"ar", "fa", "ur", "ps", "ckb"}),
    "he": frozenset({"he", "yi"}),
}
_NOT_LATIN = frozenset().union(*_OF_SCRIPT.values()) - {"sr"}
# Words that every second sentence holds, and no other of these languages.
_WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset({"the", "of", "and", "with", "from", "for", "has", "was", "by", "over"}),
    "fr": frozenset({"les", "des", "dans", "une", "pour", "sur", "est", "aux", "avec", "du"}),
    "es": frozenset({"los", "las", "del", "una", "por", "con", "sobre", "el", "y", "su"}),
    "de": frozenset({"der", "die", "und", "den", "von", "mit", "für", "auf", "nicht", "das"}),
    "pt": frozenset({"os", "dos", "uma", "não", "com", "em", "ao", "pela", "são", "da"}),
    "it": frozenset({"gli", "della", "nel", "che", "sono", "dei", "per", "alla", "il", "di"}),
    "nl": frozenset({"het", "een", "van", "voor", "niet", "met", "zijn", "naar", "bij", "op"}),
}
_PROVEN = 12  # such words; with twice as many as of the language that was written
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What came of one look at a feed: a document that was read, or an error."""

    fetched: Fetched | None = None
    reading: Reading | None = None
    error: FetchError | ParseError | None = None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a look has shown; `key` and `value` are what to write, empty for nothing."""

    source: Source
    state: State
    detail: str
    key: str = ""
    value: str = ""


def judge(source: Source, seen: Seen, now: datetime) -> tuple[Finding, ...]:
    """Return what a look at a feed says, worst first; one finding says that all is well."""
    if seen.error is not None:
        return (_unread(source, seen.error),)
    assert seen.fetched is not None, "there is a document where there is no error"
    assert seen.reading is not None, "there is a document where there is no error"
    if not source.enabled:
        return (Finding(source=source, state="reads-again", detail=_shape(seen.reading, now)),)
    found = (
        _moved(source, seen.fetched),
        _incomplete(source, seen.reading),
        _stale(source, seen.reading, now),
        _language(source, seen.reading),
        _cadence(source, seen.reading),
    )
    whole = tuple(one for one in found if one is not None)
    return whole or (Finding(source=source, state="ok", detail=_shape(seen.reading, now)),)


def is_offline(findings: Sequence[Finding]) -> bool:
    """Return whether nothing at all was read: then the fault is here, and nothing is to change."""
    return all(one.state in ("failing", "gone", "off") for one in findings)


def _unread(source: Source, error: FetchError | ParseError) -> Finding:
    detail = str(error)
    if not source.enabled:
        return Finding(source=source, state="off", detail=detail)
    if isinstance(error, NotAFeed):
        change = {} if error.kind in _NOT_HERE else _OFF
        return Finding(source=source, state="wrong-content", detail=detail, **change)
    if isinstance(error, FetchError) and (error.status in _GONE or _has_no_name(error)):
        return Finding(source=source, state="gone", detail=detail, **_OFF)
    return Finding(source=source, state="failing", detail=detail)


def _has_no_name(error: FetchError) -> bool:
    """Return whether the name does not exist, and not only cannot be looked up now."""
    return error.kind == "dns" and _FOR_NOW not in str(error)


_OFF: Mapping[str, str] = {"key": "enabled", "value": "false"}


def _moved(source: Source, fetched: Fetched) -> Finding | None:
    """Return that a feed has a new address; one with a query may hold a key and is told only."""
    target = fetched.moved_to
    if not target or target == source.url:
        return None
    detail = f"moved for good, was {source.url}"
    if urlsplit(target).query:
        return Finding(source=source, state="moved", detail=f"moved for good, to {target}")
    return Finding(source=source, state="moved", detail=detail, key="url", value=target)


def _incomplete(source: Source, reading: Reading) -> Finding | None:
    if reading.partial:
        return Finding(source=source, state="truncated", detail="the document breaks off")
    if not reading.items and not reading.children:
        return Finding(source=source, state="empty", detail=f"{reading.format} without an entry")
    return None


def _stale(source: Source, reading: Reading, now: datetime) -> Finding | None:
    times = _times(reading)
    if not times or now - times[-1] < _STALE:
        return None
    return Finding(source=source, state="stale", detail=f"newest item is of {times[-1]:%Y-%m-%d}")


def _cadence(source: Source, reading: Reading) -> Finding | None:
    """Return that items may come and go between two looks: the window is short for the pace."""
    times = _times(reading)
    if len(times) < _FEW or not source.is_pinned:
        return None
    span = times[-1] - times[0]
    if source.every <= span / 2:
        return None
    every = next((pace for pace in _PACES if pace <= span / 3), _PACES[-1])
    if every >= source.every:
        return None
    return Finding(
        source=source,
        state="cadence",
        detail=f"its {len(times)} items span {_spoken(span)}, asked every {_spoken(source.every)}",
        key="every",
        value=_spoken(every),
    )


def _language(source: Source, reading: Reading) -> Finding | None:
    if len(reading.items) < _FEW:
        return None
    known, declared = _main(source.lang), _main(reading.lang)
    found = _spoken_in(reading.items, known, declared)
    if not found or found == known:
        return None
    detail = f"its titles are in {found}, was {source.lang or 'not said'}"
    return Finding(source=source, state="language", detail=detail, key="lang", value=found)


def _spoken_in(items: Sequence[RawItem], known: str, declared: str) -> str:
    """Return the language of a feed where script or words prove it, else an empty text."""
    scripts = Counter(language("", item.title) for item in items)
    script, count = scripts.most_common(1)[0]
    if count < _MOST * len(items):
        return ""
    if script:
        fitting = _OF_SCRIPT[script]
        return next((one for one in (known, declared) if one in fitting), script)
    if known and known not in _NOT_LATIN and declared in (known, ""):
        return known
    return _by_words(items, known)


def _by_words(items: Sequence[RawItem], known: str) -> str:
    text = " ".join(f"{item.title} {item.text}" for item in items).lower()
    words = Counter(_WORD.findall(text))
    scores = Counter({code: sum(words[one] for one in few) for code, few in _WORDS.items()})
    best, score = scores.most_common(1)[0]
    return best if score >= _PROVEN and score >= 2 * scores[known] else known


def _main(tag: str) -> str:
    return language(tag, "")


def _times(reading: Reading) -> list[datetime]:
    return sorted(item.when for item in reading.items if item.when is not None)


def _shape(reading: Reading, now: datetime) -> str:
    """Return format, number of items and age of the newest one, for people."""
    times = _times(reading)
    age = f", newest {_spoken(max(now - times[-1], timedelta()))} old" if times else ""
    return f"{reading.format}, {len(reading.items)} items{age}"


def _spoken(span: timedelta) -> str:
    """Return a duration in its largest whole unit: `3d`, `12h`, `20m`."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size and (seconds % size == 0 or seconds >= 2 * size):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
