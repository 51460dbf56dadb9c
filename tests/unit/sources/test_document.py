"""What all source types share."""

import gzip

import pytest

from monitor.errors import ParseError
from monitor.sources import document
from monitor.sources.document import entry_hash, inflated, trimmed


def test_a_gzip_body_is_unpacked_even_twice() -> None:
    """`sitemap.xml.gz`, served with gzip on top."""
    assert inflated(b"plain") == b"plain"
    assert inflated(gzip.compress(b"x")) == b"x"
    assert inflated(gzip.compress(gzip.compress(b"x"))) == b"x"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"\x1f\x8bnonsense", "gzip", id="damaged"),
        pytest.param(gzip.compress(b"x" * 1000)[:-9], "truncated", id="breaks-off"),
        pytest.param(gzip.compress(b"\0" * 20_000_000), "too-large", id="bomb"),
        pytest.param(b"x" * (document.MAX_BYTES + 1), "too-large", id="large"),
    ],
)
def test_bodies_that_cannot_be_held_are_refused(body: bytes, kind: str) -> None:
    """A bomb is refused before it has gone off."""
    with pytest.raises(ParseError) as raised:
        inflated(body)

    assert raised.value.kind == kind


@pytest.mark.parametrize(
    ("body", "start"),
    [
        (b"\n\n  \xef\xbb\xbf\n<rss>", b"<rss>"),
        (b"\xef\xbb\xbf<rss>", b"<rss>"),
        (b"<rss> ", b"<rss> "),
        (b" \n", b""),
        ("\n<rss>".encode("utf-16-le"), "\n<rss>".encode("utf-16-le")),
    ],
)
def test_a_body_begins_after_marks_and_white_space(body: bytes, start: bytes) -> None:
    """Content management systems print blank lines before the declaration."""
    assert trimmed(body) == start


def test_an_entry_is_named_by_its_bytes_alone() -> None:
    """The name is short, since every poll compares it."""
    assert entry_hash(b"a") == entry_hash(b"a") != entry_hash(b"b")
    assert len(entry_hash(b"")) == 12
