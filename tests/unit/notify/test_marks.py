"""Marked text: which words matched, and where."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.model import Span, Why
from monitor.notify import marks
from monitor.notify.marks import Piece
from monitor.testing import SUMMARY, make_article, span


def why(*spans: Span, clause: str = "act") -> Why:
    """Return a clause that these spans satisfied."""
    return Why(rule="veto", clause=clause, matched=spans)


def test_the_excerpt_marks_what_matched() -> None:
    """Each match names its clause."""
    pieces = marks.excerpt(make_article(), 600)

    assert [(piece.text, piece.clause) for piece in pieces if piece.clause] == [
        ("vetoed", "act"),
        ("UN Security Council", "body"),
        ("North Korea", "regime"),
    ]
    assert marks.text_of(pieces) == SUMMARY


def test_a_long_text_is_shown_around_its_first_match() -> None:
    """The reader sees the match, not the publisher's preamble."""
    text = "Preamble of no interest. " * 40 + "Then Russia vetoed it. " + "And more. " * 40
    article = make_article(summary=text, why=(why(span("summary", text, "vetoed")),))

    shown = marks.text_of(marks.excerpt(article, 300), "*")

    assert "Then Russia *vetoed* it." in shown
    assert shown.startswith("… ")
    assert shown.endswith(" …")
    assert len(shown) < 310


def test_the_content_is_shown_where_only_it_matched() -> None:
    """The summary says nothing of the match then."""
    article = make_article(
        content="In the article: a veto.",
        why=(why(span("content", "In the article: a veto.", "veto")),),
    )

    assert marks.text_of(marks.excerpt(article, 600), "*") == "In the article: a *veto*."


def test_without_a_match_in_the_text_its_beginning_is_shown() -> None:
    """A title alone may match."""
    article = make_article(why=(why(span("title", make_article().title, "vetoes")),))

    assert marks.text_of(marks.excerpt(article, 600)) == SUMMARY
    assert marks.excerpt(make_article(summary="", content="Body.", why=()), 9) == [Piece("Body.")]
    assert marks.excerpt(make_article(summary="", why=()), 600) == []


def test_overlapping_matches_are_marked_once() -> None:
    """The earlier and longer one wins."""
    article = make_article(
        summary="UN Security Council",
        why=(
            why(span("summary", "UN Security Council", "Security Council"), clause="short"),
            why(span("summary", "UN Security Council", "UN Security Council"), clause="long"),
        ),
    )

    assert marks.excerpt(article, 600) == [Piece("UN Security Council", "long")]


def test_what_matched_is_told_in_words() -> None:
    """Each text once, with its fields and how often."""
    article = make_article(
        why=(
            why(
                span("title", make_article().title, "vetoes"),
                Span(field="summary", start=0, end=6, text="vetoed"),
                Span(field="summary", start=9, end=15, text="vetoed"),
                Span(field="summary", start=20, end=26, text="vetoed"),
                Span(field="content", start=0, end=4, text="veto"),
                Span(field="content", start=9, end=13, text="veto"),
            ),
        )
    )

    [found] = marks.found(article)

    assert found.words == (
        "“vetoes” in title; “vetoed” in summary, 3 times; “veto” in article, twice"
    )
    assert marks.found(article, 1)[0].words == "“vetoes” in title; 2 more words"


@given(
    st.text(max_size=400),
    st.lists(st.tuples(st.integers(-5, 400), st.integers(-5, 400)), max_size=6),
    st.integers(1, 200),
)
def test_any_spans_of_any_text_can_be_shown(
    text: str, ends: list[tuple[int, int]], most: int
) -> None:
    """Spans that fit nothing (an edited item) spoil no alert."""
    spans = [Span(field="summary", start=a, end=b, text="x") for a, b in ends]
    article = make_article(summary=text, why=(why(*spans),))

    shown = marks.text_of(marks.excerpt(article, most))

    assert len(shown) <= most + 40
