"""JSON Feed 1.0 and 1.1."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.errors import NotAFeed, ParseError
from monitor.model import Document
from monitor.sources import jsonfeed


def _feed(*items: Any, **head: Any) -> Document:
    feed = {"version": "https://jsonfeed.org/version/1", "items": list(items), **head}
    return Document(json.dumps(feed).encode(), url="https://quay.example/feed.json")


def test_items_are_read_as_text(document: Callable[[str], Document]) -> None:
    """HTML or text, whichever is longer; ids may be numbers, links relative, dates nonsense."""
    reading = jsonfeed.read(document("jsonfeed11.json"))

    assert (reading.format, reading.title, reading.lang) == ("json1.1", "Quay Notes", "en")
    assert [(item.id, item.title, item.link, item.text) for item in reading.items] == [
        ("1", "Refinery & tanks", "https://quay.example/1", "Two tanks.\nOne refinery."),
        ("2", "", "https://wire.example/relative", "Only a text"),
        ("1", "The same id again", "https://quay.example/other", ""),
    ]
    assert reading.items[0].published == datetime(2024, 3, 28, 8, tzinfo=UTC)
    assert reading.items[0].updated == datetime(2024, 3, 28, 11, tzinfo=UTC)
    assert reading.items[2].published is None
    assert [item.lang for item in reading.items] == ["", "ko", ""]
    assert reading.repeated == {"1"}


def test_known_items_are_left_out_and_still_named(document: Callable[[str], Document]) -> None:
    """As with the byte ranges of XML."""
    full = jsonfeed.read(document("jsonfeed11.json"))

    part = jsonfeed.read(document("jsonfeed11.json"), {full.hashes[1]})

    assert part.items == (full.items[0], full.items[2])
    assert part.hashes == full.hashes


def test_the_order_of_keys_makes_no_other_item() -> None:
    """The hash is of what is said, not of how it is written."""
    one = jsonfeed.read(_feed({"id": "a", "title": "b"})).hashes
    two = jsonfeed.read(_feed({"title": "b", "id": "a"})).hashes

    assert one == two


@pytest.mark.parametrize("version", ["", "1.0", None, 7], ids=str)
def test_a_feed_without_a_proper_version_is_read_if_it_has_items(version: object) -> None:
    """Publishers leave it out."""
    assert len(jsonfeed.read(_feed({"id": "a"}, version=version)).items) == 1


def test_what_is_no_item_is_left_out() -> None:
    """A null in the list costs itself alone; values of wrong type are empty."""
    reading = jsonfeed.read(_feed(None, "x", {"id": True, "title": ["x"], "url": "http://[x"}))

    (item,) = reading.items
    assert (item.id, item.title, item.link, item.index) == ("", "", "http://[x", 2)


def test_numbers_and_dates_of_other_types_are_read_or_missing() -> None:
    """A float is an id like any other."""
    (item,) = jsonfeed.read(_feed({"id": 1.5, "date_published": 2024})).items

    assert item.id == "1.5"
    assert item.published == datetime(2024, 1, 1, tzinfo=UTC)


def test_a_byte_order_mark_does_no_harm() -> None:
    """RFC 8259 forbids it and lets readers ignore it."""
    text = json.dumps({"items": [{"id": "1", "title": "제재"}]}, ensure_ascii=False)

    assert jsonfeed.read(Document(text.encode("utf-8-sig"))).items[0].title == "제재"


def test_more_items_than_are_read_at_a_time_are_read_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was read is known next time."""
    monkeypatch.setattr(jsonfeed, "MAX_ENTRIES", 2)
    page = _feed({"id": 1}, {"id": 2}, {"id": 3})

    first = jsonfeed.read(page)
    second = jsonfeed.read(page, first.hashes)

    assert [item.id for item in first.items] == ["1", "2"]
    assert (first.partial, len(first.hashes)) == (True, 2)
    assert [item.id for item in second.items] == ["3"]
    assert (second.partial, len(second.hashes)) == (False, 3)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b'{"items": [{"id": "1"}, {"id"', ParseError, id="breaks-off"),
        pytest.param(b'{"a":' * 100_000, ParseError, id="deep"),
        pytest.param(b"[]", NotAFeed, id="a-list"),
        pytest.param(b'{"error": "no such feed"}', NotAFeed, id="another-kind"),
        pytest.param(b'{"items": {}}', NotAFeed, id="items-are-no-list"),
        pytest.param(b'{"items": []}', NotAFeed, id="neither-version-nor-items"),
    ],
)
def test_what_is_no_feed_is_refused(body: bytes, error: type[ParseError]) -> None:
    """Named, never a crash and never "no news"."""
    with pytest.raises(error) as raised:
        jsonfeed.read(Document(body))

    assert raised.value.kind == "json"


def test_an_empty_feed_is_a_feed() -> None:
    """With its version it is what it says."""
    assert jsonfeed.read(_feed()).items == ()
