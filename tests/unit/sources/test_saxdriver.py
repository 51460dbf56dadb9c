"""Text in large pieces: feedparser reads the same, with fewer calls."""

import xml.sax
from xml.sax.handler import ContentHandler

import feedparser
import pytest

from monitor.model import Document
from monitor.sources import feed, saxdriver


class _Pieces(ContentHandler):
    """Keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def characters(self, content: str) -> None:
        self.pieces.append(content)


def test_lines_and_entities_come_in_one_piece() -> None:
    """Up to the buffer's size; nothing is lost where it is larger, or where a tag ends it."""
    text = "one &amp; two\n" * 20_000
    parser, kept = saxdriver.create_parser(), _Pieces()
    parser.setContentHandler(kept)

    parser.feed(f"<a>{text}<b/>last</a>")
    parser.close()

    assert "".join(kept.pieces) == text.replace("&amp;", "&") + "last"
    assert len(kept.pieces) < 10


def test_feedparser_takes_it() -> None:
    """By the list that it offers for that."""
    made = xml.sax.make_parser(feedparser.api.PREFERRED_XML_PARSERS)

    assert type(made) is type(saxdriver.create_parser())


@pytest.mark.parametrize("size", [10, 65_530, 65_536, 200_000])
def test_feeds_read_as_with_the_driver_of_the_standard_library(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain text, CDATA and what is split by entities, around the size of the buffer."""
    words = ("&lt;p&gt;Öl &amp;amp; Gas\n" * (size // 10))[:size].rpartition("&")[0]
    items = "".join(
        f"<item><title>{words[:99]}</title><guid>{n}</guid>"
        f"<description>{words}<![CDATA[end <b>of</b> it]]></description></item>"
        for n in range(3)
    )
    document = Document(f"<rss><channel><title>x</title>{items}</channel></rss>".encode())
    buffered = feed.read(document)
    monkeypatch.setattr(feedparser.api, "PREFERRED_XML_PARSERS", [])

    assert len(buffered.items) == 3
    assert feed.read(document) == buffered
