"""An item as the matcher sees it."""

from monitor.rules.document import Document, Found


def test_fields_are_one_text_with_ends_between_them() -> None:
    """A position says which field it lies in; empty fields have their place."""
    document = Document("Oil", "", "Gas")

    assert document.text == " oil \x02 \x02 gas "
    assert [document.field_of(position) for position in (1, 6, 8, 11)] == [0, 1, 2, 2]
    assert [document.window(field) for field in (0, 1, 2)] == [(0, 5), (6, 7), (8, 13)]
    assert document.cased == " Oil \x02 \x02 Gas "


def test_words_are_numbered_and_han_by_the_character() -> None:
    """Sentence ends are no words; fields lie far apart."""
    document = Document("Kim died. 北朝鮮", "x", "")
    at = [document.text.index(word) for word in ("kim", "died", "北", "朝", "鮮", "x")]

    numbers = [document.token(position) for position in at]

    assert numbers[:5] == [1, 2, 3, 4, 5]
    assert numbers[5] > 100_000
    assert document.count_tokens(0, at[4]) == 4
    assert document.after_tokens(0, 2) == at[2]
    assert document.after_tokens(0, 99) == len(document.text)


def test_the_title_is_one_sentence_and_the_others_are_numbered() -> None:
    """Each sentence of summary and content has a number of its own."""
    document = Document("Kim died. Russia", "One. Two", "Three")
    text = document.text

    sentences = [
        document.sentence(text.index(word)) for word in ("kim", "russia", "one", "two", "three")
    ]

    assert sentences[:2] == [0, 0]
    assert len(set(sentences)) == 4


def test_places_lead_to_the_original_and_back() -> None:
    """Offsets count code points of the field, however it was folded."""
    document = Document("💣 ok", "“Corée” du Nord", "")
    start = document.text.index("coree")

    span = document.span(Found(start, start + len("coree du")))

    assert (span.field, span.start, span.end, span.text) == ("summary", 1, 10, "Corée” du")
    assert document.folded_place(1, 0, 7) == Found(start, start + 5)
    assert document.folded_place(1, 6, 8) is None
