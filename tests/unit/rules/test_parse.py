"""Rule files: every error is located, and all errors of all files come at once."""

# ruff: noqa: E501 - one case a line

import subprocess
import sys
from pathlib import Path

import pytest

from monitor.errors import ConfigError, Problem
from monitor.model import Severity
from tests.unit.rules.factory import hit_texts, hits, load

ROOT = Path(__file__).resolve().parents[3]
HEAD = "rules:\n  - id: r\n"  # what follows begins on line 3


def errors(text: str, *more: str, watchlists: dict[str, str] | None = None) -> list[Problem]:
    """Return the errors that files are refused with."""
    with pytest.raises(ConfigError) as refused:
        load(text, *more, watchlists=watchlists)
    return list(refused.value.problems)


CASES = [
    # form
    ("rules: []\nrules: []", 2, 1, 'key "rules" is written twice; first on line 1', ""),
    ("- a", 1, 1, "a rule file maps keys to values", "start with version: 1"),
    ("rulez: []", 1, 1, 'unknown key "rulez"', 'did you mean "rules"?'),
    ("version: 2", 1, 10, "this program reads version 1 of rule files", "version: 1"),
    ("rules: {a: b}", 1, 8, "rules: is a list; each rule starts with - id:", ""),
    ("rules: [a]", 1, 9, "a rule maps keys to values", "- id: name-of-the-rule"),
    # term lists
    ("terms: [a]", 1, 8, "terms: maps names to lists of words", "dprk: {en: [DPRK]}"),
    ("terms: {a b: [oil]}", 1, 9, '"a b" is no name for a term list', "use letters, digits, - and _"),
    ("terms: {a: [$b]}", 1, 13, 'no term list "$b"', 'allowed: a'),
    ("terms: {dprk: [oil], b: [$dprx]}", 1, 26, 'no term list "$dprx"', 'did you mean "dprk"?'),
    ("terms: {a: [$b], b: [$a]}", 1, 22, "term lists go round in a circle: $a -> $b -> $a", ""),
    ("terms: {a: [x]}", 1, 13, '"x" is too short: one character is found everywhere',
     'write "=x" for the word that stands alone, or a longer term'),
    ("terms: {a: [北]}", 1, 13, '"北" is too short: one character is found everywhere',
     'write "=北" for the word that stands alone, or a longer term'),
    ("terms: {a: ['!']}", 1, 13, '"!" holds no letter or digit', ""),
    ("terms: {a: ['oil *']}", 1, 13, "a star belongs to the start or the end of a word", "write word* or *word"),
    ("terms: {a: [a*b*c]}", 1, 13, "a word can hold one star, or one at each end", "write word*, *word, wo*rd or *word*"),
    ("terms: {a: [=IT*]}", 1, 13, "= asks for one exact word, a star for many", "leave out the = or the *"),
    ("terms: {a: [oil $b]}", 1, 13, "a $list stands alone, it is no part of a phrase", "join them with near/1, or write all:"),
    # rules
    ("rules:\n  - when: oil", 2, 5, "the rule has no id", "add id: a-short-name"),
    ("rules:\n  - {id: A b, when: oil}", 2, 10, '"A b" is no rule id', "use a-z, 0-9 and - (at most 64 characters)"),
    ("rules:\n  - {id: [a], when: oil}", 2, 10, '"" is no rule id', "use a-z, 0-9 and - (at most 64 characters)"),
    (f"{HEAD}    when: oil\n  - {{id: r, when: oil}}", 4, 10, 'rule id "r" is used twice; first at rules.yaml:2', ""),
    (f"{HEAD}    severty: low\n    when: oil", 3, 5, 'unknown key "severty" in rule "r"', 'did you mean "severity"?'),
    (f"{HEAD}    title: x", 2, 5, "the rule has no when", "add when: or score: and threshold:"),
    (f"{HEAD}    score: {{oil: 1}}", 3, 12, "score and threshold go together", ""),
    (f"{HEAD}    when: oil\n    threshold: 1", 4, 16, "score and threshold go together", ""),
    (f"{HEAD}    when: oil\n    severity: hihg", 4, 15, 'severity "hihg" is not known', 'did you mean "high"?'),
    (f"{HEAD}    when: oil\n    title: [a]", 4, 12, "title: is a text, this is a list", ""),
    (f"{HEAD}    when: oil\n    sources: []", 4, 14, "sources: is a text or a list of texts", ""),
    (f"{HEAD}    when: oil\n    tags: [[a]]", 4, 11, "tags: is a text or a list of texts", ""),
    (f"{HEAD}    when: oil\n    until: soon", 4, 12, '"soon" is no date', "write it as 2030-01-31"),
    (f"{HEAD}    when: oil\n    enabled: maybe", 4, 14, 'enabled: is true or false, not "maybe"', ""),
    (f"{HEAD}    when: oil\n    near_miss: some", 4, 16, '"some" is not understood', "near_miss: 1 clause"),
    (f"{HEAD}    when: oil\n    mask: {{near: [a1, b1], within: 2}}", 4, 11, "mask: is a list of terms", "use unless: for anything else"),
    (f"{HEAD}    when: oil\n    severity_if: oil", 4, 18, "severity_if maps a severity to what brings it", "- critical: {any: [words]}"),
    (f"{HEAD}    when: oil\n    severity_if: [{{hot: oil}}]", 4, 20, 'severity "hot" is not known', "allowed: critical, high, low, medium"),
    (f"{HEAD}    when: oil\n    was: s\n  - {{id: s, when: oil}}", 4, 10, 'was: "s" is the id of a present rule', ""),
    (f"{HEAD}    when: oil\n    was: q\n  - {{id: s, was: q, when: oil}}", 5, 18, 'was: "q" is claimed by rule "r" too', ""),
    # expressions
    (f"{HEAD}    when: $dprk", 3, 11, 'no term list "$dprk"', ""),
    (f"{HEAD}    when: {{}}", 3, 11, "nothing to look for", "write a term, a list, or any:, all:, none:"),
    (f"{HEAD}    when: []", 3, 11, "this list is empty", "write at least one term"),
    (f"{HEAD}    when: {{any: [oil], zzzz: x}}", 3, 24, 'unknown key "zzzz" beside "any"',
     "allowed: all, any, at_least, first, in, near, none, of, re, same_sentence, score, then, threshold, within"),
    (f"{HEAD}    when: {{near: [oil, gas]}}", 3, 11, '"near" needs "within" beside it', ""),
    (f"{HEAD}    when: {{any: [oil], of: [gas]}}", 3, 24, '"of" stands beside "at_least"', "add at_least:"),
    (f"{HEAD}    when: {{of: [oil]}}", 3, 12, '"of" stands beside "at_least"', "add at_least:"),
    (f"{HEAD}    when: {{same_sentense: [oil]}}", 3, 12, 'clause name "same_sentense" looks like an operator', 'did you mean "same_sentence"?'),
    (f"{HEAD}    when: oil near/x gas", 3, 11, '"x" is no distance in words', "write a whole number: near/8"),
    (f"{HEAD}    when: oil near/0 gas", 3, 11, '"0" is no distance in words', "write a whole number: near/8"),
    (f"{HEAD}    when: oil w/5 gas", 3, 11, '"oil w/5 gas" is not understood', "write: A near/8 B, or A then/8 B"),
    (f"{HEAD}    when: oil near 5 gas", 3, 11, '"oil near 5 gas" is not understood', "write: A near/8 B, or A then/8 B"),
    (f"{HEAD}    when: oil near/5", 3, 11, "near and then need words on both sides", "A near/8 B"),
    (f"{HEAD}    when: {{near: [oil], within: 3}}", 3, 18, "near and then need two operands or more", "near: [A, B]"),
    (f"{HEAD}    when: {{near: [oil, gas], within: few}}", 3, 38, '"few" is no whole number of at least 1', ""),
    (f"{HEAD}    when: {{near: [oil, {{all: [gas]}}], within: 3}}", 3, 18,
     "near and then join words; all, none and at_least have no place in the text", ""),
    (f"{HEAD}    when: {{near: [oil, {{at_least: 1, of: [gas]}}], within: 3}}", 3, 18,
     "near and then join words; all, none and at_least have no place in the text", ""),
    (f"{HEAD}    when: {{near: [oil, {{score: {{gas: 1}}, threshold: 1}}], within: 3}}", 3, 18,
     "near and then join words; all, none and at_least have no place in the text", ""),
    (f"{HEAD}    when: {{same_sentence: [oil, {{none: [gas]}}]}}", 3, 27,
     "same_sentence joins words; all, none and at_least have no place in the text", "list the parts one by one"),
    (f"{HEAD}    when: {{at_least: 3, of: [oil, gas]}}", 3, 22, "at_least: 3 can never hold: there are 2 to choose from", ""),
    (f"{HEAD}    when: {{in: tittle, any: [oil]}}", 3, 16, 'no field "tittle"', 'did you mean "title"?'),
    (f"{HEAD}    when: {{in: [], any: [oil]}}", 3, 16, "in: names a field", "in: title"),
    (f"{HEAD}    when: {{in: title}}", 3, 11, '"in" needs something to look for', "add any: [words]"),
    (f"{HEAD}    when: {{first: none, any: [oil]}}", 3, 19, '"none" is no whole number of at least 1', ""),
    (f"{HEAD}    when: {{score: [oil], threshold: 1}}", 3, 19, "score: maps terms to weights", "score: {$dprk: 2, hack*: 1}"),
    (f"{HEAD}    when: {{score: {{oil: x}}, threshold: 1}}", 3, 25, '"x" is no number', "a weight is a number such as 2 or 0.5"),
    (f"{HEAD}    when: {{score: {{oil: 1}}, threshold: 0}}", 3, 40, "threshold must be greater than 0", ""),
    (f"{HEAD}    when: {{score: {{oil: 1}}, threshold: 2}}", 3, 40, "all weights together do not reach the threshold", ""),
    (f"{HEAD}    when: {{re: '('}}", 3, 16, "not a regular expression of RE2: missing ): (", ""),
    (f"{HEAD}    when: {{re: ''}}", 3, 16, "re: is a regular expression", "re: 'S/[0-9]{4}/[0-9]+'"),
    (f"{HEAD}    when: {{re: 'a*'}}", 3, 16, "the expression matches an empty text, so it is found everywhere", ""),
    # examples
    (f"{HEAD}    when: oil\n    match: [oil price, gas price]", 4, 24, 'rule "r" does not match this example', "missing: oil"),
    (f"{HEAD}    when: oil\n    no_match: [gas, oil price]", 4, 21, 'rule "r" must not match this example', "oil: oil"),
    (f"{HEAD}    when: {{all: [{{act: veto}}, {{body: council}}]}}\n    match: [a veto]", 4, 13, 'rule "r" does not match this example', "missing: body (found act: veto)"),
    (f"{HEAD}    when: oil\n    unless: olive\n    match: [olive oil]", 5, 13, 'rule "r" does not match this example', "unless: olive"),
    (f"{HEAD}    when: oil\n    unless: {{none: [sea]}}\n    match: [olive oil]", 5, 13, 'rule "r" does not match this example', "unless: it holds"),
    (f"{HEAD}    when: oil\n    lang: ko\n    match: [{{title: oil, lang: en}}]", 5, 13, 'rule "r" does not match this example', "a filter (sources, tags, lang) leaves it out"),
    (f"{HEAD}    when: oil\n    match: [{{title: oil, severity: low}}]", 4, 13, 'rule "r" gives this example another severity', "medium"),
    (f"{HEAD}    when: {{none: [oil]}}\n    no_match: [gas]", 4, 16, 'rule "r" must not match this example', "no clause needs a word"),
    (f"{HEAD}    when: oil\n    match: oil", 4, 12, "match: is a list of texts", "start each with - "),
    (f"{HEAD}    when: oil\n    match: [[oil]]", 4, 13, "an example is a text, or a mapping such as {title: ..., lang: ko}", ""),
    (f"{HEAD}    when: oil\n    match:\n      - UN: oil at sea", 5, 9, 'unknown key "UN" in an example', "a text with a colon needs quotes"),
    (f"{HEAD}    when: oil\n    match: [{{titel: oil}}]", 4, 14, 'unknown key "titel" in an example', 'did you mean "title"?'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    CASES,
    ids=[f"{c[3][:50]} {i}" for i, c in enumerate(CASES)],
)
def test_an_error_says_where_what_and_what_instead(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    """Every error has its file, line, column, message and hint."""
    found = errors(text)

    assert ("rules.yaml", line, column, message, hint) in [
        (p.file, p.line, p.column, p.message, p.hint) for p in found
    ]
    assert not any(problem.is_warning for problem in found)
    assert found[0].source_line == text.splitlines()[found[0].line - 1]


def test_all_errors_of_all_files_come_at_once_in_order() -> None:
    """Nothing hides behind the first error; files keep their order, lines theirs."""
    found = errors(
        "rules:\n  - {id: a, when: $x, until: soon}\nbad: 1", "terms: {b: [c]}", "rules: ["
    )

    assert [(p.file, p.line) for p in found] == [
        ("rules.yaml", 2),
        ("rules.yaml", 2),
        ("rules.yaml", 3),
        ("rules1.yaml", 1),
        ("rules2.yaml", 2),
    ]
    assert len(found) == 5


def test_a_list_may_not_be_written_in_two_files() -> None:
    """The second one is the error, and says where the first is."""
    (problem,) = errors(
        "terms: {oil: [petroleum]}\nrules: [{id: r, when: $oil}]", "terms: {oil: [fuel]}"
    )

    assert (problem.file, problem.message) == (
        "rules1.yaml",
        'term list "oil" is written twice; first at rules.yaml:1',
    )


def test_a_long_chain_of_lists_is_refused() -> None:
    """Hundreds of lists that lead to each other are an error, not a crash."""
    chain = ", ".join(f"a{number}: [$a{number + 1}]" for number in range(500))

    found = errors(f"terms: {{{chain}, a500: [oil]}}\nrules: [{{id: r, when: $a0}}]")

    assert {problem.message for problem in found} == {"term lists lead to lists more than 30 deep"}


def test_a_list_may_not_have_the_name_of_a_watch_list() -> None:
    """$name means one thing."""
    (problem,) = errors(
        "terms: {ships: [petroleum]}\nrules: [{id: r, when: $ships}]",
        watchlists={"ships.csv": "name\nMV Star\n"},
    )

    assert problem.message == 'term list "ships" has the name of a watch list'


def test_a_fault_in_a_list_is_reported_once_however_often_it_is_used() -> None:
    """Two rules that use a broken list do not double its errors."""
    found = errors("terms: {a: [x]}\nrules:\n  - {id: r, when: $a}\n  - {id: s, when: [$a]}")

    assert len(found) == 1


def test_the_key_severity_and_theme_reach_the_hit() -> None:
    """What people need to know of a rule is in its info."""
    ruleset = load(
        "rules:\n  - {id: r, title: Oil, theme: trade, severity: high, why: Because., labels: [a, b], when: oil}"
    )

    info = ruleset.rules["r"]

    assert (info.title, info.theme, info.severity, info.why) == (
        "Oil",
        "trade",
        Severity.HIGH,
        "Because.",
    )
    assert (info.file, info.line, info.tags) == ("rules.yaml", 2, frozenset({"a", "b"}))
    assert hits(ruleset, "oil")[0].severity is Severity.HIGH
    assert hits(ruleset, "oil")[0].version == info.version


def test_an_empty_file_holds_no_rules() -> None:
    """Nothing is no error: the rules may be in other files."""
    assert not load("").rules
    assert not hits(load(""), "oil")


def test_clauses_show_their_names_or_what_was_written() -> None:
    """A clause without a name is called by its text, a list by its place."""
    ruleset = load(
        "rules: [{id: r, when: {all: [oil, {act: ship*}, [sea, ocean], $port]}}]\nterms: {port: [Nampo]}"
    )

    (hit,) = hits(ruleset, "Oil ships on the sea off Nampo")

    assert [clause.clause for clause in hit.clauses] == ["oil", "act", "clause 3", "$port"]


def test_a_mapping_of_names_asks_for_all_of_them() -> None:
    """Names without all: are clauses that must all hold."""
    ruleset = load("rules: [{id: r, when: {act: ship*, goods: oil}}]")

    assert hit_texts(ruleset, "oil shipped") == ["shipped", "oil"]
    assert hit_texts(ruleset, "oil") is None


def test_named_alternatives_show_the_one_that_held() -> None:
    """Under any:, the explanation names the branch."""
    ruleset = load("rules: [{id: r, when: {any: [{state: DPRK}, {firm: [Acme, Emca]}]}}]")

    assert [clause.clause for clause in hits(ruleset, "Acme sells")[0].clauses] == ["firm"]


def test_words_may_be_grouped_by_language() -> None:
    """Language codes group words; all of them are looked for in every item."""
    ruleset = load("rules: [{id: r, when: {act: {en: [veto*], ko: [거부권]}}}]")

    assert hit_texts(ruleset, "안보리 거부권 행사") == ["거부권"]
    assert [c.clause for c in hits(ruleset, "vetoes")[0].clauses] == ["act"]


def test_lists_nest_and_refer_to_each_other_across_files() -> None:
    """$name is everything below a name, $name.sub a part of it, in any file."""
    ruleset = load(
        "terms: {un: {panel: {en: [expert panel]}, body: [$council, UNSC]}, council: [Security Council]}",
        "rules: [{id: a, when: $un}, {id: b, when: $un.panel}, {id: c, when: '$un.body | OPEC'}]",
    )

    assert [hit.rule for hit in hits(ruleset, "Security Council")] == ["a", "c"]
    assert [hit.rule for hit in hits(ruleset, "expert panel")] == ["a", "b"]
    assert [hit.rule for hit in hits(ruleset, "OPEC")] == ["c"]


def test_the_version_depends_on_what_decides_alone() -> None:
    """Lists that a rule draws on change its version; examples, comments and other rules do not."""
    first = load("terms: {a: [oil, $b], b: [gas]}\nrules: [{id: r, when: $a}, {id: s, when: coal}]")
    same = load(
        "# note\nterms: {b: [gas], a: [oil, $b], c: [tar]}\nrules: [{id: r, when: $a, match: [oil]}]"
    )
    other = load("terms: {a: [oil, $b], b: [gas, tar]}\nrules: [{id: r, when: $a}]")

    assert first.rules["r"].version == same.rules["r"].version
    assert first.rules["r"].version != other.rules["r"].version
    assert len({first.hash, same.hash, other.hash}) == 3
    assert first.rules["r"].version == "ef80abee003e3ee5"


def test_hashes_are_the_same_in_every_process() -> None:
    """Neither the hash seed nor the order of sets shows in hashes, hits or their order."""
    code = """
from tests.unit.rules.factory import *
text = "terms: {a: [oil, gas, coal, tar]}\\nrules: [{id: r, tags: [x, y, z], when: [$a, $ships]}]"
ruleset = load(text, watchlists={"ships.csv": "name,aliases\\nMV Star,Star MV;Old Star\\n"})
item = make_item("tar gas oil coal MV Star, Old Star", tags=frozenset("x"))
print(ruleset.hash, ruleset.rules["r"].version, rules.match(item, ruleset, NOW))
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(outputs) == 1
    assert b"MV Star" in outputs.pop()


def test_an_item_may_be_pasted_as_an_example() -> None:
    """Keys that rules do not look at are left alone."""
    text = "rules: [{id: r, when: oil, match: [{id: a1, url: 'https://x', published: 2024-01-01, title: oil}]}]"

    assert load(text).rules


def test_a_renamed_rule_keeps_its_history() -> None:
    """was: leads from former ids to the present one."""
    ruleset = load("rules: [{id: r, was: [q, p], when: oil}]")

    assert ruleset.renamed == {"p": "r", "q": "r"}


def test_a_disabled_rule_is_checked_and_not_used() -> None:
    """enabled: no keeps the text, without hits."""
    ruleset = load("rules: [{id: r, enabled: no, when: oil}]")

    assert not ruleset.rules
    assert list(ruleset.disabled) == ["r"]
    assert not hits(ruleset, "oil")


def test_version_one_is_understood() -> None:
    """version: 1 is the version of the language."""
    assert load("version: 1").rules == {}
