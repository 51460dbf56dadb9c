"""Sitemaps (https://www.sitemaps.org/protocol.html), with Google's news extension, and indexes."""

import contextlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from xml.parsers import expat

from monitor.errors import ParseError
from monitor.model import Document, RawItem, Reading
from monitor.sources import delta, encoding, prescan
from monitor.sources.document import SourceType
from monitor.text import dates, html

_ROOT = re.compile(rb"<(?:\w+:)?(urlset|sitemapindex)\b")
_ENTRIES = frozenset({"url", "sitemap"})
_LOOK_BYTES = 4096
_FIELDS = frozenset({"loc", "lastmod", "title", "publication_date", "language", "keywords"})


def is_sitemap(document: Document) -> bool:
    """Return whether the first element is that of a sitemap or of a sitemap index."""
    start = document.body[:_LOOK_BYTES]
    return _ROOT.search(start) is not None and not re.search(rb"<(?:rss|feed|html)\b", start)


def read(document: Document, known: Collection[bytes] = ()) -> Reading:
    """Return the pages of a sitemap whose hash is not known; those of an index are `children`.

    Raises:
        ParseError: the XML is not well-formed, nested too deeply or has too many attributes.
    """
    outline = prescan.outline(document.body, _ENTRIES)
    if outline is None:
        raise ParseError("the sitemap is not well-formed XML", kind="xml")
    part = delta.cut(document.body, outline, known)
    charset = encoding.detect(document)
    if outline.root == "sitemapindex":
        children = _pages(document.body.decode(charset, "replace"))
        return Reading(
            items=(),
            hashes=part.hashes,
            format="sitemapindex",
            partial=part.is_partial,
            children=tuple(child["loc"] for child in children if child.get("loc")),
        )
    pages = _pages(part.body.decode(charset, "replace"))
    if len(pages) != len(part.entries):
        raise ParseError("the sitemap's entries are not where they seem", kind="xml")
    items = tuple(_item(page, entry) for page, entry in zip(pages, part.entries, strict=True))
    return Reading(
        items=items,
        hashes=part.hashes,
        format="sitemap",
        partial=part.is_partial,
    )


def _item(page: dict[str, str], entry: delta.Entry) -> RawItem:
    return RawItem(
        id=page.get("loc", ""),
        title=html.to_line(page.get("title", "")),
        link=page.get("loc", ""),
        text=page.get("keywords", ""),
        published=dates.parse(page.get("publication_date", "")),
        updated=dates.parse(page.get("lastmod", "")),
        lang=page.get("language", ""),
        hash=entry.hash,
        raw=entry.raw,
        index=entry.place,
    )


@dataclass
class _Pages:
    """What the handlers collect: one mapping of field to text for each entry."""

    pages: list[dict[str, str]] = field(default_factory=list)
    name: str = ""

    def on_start(self, name: str, _attributes: object) -> None:
        space, _, self.name = name.rpartition(" ")
        if "image" in space or "video" in space:
            self.name = ""  # a picture's `loc` and `title` are not the page's
        if self.name in _ENTRIES:
            self.pages.append({})

    def on_text(self, text: str) -> None:
        if self.pages and self.name in _FIELDS:
            page = self.pages[-1]
            page[self.name] = page.get(self.name, "") + text

    def on_end(self, _name: str) -> None:
        self.name = ""


def _pages(text: str) -> list[dict[str, str]]:
    collected = _Pages()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.StartElementHandler = collected.on_start
    parser.CharacterDataHandler = collected.on_text
    parser.EndElementHandler = collected.on_end
    with contextlib.suppress(expat.ExpatError):  # the outline has said whether it breaks off
        parser.Parse(text.encode("utf-8", "replace"), True)  # noqa: FBT003 - positional only
    return [{name: value.strip() for name, value in page.items()} for page in collected.pages]


TYPE = SourceType(name="sitemap", recognises=is_sitemap, read=read)
