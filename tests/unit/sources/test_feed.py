"""Feeds of all dialects, whole and in parts."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import NotAFeed, ParseError
from monitor.model import Document, RawItem
from monitor.sources import feed
from monitor.sources.document import entry_hash
from tests.unit.sources.conftest import FEEDS

Load = Callable[[str], Document]
SAME = '<guid isPermaLink="false">same</guid>'
XML = [FEEDS / name for name in ("rss20.xml", "atom10.xml", "rdf10.xml")]


def _rss(items: str, head: str = "") -> Document:
    body = f'<rss version="2.0"><channel>{head}{items}</channel></rss>'
    return Document(body.encode(), url="https://wire.example/feed")


def _facts(items: Sequence[RawItem]) -> list[tuple[str, str, str, str]]:
    return [(item.id, item.title, item.link, item.text) for item in items]


def test_rss_is_read_as_text(document: Load) -> None:
    """Longest text, relative links resolved, markup gone, what is missing empty."""
    reading = feed.read(document("rss20.xml"))

    assert (reading.format, reading.title, reading.lang) == (
        "rss20",
        "Harbour Wire & Post",
        "en-gb",
    )
    assert reading.ttl == timedelta(minutes=30)
    assert not reading.partial
    assert _facts(reading.items) == [
        (
            "hw-1",
            "Council fails to renew expert panel mandate",
            "https://wire.example/news/1?utm_source=rss",
            "The vote ended 13 to 1.\nOne member abstained. The mandate lapses in April.",
        ),
        (
            "",
            "Tanker moves oil at night",
            "https://wire.example/news/2",
            "Ship-to-ship transfer seen off the coast",
        ),
        (
            "hw-3",
            "제재 명단에 선박 두 척 추가",
            "https://wire.example/news/3",
            "안보리 제재위원회가 선박 두 척을 명단에 올렸다.",
        ),
        (
            "hw-4",
            "",
            "",
            "No title here, only a text of some length about workers who came home last week",
        ),
    ]
    assert [item.when for item in reading.items] == [
        datetime(2024, 3, 28, 18, 5, tzinfo=UTC),
        datetime(2024, 3, 27, tzinfo=UTC),
        datetime(2024, 3, 28, tzinfo=UTC),
        None,
    ]


def test_an_entry_is_kept_as_received(document: Load) -> None:
    """The evidence is the bytes between and with its tags, and their hash."""
    page = document("rss20.xml")

    items = feed.read(page).items

    assert all(item.raw in page.body for item in items)
    assert all(item.raw.startswith(b"<item>") and item.raw.endswith(b"</item>") for item in items)
    assert [item.hash for item in items] == [entry_hash(item.raw) for item in items]
    assert [item.index for item in items] == [0, 1, 2, 3]


def test_atom_is_read_with_its_languages(document: Load) -> None:
    """xml:base, xml:lang, XHTML and the alternate link count; titles of type text are no HTML."""
    reading = feed.read(document("atom10.xml"))

    assert reading.title == "Портовый дневник"
    assert [item.lang for item in reading.items] == ["ru", "en", "ru"]
    assert _facts(reading.items)[:2] == [
        (
            "tag:daily.example,2024:1",
            "Россия наложила вето на продление мандата",
            "https://daily.example/2024/03/veto",
            "Голосование в ООН.\nМандат истекает.",
        ),
        (
            "tag:daily.example,2024:2",
            "Fuel < 500,000 barrels",
            "https://daily.example/2024/03/fuel",
            "Deliveries stay under the cap.",
        ),
    ]
    first = reading.items[0]
    assert first.published == datetime(2024, 3, 28, 15, 5, tzinfo=UTC)
    assert first.updated == datetime(2024, 3, 28, 15, 30, tzinfo=UTC)


def test_rdf_is_read(document: Load) -> None:
    """RSS 1.0 keeps its items beside the channel."""
    reading = feed.read(document("rdf10.xml"))

    assert [item.title for item in reading.items] == [
        "安保理、専門家パネルの任期を延長できず",
        "制裁対象の船が入港",
    ]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(XML), st.data())
def test_delta_parse_equals_full_parse(path: object, data: st.DataObject) -> None:
    """Whatever is known, the other items read exactly as in the whole document."""
    document = Document(FEEDS.joinpath(str(path)).read_bytes(), url="https://wire.example/feed")
    full = feed.read(document)
    known = data.draw(st.frozensets(st.sampled_from(full.hashes)))

    part = feed.read(document, known)

    assert part.items == tuple(item for item in full.items if item.hash not in known)
    assert replace(part, items=()) == replace(full, items=())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(XML), st.data())
def test_a_document_that_breaks_off_loses_no_whole_entry(path: object, data: st.DataObject) -> None:
    """Entries before the cut are read as they are; the one that is cut is not even named."""
    whole = Document(FEEDS.joinpath(str(path)).read_bytes(), url="https://wire.example/feed")
    full = feed.read(whole)
    root = re.search(b"<(?:rss|feed|rdf)[^>]*>", whole.body)
    assert root is not None
    at = data.draw(st.integers(root.end(), len(whole.body.rstrip()) - 1))
    known = data.draw(st.frozensets(st.sampled_from(full.hashes)))
    before = [item for item in full.items if whole.body.index(item.raw) + len(item.raw) <= at]

    part = feed.read(replace(whole, body=whole.body[:at]), known)

    assert part.partial
    assert part.hashes == tuple(item.hash for item in before)
    assert part.items == tuple(item for item in before if item.hash not in known)


@pytest.mark.parametrize(
    ("title", "seen"),
    [
        pytest.param("Oil &amp; gas", "Oil & gas", id="escaped"),
        pytest.param("one&nbsp;two", "one two", id="undeclared-entity"),
        pytest.param("a\x00b\x08c", "abc", id="control-characters"),
        pytest.param("<![CDATA[<b>Ship</b> seized]]>", "Ship seized", id="cdata"),
        pytest.param("pay\u202edaolyap", "paydaolyap", id="bidi-override"),
    ],
)
def test_titles_are_what_a_reader_sees(title: str, seen: str) -> None:
    """Well-formed or not."""
    (item,) = feed.read(_rss(f"<item><title>{title}</title></item>")).items

    assert item.title == seen


def test_what_expat_refuses_is_read_whole_and_still_known_next_time() -> None:
    """A bare ampersand: no byte ranges, so entries are named by what they say."""
    page = _rss("<item><title>S&P</title></item><item><title>AT&T</title></item>")
    full = feed.read(page)

    part = feed.read(page, {full.hashes[0]})

    assert [item.raw for item in full.items] == [b"", b""]
    assert part.items == full.items[1:]
    assert part.hashes == full.hashes
    assert not full.partial


def test_a_broken_document_that_breaks_off_loses_only_the_cut_entry() -> None:
    """The root is never closed, nor the last entry."""
    body = b"<rss><channel><item><title>A&B</title></item><item><title>C"

    reading = feed.read(Document(body))

    assert [item.title for item in reading.items] == ["A&B;"]
    assert reading.partial


def test_a_broken_document_that_breaks_off_after_an_entry_keeps_it() -> None:
    """The last entry is whole."""
    body = b"<rss><channel><item><title>A & B</title></item>"

    reading = feed.read(Document(body))

    assert [item.title for item in reading.items] == ["A & B"]
    assert reading.partial


def test_entries_that_feedparser_does_not_see_are_no_ranges() -> None:
    """An `item` of an unknown vocabulary is none, so no range can be trusted."""
    body = (
        b'<rss version="2.0" xmlns:x="urn:x"><channel><x:item>?</x:item>'
        b"<item><title>one</title></item></channel></rss>"
    )

    reading = feed.read(Document(body))

    assert [(item.title, item.raw) for item in reading.items] == [("one", b"")]


def test_utf16_is_read_whole() -> None:
    """Its bytes are not ASCII-compatible; nothing is cut out of them."""
    body = '<?xml version="1.0" encoding="utf-16"?><rss><item><title>制裁</title></item></rss>'

    reading = feed.read(Document(body.encode("utf-16")))

    assert [(item.title, item.raw) for item in reading.items] == [("制裁", b"")]
    assert not reading.partial


@pytest.mark.parametrize("links", [("a", "b"), ("a", "a")], ids=["two-links", "one-link"])
@pytest.mark.parametrize("broken", ["", "&"], ids=["ranges", "whole"])
def test_repeated_ids_are_named(links: tuple[str, str], broken: str) -> None:
    """Feeds that give all entries one guid."""
    items = "".join(
        f"<item>{SAME}<title>{link} {broken}</title><link>http://e/{link}</link></item>"
        for link in links
    )

    assert feed.read(_rss(items)).repeated == {"same"}


def test_an_id_repeated_by_a_known_entry_is_still_named() -> None:
    """Otherwise the entry would get another identity in the next poll."""
    page = _rss(f"<item>{SAME}1</item><item>{SAME}2</item>")

    assert feed.read(page, {feed.read(page).hashes[0]}).repeated == {"same"}


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [
        ("60", timedelta(hours=1)),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("99999999999", timedelta(days=30)),
    ],
)
def test_the_time_to_live_is_believed_within_reason(ttl: str, expected: timedelta | None) -> None:
    """In minutes; nonsense is none."""
    assert feed.read(_rss("", f"<ttl>{ttl}</ttl>")).ttl == expected


@pytest.mark.parametrize(
    ("date", "when"),
    [
        pytest.param("Thu, 28 Mar 2024 24:05 EST", None, id="impossible-hour"),
        pytest.param("0000-00-00T00:00:00Z", None, id="year-zero"),
        pytest.param("28 Mar 24 12:00 GMT", datetime(2024, 3, 28, 12, tzinfo=UTC), id="two-digits"),
        pytest.param(
            "Thu, 28 Mar 2024 12:00:00 EST", datetime(2024, 3, 28, 17, tzinfo=UTC), id="zone-name"
        ),
    ],
)
def test_dates_are_read_or_missing(date: str, when: datetime | None) -> None:
    """Never clamped here, never the time of the poll."""
    (item,) = feed.read(_rss(f"<item><title>x</title><pubDate>{date}</pubDate></item>")).items

    assert item.published == when


def test_a_feed_without_entries_is_a_feed() -> None:
    """An empty channel is no failure."""
    assert feed.read(_rss("")).items == ()


def test_a_text_is_no_feed() -> None:
    """`Forbidden` with status 200."""
    with pytest.raises(NotAFeed) as raised:
        feed.read(Document(b"Forbidden"))

    assert raised.value.kind == "unknown"


def test_elements_that_are_called_like_details_are_none() -> None:
    """Any element of an entry becomes a key of feedparser's; a fuzzer found it."""
    (item,) = feed.read(
        _rss("<item><title>A</title><title_detail>x</title_detail><summary_detail a='b'/></item>")
    ).items

    assert (item.title, item.lang) == ("A", "")


def test_a_fault_of_feedparser_is_told() -> None:
    """A position without its place is a KeyError in 6.0.14; a fuzzer found it."""
    page = _rss('<item><x:posList xmlns:x="http://www.opengis.net/gml">1 2</x:posList></item>')

    with pytest.raises(ParseError) as raised:
        feed.read(page)

    assert raised.value.kind == "feedparser"


def test_want_of_memory_is_not_the_document_s_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox names it otherwise."""

    def greedy(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("feedparser.parse", greedy)

    with pytest.raises(MemoryError):
        feed.read(_rss(""))


def test_a_path_is_not_opened() -> None:
    """What looks like a file name is opened by feedparser, unless it is given a stream."""
    with pytest.raises(NotAFeed):
        feed.read(Document(str(FEEDS / "rss20.xml").encode()))


def test_more_entries_than_are_read_at_a_time_make_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without byte ranges the first ones are read, and the reading says so."""
    monkeypatch.setattr(feed, "MAX_ENTRIES", 1)

    reading = feed.read(_rss("<item><title>A&B</title></item><item><title>C</title></item>"))

    assert len(reading.items) == 1
    assert reading.partial
