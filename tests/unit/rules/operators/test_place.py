"""in and first."""

from tests.unit.rules.factory import hit_texts, rule


def test_in_looks_at_some_fields() -> None:
    """One field or a list of fields."""
    assert hit_texts(rule("{in: title, any: [oil]}"), "oil") == ["oil"]
    assert hit_texts(rule("{in: title, any: [oil]}"), "gas", "oil") is None
    assert hit_texts(rule("{in: [title, content], any: [oil]}"), "gas", "oil", "oil") == ["oil"]


def test_in_narrows_everything_below_it() -> None:
    """all: and none: look at that field alone."""
    assert hit_texts(rule("{in: title, all: [oil, gas]}"), "oil", "gas") is None
    assert hit_texts(rule("{in: title, any: [oil], none: [gas]}"), "oil", "gas") == ["oil"]


def test_in_works_around_near() -> None:
    """near: in a field, as text and as mapping."""
    assert hit_texts(rule("{in: summary, near: [oil, gas], within: 2}"), "oil gas", "gas, oil") == [
        "gas",
        "oil",
    ]


def test_in_inside_in_is_what_both_allow() -> None:
    """Fields that exclude each other leave nothing."""
    nested = "{in: [title, summary], any: [{in: [summary, content], any: [oil]}]}"

    assert hit_texts(rule(nested), "oil", "", "oil") is None
    assert hit_texts(rule(nested), "oil", "oil") == ["oil"]
    assert (
        hit_texts(rule("{in: title, any: [{in: content, any: [oil]}]}"), "oil", "", "oil") is None
    )


def test_first_counts_words_from_the_title_on() -> None:
    """The words of the title count, then those of the summary, then the text's."""
    assert hit_texts(rule("{first: 3, any: [oil]}"), "one two", "oil") == ["oil"]
    assert hit_texts(rule("{first: 3, any: [oil]}"), "one two", "three oil") is None
    assert hit_texts(rule("{first: 3, any: [fuel oil]}"), "one two", "fuel oil") is None
    assert hit_texts(rule("{first: 4, any: [制裁]}"), "", "対北制裁") == ["制裁"]
    assert hit_texts(rule("{first: 3, any: [制裁]}"), "", "対北制裁") is None


def test_first_counts_within_the_field() -> None:
    """With in:, the first words are those of the field, in whichever order the two are written."""
    for when in ("{in: summary, first: 1, any: [oil]}", "{first: 1, in: summary, any: [oil]}"):
        assert hit_texts(rule(when), "one two", "oil gas") == ["oil"]
        assert hit_texts(rule(when), "oil", "gas oil") is None


def test_first_may_stand_in_near_and_sentences() -> None:
    """A part with a place stays one."""
    ruleset = rule("{same_sentence: [{first: 2, any: [Kim]}, {lead: {in: summary, any: [oil]}}]}")

    assert hit_texts(ruleset, "Kim", "and oil") == ["Kim", "oil"]


def test_fields_may_be_written_with_a_bar() -> None:
    """title|summary is the same as the list."""
    assert hit_texts(rule("{in: title | summary, any: [oil]}"), "gas", "oil", "oil") == ["oil"]
