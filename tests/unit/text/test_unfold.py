"""The way back: every folded word leads to characters of the original that fold to it."""

from hypothesis import example, given, settings

from monitor.text.fold import SENTENCE_END, fold, fold_cased
from monitor.text.unfold import fold_map, origin
from tests.unit.text.alphabet import TEXTS, has_mixed_letters


@given(TEXTS)
@example("U.N. veto. Kim")
@example("&amp;&#12345;")
def test_the_map_agrees_with_the_fast_folding(text: str) -> None:
    """Both ways of folding give one text, and the places run forward within the original."""
    places = fold_map(text)

    assert places.folded == fold(text)
    assert len(places.starts) == len(places.ends) == len(places.folded)
    assert len(fold_cased(text)) == len(places.folded)
    assert fold_cased(text).casefold() == places.folded.casefold()
    assert list(places.starts) == sorted(places.starts)
    assert all(0 <= a <= b <= len(text) for a, b in zip(places.starts, places.ends, strict=True))


@settings(max_examples=200)
@given(TEXTS)
@example("Corée du Nord, “Ｋｏｒｅａ” U.N. sanc\u00adtions")
def test_a_word_leads_back_to_characters_that_fold_to_it(text: str) -> None:
    """The original characters of every folded word fold to that word."""
    folded = fold(text)
    way = origin(text, folded)
    position = 1
    for word in folded.split():
        begin, position = position, position + len(word) + 1
        if word == SENTENCE_END:
            continue
        start, end = way.original(begin, begin + len(word))
        back = fold(text[start:end]).split()  # ¼ is two words
        assert word in back or any(c in text for c in "&.") or has_mixed_letters(text)


def test_plain_text_is_led_back_by_the_number_of_the_word() -> None:
    """Texts without entities and acronyms take the short way, with the same result."""
    text = "  Kim (43) died.  Russia,  too! Why\nNot "
    folded = fold(text)

    short, full = origin(text, folded), fold_map(text)

    for start in range(1, len(folded) - 1):
        if folded[start] not in f" {SENTENCE_END}":
            assert short.original(start, start + 1) == full.original(start, start + 1)


def test_an_accent_belongs_to_the_letter_before_it() -> None:
    """A decomposed letter is led back to with its accent."""
    places = fold_map("Core\u0301e\u0301!")

    assert places.original(1, 6) == (0, 7)
