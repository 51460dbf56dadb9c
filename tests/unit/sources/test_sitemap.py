"""Sitemaps, news sitemaps and indexes of sitemaps."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from monitor.errors import ParseError
from monitor.model import Document
from monitor.sources import sitemap

Load = Callable[[str], Document]
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def test_news_is_read_with_title_and_date(document: Load) -> None:
    """Pictures on the page have titles and addresses too; they are not the page's."""
    page = document("sitemap_news.xml")

    reading = sitemap.read(page)

    first, second = reading.items
    assert (first.id, first.title, first.text, first.lang) == (
        "https://post.example/a?x=1&y=2",
        "Shipper fined €2m over sanctions & paperwork",
        "sanctions, shipping",
        "en",
    )
    assert first.published == datetime(2024, 3, 28, 13, tzinfo=UTC)
    assert first.updated == datetime(2024, 3, 28, 15, tzinfo=UTC)
    assert first.raw in page.body
    assert (second.title, second.link, second.when) == (
        "",
        "https://post.example/b",
        datetime(2024, 3, 1, tzinfo=UTC),
    )


def test_known_pages_are_left_out(document: Load) -> None:
    """The delta works on sitemaps as on feeds."""
    full = sitemap.read(document("sitemap_news.xml"))

    part = sitemap.read(document("sitemap_news.xml"), {full.hashes[0]})

    assert part.items == full.items[1:]
    assert part.hashes == full.hashes


def test_an_index_names_its_children() -> None:
    """They are read in turn."""
    body = f"""<sitemapindex {NAMESPACE}>
      <sitemap><loc> https://post.example/1.xml </loc></sitemap><sitemap/>
      <sitemap><loc>https://post.example/2.xml.gz</loc><lastmod>2024</lastmod></sitemap>
    </sitemapindex>""".replace("<sitemap/>", "<sitemap></sitemap>")

    reading = sitemap.read(Document(body.encode()))

    assert reading.format == "sitemapindex"
    assert reading.items == ()
    assert reading.children == ("https://post.example/1.xml", "https://post.example/2.xml.gz")


def test_a_sitemap_that_breaks_off_keeps_its_whole_pages(document: Load) -> None:
    """As a feed does."""
    page = document("sitemap_news.xml")
    cut = page.body.index(b"<loc>https://post.example/b") + 9

    reading = sitemap.read(Document(page.body[:cut]))

    assert [item.link for item in reading.items] == ["https://post.example/a?x=1&y=2"]
    assert reading.partial


def test_an_index_that_breaks_off_keeps_its_whole_children() -> None:
    """And says that there may be more."""
    body = (
        f"<sitemapindex {NAMESPACE}><sitemap><loc>https://a.example/1</loc></sitemap><sitemap><lo"
    )

    reading = sitemap.read(Document(body.encode()))

    assert reading.children == ("https://a.example/1",)
    assert reading.partial


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            f"<urlset {NAMESPACE}><url><loc>a&b</loc></url></urlset>", id="not-well-formed"
        ),
        pytest.param(
            f"<urlset {NAMESPACE}><x><y><url><loc>http://a</loc></url></y></x>"
            f"<url><loc>http://b</loc></url></urlset>",
            id="entries-elsewhere",
        ),
    ],
)
def test_a_broken_sitemap_is_refused(body: str) -> None:
    """Its entries cannot be told apart."""
    with pytest.raises(ParseError) as raised:
        sitemap.read(Document(body.encode()))

    assert raised.value.kind == "xml"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<?xml version='1.0'?><!-- x --><urlset>", True),
        (b"<s:sitemapindex xmlns:s='x'>", True),
        (b"<rss><channel><title>urlset</title>", False),
        (b"<rss><item>&lt;urlset <urlset>", False),
    ],
)
def test_sitemaps_are_recognised_by_their_root(body: bytes, expected: bool) -> None:
    """A feed that mentions one is none."""
    assert sitemap.is_sitemap(Document(body)) is expected
