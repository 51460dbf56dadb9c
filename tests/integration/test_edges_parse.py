"""The numbered edge cases of documents: encodings, damage, identity, dates, formats, attacks."""

import gzip
import json
import time
from datetime import UTC, datetime

import pytest

from monitor import sources
from monitor.errors import NotAFeed, ParseError
from monitor.fetch.sandbox import Sandbox
from monitor.model import Document, Item, Reading, Source, SourceId
from monitor.sources import opml
from monitor.sources.discover import feed_links, likely_places
from monitor.sources.normalise import normalise_all

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
RUSSIAN, KOREAN, CHINESE = (
    "Санкции против КНДР и нефть",
    "북한 제재 위반 선박",
    "朝鲜制裁违反石油船舶",
)
PLAIN = Source(id=SourceId("a"), url="https://a.example.org/feed.xml")


def _read(body: str | bytes, known: frozenset[bytes] = frozenset(), **headers: str) -> Reading:
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return sources.read(Document(data, named, PLAIN.url), known)


def _rss(entries: str, head: str = "", start: str = "") -> str:
    return f'{start}<rss version="2.0"><channel><title>t</title>{head}{entries}</channel></rss>'


def _titled(title: str) -> str:
    return f"<item><title>{title}</title><guid>1</guid></item>"


def _items(body: str | bytes, source: Source = PLAIN) -> tuple[Item, ...]:
    return normalise_all(_read(body), source, NOW)


# ---------------------------------------------------------------- 21, 22: encodings, odd text


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("koi8-r", RUSSIAN),
        ("cp1251", RUSSIAN),
        ("euc-kr", KOREAN),
        ("gb18030", CHINESE),
        ("utf-16", KOREAN),
        ("utf-32", RUSSIAN),
    ],
)
def test_edge_21_text_in_any_encoding_is_readable(encoding: str, title: str) -> None:
    """The declaration names it."""
    start = f'<?xml version="1.0" encoding="{encoding}"?>'

    reading = _read(_rss(_titled(title), start=start).encode(encoding))

    assert [item.title for item in reading.items] == [title]


def test_edge_21_header_and_declaration_that_disagree() -> None:
    """The bytes decide: valid UTF-8 is UTF-8 whatever is claimed."""
    start = '<?xml version="1.0" encoding="koi8-r"?>'
    body = _rss(_titled(RUSSIAN), start=start).encode()

    reading = _read(body, content_type="application/xml; charset=windows-1251")

    assert reading.items[0].title == RUSSIAN


def test_edge_21_a_mark_after_white_space_and_one_bad_byte() -> None:
    """Neither spoils the rest (feedparser issue 421)."""
    marked = b"\n\n  \xef\xbb\xbf" + _rss(_titled(RUSSIAN)).encode()
    spoilt = _rss(_titled(KOREAN) * 10 + "<item><title>x@y</title></item>").encode()
    spoilt = spoilt.replace(b"x@y", b"x\xffy")

    assert _read(marked).items[0].title == RUSSIAN
    assert [item.title for item in _read(spoilt).items] == [KOREAN] * 10 + ["x\ufffdy"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("S&P cuts; AT&T", "S&P cuts; AT&T"),
        ("one&nbsp;two&mdash;three", "one two—three"),
        ("a<media:thumbnail url='x'/> b", "a b"),
        ("<![CDATA[a <![CDATA[b]]>", "a <![CDATA[b"),
        ("&lt;b&gt;bold&lt;/b&gt; news", "bold news"),
    ],
)
def test_edge_22_text_that_is_no_xml_is_read(written: str, read: str) -> None:
    """Bare ampersands (feedparser puts a semicolon behind), entities, odd prefixes, CDATA."""
    [item] = _read(_rss(_titled(written))).items

    assert item.title.replace("&P;", "&P").replace("&T;", "&T") == read


def test_edge_22_control_characters_do_not_lose_the_item() -> None:
    """NUL and its kind are forbidden in XML; the words around them are kept."""
    [item] = _read(_rss(_titled("a\x00b\x0bc\x1fd"))).items

    assert [letter for letter in item.title if letter.isalpha()] == ["a", "b", "c", "d"]


# ---------------------------------------------------------------- 23, 26, 27, 28, 29: entries


