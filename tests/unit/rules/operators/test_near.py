"""near and then."""

import pytest

from tests.unit.rules.factory import hit_texts, rule

CASES = [
    ("veto near/1 council", "council veto", True),
    ("veto near/1 council", "veto the council", False),
    ("veto near/2 council", "veto the council", True),
    ("veto near/2 council", "council, the veto", True),
    ("veto then/2 council", "veto the council", True),
    ("veto THEN/2 council", "council, a veto", False),
    ("veto NEAR/2 council", "council, a veto", True),
    ("veto then/2 council", "council the veto", False),
    ("Security Council near/1 veto", "the Security Council veto", True),
    ("veto near/2 council", "veto. The council", True),
    ("oil near/3 oil", "oil", False),
    ("oil near/3 oil", "oil for oil", True),
    ("制裁 near/3 決議", "制裁す決議", True),
    ("制裁 near/2 決議", "制裁する決議", False),
    ("制裁 near/3 決議", "制裁する決議", True),
    ("미사일 near/1 탄도", "탄도미사일", True),
    ("a1 near/2 b1 near/2 c1", "a1 x b1 x c1", True),
    ("a1 near/2 b1 near/2 c1", "a1 b1 x x c1", False),
    ("a1 near/2 b1 then/1 c1", "b1 c1 a1", True),
    ("a1 near/2 b1 then/1 c1", "c1 b1 a1", False),
    ("oil near/2 gas | coal", "oil or coal", True),
    ("$fuel near/1 price*", "gas prices", True),
    ("{near: [oil, price*, rise], within: 2}", "rise of prices of oil", True),
    ("{then: [oil, price*], within: 2 words}", "prices of oil", False),
]


@pytest.mark.parametrize(("when", "text", "holds"), CASES, ids=[f"{a} in {b}" for a, b, _ in CASES])
def test_distance_counts_words_to_the_other(when: str, text: str, holds: bool) -> None:
    """The n-th word is the other one; CJK counts characters; sentences do not matter."""
    ruleset = rule(when, "terms: {fuel: [oil, gas]}")

    assert (hit_texts(ruleset, text) is not None) == holds


def test_fields_are_far_apart() -> None:
    """The last word of the title is not near the first of the summary."""
    assert hit_texts(rule("veto near/9 council"), "veto", "council") is None
    assert hit_texts(rule("veto near/9 council"), "x", "veto", "council") is None


def test_only_the_words_that_are_near_are_shown() -> None:
    """A match far from the other is not part of it."""
    text = "veto " + "x " * 20 + "veto the council"

    assert hit_texts(rule("veto near/3 council"), text) == ["veto", "council"]


def test_alternatives_of_any_kind_may_be_near() -> None:
    """any: has a place when each of its parts has one."""
    ruleset = rule("{near: [{any: [oil, {in: title, any: [gas]}]}, price*], within: 2}")

    assert hit_texts(ruleset, "gas prices") == ["gas", "prices"]
    assert hit_texts(ruleset, "", "gas prices") is None


def test_parentheses_around_alternatives_may_be_written() -> None:
    """They change nothing: | binds tighter than near."""
    ruleset = rule("(veto* | block*) near/2 ($body | Council)", "terms: {body: [UNSC]}")

    assert hit_texts(ruleset, "the UNSC blocked") == ["UNSC", "blocked"]
