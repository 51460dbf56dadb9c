"""A week of the corpus as the feeds of its publishers: what each shows at a moment of that week."""

import gzip
import hashlib
import json
import re
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SHOWN = 30  # entries of a document, as most publishers have
OWN_FEED = 40  # items a week; publishers with fewer share a feed with others of their language
SHARED_FEED = 180  # items a week in a shared feed
BEFORE = timedelta(days=2)  # what stands in the feeds when the watch begins
_SUBJECT = re.compile(
    r"north.?korea|dprk|pyongyang|kim jong|sanction|embargo|coree du nord|corée du nord|nordkorea"
    r"|corea del norte|coreia do norte|북한|김정은|대북|제재"
    r"|北朝鮮|金正恩|制裁|朝鲜|朝鮮|кндр|санкци"
    r"|северн\w+ коре|كوريا الشمالية|عقوبات|עיצומים|צפון קוריאה|उत्तर कोरिया|प्रतिबंध"
    r"|korea północna|korei północnej|sankcj",
    re.IGNORECASE,
)
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """Time that runs `speed` times as fast as the machine's, from `start` at the instant `began`.

    Watch and servers are different processes and read the same time from it.
    """

    began: float
    start: datetime
    speed: float

    def now(self) -> datetime:
        return self.start + timedelta(seconds=(time.time() - self.began) * self.speed)

    def seconds_until(self, moment: datetime) -> float:
        return max((moment - self.now()).total_seconds() / self.speed, 0.0)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One version of a publisher's item; a later one with the same `guid` replaces it."""

    guid: str
    at: datetime
    title: str
    text: str

    @property
    def identity(self) -> str:
        """Return what the item is known by: ids that are URLs count without their scheme."""
        return self.guid.removeprefix("https://").removeprefix("http://")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a feed shows: its entries, newest first, as a document."""

    entries: Sequence[Entry]
    body: bytes
    etag: str


@dataclass
class Feed:
    """A feed with all it will publish, in order of time."""

    id: str
    name: str
    lang: str
    entries: list[Entry]
    _pages: dict[int, Page] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.entries.sort(key=lambda entry: (entry.at, entry.guid))
        self._times = [entry.at for entry in self.entries]

    def page(self, now: datetime) -> Page:
        """Return what is shown at a moment."""
        count = bisect_left(self._times, now)
        if count not in self._pages:
            self._pages = {count: self._page(count)}
        return self._pages[count]

    def published(self, since: datetime, until: datetime) -> Iterator[Entry]:
        """Yield what is published in a period."""
        yield from self.entries[bisect_left(self._times, since) : bisect_left(self._times, until)]

    def _page(self, count: int) -> Page:
        shown: dict[str, Entry] = {}
        for entry in reversed(self.entries[:count]):
            if len(shown) == SHOWN:
                break
            shown.setdefault(entry.identity, entry)
        entries = list(shown.values())
        body = self._document(entries)
        return Page(entries=entries, body=body, etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"')

    def _document(self, entries: Sequence[Entry]) -> bytes:
        items = "".join(
            f"<item><title>{_xml(entry.title)}</title><link>{_xml(entry.guid)}</link>"
            f"<description>{_xml(entry.text)}</description>"
            f'<guid isPermaLink="false">{_xml(entry.guid)}</guid>'
            f"<pubDate>{format_datetime(entry.at)}</pubDate></item>\n"
            for entry in entries
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
            f"<title>{_xml(self.name)}</title><language>{self.lang}</language>\n{items}"
            "</channel></rss>"
        ).encode()


def densest(corpus: Path, within: tuple[str, str]) -> datetime:
    """Return the Monday of the week with most items about the subject, between two dates."""
    count: Counter[datetime] = Counter()
    for row in _rows(corpus):
        day = str(row.get("date") or "")[:10]
        if within[0] <= day <= within[1] and is_on_subject(row):
            noon = datetime.fromisoformat(day).replace(tzinfo=UTC)
            count[noon - timedelta(days=noon.weekday())] += 1
    return max(count, key=lambda monday: (count[monday], monday))


def is_on_subject(row: Mapping[str, Any]) -> bool:
    """Return whether a word of the watch's subject stands anywhere; far wider than the rules."""
    return bool(_SUBJECT.search(f"{row['title']} {row.get('summary') or ''}"))


def feeds_of(corpus: Path, start: datetime, until: datetime) -> list[Feed]:
    """Return the feeds that publish the items of a period, and those of the days before it."""
    by_publisher: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for row in _rows(corpus):
        if row.get("date"):
            entry = _entry(row)
            if start - BEFORE <= entry.at < until:
                by_publisher[row.get("lang") or "en", _publisher(row)].append(entry)
    feeds, small = [], defaultdict(list)
    for (lang, name), entries in sorted(by_publisher.items()):
        if len(entries) >= OWN_FEED:
            feeds.append(_feed(lang, name, entries))
        else:
            small[lang].append(entries)
    return feeds + [feed for lang in sorted(small) for feed in _shared(lang, small[lang])]


def _shared(lang: str, publishers: Sequence[list[Entry]]) -> Iterator[Feed]:
    """Yield feeds that show the news of several publishers, each publisher in one of them."""
    count = max(round(sum(map(len, publishers)) / SHARED_FEED), 1)
    for number in range(count):
        entries = [entry for one in publishers[number::count] for entry in one]
        if entries:
            yield _feed(lang, f"Small publishers {lang} {number}", entries)


def _feed(lang: str, name: str, entries: list[Entry]) -> Feed:
    mark = hashlib.sha256(f"{lang} {name}".encode()).hexdigest()[:6]
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:30]
    return Feed(
        id=f"{lang}-{plain}-{mark}".replace("--", "-"), name=name, lang=lang, entries=entries
    )


def _rows(corpus: Path) -> Iterator[Row]:
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _entry(row: Row) -> Entry:
    return Entry(
        guid=row.get("url") or str(row["id"]),
        at=_published(row),
        title=row["title"],
        text=row.get("summary") or "",
    )


def _published(row: Row) -> datetime:
    """Return the item's time; a bare date is spread over its day, always to the same second."""
    when = datetime.fromisoformat(row["date"])
    if len(row["date"]) == len("2024-10-28"):
        digest = hashlib.sha256(str(row["id"]).encode()).digest()
        when += timedelta(seconds=int.from_bytes(digest[:4], "big") % 86_400)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _publisher(row: Row) -> str:
    host = urlsplit(row.get("url") or "").hostname
    return str(row.get("publisher") or host or str(row["id"]).split("-", maxsplit=1)[0])


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("", text))