def test_edge_23_a_cut_document_gives_its_whole_items_and_names_no_other() -> None:
    """What was cut off is read whole the next time."""
    whole = _rss("".join(f"<item><title>t{n}</title><guid>{n}</guid></item>" for n in range(5)))
    at = whole.index("t3")

    cut = _read(whole[: at + 1])
    rest = _read(whole, frozenset(cut.hashes))

    assert cut.partial
    assert [item.title for item in cut.items] == ["t0", "t1", "t2"]
    assert [item.title for item in rest.items] == ["t3", "t4"]


def _two(first: str, second: str) -> int:
    """Return how many items two entries make."""
    return len(_items(_rss(f"<item>{first}</item><item>{second}</item>")))


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ("<link>https://x/1</link>", "<link>https://x/2</link>", 2),
        ("<title>one</title>", "<title>two</title>", 2),
        (
            "<guid>same</guid><title>one</title><link>https://x/1</link>",
            "<guid>same</guid><title>two</title><link>https://x/2</link>",
            2,
        ),
        ("<guid>1</guid><title>one</title>", "<guid>1</guid><title>one</title>", 1),
        (
            '<guid isPermaLink="false">https://x/1</guid>',
            '<guid isPermaLink="false">https://x/2</guid>',
            2,
        ),
    ],
    ids=["no-guid", "words-only", "guid-of-all", "twice", "no-permalink"],
)
def test_edge_26_odd_ids_neither_lose_nor_double_an_item(
    first: str, second: str, count: int
) -> None:
    """No guid, one for all entries, the same entry twice."""
    assert _two(first, second) == count


def test_edge_26_a_link_with_a_changing_token_is_the_same_item() -> None:
    """Trackers in an address are no part of the identity where there is no guid."""
    [one] = _items(_rss("<item><title>t</title><link>https://x.org/1?utm_source=a</link></item>"))
    [two] = _items(_rss("<item><title>t</title><link>https://x.org/1?utm_source=b</link></item>"))

    assert one.id == two.id


@pytest.mark.parametrize(
    ("entry", "link"),
    [
        ('<link rel="alternate" href="https://x/a"/><link rel="self" href="https://x/s"/>', "a"),
        ('<link rel="related" href="https://x/r"/><link rel="alternate" href="https://x/a"/>', "a"),
        ('<link href="a"/>', "a"),
    ],
)
def test_edge_27_the_link_of_an_entry_is_where_it_can_be_read(entry: str, link: str) -> None:
    """Of several links the alternate; relative ones by xml:base."""
    body = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://x/"><title>t</title>'
        f"<entry><id>1</id><title>t</title>{entry}</entry></feed>"
    )

    [item] = _read(body).items

    assert item.link == f"https://x/{link}"


def test_edge_27_no_link_is_no_fault() -> None:
    """The item is news all the same, and flagged."""
    entry = '<item><guid isPermaLink="false">one</guid><title>t</title></item>'

    [item] = _items(_rss(entry))

    assert (item.title, item.url) == ("t", "")
    assert "link-missing" in item.flags


def test_edge_28_a_time_without_a_day_is_no_other_day() -> None:
    """Whatever the parser makes of it, the item is dated by the poll, and flagged."""
    [item] = _items(_rss("<item><guid>1</guid><pubDate>12:15 PM</pubDate></item>"))

    assert item.when == NOW
    assert {"date-missing", "date-future"} & set(item.flags)


@pytest.mark.parametrize(
    ("written", "expected", "flag"),
    [
        ("Thu, 28 Mar 2024 12:00:00 +0000", NOW.replace(hour=12), ""),
        ("Thu, 28 Mar 2024 07:00:00 EST", NOW.replace(hour=12), ""),
        ("Thu, 28 Mar 24 12:00:00 GMT", NOW.replace(hour=12), ""),
        ("2024-03-28T12:00:00", NOW.replace(hour=12), ""),
        ("", NOW, "date-missing"),
        ("soon", NOW, "date-missing"),
        ("Thu, 28 Mar 2034 12:00:00 +0000", NOW, "date-future"),
        ("Thu, 01 Jan 1970 00:00:00 +0000", NOW, "date-ancient"),
        ("0000-00-00T00:00:00Z", NOW, "date-missing"),
    ],
)
def test_edge_28_dates_are_believed_within_reason(
    written: str, expected: datetime, flag: str
) -> None:
    """A date that cannot be is the time of the poll, and flagged; the item is news all the same."""
    [item] = _items(_rss(f"<item><guid>1</guid><pubDate>{written}</pubDate></item>"))

    assert item.when == expected
    assert (flag in item.flags) == bool(flag)


