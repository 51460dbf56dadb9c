"""The first look at a document: where its entries are, and whether it is sane."""

import pytest

from monitor.errors import ParseError
from monitor.sources.prescan import Outline, outline

NAMES = frozenset({"item", "entry"})


def _entries(body: bytes) -> list[bytes]:
    found = outline(body, NAMES)
    assert found is not None
    return [body[start:end] for start, end in found.spans]


def test_entries_are_found_to_the_byte() -> None:
    """White space, comments and CDATA around them do not shift the ranges."""
    body = (
        b'<?xml version="1.0"?><!-- <item> --><rss><channel><title>&lt;item&gt;</title>\n'
        b" <item><a>1</a></item>\n<item x='>'><b><![CDATA[</item>]]></b></item ></channel></rss>"
    )

    assert _entries(body) == [
        b"<item><a>1</a></item>",
        b"<item x='>'><b><![CDATA[</item>]]></b></item >",
    ]


def test_entries_within_entries_belong_to_them() -> None:
    """Only the outermost is an entry (an Atom `source`, a quoted feed)."""
    assert _entries(b"<feed><entry><entry>1</entry></entry></feed>") == [
        b"<entry><entry>1</entry></entry>"
    ]


def test_prefixed_and_rdf_entries_are_found() -> None:
    """The name without its namespace decides; RDF has entries beside the channel."""
    body = b'<r:RDF xmlns:r="r" xmlns:a="a"><channel/><a:item>1</a:item></r:RDF>'

    assert _entries(body) == [b"<a:item>1</a:item>"]


def test_bytes_outside_the_declared_encoding_do_no_harm() -> None:
    """The markup is ASCII in any case."""
    assert _entries(b'<?xml version="1.0" encoding="utf-8"?><rss><item>\xc0\xff</item></rss>')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            b"<rss><channel><item>1</item><item>2",
            Outline("rss", ((14, 28),), cut_at=28, closing=b"</channel></rss>"),
            id="within-an-entry",
        ),
        pytest.param(
            b"<rss><channel><item>1</item><ti",
            Outline("rss", ((14, 28),), cut_at=28, closing=b"</channel></rss>"),
            id="within-a-tag",
        ),
        pytest.param(
            b"<rss><channel><title>Har",
            Outline("rss", (), cut_at=24, closing=b"</title></channel></rss>"),
            id="within-the-head",
        ),
        pytest.param(
            b"<rss><item>1</item><item><![CDATA[x",
            Outline("rss", ((5, 19),), cut_at=19, closing=b"</rss>"),
            id="within-cdata",
        ),
    ],
)
def test_a_document_that_breaks_off_is_told_from_a_broken_one(
    body: bytes, expected: Outline
) -> None:
    """What stands before the cut can be closed and read."""
    assert outline(body, NAMES) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<rss><item>S&P</item></rss>", id="bare-ampersand"),
        pytest.param(b"<rss><item>&nbsp;</item></rss>", id="undeclared-entity"),
        pytest.param(b"<rss><item><media:x/></item></rss>", id="undeclared-prefix"),
        pytest.param(b"<rss><item></rss>", id="mismatched-tags"),
        pytest.param(b"", id="empty"),
        pytest.param(b"   ", id="blank"),
        pytest.param("<rss><item>1</item></rss>".encode("utf-16"), id="utf-16"),
        pytest.param(
            b'<?xml version="1.0" encoding="utf-7"?><rss><item>1</item></rss>', id="not-ascii"
        ),
        pytest.param(b"<rss><item>\x1b$B</item></rss>", id="shifted"),
        pytest.param(b"<rss><item/></rss>", id="an-entry-without-end-tag"),
        pytest.param(
            b'<!DOCTYPE r [<!ENTITY e "<item>1</item>">]><r>&e;</r>', id="entry-in-an-entity"
        ),
        pytest.param(
            b'<!DOCTYPE r SYSTEM "x.dtd"><r><item>&eacute;</item></r>', id="entity-of-a-dtd"
        ),
        pytest.param(
            b'<!DOCTYPE r [<!ENTITY a "'
            + b"A" * 60_000
            + b'">]><r><item>'
            + b"&a;" * 20_000
            + b"</item></r>",
            id="entity-bomb",
        ),
    ],
)
def test_what_has_no_certain_ranges_is_left_to_feedparser(body: bytes) -> None:
    """None, not a guess."""
    assert outline(body, NAMES) is None


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b"<a>" * 201, "too-deep", id="depth"),
        pytest.param(
            b"<rss " + b" ".join(b'a%d=""' % n for n in range(257)) + b"/>",
            "too-many-attributes",
            id="attributes",
        ),
    ],
)
def test_what_would_cost_the_parser_its_square_is_refused(body: bytes, kind: str) -> None:
    """100,000 attributes keep feedparser busy for over 15 s."""
    with pytest.raises(ParseError) as raised:
        outline(body, NAMES)

    assert raised.value.kind == kind
