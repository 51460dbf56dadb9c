"""RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, RDF, CDF: everything that feedparser reads."""

import calendar
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser

from monitor.errors import NotAFeed, ParseError
from monitor.model import Document, RawItem, Reading
from monitor.sources import delta, encoding, prescan, saxdriver
from monitor.sources.document import MAX_ENTRIES, SourceType, entry_hash
from monitor.text import dates, html

_ENTRIES = frozenset({"item", "entry"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROOT_END = re.compile(r"</(?:\w+:)?(?:rss|feed|rdf|channel)\s*>")
_ENTRY_STARTS = ("<item", "<entry")
_ENTRY_ENDS = ("</item>", "</entry>")
_MAX_TTL = timedelta(days=30)  # larger ones are faults

feedparser.api.PREFERRED_XML_PARSERS[:0] = [saxdriver.__name__]


def read(document: Document, known: Collection[bytes] = ()) -> Reading:
    """Return the entries of a feed whose hash is not known.

    Raises:
        NotAFeed: feedparser knows no dialect that this could be.
        ParseError: the document is nested too deeply or has too many attributes, or shows a fault
            of feedparser.
    """
    charset = encoding.detect(document)
    outline = prescan.outline(document.body, _ENTRIES)
    if outline is not None:
        reading = _read_outlined(document, charset, outline, known)
        if reading is not None:
            return reading
    return _read_whole(document, charset, known)


def _read_outlined(
    document: Document, charset: str, outline: prescan.Outline, known: Collection[bytes]
) -> Reading | None:
    """Return the reading by byte ranges, or None when feedparser sees other entries there."""
    part = delta.cut(document.body, outline, known)
    feed = _parse(document, part.body, charset)
    if len(feed["entries"]) != len(part.entries):
        return None
    items, repeated = [], set()
    for entry, known_as in zip(feed["entries"], part.entries, strict=True):
        item = _item(entry, known_as.place, known_as.hash, known_as.raw)
        items.append(item)
        if known_as.is_repeated:
            repeated.add(_claim(item))
    return _reading(feed, items, part.hashes, repeated, is_partial=part.is_partial)


def _read_whole(document: Document, charset: str, known: Collection[bytes]) -> Reading:
    """Return the reading of a document that expat refuses: entries are named by what they say."""
    feed = _parse(document, document.body, charset)
    entries = feed["entries"]
    text = document.body.decode(charset, "replace").lower()
    is_cut = _ROOT_END.search(text[-4096:]) is None
    if is_cut and not _ends_with_entry(text):
        entries = entries[:-1]
    items = [_item(entry, index) for index, entry in enumerate(entries[:MAX_ENTRIES])]
    count = Counter(map(_claim, items))
    return _reading(
        feed,
        [item for item in items if item.hash not in known],
        [item.hash for item in items],
        {claim for claim, times in count.items() if times > 1},
        is_partial=is_cut or len(entries) > MAX_ENTRIES,
    )


def _parse(document: Document, body: bytes, charset: str) -> Mapping[str, Any]:
    # BytesIO: bytes that look like a path would open a file. Neither sanitised nor resolved: we
    # take text, not HTML, and both double the time (links of entries are resolved all the same).
    headers = {
        "content-type": "application/xml; charset=utf-8",  # which overrules the declaration
        "content-language": document.headers.get("content-language", ""),
        "content-location": document.url or document.headers.get("content-location", ""),
    }
    try:
        feed: Mapping[str, Any] = feedparser.parse(
            io.BytesIO(body.decode(charset, "replace").encode("utf-8", "replace")),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except MemoryError:
        raise
    except Exception as error:  # feedparser has faults: `</gml:posList>` alone is a KeyError
        raise ParseError(f"feedparser fails: {error!r}", kind="feedparser") from error
    return feed


def _reading(
    feed: Mapping[str, Any],
    items: Sequence[RawItem],
    hashes: Sequence[bytes],
    repeated: Collection[str],
    *,
    is_partial: bool,
) -> Reading:
    head = feed["feed"]
    if not hashes and not feed.get("version"):
        raise NotAFeed("no feed in any dialect, and no entries", kind="unknown")
    return Reading(
        items=tuple(items),
        hashes=tuple(hashes),
        format=feed.get("version") or "feed",
        title=html.to_line(_string(head, "title")),
        lang=_string(head, "language"),
        ttl=_ttl(head),
        partial=is_partial,
        repeated=frozenset(repeated) - {""},
    )


def _item(entry: Mapping[str, Any], index: int, name: bytes = b"", raw: bytes = b"") -> RawItem:
    item = RawItem(
        id=_string(entry, "id").strip(),
        title=" ".join(_text(_string(entry, "title"), _detail(entry, "title")).split()),
        link=_string(entry, "link").strip(),
        text=max(_texts(entry), key=len),
        published=_time(entry, "published"),
        updated=_time(entry, "updated"),
        lang=_lang(entry),
        raw=raw,
        index=index,
    )
    return replace(item, hash=name or _fingerprint(item))


def _texts(entry: Mapping[str, Any]) -> Iterator[str]:
    """Return the longest content and the summary: feeds have either, or both."""
    contents: Sequence[Mapping[str, Any]] = entry.get("content") or ()
    longest = max(contents, key=lambda part: len(_string(part, "value")), default={})
    yield _text(_string(longest, "value"), longest)
    yield _text(_string(entry, "summary"), _detail(entry, "summary"))


def _text(value: str, detail: Mapping[str, Any]) -> str:
    """Return the visible text; feedparser says in `detail` whether the value is plain or HTML."""
    return html.plain(value) if detail.get("type") == "text/plain" else html.to_text(value)


def _string(entry: Mapping[str, Any], name: str) -> str:
    """Return a text of feedparser's, empty where it has none or (in odd feeds) something else."""
    value = entry.get(name)
    return value if isinstance(value, str) else ""


def _detail(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return what feedparser says about a text; an element called `title_detail` is no detail."""
    value = entry.get(f"{name}_detail")
    return value if isinstance(value, Mapping) else {}


def _time(entry: Mapping[str, Any], name: str) -> datetime | None:
    """Return the entry's time in UTC; the original text where feedparser cannot read it."""
    entry = dict(entry)  # feedparser's own answers `published` when asked for `updated`
    parsed = entry.get(f"{name}_parsed")
    if parsed is None:
        return dates.parse(_string(entry, name))
    try:
        return _EPOCH + timedelta(seconds=calendar.timegm(parsed))
    except (OverflowError, ValueError, TypeError):  # year 0 and year 10000 are in real feeds
        return None


def _lang(entry: Mapping[str, Any]) -> str:
    title, summary = _detail(entry, "title"), _detail(entry, "summary")
    return _string(title, "language") or _string(summary, "language")


def _ttl(head: Mapping[str, Any]) -> timedelta | None:
    """Return how long the publisher says the feed may be kept (RSS `ttl`, in minutes)."""
    try:
        minutes = int(_string(head, "ttl") or 0)
    except ValueError:
        return None
    return min(timedelta(minutes=min(minutes, 100_000)), _MAX_TTL) if minutes > 0 else None


def _claim(item: RawItem) -> str:
    return item.id or item.link


def _fingerprint(item: RawItem) -> bytes:
    parts = (item.id, item.title, item.link, item.text, str(item.published), str(item.updated))
    return entry_hash("\x00".join(parts).encode("utf-8", "surrogatepass"))


def _ends_with_entry(text: str) -> bool:
    return max(map(text.rfind, _ENTRY_ENDS)) > max(map(text.rfind, _ENTRY_STARTS))


TYPE = SourceType(name="feed", recognises=lambda _document: True, read=read)