def test_edge_29_a_missing_title_is_made_of_the_first_words() -> None:
    """And flagged."""
    [item] = _items(_rss("<item><description>Russia vetoes a text today</description></item>"))

    assert item.title == "Russia vetoes a text today"
    assert "title-missing" in item.flags


# ---------------------------------------------------------------- 33, 34, 36: formats


def test_edge_33_order_does_not_matter_and_5000_items_are_read() -> None:
    """Oldest first or newest first, the items are the same."""
    entries = [f"<item><title>t{n}</title><guid>g{n}</guid></item>" for n in range(5_000)]

    forth, back = _items(_rss("".join(entries))), _items(_rss("".join(reversed(entries))))

    assert {item.id for item in forth} == {item.id for item in back}
    assert len({item.id for item in forth}) > 1_000


_DOCUMENTS = {
    "rss-0.91": '<rss version="0.91"><channel><item><title>T</title></item></channel></rss>',
    "rss-2.0": _rss("<item><title>T</title></item>"),
    "rdf": (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns="http://purl.org/rss/1.0/"><channel rdf:about="https://x/"/>'
        '<item rdf:about="https://x/1"><title>T</title></item></rdf:RDF>'
    ),
    "atom-0.3": (
        '<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title>T</title></entry></feed>'
    ),
    "atom-1.0": '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>T</title></entry></feed>',
    "cdf": '<CHANNEL HREF="https://x/"><ITEM HREF="https://x/1"><TITLE>T</TITLE></ITEM></CHANNEL>',
    "json-1.0": json.dumps(
        {"version": "https://jsonfeed.org/version/1", "items": [{"id": "1", "title": "T"}]}
    ),
    "json-1.1": json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "T"}]}
    ),
    "news-sitemap": (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:n="http://www.google.com/schemas/sitemap-news/0.9"><url><loc>https://x/1</loc>'
        "<n:news><n:title>T</n:title></n:news></url></urlset>"
    ),
}


@pytest.mark.parametrize("name", _DOCUMENTS)
@pytest.mark.parametrize("is_packed", [False, True])
def test_edge_34_every_format_is_read(name: str, is_packed: bool) -> None:
    """Also as a .gz file."""
    body = _DOCUMENTS[name].encode()

    reading = _read(gzip.compress(body) if is_packed else body)

    assert [item.title for item in reading.items] == ["T"]


def test_edge_34_an_index_of_sitemaps_names_its_children() -> None:
    """They are read in turn."""
    index = (
        '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
        "<sitemap><loc>https://x/1.xml</loc></sitemap></sitemapindex>"
    )

    assert _read(index).children == ("https://x/1.xml",)


def test_edge_34_the_longest_text_counts() -> None:
    """Whether it stands in content:encoded, the description or media:description."""
    entry = (
        '<item xmlns:content="http://purl.org/rss/1.0/modules/content/"><title>t</title>'
        "<description>short</description><content:encoded>the whole long text</content:encoded>"
        "</item>"
    )

    assert _read(_rss(entry)).items[0].text == "the whole long text"


def test_edge_36_the_nearest_language_counts() -> None:
    """Of the entry, else of the feed, else of the configuration."""
    body = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="ru"><title>t</title>'
        '<entry xml:lang="ko"><id>1</id><title>x</title></entry>'
        "<entry><id>2</id><title>y</title></entry></feed>"
    )
    bare = _rss(_titled("x"))
    by_source = Source(id=SourceId("a"), url="https://a/", lang="ja")

    assert [item.lang for item in _items(body)] == ["ko", "ru"]
    assert [item.lang for item in _items(bare, by_source)] == ["ja"]
    assert _read(bare, content_language="zh").items[0].lang in ("", "zh")


# ---------------------------------------------------------------- 35, 38, 39: attacks and ranges


_LOL = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
_ATTACKS = {
    "billion-laughs": f'<!DOCTYPE r [<!ENTITY a0 "ha">{_LOL}]>' + _rss(_titled("&a9;")),
    "external-entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + _rss(_titled("T&x;T")),
    "attributes": _rss("<item " + " ".join(f'a{n}="1"' for n in range(100_000)) + "/>"),
    "depth": _rss("<item><title>x</title><b>" + "<a>" * 100_000 + "</a>" * 100_000 + "</b></item>"),
    "comments": _rss(
        f"<item><title>x</title><description><![CDATA[{'<!--' * 50_000}]]></description></item>"
    ),
    "title": _rss(_titled("A" * 9_000_000)),
}


