"""score and threshold."""

from tests.unit.rules.factory import hit_texts, hits, rule

RULE = "{score: {$dprk: 2, hack*: 2, Lazarus near/3 group: 1.5, film: -2}, threshold: 3.5}"
TERMS = "terms: {dprk: [North Korea*, Pyongyang]}"


def test_weights_of_what_is_found_add_up() -> None:
    """Each entry counts once; entries may be lists and near."""
    assert hit_texts(rule(RULE, TERMS), "Pyongyang hackers") == ["Pyongyang", "hackers"]
    assert hit_texts(rule(RULE, TERMS), "Lazarus, a group of hackers") == [
        "Lazarus",
        "group",
        "hackers",
    ]
    assert not hits(rule(RULE, TERMS), "Pyongyang in North Korea")
    assert not hits(rule(RULE, TERMS), "Lazarus group")


def test_negative_weights_speak_against() -> None:
    """They lower the sum and are not shown."""
    assert not hits(rule(RULE, TERMS), "film: Pyongyang hackers")
    assert hit_texts(rule(RULE, TERMS), "film: Pyongyang hackers, Lazarus group") == [
        "Pyongyang",
        "hackers",
        "Lazarus",
        "group",
    ]


def test_a_score_may_be_one_clause() -> None:
    """It stands wherever an expression can."""
    ruleset = rule("{all: [{cyber: {score: {hack*: 1, steal*: 1}, threshold: 2}}, bank*]}")

    assert [c.clause for c in hits(ruleset, "hackers steal from banks")[0].clauses] == [
        "cyber",
        "bank*",
    ]
