"""Documents to items, one file per source type.

A new type is a file with a `TYPE` (how to recognise the document, how to read it) and a line in
SOURCE_TYPES. What is read here comes from strangers: the service does it in `fetch.sandbox`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from monitor.model import Document, RawItem, Reading
from monitor.sources import article, discover, feed, jsonfeed, sitemap
from monitor.sources.document import SourceType, inflated, trimmed
from monitor.sources.normalise import normalise, normalise_all
from monitor.sources.sniff import refuse_what_is_no_feed

__all__ = [
    "READERS",
    "SOURCE_TYPES",
    "Reader",
    "SourceType",
    "normalise",
    "normalise_all",
    "parse",
    "read",
]

Reader = Callable[[Document, Collection[bytes]], Reading]

# In this order they are asked whether a document is theirs; `feed` takes what is left.
SOURCE_TYPES: Mapping[str, SourceType] = {
    kind.name: kind for kind in (jsonfeed.TYPE, sitemap.TYPE, feed.TYPE)
}


def read(document: Document, known: Collection[bytes] = ()) -> Reading:
    """Return what a document says, without the entries whose hash is in `known`.

    Raises:
        NotAFeed: it is a web page, a challenge page, empty or of no known kind; `kind` says which.
        ParseError: it is damaged, too large or built to do harm.
    """
    document = replace(document, body=trimmed(inflated(document.body)))
    refuse_what_is_no_feed(document)
    kind = next(kind for kind in SOURCE_TYPES.values() if kind.recognises(document))
    return kind.read(document, frozenset(known))


def parse(document: Document, known: Collection[bytes] = ()) -> Sequence[RawItem]:
    """Return the items of a document whose hash is not in `known`, in document order.

    Times are UTC; a missing one is None, never the time of the poll.

    Raises:
        NotAFeed, ParseError: as `read`.
    """
    return read(document, known).items


# What the sandbox reads a document as: a feed, the article of a page, the feeds that a page names.
READERS: Mapping[str, Reader] = {
    "feed": read,
    "article": article.read,
    "feed-links": discover.read,
}
