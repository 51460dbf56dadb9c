"""Warnings: located, and none for rules as they should be."""

# ruff: noqa: E501 - one case a line

from datetime import date

import pytest

from monitor import rules
from tests.unit.rules.factory import load

OK = "match: [oil]"
HEAD = "rules:\n  - id: r\n"
CASES = [
    ("terms: {a: [un]}\nrules: [{id: r, when: $a, match: [un]}]", 1, 13,
     '"un" is short: it is found as "un" in any language and in any case', "write =un for these capitals alone"),
    (f"{HEAD}    when: [oil, gas, oil]\n    {OK}", 3, 22, '"oil" is written twice; first on line 3', ""),
    (f"{HEAD}    when: [oil, Oil]\n    {OK}", 3, 17, '"Oil" is written twice; first on line 3', ""),
    (f"{HEAD}    when: [sanctions, sanction*]\n    match: [sanctions]", 3, 12, '"sanctions" is already found by "sanction*"', ""),
    (f"{HEAD}    when: [oil, fuel oil]\n    {OK}", 3, 17, '"fuel oil" is already found by "oil"', ""),
    (f"{HEAD}    when: [制裁, 制裁法]\n    match: [制裁]", 3, 16, '"制裁法" is already found by "制裁"', ""),
    (f"{HEAD}    when: oil AND gas\n    match: [oil and gas]", 3, 11, '"AND" is looked for as a word', "use any:, all: or none:"),
    ("terms: {a: [oil]}\nrules: []", 1, 9, 'term list "a" is not used by any rule', ""),
    (f"{HEAD}    when: oil", 2, 9, 'rule "r" has no example that must match', "add match: with a headline that it is for"),
    (f"{HEAD}    when: oil\n    until: 2026-11-22\n    {OK}", 4, 12, 'rule "r" ended on 2026-11-22 and finds nothing any more', ""),
    (f"{HEAD}    when: oil\n    near_miss: 1 clause\n    {OK}", 4, 16, 'rule "r" has 1 clause(s): any text would nearly hit', ""),
    (f"{HEAD}    when: {{all: [oil, gas]}}\n    unless: [gas]\n    no_match: [oil gas]", 2, 9,
     'rule "r" can never fire: unless or none rules out all that clause gas finds', ""),
    (f"{HEAD}    when: {{all: [oil, {{none: [gas, oil]}}]}}\n    no_match: [oil gas]", 2, 9,
     'rule "r" can never fire: unless or none rules out all that clause oil finds', ""),
    (f"{HEAD}    when: oil\n    mask: [oil]\n    no_match: [oil]", 2, 9, 'rule "r" can never fire: mask hides all that clause oil finds', ""),
    (f"{HEAD}    when: {{re: 'S/[0-9]+'}}\n    match: [S/2024]", 2, 9,
     'rule "r" needs no word, so it is tried on every item', "add a clause of words beside it"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    CASES,
    ids=[f"{c[3][:50]} {i}" for i, c in enumerate(CASES)],
)
def test_a_warning_says_where_and_what(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    """Every warning has its place; the rules take effect all the same."""
    ruleset = rules.load([("rules.yaml", text)], today=date(2026, 11, 23))

    assert ("rules.yaml", line, column, message, hint) in [
        (p.file, p.line, p.column, p.message, p.hint) for p in ruleset.warnings
    ]
    assert all(problem.is_warning for problem in ruleset.warnings)


def test_sound_rules_bring_no_warning() -> None:
    """A list in several languages, a nested one, an exact word and an example are as they should be."""
    ruleset = load(
        """
terms:
  dprk: {en: [North Korea*, DPRK, =NK], fr: [DPRK, Corée du Nord], ko: [북한, =北], ar: [كوريا, كوريا الشمالي*]}
  un: {panel: [panel of experts], body: [UNSC, Council]}
rules:
  - id: r
    when: {all: [$dprk, $un.panel near/9 report*, oil | gas]}
    unless: [film*]
    mask: [fuel oil]
    until: 2026-11-23
    near_miss: 1 clause
    match: [Panel of experts reports North Korea oil]
"""
    )

    assert not ruleset.warnings


def test_a_longer_phrase_in_a_mask_hides_more() -> None:
    """Tomahawk missile* hides the missile that Tomahawk* leaves."""
    ruleset = load(
        "terms: {other: [Patriot, Patriot missile]}\n"
        "rules: [{id: r, when: missile*, mask: [Tomahawk*, Tomahawk missile*, $other], match: [missile]}]"
    )

    assert not ruleset.warnings


def test_a_list_counts_as_used_when_a_part_of_it_is() -> None:
    """$un.panel uses un; a list that only another list uses is used as well."""
    ruleset = load(
        "terms: {un: {panel: [expert panel]}, a: [$b], b: [oil]}\nrules: [{id: r, when: [$un.panel, $a], match: [oil]}]"
    )

    assert not ruleset.warnings
