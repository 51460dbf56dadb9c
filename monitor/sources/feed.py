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

from monitor.errors import NotAFeed
from monitor.model import Document, RawItem, Reading
from monitor.sources import delta, encoding, prescan
from monitor.sources.document import MAX_ENTRIES, SourceType, entry_hash
from monitor.text import dates, html

_ENTRIES = frozenset({"item", "entry"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROOT_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf|channel)\s*>|</html\s*>", re.IGNORECASE)
_ENTRY_STARTS = (b"<item", b"<entry")
_ENTRY_ENDS = (b"</item>", b"</entry>")
_MAX_TTL = timedelta(days=30)  # larger ones are faults


def read(document: Document, known: Collection[bytes] = ()) -> Reading:
    """Return the entries of a feed whose hash is not known.

    Raises:
        NotAFeed: feedparser knows no dialect that this could be.
        ParseError: the document is nested too deeply or has too many attributes.
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
    entries = feed["entries"]
    if len(entries) != len(part.kept):
        return None
    items = tuple(
        _item(entry, index, name, document.body[start:end])
        for index, (entry, name, (start, end)) in enumerate(
            zip(entries, part.hashes, part.kept, strict=True)
        )
    )
    repeated = frozenset(_claim(items[number]) for number in part.repeated)
    return _reading(feed, items, part.all_hashes, repeated, is_partial=part.is_partial)


def _read_whole(document: Document, charset: str, known: Collection[bytes]) -> Reading:
    """Return the reading of a document that expat refuses: entries are named by what they say."""
    feed = _parse(document, document.body, charset)
    entries = feed["entries"]
    is_cut = _breaks_off(document.body)
    if is_cut and not _ends_with_entry(document.body):
        entries = entries[:-1]
    items = tuple(_item(entry, index) for index, entry in enumerate(entries[:MAX_ENTRIES]))
    count = Counter(map(_claim, items))
    repeated = frozenset(claim for claim, times in count.items() if times > 1)
    return _reading(
        feed,
        tuple(item for item in items if item.hash not in known),
        tuple(item.hash for item in items),
        repeated,
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
    feed: Mapping[str, Any] = feedparser.parse(
        io.BytesIO(body.decode(charset, "replace").encode("utf-8", "replace")),
        response_headers=headers,
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    return feed


def _reading(
    feed: Mapping[str, Any],
    items: tuple[RawItem, ...],
    hashes: tuple[bytes, ...],
    repeated: frozenset[str],
    *,
    is_partial: bool,
) -> Reading:
    head = feed["feed"]
    if not hashes and not feed.get("version"):
        raise NotAFeed("no feed in any dialect, and no entries", kind="unknown")
    return Reading(
        items=items,
        hashes=hashes,
        format=feed.get("version") or "feed",
        title=html.to_line(head.get("title") or ""),
        lang=head.get("language") or "",
        ttl=_ttl(head),
        partial=is_partial,
        repeated=repeated - {""},
    )


def _item(entry: Mapping[str, Any], index: int, name: bytes = b"", raw: bytes = b"") -> RawItem:
    item = RawItem(
        id=(entry.get("id") or "").strip(),
        title=html.to_line(entry.get("title") or ""),
        link=(entry.get("link") or "").strip(),
        text=max(map(html.to_text, _texts(entry)), key=len, default=""),
        published=_time(entry, "published"),
        updated=_time(entry, "updated"),
        lang=_lang(entry),
        raw=raw,
        index=index,
    )
    return replace(item, hash=name or _fingerprint(item))


def _texts(entry: Mapping[str, Any]) -> Iterator[str]:
    """Return the longest content, then the summary: feeds have either, or both."""
    contents: Sequence[Mapping[str, Any]] = entry.get("content") or ()
    yield max((part.get("value") or "" for part in contents), key=len, default="")
    yield entry.get("summary") or ""


def _time(entry: Mapping[str, Any], name: str) -> datetime | None:
    """Return the entry's time in UTC; the original text where feedparser cannot read it."""
    entry = dict(entry)  # feedparser's own answers `published` when asked for `updated`
    parsed = entry.get(f"{name}_parsed")
    if parsed is None:
        return dates.parse(entry.get(name) or "")
    try:
        return _EPOCH + timedelta(seconds=calendar.timegm(parsed))
    except (OverflowError, ValueError):  # year 0 and year 10000 are in real feeds
        return None


def _lang(entry: Mapping[str, Any]) -> str:
    details = (entry.get("title_detail"), entry.get("summary_detail"))
    return next((detail["language"] for detail in details if detail and detail["language"]), "")


def _ttl(head: Mapping[str, Any]) -> timedelta | None:
    """Return how long the publisher says the feed may be kept (RSS `ttl`, in minutes)."""
    try:
        minutes = int(head.get("ttl") or 0)
    except ValueError:
        return None
    return min(timedelta(minutes=min(minutes, 100_000)), _MAX_TTL) if minutes > 0 else None


def _claim(item: RawItem) -> str:
    return item.id or item.link


def _fingerprint(item: RawItem) -> bytes:
    parts = (item.id, item.title, item.link, item.text, str(item.published), str(item.updated))
    return entry_hash("\x00".join(parts).encode("utf-8", "surrogatepass"))


def _breaks_off(body: bytes) -> bool:
    return not _ROOT_END.search(body[-4096:])


def _ends_with_entry(body: bytes) -> bool:
    return max(body.rfind(end) for end in _ENTRY_ENDS) > max(
        body.rfind(start) for start in _ENTRY_STARTS
    )


TYPE = SourceType(name="feed", recognises=lambda _document: True, read=read)