def test_edge_35_documents_that_attack_end_in_time_and_tell_nothing() -> None:
    """Each within the deadline; nothing of a local file gets in; the next document is read."""
    sandbox = Sandbox()
    try:
        for name, body in _ATTACKS.items():
            started = time.monotonic()
            try:
                reading = sandbox.read_now(Document(body.encode()))
                assert all("root:" not in item.title for item in reading.items), name
            except ParseError:
                pass  # refused, which is as good
            assert time.monotonic() - started < 8, name
        assert sandbox.read_now(Document(_rss(_titled("fine")).encode())).items[0].title == "fine"
    finally:
        sandbox.close_now()


@pytest.mark.parametrize("name", ["rss-2.0", "rdf", "atom-1.0", "json-1.1", "news-sitemap"])
def test_edge_38_what_is_known_is_left_out_and_the_rest_is_the_same(name: str) -> None:
    """Here for each format; the property test runs over the corpus."""
    body = _DOCUMENTS[name]
    whole = _read(body)

    assert _read(body, frozenset(whole.hashes)).items == ()
    assert _read(body, frozenset([b"other"])).items == whole.items
    assert _read(body, frozenset(whole.hashes)).hashes == whole.hashes


def test_edge_39_an_entity_of_the_doctype_and_utf16_survive_the_delta() -> None:
    """What is left after the cut still knows its entities; two-byte text is not cut at all."""
    entries = "".join(f"<item><title>&who; {n}</title><guid>{n}</guid></item>" for n in range(3))
    start = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY who "Korea">]>'
    body = _rss(entries, start=start)
    wide = _rss("".join(_titled(f"한국 {n}").replace(">1<", f">{n}<") for n in range(3)))

    first, first_wide = _read(body), _read(wide.encode("utf-16"))
    later = _read(body, frozenset(first.hashes[:2]))
    later_wide = _read(wide.encode("utf-16"), frozenset(first_wide.hashes[:2]))

    assert [item.title for item in first.items] == ["Korea 0", "Korea 1", "Korea 2"]
    assert [item.title for item in later.items] == ["Korea 2"]
    assert [item.title for item in later_wide.items] == ["한국 2"]


# ---------------------------------------------------------------- 40, and finding feeds


def test_edge_40_a_list_of_feeds_comes_and_goes_whole() -> None:
    """Folders in folders, a feed listed twice, an outline without an address."""
    text = (
        b'<opml version="2.0"><body><outline text="Asia"><outline text="Korea">'
        b'<outline text="A" xmlUrl="https://a.example/feed"/></outline>'
        b'<outline text="A again" xmlUrl="https://a.example/feed"/>'
        b'<outline text="nothing" type="rss"/></outline></body></opml>'
    )

    loaded = opml.load(text)

    assert [source.url for source in loaded.sources] == ["https://a.example/feed"]
    assert loaded.sources[0].tags == {"asia", "korea"}
    assert opml.load(opml.dump(loaded.sources).encode()).sources == loaded.sources


def test_feeds_of_a_home_page_are_found() -> None:
    """Declared ones by the page's base, the comments' feed left out; else the usual places."""
    page = (
        '<html><head><base href="/site/"><link rel="alternate" type="application/rss+xml" '
        'href="rss"><link rel="alternate" type="application/atom+xml" href="atom">'
        '<link rel="alternate" type="application/rss+xml" title="Comments" href="comments/feed">'
        "</head></html>"
    )

    links = feed_links(Document(page.encode(), {}, "https://x.example/"))

    assert [link.url for link in links] == [
        "https://x.example/site/rss",
        "https://x.example/site/atom",
    ]
    places = likely_places("https://x.example/")
    assert {"https://x.example/feed", "https://x.example/atom.xml"} <= {
        place.rstrip("/") for place in places
    }


def test_a_page_that_says_404_with_200_is_no_feed() -> None:
    """It is refused with a name, so that it never counts as "no news"."""
    with pytest.raises(NotAFeed) as caught:
        _read("<!doctype html><html><title>Not found</title><body>404</body></html>")

    assert caught.value.kind != ""
