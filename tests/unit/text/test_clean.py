"""Cleaning text for people, headers and terminals."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text.clean import one_line, paragraphs, shortened, visible


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("  two\r\nlines\t here ", "two lines here", id="white-space"),
        pytest.param("a\x00b\x1b[31mc", "ab[31mc", id="control-characters"),
        pytest.param("pay\u202efdp.exe", "payfdp.exe", id="bidi-override"),
        pytest.param("sanc\u00adtions\u200b", "sanctions", id="format-characters"),
        pytest.param("\ue000x\ud800y", "xy", id="private-use-and-surrogates"),
        pytest.param("북한 制裁", "북한 制裁", id="other-scripts"),
        pytest.param(" \x0b \u2028 ", "", id="nothing-left"),
    ],
)
def test_one_line_is_fit_for_a_header(text: str, line: str) -> None:
    """What comes out stands on one line and hides nothing."""
    assert one_line(text) == line


@given(st.text())
def test_one_line_is_idempotent_and_keeps_no_format_character(text: str) -> None:
    """A second cleaning finds nothing to do."""
    line = one_line(text)

    assert one_line(line) == line
    assert not {"Cc", "Cf", "Cs", "Co"} & {unicodedata.category(char) for char in line}
    assert line == " ".join(line.split())


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="persian-joiner-stays"),
        pytest.param("क्\u200dष", "क्\u200dष", id="hindi-joiner-stays"),
        pytest.param("ภาษา\u200bไทย", "ภาษา\u200bไทย", id="thai-space-stays"),
        pytest.param("North\u00ad \u202eaeroK\u202c", "North aeroK", id="overrides-go"),
        pytest.param("a\x08b\x85c\nd", "ab\x85c\nd", id="controls-go-line-ends-stay"),
        pytest.param("\ufeffx\uffff\U000e0041", "x", id="marks-and-tags-go"),
    ],
)
def test_visible_drops_what_hides_and_keeps_what_spells(text: str, seen: str) -> None:
    """Zero-width characters stay where a language is spelt with them."""
    assert visible(text) == seen


@given(st.text())
def test_paragraphs_are_idempotent_and_lose_no_letter(text: str) -> None:
    """Only white space and hidden characters go."""
    lines = paragraphs(text)

    assert paragraphs(lines) == lines
    assert "\n\n" not in lines
    assert [char for char in lines if char.isalnum()] == [char for char in text if char.isalnum()]


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        pytest.param("short", 5, "short", id="fits"),
        pytest.param("one two three", 10, "one two…", id="at-a-word"),
        pytest.param("안전보장이사회결의", 5, "안전보장…", id="no-spaces"),
        pytest.param("a bcdefghijklmnop", 10, "a bcdefgh…", id="a-long-last-word"),
    ],
)
def test_shortened_ends_at_a_word_where_it_can(text: str, limit: int, short: str) -> None:
    """The result is never longer than the limit."""
    assert shortened(text, limit) == short
    assert len(short) <= limit
