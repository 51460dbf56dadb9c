"""Text for people: cut at characters, wrapped by columns, times whatever the locale."""

import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.notify.words import (
    columns,
    count,
    day_name,
    iso,
    language,
    later_moment,
    line,
    listed,
    moment,
    printable,
    shorten,
    utf16_units,
    web_url,
    wrap,
)

WHEN = datetime(2024, 3, 28, 22, 4, 33, tzinfo=timezone(timedelta(hours=1)))
texts = st.text(st.characters(), max_size=300)  # surrogates too


@given(texts, st.integers(1, 80))
def test_a_shortened_text_fits_and_begins_the_same(text: str, most: int) -> None:
    """What is kept is the beginning, and the mark of the cut counts."""
    short = shorten(text, most)

    assert len(short) <= most
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


@given(texts, st.integers(1, 80))
def test_a_text_fits_in_utf16_units(text: str, most: int) -> None:
    """Chat services count as JavaScript does."""
    assert utf16_units(shorten(text, most, utf16_units)) <= most


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        pytest.param("abc", 3, "abc", id="fits"),
        pytest.param("abcd", 3, "ab…", id="cut"),
        pytest.param("ab cdef", 4, "ab…", id="no-space-before-the-mark"),
        pytest.param("re\u0301sume\u0301", 7, "re\u0301sum…", id="accent-stays-with-its-letter"),
        pytest.param("a👩‍🚀b", 3, "a…", id="emoji-family-stays-whole"),
        pytest.param("ab👍🏽c", 4, "ab…", id="skin-tone-stays-with-its-hand"),
        pytest.param("\u0301" * 9, 3, "…", id="marks-alone"),
        pytest.param("abc", 0, "", id="no-room"),
    ],
)
def test_characters_are_never_parted(text: str, most: int, short: str) -> None:
    """A cut falls between what a reader sees as characters."""
    assert shorten(text, most) == short


@given(texts)
def test_a_line_is_visible_and_stable(text: str) -> None:
    """One line, nothing hidden, and doing it twice changes nothing."""
    shown = line(text)

    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Co"}
    assert line(shown) == shown


def test_a_line_of_megabytes_is_cut_before_it_costs_anything() -> None:
    """A hostile title costs no more than a long one."""
    assert len(line("ab " * 1_000_000)) in {999, 1000}


def test_printable_keeps_every_space() -> None:
    """Pieces of a text can be joined again."""
    assert printable("a\n b\u202ec\u0000") == "a  bc"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(line))
def test_wrapped_lines_hold_all_words_in_order(text: str) -> None:
    """Nothing but spaces is lost at the ends of lines."""
    lines = wrap(text, 20, "  ")

    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(columns(each) <= 20 or " " not in each.strip() for each in lines), (
        "only a long word may stand out"
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["> one two", "  three"]),
        ("북한정제유반입량", ["> 북한정제", "  유반입량"]),
        ("see https://example.org/long now", ["> see", "  https://example.org/long", "  now"]),
        ("", [">"]),
    ],
)
def test_wrapping(text: str, lines: list[str]) -> None:
    """Spaces break, wide characters break anywhere, a URL never does."""
    assert wrap(text, 11, "  ", "> ") == lines


def test_times_are_in_utc_and_english() -> None:
    """Whatever zone and locale."""
    assert moment(WHEN) == "28 Mar 2024 21:04 UTC"
    assert iso(WHEN) == "2024-03-28T21:04:33Z"
    assert day_name(date(2024, 3, 28)) == "Thursday 28 March 2024"
    assert later_moment(WHEN, WHEN) == "21:04 UTC"
    assert later_moment(WHEN + timedelta(days=1), WHEN) == "29 Mar 2024 21:04 UTC"
    assert moment(datetime(2024, 12, 1, tzinfo=UTC)) == "1 Dec 2024 00:00 UTC"


def test_numbers_and_lists() -> None:
    """Plurals, thousands, and what is left out."""
    assert (count(1, "item"), count(1904, "item")) == ("1 item", "1,904 items")
    assert count(2, "story", "stories") == "2 stories"
    assert listed(["a", "b"], 3) == "a, b"
    assert listed(["a", "b", "c"], 1) == "a and 2 more"


def test_languages_have_names() -> None:
    """An unknown code is shown as it is."""
    assert [language(code) for code in ("ko", "ZH-Hans", "xx")] == ["Korean", "Chinese", "xx"]


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("//example.org", ""),
        ("https://[broken", ""),
        ("https://", ""),
        ("https://example.org/" + "a" * 2048, ""),
        ("https://example.org/\u202egpj.exe", "https://example.org/gpj.exe"),
    ],
)
def test_only_web_addresses_become_links(url: str, link: str) -> None:
    """No script, no data, no half address."""
    assert web_url(url) == link
