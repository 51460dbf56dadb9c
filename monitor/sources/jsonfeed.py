"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import json
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urljoin

from monitor.errors import NotAFeed, ParseError
from monitor.model import Document, RawItem, Reading
from monitor.sources import encoding
from monitor.sources.document import MAX_ENTRIES, SourceType, entry_hash
from monitor.text import dates, html


def is_json(document: Document) -> bool:
    """Return whether the body starts as a JSON object does."""
    return document.body.startswith(b"{")


def read(document: Document, known: Collection[bytes] = ()) -> Reading:
    """Return the items of a JSON Feed whose hash is not known.

    Raises:
        ParseError: the text is no JSON, or breaks off.
        NotAFeed: JSON of another kind.
    """
    feed = _load(document)
    items = feed.get("items")
    if not isinstance(items, list) or not ("jsonfeed" in _text(feed.get("version")) or items):
        raise NotAFeed("JSON, but no JSON Feed: it has no list of items", kind="json")
    read_items = [
        _item(item, index, document.url)
        for index, item in enumerate(items)
        if isinstance(item, dict)
    ]
    count = Counter(item.id or item.link for item in read_items)
    fresh = [item for item in read_items if item.hash not in known]
    over = {item.index for item in fresh[MAX_ENTRIES:]}
    return Reading(
        items=tuple(fresh[:MAX_ENTRIES]),
        hashes=tuple(item.hash for item in read_items if item.index not in over),
        format="json" + _text(feed.get("version")).rpartition("/")[2],
        title=html.to_line(_text(feed.get("title"))),
        lang=_text(feed.get("language")),
        partial=bool(over),
        repeated=frozenset(claim for claim, times in count.items() if claim and times > 1),
    )


def _load(document: Document) -> Mapping[str, Any]:
    text = document.body.decode(encoding.detect(document), "replace").lstrip("\ufeff \t\r\n")
    try:
        feed = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"not readable as JSON: {error}", kind="json") from error
    if not isinstance(feed, dict):
        raise NotAFeed("JSON, but no JSON Feed: not an object", kind="json")
    return feed


def _item(item: Mapping[str, Any], index: int, base: str) -> RawItem:
    link = _text(item.get("url")) or _text(item.get("external_url"))
    texts = [
        html.to_text(_text(item.get("content_html"))),
        html.to_text(_text(item.get("content_text"))),
        html.to_text(_text(item.get("summary"))),
    ]
    return RawItem(
        id=_text(item.get("id")).strip(),
        title=html.to_line(_text(item.get("title"))),
        link=_joined(base, link.strip()),
        text=max(texts, key=len),
        published=dates.parse(_text(item.get("date_published"))),
        updated=dates.parse(_text(item.get("date_modified"))),
        lang=_text(item.get("language")),
        hash=entry_hash(json.dumps(item, sort_keys=True).encode()),
        index=index,
    )


def _text(value: object) -> str:
    """Return a JSON value as text: ids are numbers in real feeds; anything else is empty."""
    if isinstance(value, bool):
        return ""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _joined(base: str, link: str) -> str:
    try:
        return urljoin(base, link) if link else ""
    except ValueError:
        return link


TYPE = SourceType(name="jsonfeed", recognises=is_json, read=read)
