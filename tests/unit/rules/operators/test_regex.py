"""re."""

# ruff: noqa: E501 - one case a line

import subprocess
import sys

from tests.unit.rules.factory import hit_texts, hits, rule


def test_it_sees_capitals_and_punctuation_of_the_original() -> None:
    """The span is the match, in whichever field."""
    ruleset = rule("{all: [{symbol: {re: 'S/[0-9]{4}/[0-9]+'}}, veto]}")

    assert hit_texts(ruleset, "veto", "“S/2024/215” &amp; s/2024/1") == ["S/2024/215", "veto"]


def test_case_is_ignored_on_demand() -> None:
    """(?i) is RE2's way."""
    assert hit_texts(rule("{re: '(?i)icbm-[0-9]+'}"), "the ICBM-18 and Icbm-19") == [
        "ICBM-18",
        "Icbm-19",
    ]


def test_it_can_stand_near_words() -> None:
    """A match has a place among the words."""
    ruleset = rule("{near: [{re: 'Hwasong-[0-9]+'}, launch*], within: 3}")

    assert hits(ruleset, "Launches of a Hwasong-18")
    assert not hits(ruleset, "Launches of a new and great Hwasong-18")


def test_a_match_without_letters_and_digits_has_no_place() -> None:
    """Punctuation alone cannot be shown."""
    assert not hits(rule("{re: '!+'}"), "veto!!")


def test_broken_text_is_survived() -> None:
    """A lone surrogate, which JSON can bring, is no reason to fail."""
    assert hit_texts(rule("{re: 'b+'}"), "a\ud800bb") == ["bb"]


def test_thousands_of_matches_are_cut_short() -> None:
    """A hostile text brings no more than the first thousand."""
    assert len(hit_texts(rule("{re: 'a1'}"), "a1 " * 5000) or []) == 100


def test_re2_is_imported_only_when_a_rule_asks_for_it() -> None:
    """It costs start-up time that most installations need not pay."""
    code = "import sys, monitor.rules as r; r.load([('a', 'rules: [{id: r, when: oil}]')]); sys.exit('re2' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
