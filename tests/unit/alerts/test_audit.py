"""What a look at a feed says about the list of feeds."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.alerts.audit import Finding, Seen, is_offline, judge
from monitor.errors import FetchError, NotAFeed, ParseError
from monitor.model import Document, Fetched, RawItem, Reading, Source, SourceId, Validators
from monitor.testing import NOW

EN = "The council of the city has met and voted for a new bridge over the river"
FR = "Les élus de la ville ont voté dans la nuit une aide pour les quais avec du retard"


def _source(**changes: Any) -> Source:
    known = {"url": "https://a.example/f", "lang": "en", "every": timedelta(minutes=30)}
    return Source(id=SourceId("a"), **{**known, **changes})


def _items(title: str = EN, count: int = 20, apart: timedelta = timedelta(hours=1)) -> Any:
    return tuple(
        RawItem(title=f"{title} {number}", published=NOW - apart * number)
        for number in range(count)
    )


def _read(items: Any = None, *, moved_to: str = "", **reading: Any) -> Seen:
    known = {"items": _items() if items is None else items, "hashes": (), "format": "rss20"}
    return Seen(
        fetched=Fetched(document=Document(b""), validators=Validators(), moved_to=moved_to),
        reading=Reading(**{**known, **reading}),
    )


def _one(source: Source, seen: Seen) -> Finding:
    (finding,) = judge(source, seen, NOW)
    return finding


def test_a_feed_that_is_as_it_should_be_is_well() -> None:
    """With its format, number of items and age."""
    finding = _one(_source(), _read())

    assert (finding.state, finding.key) == ("ok", "")
    assert finding.detail == "rss20, 20 items, newest 0s old"
    assert _one(_source(), _read((RawItem(title="x"),))).detail == "rss20, 1 items"


@pytest.mark.parametrize(
    ("error", "state", "key"),
    [
        pytest.param(FetchError("x", kind="gone", status=410), "gone", "enabled", id="410"),
        pytest.param(FetchError("x", kind="http", status=404), "gone", "enabled", id="404"),
        pytest.param(FetchError("x", kind="dns"), "gone", "enabled", id="no-such-name"),
        pytest.param(
            FetchError("Temporary failure in name resolution", kind="dns"),
            *("failing", ""),
            id="no-answer-of-the-dns",
        ),
        pytest.param(FetchError("x", kind="http", status=503), "failing", "", id="503"),
        pytest.param(FetchError("x", kind="timeout"), "failing", "", id="timeout"),
        pytest.param(NotAFeed("x", kind="html"), "wrong-content", "enabled", id="a-page"),
        pytest.param(NotAFeed("x", kind="challenge"), "wrong-content", "", id="a-challenge"),
        pytest.param(ParseError("x"), "failing", "", id="unreadable"),
    ],
)
def test_a_feed_that_cannot_be_read_is_named(error: Any, state: str, key: str) -> None:
    """What will not pass is proposed to be switched off; what may pass is told."""
    finding = _one(_source(), Seen(error=error))

    assert (finding.state, finding.key) == (state, key)
    assert _one(_source(enabled=False), Seen(error=error)).state == "off"


def test_a_feed_that_is_off_and_reads_is_told() -> None:
    """Whether to switch it on is not for a program: it is off for a reason."""
    finding = _one(_source(enabled=False), _read())

    assert (finding.state, finding.key) == ("reads-again", "")


@pytest.mark.parametrize(
    ("target", "key"),
    [
        pytest.param("https://b.example/f", "url", id="another-address"),
        pytest.param("https://b.example/f?key=1", "", id="one-that-may-hold-a-key"),
    ],
)
def test_a_move_is_proposed(target: str, key: str) -> None:
    """With the old address in the reason."""
    finding = _one(_source(), _read(moved_to=target))

    assert (finding.state, finding.key) == ("moved", key)
    assert finding.value == (target if key else "")


def test_an_address_that_moved_to_itself_has_not_moved() -> None:
    """By way of a round trip."""
    assert _one(_source(), _read(moved_to="https://a.example/f")).state == "ok"


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        ({"partial": True}, "truncated"),
        ({"items": ()}, "empty"),
        ({"items": (), "children": ("https://a.example/s.xml",)}, "ok"),
    ],
)
def test_a_document_that_is_not_whole_is_told(reading: Any, state: str) -> None:
    """An index of documents holds no item itself."""
    items = reading.pop("items", None)

    assert _one(_source(), _read(items, **reading)).state == state


def test_a_feed_that_stands_still_is_told() -> None:
    """For a year."""
    old = (RawItem(title="x", published=NOW - timedelta(days=400)),)

    assert _one(_source(), _read(old)).state == "stale"


@pytest.mark.parametrize(
    ("apart", "every", "value"),
    [
        pytest.param(timedelta(minutes=1), timedelta(minutes=30), "5m", id="twenty-minutes"),
        pytest.param(timedelta(hours=1), timedelta(hours=12), "6h", id="nineteen-hours"),
        pytest.param(timedelta(seconds=1), timedelta(minutes=30), "2m", id="seconds"),
        pytest.param(timedelta(seconds=1), timedelta(minutes=2), "", id="no-faster-than-that"),
        pytest.param(timedelta(hours=1), timedelta(hours=9), "", id="often-enough"),
    ],
)
def test_a_window_that_is_short_for_the_pace_is_asked_more_often(
    apart: timedelta, every: timedelta, value: str
) -> None:
    """So that each item is seen in two polls at least."""
    finding = _one(_source(every=every), _read(_items(apart=apart)))

    assert (finding.state, finding.value) == (("cadence", value) if value else ("ok", ""))


def test_a_pace_of_its_own_is_left_alone() -> None:
    """It adapts by itself."""
    seen = _read(_items(apart=timedelta(minutes=1)))

    assert _one(_source(is_pinned=False), seen).state == "ok"


@pytest.mark.parametrize(
    ("title", "lang", "declared", "value"),
    [
        pytest.param("안보리 결의안 표결", "en", "", "ko", id="script"),
        pytest.param("안보리 결의안 표결", "ko", "en-us", "", id="script-over-declaration"),
        pytest.param("Рада Безпеки голосує", "en", "uk", "uk", id="declared-of-a-script"),
        pytest.param("Рада Безпеки голосує", "uk", "ru", "", id="written-of-a-script"),
        pytest.param("Совет голосует", "", "", "ru", id="main-of-a-script"),
        pytest.param(FR, "en", "fr", "fr", id="words"),
        pytest.param(FR, "en", "", "", id="without-a-declaration-nothing-is-proven"),
        pytest.param(EN, "ko", "ko", "en", id="latin-in-place-of-another-script"),
        pytest.param("Xyz", "en", "fr", "", id="too-few-words"),
        pytest.param(EN, "en", "fr", "", id="declaration-against-words"),
        pytest.param(EN, "en", "en", "", id="as-written"),
    ],
)
def test_a_language_is_proposed_where_script_or_words_prove_it(
    title: str, lang: str, declared: str, value: str
) -> None:
    """What feeds declare is often a program's default."""
    finding = _one(_source(lang=lang), _read(_items(title), lang=declared))

    assert (finding.state, finding.value) == (("language", value) if value else ("ok", ""))


def test_titles_of_two_scripts_prove_nothing() -> None:
    """Nor do a few of them."""
    mixed = (*_items(EN, 10), *_items("안보리 결의안", 10))

    assert _one(_source(), _read(mixed)).state == "ok"
    assert _one(_source(), _read(_items("안보리", 4))).state == "ok"


def test_several_things_are_found_at_once() -> None:
    """In the order of weight."""
    seen = _read(_items("안보리 결의안", apart=timedelta(minutes=1)), moved_to="https://b.example/")

    assert [one.state for one in judge(_source(), seen, NOW)] == ["moved", "language", "cadence"]


def test_when_nothing_is_read_the_fault_is_here() -> None:
    """A machine without a network must not empty the list."""
    gone = _one(_source(), Seen(error=FetchError("x", kind="dns")))
    well = _one(_source(), _read())

    assert is_offline([gone, gone])
    assert not is_offline([gone, well])
