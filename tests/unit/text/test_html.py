"""HTML to the text that a reader sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text.html import plain, to_line, to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        pytest.param("North\n  Korea\n \nsays", "North Korea\nsays", id="wrapped-plain-text"),
        pytest.param("S&amp;P &mdash; AT&T &#x5317;", "S&P — AT&T 北", id="entities"),
        pytest.param("<p>North</p><p>Korea</p>", "North\nKorea", id="blocks-part-phrases"),
        pytest.param("one<br>two<br/>three", "one\ntwo\nthree", id="line-breaks"),
        pytest.param(
            "<p>hard\nwrapped\ntext</p>", "hard wrapped text", id="source-lines-are-spaces"
        ),
        pytest.param("<td>oil</td><td>tanks</td>", "oil tanks", id="cells"),
        pytest.param("here</a><a href=x>there", "here there", id="inline-tags-part-words"),
        pytest.param("sanctions<sup>1</sup>", "sanctions 1", id="footnote-marks"),
        pytest.param(
            "<b>북한</b>이 <b>制</b>裁", "북한이 制裁", id="scripts-without-spaces-stay-whole"
        ),
        pytest.param("<span>N</span>orth Korea", "North Korea", id="initials-stay-with-their-word"),
        pytest.param("the <b>UN</b>, (<i>in</i>) it", "the UN, (in) it", id="punctuation-stays"),
        pytest.param("<a>북한</a><a>정치</a>", "북한 정치", id="neighbours-are-apart"),
        pytest.param("Set&lt;<i>Item</i>&gt;", "Set< Item >", id="brackets-that-are-meant"),
        pytest.param("<p><b>N</b></p>orth", "N\north", id="but-not-across-blocks"),
        pytest.param("<i><b>N</b></i>orth", "North", id="initials-in-two-tags"),
        pytest.param("<b>A</b> plan", "A plan", id="a-letter-that-is-a-word"),
        pytest.param(
            "a<script>if (a<b) x()</script>b<style>p{}</style>", "a b", id="code-is-dropped"
        ),
        pytest.param("a<!-- hidden -->b", "ab", id="comments-are-dropped"),
        pytest.param('<a title="x > y">z</a>', "z", id="attributes-are-dropped"),
        pytest.param(
            "&lt;p&gt;twice&lt;/p&gt;escaped", "twice\nescaped", id="escaped-once-too-often"
        ),
        pytest.param("5 < 6 and 7 > 6", "5 < 6 and 7 > 6", id="comparisons"),
        pytest.param("<", "<", id="a-lone-bracket"),
        pytest.param("<p>\u202eevil\u202c\x00</p>", "evil", id="hidden-characters"),
        pytest.param("<p>Mis<b>nested</p></b> <i>tags", "Mis nested\ntags", id="misnested"),
        pytest.param("<title>T</title><p>b", "T\nb", id="title-element"),
        pytest.param("", "", id="empty"),
    ],
)
def test_what_a_reader_sees_is_kept(source: str, text: str) -> None:
    """Words, and where they are parted, come out as on the page."""
    assert to_text(source) == text


def test_a_title_is_one_line() -> None:
    """Blocks in titles become spaces."""
    assert to_line("<p>Sanctions</p>  <p>lifted</p>") == "Sanctions lifted"


def test_plain_text_keeps_its_brackets_and_loses_escaped_markup() -> None:
    """Feeds declare HTML as text; comparisons are no tags."""
    assert plain("1 < 2 &amp; <b>bold</b><!-- no -->") == "1 < 2 & bold"


def test_code_that_was_escaped_is_dropped_too() -> None:
    """A script is no text, however often it was escaped."""
    assert plain("a<script>x()</script>b<style>") == "a b"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("<div>" * 200_000 + "core" + "</div>" * 200_000, id="nesting"),
        pytest.param(
            "<p " + " ".join(f"a{n}=1" for n in range(50_000)) + ">core</p>", id="attributes"
        ),
        pytest.param("<!--" * 50_000 + "--> core", id="comments"),
        pytest.param("core" + "&lt;script&gt;" * 50_000, id="escaped-scripts"),
    ],
)
@pytest.mark.timeout(10)
def test_hostile_markup_costs_no_more_than_its_length(source: str) -> None:
    """Nesting and attributes cost lexbor their square (60 s for the first): no DOM for these."""
    assert "core" in to_text(source)


@given(st.text(alphabet=st.sampled_from("ab<>/&;#!-p \n\"'=북\u202e"), max_size=80))
def test_nothing_makes_it_raise_or_show_hidden_characters(source: str) -> None:
    """Any text is read."""
    text = to_text(source)

    assert "\u202e" not in text
    assert text == "\n".join(" ".join(line.split()) for line in text.splitlines() if line.strip())


@given(st.text(alphabet=st.characters(exclude_characters="<&", codec="utf-8")))
def test_text_without_markup_is_read_once_and_for_all(source: str) -> None:
    """Reading what was read changes no word."""
    assert to_text(to_text(source)).split() == to_text(source).split()


@given(st.lists(st.text(alphabet="abcdefg", min_size=2, max_size=5), min_size=1, max_size=6))
def test_paragraphs_come_out_in_order_and_whole(words: list[str]) -> None:
    """No paragraph is lost or joined to its neighbour."""
    assert to_text("".join(f"<p>{word}</p>" for word in words)).split("\n") == words
