"""Where the feeds of a web page are: the links it declares, those it shows, and likely places."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from monitor.model import Document, RawItem, Reading
from monitor.sources import encoding
from monitor.text import urls
from monitor.text.clean import one_line

_TYPES = frozenset(
    {
        *("application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/rss"),
        *("application/feed+json", "application/json", "text/rss+xml", "text/atom+xml"),
    }
)
_FEED_PATH = re.compile(
    r"(?:^|[/._-])(?:rss|atom|feeds?|rdf)(?:[/._?-]|$)|\.(?:rss|atom|rdf)(?:\?|$)", re.IGNORECASE
)
_NOT_NEWS = re.compile(r"comments?\b|oembed|wp-json|kommentare|commentaires", re.IGNORECASE)
_MAX_LINKS = 50  # a page that shows more is a directory of feeds

# Where publishing systems put their feed when the page does not say so (WordPress, Hugo, Jekyll,
# Drupal, Ghost), then the list for news crawlers.
_LIKELY = (
    *("feed", "rss.xml", "feed.xml", "atom.xml", "rss", "index.xml", "feeds/posts/default"),
    *("feed.json", "sitemap_news.xml", "news-sitemap.xml"),
)


@dataclass(frozen=True, kw_only=True)
class FeedLink:
    """A feed that a page names; `is_declared` tells a `<link>` from a mere anchor."""

    url: str
    title: str = ""
    is_declared: bool = True


def read(document: Document, known: Collection[bytes] = ()) -> Reading:  # noqa: ARG001 - a reader
    """Return the feeds that a web page names as the entries of a reading, in order."""
    items = (RawItem(link=link.url, title=link.title) for link in feed_links(document))
    return Reading(items=tuple(items), hashes=(), format="links")


def feed_links(page: Document) -> tuple[FeedLink, ...]:
    """Return the feeds that a web page names: declared ones first, each once, in page order.

    Feeds of comments are left out. Relative links are resolved against `<base>` and the page.
    """
    tree = LexborHTMLParser(page.body.decode(encoding.detect(page), "replace"))
    base = _base(tree, page.url)
    found: dict[str, FeedLink] = {}
    for link in (*_declared(tree, base), *_shown(tree, base)):
        if urls.is_http(link.url) and not _NOT_NEWS.search(f"{link.url} {link.title}"):
            found.setdefault(urls.canonical(link.url), link)
    return tuple(found.values())[:_MAX_LINKS]


def likely_places(url: str) -> tuple[str, ...]:
    """Return addresses to try for a page that names no feed, most likely first.

    A page with status 200 at one of them may still be an error page: only its reading tells.
    """
    if not urls.is_http(url):
        return ()
    folder = re.split("[?#]", url, maxsplit=1)[0].rstrip("/") + "/"
    places = [urljoin(base, name) for base in (folder, urljoin(url, "/")) for name in _LIKELY]
    return tuple(dict.fromkeys(places))


def _declared(tree: LexborHTMLParser, base: str) -> Iterator[FeedLink]:
    for node in tree.css("link[href]"):
        kind = _attribute(node, "type").partition(";")[0].strip().lower()
        rel = _attribute(node, "rel").lower().split()
        if "feed" in rel or ("alternate" in rel and kind in _TYPES):
            title = one_line(_attribute(node, "title"))
            yield FeedLink(url=_resolved(base, _attribute(node, "href")), title=title)


def _shown(tree: LexborHTMLParser, base: str) -> Iterator[FeedLink]:
    for node in tree.css("a[href]"):
        url = _resolved(base, _attribute(node, "href"))
        if _FEED_PATH.search(url.partition("://")[2].partition("/")[2]):
            yield FeedLink(url=url, title=one_line(node.text()), is_declared=False)


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return _resolved(url, _attribute(node, "href")) if node else url


def _attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""


def _resolved(base: str, link: str) -> str:
    try:
        return urljoin(base, link.strip())
    except ValueError:
        return ""
