"""same_sentence."""

from tests.unit.rules.factory import hit_texts, rule

RULE = "{same_sentence: [Kim, worker*, abroad]}"


def test_the_parts_stand_in_one_sentence() -> None:
    """A sentence end between them breaks it."""
    assert hit_texts(rule(RULE), "x", "Kim sent workers abroad.") == ["Kim", "workers", "abroad"]
    assert hit_texts(rule(RULE), "x", "Kim sent workers. They went abroad.") is None


def test_the_title_belongs_to_every_sentence() -> None:
    """What the title says is known in the text."""
    assert hit_texts(rule(RULE), "Kim speaks", "No. He sent workers abroad.") is not None
    assert hit_texts(rule(RULE), "Kim speaks", "", "Workers went. It was abroad.") is None


def test_the_title_is_one_sentence() -> None:
    """A stop in a title separates nothing."""
    assert hit_texts(rule(RULE), "Kim dead? Workers still abroad") is not None


def test_only_words_of_such_sentences_and_the_title_are_shown() -> None:
    """A sentence that holds only some of the parts is not shown."""
    text = "Workers rest. Workers went abroad. Abroad is far."

    assert hit_texts(rule(RULE), "Kim", text) == ["Kim", "Workers", "abroad"]


def test_near_may_be_a_part() -> None:
    """Its words are in the sentence when one of them is."""
    ruleset = rule("{same_sentence: [Kim near/2 worker*, abroad]}")

    assert hit_texts(ruleset, "", "Kim and workers abroad.") is not None
    assert hit_texts(ruleset, "", "Kim and workers. Went abroad.") is None
