"""From raw items to items: identity, time, title."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import Item, RawItem, Reading, Source, SourceId
from monitor.sources import normalise, normalise_all

NOW = datetime(2024, 3, 28, 12, tzinfo=UTC)
SOURCE = Source(
    id=SourceId("wire"), url="https://wire.example/feed", lang="en", trust=4, tags=frozenset({"un"})
)


def _raw(**fields: Any) -> RawItem:
    return RawItem(**{"id": "1", "title": "A title", "link": "https://e.example/1", **fields})


def _items(*raws: RawItem, repeated: frozenset[str] = frozenset(), lang: str = "") -> list[Item]:
    reading = Reading(items=raws, hashes=(), format="rss20", repeated=repeated, lang=lang)
    return list(normalise_all(reading, SOURCE, NOW))


def _same(one: RawItem, two: RawItem) -> bool:
    return normalise(one, SOURCE, NOW).id == normalise(two, SOURCE, NOW).id


def test_an_item_holds_what_entry_and_source_say() -> None:
    """Texts, times and evidence from the entry; tags and trust from the source."""
    when = NOW - timedelta(hours=1)
    raw = _raw(text="Text", published=when, hash=b"h", raw=b"<item/>", lang="KO")

    item = normalise(raw, SOURCE, NOW)

    assert (item.title, item.summary, item.content) == ("A title", "Text", "")
    assert (item.url, item.canonical_url, item.guid) == (
        "https://e.example/1",
        "https://e.example/1",
        "1",
    )
    assert (item.when, item.seen_at, item.published) == (when, NOW, when)
    assert (item.hash, item.raw, item.lang) == (b"h", b"<item/>", "ko")
    assert (item.source_id, item.tags, item.trust) == ("wire", frozenset({"un"}), 4)
    assert item.flags == ()


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(_raw(title="a"), _raw(title="b", link="https://e.example/2"), id="guid"),
        pytest.param(
            _raw(id="http://e.example/1"), _raw(id="https://e.example/1"), id="guid-moved-to-https"
        ),
        pytest.param(
            _raw(id="", link="http://www.e.example/1?utm_source=rss"),
            _raw(id="", link="https://e.example/1", title="b"),
            id="link",
        ),
        pytest.param(_raw(id="", link="", text="x"), _raw(id="", link="", text="x"), id="words"),
    ],
)
def test_what_only_changed_its_dress_is_the_same_item(one: RawItem, two: RawItem) -> None:
    """The id first, then the canonical link, then the words; never the date."""
    assert _same(one, two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(_raw(id="1"), _raw(id="2"), id="guid"),
        pytest.param(_raw(id=""), _raw(id="", link="https://e.example/2"), id="link"),
        pytest.param(_raw(id="", link=""), _raw(id="", link="", title="b"), id="title"),
        pytest.param(_raw(id="", link="", text="a"), _raw(id="", link="", text="b"), id="text"),
    ],
)
def test_what_differs_in_identity_is_another_item(one: RawItem, two: RawItem) -> None:
    """Whatever else they share."""
    assert not _same(one, two)


def test_items_of_two_sources_differ() -> None:
    """One guid in two feeds is two items; the story joins them."""
    other = Source(id=SourceId("post"), url="https://post.example/")

    assert normalise(_raw(), SOURCE, NOW).id != normalise(_raw(), other, NOW).id


def test_an_id_that_entries_share_is_none() -> None:
    """All entries with one guid: link and title tell them apart, now and when one comes alone."""
    one, two = _raw(link="https://e.example/1"), _raw(link="https://e.example/2")
    repeated = frozenset({"1"})

    together = _items(one, two, repeated=repeated)
    (alone,) = _items(two, repeated=repeated)

    assert len(together) == 2
    assert together[1] == alone
    assert alone.flags == ("id-repeated", "date-missing")


def test_a_link_that_entries_share_is_told_apart_by_titles() -> None:
    """Press lists link every entry to one page."""
    one, two = _raw(id="", title="a"), _raw(id="", title="b")

    assert len(_items(one, two, repeated=frozenset({"https://e.example/1"}))) == 2


def test_an_entry_that_is_listed_twice_is_one_item() -> None:
    """The first wins."""
    assert [item.title for item in _items(_raw(title="first"), _raw(title="second"))] == ["first"]


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        pytest.param(_raw(title="", text="Short text"), "Short text", id="short"),
        pytest.param(
            _raw(title="", text=" ".join("abcdefghijklmnop")),
            "a b c d e f g h i j k l …",
            id="long",
        ),
        pytest.param(_raw(title=""), "https://e.example/1", id="no-text"),
        pytest.param(_raw(title="", link=""), "", id="nothing"),
    ],
)
def test_a_missing_title_is_made_of_the_first_words(raw: RawItem, title: str) -> None:
    """And the flag says so."""
    item = normalise(raw, SOURCE, NOW)

    assert item.title == title
    assert "title-missing" in item.flags


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        pytest.param(_raw(published=NOW + timedelta(days=1)), "date-future", id="future"),
        pytest.param(_raw(), "date-missing", id="no-date"),
        pytest.param(_raw(updated=datetime(1970, 1, 1, tzinfo=UTC)), "date-ancient", id="1970"),
        pytest.param(_raw(title="x" * 2000, updated=NOW), "title-cut", id="title"),
        pytest.param(_raw(text="x" * 300_000, updated=NOW), "text-cut", id="text"),
        pytest.param(_raw(link="", updated=NOW), "link-missing", id="no-link"),
        pytest.param(_raw(link="javascript:x", updated=NOW), "link-missing", id="no-web-link"),
    ],
)
def test_what_was_mended_is_flagged(raw: RawItem, flag: str) -> None:
    """Nothing is changed in silence."""
    item = normalise(raw, SOURCE, NOW)

    assert item.flags == (flag,)
    assert item.when == NOW
    assert len(item.title) <= 1_000
    assert len(item.summary) <= 200_000


@pytest.mark.parametrize(
    ("entry", "feed", "lang"), [("ko", "ru", "ko"), ("", "RU", "ru"), ("", "", "en")]
)
def test_the_nearest_language_counts(entry: str, feed: str, lang: str) -> None:
    """Entry, then feed, then source."""
    assert _items(_raw(lang=entry), lang=feed)[0].lang == lang


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy")), max_size=8))
def test_no_entry_is_lost_to_a_shared_id(pairs: list[tuple[str, str]]) -> None:
    """Every distinct id and link of the document has its item, in document order."""
    ids = [guid for guid, _ in pairs]
    repeated = frozenset(guid for guid in ids if ids.count(guid) > 1)
    raws = [_raw(id=guid, link=f"https://e.example/{path}") for guid, path in pairs]

    items = _items(*raws, repeated=repeated)

    assert [(item.guid, item.url[-1]) for item in items] == list(dict.fromkeys(pairs))
