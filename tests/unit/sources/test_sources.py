"""Reading a document of any type."""

import gzip
from collections.abc import Callable

import pytest

from monitor.errors import NotAFeed
from monitor.model import Document
from monitor.sources import SOURCE_TYPES, parse, read

Load = Callable[[str], Document]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("rss20.xml", "rss20"),
        ("atom10.xml", "atom10"),
        ("rdf10.xml", "rss10"),
        ("sitemap_news.xml", "sitemap"),
        ("jsonfeed11.json", "json1.1"),
    ],
)
def test_the_document_says_what_it_is(document: Load, name: str, form: str) -> None:
    """Neither its name nor its media type is asked."""
    reading = read(document(name))

    assert reading.format == form
    assert reading.items
    assert parse(document(name)) == reading.items


@pytest.mark.parametrize("name", ["rss20.xml", "atom10.xml", "sitemap_news.xml", "jsonfeed11.json"])
def test_a_document_that_is_known_says_nothing_new(document: Load, name: str) -> None:
    """Whatever its type."""
    hashes = read(document(name)).hashes

    assert parse(document(name), list(hashes)) == ()


def test_a_packed_document_is_unpacked(document: Load) -> None:
    """Sitemaps are published as `.gz` files."""
    page = document("sitemap_news.xml")

    assert parse(Document(gzip.compress(page.body))) == parse(page)


@pytest.mark.parametrize("name", ["rss20.xml", "jsonfeed11.json", "sitemap_news.xml"])
def test_blank_lines_and_marks_before_a_document_change_nothing(document: Load, name: str) -> None:
    """Byte ranges are still found, so that such feeds are read in parts too."""
    page = document(name)
    padded = Document(b"\n \xef\xbb\xbf\n" + page.body, url=page.url)

    assert read(padded) == read(page)


def test_a_body_of_blanks_is_empty() -> None:
    """And named so."""
    with pytest.raises(NotAFeed) as raised:
        parse(Document(b"\xef\xbb\xbf \n"))

    assert raised.value.kind == "empty"


def test_a_web_page_is_not_a_feed() -> None:
    """A 200 with a page is a failure, not "no news"."""
    with pytest.raises(NotAFeed, match="web page"):
        parse(Document(b"<html><body>Welcome</body></html>"))


def test_types_are_registered_by_name() -> None:
    """`type:` of a source names one of them."""
    assert all(kind.name == name for name, kind in SOURCE_TYPES.items())
    assert {"feed", "jsonfeed", "sitemap"} <= set(SOURCE_TYPES)
