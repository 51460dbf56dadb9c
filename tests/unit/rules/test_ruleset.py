"""The rule set: immutable, and rules are tried only where they can hold."""

from dataclasses import FrozenInstanceError

import pytest

from monitor.rules.document import Document
from monitor.rules.ruleset import RuleSet
from tests.unit.rules.factory import load, rule


def triggers(ruleset: RuleSet, text: str) -> bool:
    """Return whether a text makes the first rule a candidate."""
    literals = {match[0] for match in ruleset.automaton.scan(Document(text, "", "").text)}
    return bool(ruleset.always) or bool(literals & ruleset.triggers.keys())


@pytest.mark.parametrize(
    ("when", "candidate", "other"),
    [
        ("{all: [oil, petroleum products]}", "petroleum products", "oil"),
        ("{all: [{any: [oil, gas]}, Nampo harbour]}", "Nampo harbour", "oil gas"),
        ("oil near/3 petroleum", "petroleum", "oil"),
        ("{same_sentence: [oil, petroleum]}", "petroleum", "oil"),
        ("{in: title, first: 9, all: [oil, petroleum]}", "petroleum", "oil"),
        ("{at_least: 2, of: [oil, petroleum, naphtha]}", "naphtha", "oil"),
        ("{score: {oil: 1, petroleum: 2, naphtha: 2}, threshold: 3}", "petroleum", "oil"),
        ("{any: [oil, {all: [petroleum, gas]}]}", "oil", "gas"),
    ],
)
def test_a_rule_is_tried_where_its_rarest_part_is_found(
    when: str, candidate: str, other: str
) -> None:
    """Longer words are rarer; a text with the common part alone costs nothing."""
    assert triggers(rule(when), candidate)
    assert not triggers(rule(when), other)


@pytest.mark.parametrize(
    "when", ["{none: [oil]}", "{any: [oil, {none: [gas]}]}", "{re: 'S/[0-9]+'}"]
)
def test_a_rule_that_needs_no_word_is_always_tried(when: str) -> None:
    """Nothing in the text could announce it."""
    assert triggers(rule(when), "")


def test_equal_terms_are_looked_for_once() -> None:
    """Spellings that fold alike share one term over all rules and lists."""
    ruleset = load("terms: {a: [Corée, COREE]}\nrules: [{id: r, when: $a}, {id: s, when: coree}]")

    assert ruleset.written == ("Corée",)


def test_a_rule_set_cannot_be_changed() -> None:
    """A reload makes a new one."""
    ruleset = rule("oil")

    with pytest.raises(FrozenInstanceError):
        ruleset.hash = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        ruleset.rules["x"] = ruleset.rules["r"]  # type: ignore[index]
