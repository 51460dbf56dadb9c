"""The rules of config/rules: they load, they are complete, and they cost what they should."""

import re
from pathlib import Path

import pytest

from monitor.model import Severity
from monitor.rules import RuleSet, load

_FOLDER = Path(__file__).parents[2] / "config" / "rules"
_FILES = sorted(_FOLDER.glob("*.yaml"))
_IDS = {
    "expert-panel",
    "veto",
    "petroleum-imports",
    "workers-abroad",
    "cyber-attacks",
    "weapons-trade",
    "missile-nuclear",
    "sanctions-measures",
    "dprk-troops-russia",
}
_LANGUAGES = ("en", "ko", "ru", "zh", "ja", "fr", "es", "de", "ar")
# What a warning may say without anything being wrong: a name that is short or holds another is
# sometimes meant.
_HARMLESS = re.compile(r"is short|is already found by")


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    """Return the shipped rules; that they load says that every example of theirs holds."""
    return load([(file.name, file.read_text(encoding="utf-8")) for file in _FILES])


def test_shipped_rules_have_their_stable_ids(ruleset: RuleSet) -> None:
    """The nine rules are there, under the ids that docs and measurements name."""
    assert set(ruleset.rules) == _IDS
    assert not ruleset.disabled


def test_shipped_rules_carry_no_warning_that_matters(ruleset: RuleSet) -> None:
    """No list is unused, no word is written twice, no rule is past its time or without examples."""
    serious = [
        f"{warning.file}:{warning.line} {warning.message}"
        for warning in ruleset.warnings
        if not _HARMLESS.search(warning.message)
    ]

    assert serious == []


@pytest.mark.parametrize("rule_id", sorted(_IDS))
def test_each_rule_says_what_it_is_for(ruleset: RuleSet, rule_id: str) -> None:
    """A rule has a title, a theme, and a reason that cites a resolution of the Council."""
    info = ruleset.rules[rule_id]

    assert info.title
    assert info.theme
    assert re.search(r"\bresolutions? \d{4}\b", info.why, re.IGNORECASE), info.why


@pytest.mark.parametrize("rule_id", sorted(_IDS))
def test_each_rule_is_tried_in_nine_languages(rule_id: str) -> None:
    """The examples beside a rule cover the languages that it promises, English untagged."""
    text = next(
        part
        for file in _FILES
        for part in file.read_text(encoding="utf-8").split("\n  - id: ")
        if part.startswith(f"{rule_id}\n")
    )

    examples = text.partition("    match:\n")[2]
    tagged = set(re.findall(r"lang: ([a-z]{2})", examples))
    assert tagged >= set(_LANGUAGES) - {"en"}
    assert "    no_match:\n" in examples


def test_a_veto_is_critical(ruleset: RuleSet) -> None:
    """Ends of a mandate and arms deals reach people at once; labour is less urgent."""
    severities = {rule: info.severity for rule, info in ruleset.rules.items()}

    assert severities["veto"] is Severity.CRITICAL
    assert severities["weapons-trade"] is Severity.CRITICAL
    assert severities["workers-abroad"] < Severity.CRITICAL
