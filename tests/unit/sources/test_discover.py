"""Finding the feeds of a web page."""

import pytest

from monitor.model import Document
from monitor.sources import READERS
from monitor.sources.discover import FeedLink, feed_links, likely_places


def _page(html: str, url: str = "https://news.example/world/index.html") -> Document:
    return Document(html.encode(), url=url)


def test_declared_feeds_come_first_in_page_order() -> None:
    """RSS, Atom and JSON; relative addresses; each once."""
    page = _page(
        '<a href="/all.rss">All</a>'
        '<link rel="alternate" type="application/rss+xml" title="World &amp; more" href="/rss">'
        '<link REL="Alternate" type="Application/Atom+XML; charset=utf-8" href="atom.xml">'
        '<link rel="alternate" type="application/feed+json" href="//cdn.example/feed.json">'
        '<link rel="feed" href="/rss/">'
        '<link rel="alternate" type="text/html" hreflang="ko" href="/ko">'
        '<link rel="stylesheet" href="/feed.css">'
    )

    assert feed_links(page) == (
        FeedLink(url="https://news.example/rss", title="World & more"),
        FeedLink(url="https://news.example/world/atom.xml"),
        FeedLink(url="https://cdn.example/feed.json"),
        FeedLink(url="https://news.example/all.rss", title="All", is_declared=False),
    )


def test_the_base_of_the_page_counts() -> None:
    """`<base>` may be relative itself."""
    page = _page('<base href="/uk/"><link rel="alternate" type="application/rss+xml" href="rss">')

    assert [link.url for link in feed_links(page)] == ["https://news.example/uk/rss"]


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="alternate" type="application/rss+xml" title="Comments" href="/rss">',
        '<link rel="alternate" type="application/rss+xml" href="/a/comments/feed/">',
        '<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/1">',
        '<link rel="alternate" type="application/rss+xml" href="">',
        '<link rel="alternate" type="application/rss+xml" href="http://[broken">',
        '<link rel="alternate" type="application/rss+xml" href="feed:https://x">',
        '<a href="mailto:rss@news.example">write</a>',
        '<a href="/feedback">say something</a>',
        "<a>rss</a>",
    ],
)
def test_what_is_no_feed_of_news_is_left_out(link: str) -> None:
    """Comments, interfaces, broken addresses."""
    links = feed_links(_page(link))

    assert [
        found.url for found in links if found.url != "https://news.example/world/index.html"
    ] == []


def test_a_page_in_another_encoding_is_read() -> None:
    """Titles are shown to the operator."""
    html = '<a href="/rss/all">Все новости России и мира</a>'
    page = Document(html.encode("cp1251"), url="https://news.example/")

    assert feed_links(page)[0].title == "Все новости России и мира"


def test_likely_places_are_beside_the_page_then_at_the_root() -> None:
    """Each once."""
    places = likely_places("https://news.example/world?x=1#top")

    assert places[0] == "https://news.example/world/feed"
    assert "https://news.example/rss.xml" in places
    assert len(places) == len(set(places))
    assert len(likely_places("https://news.example")) == len(places) // 2


def test_there_are_no_likely_places_without_a_web_address() -> None:
    """Nothing to try."""
    assert likely_places("news") == ()


def test_the_sandbox_reads_the_links_of_a_page_as_entries() -> None:
    """Address and title, in order."""
    page = _page('<link rel="alternate" type="application/rss+xml" href="/f" title="News">')

    reading = READERS["feed-links"](page, ())

    assert [(one.link, one.title) for one in reading.items] == [("https://news.example/f", "News")]
