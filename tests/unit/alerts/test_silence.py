"""What a silence covers, and what it leaves to be told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.silence import Silence, heard
from monitor.model import Hit, RuleInfo, Severity, SourceId
from monitor.testing import make_item

NOW = datetime(2024, 9, 1, 12, 0, tzinfo=UTC)
ITEM = make_item(
    title="Annual exercise ULCHI-Freedom begins",
    summary="Séoul says so. 年度军演开始。",
    source_id=SourceId("yonhap"),
)


def _hit(rule: str) -> Hit:
    return Hit(rule=rule, version="1", severity=Severity.HIGH, clauses=())


RULES = {
    name: RuleInfo(id=name, title=name, theme=theme, severity=Severity.HIGH, version="1")
    for name, theme in (("missiles", "arms"), ("oil", "petroleum"))
}


def _silence(**changes: Any) -> Silence:
    plain = Silence(name="q-1", until=NOW + timedelta(days=1), by="jansen", reason="yearly drill")
    return replace(plain, **changes)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"rules": frozenset({"missiles"})}, ["oil"]),
        ({"rules": frozenset({"missiles", "oil"})}, []),
        ({"themes": frozenset({"petroleum"})}, ["missiles"]),
        (
            {"themes": frozenset({"petroleum"}), "rules": frozenset({"missiles"})},
            ["missiles", "oil"],
        ),
        ({"sources": frozenset({"yonhap"})}, []),
        ({"sources": frozenset({"tass"})}, ["missiles", "oil"]),
        ({"text": "annual exercise Ulchi*"}, []),
        ({"text": "exercise ulchi freedom"}, []),
        ({"text": "exercise Ulc"}, ["missiles", "oil"]),
        ({"text": "nual exercise"}, ["missiles", "oil"]),
        ({"text": "seoul"}, []),
        ({"text": "begins Seoul"}, ["missiles", "oil"]),
        ({"text": "军演"}, []),
        ({"text": "*"}, ["missiles", "oil"]),
        ({"sources": frozenset({"yonhap"}), "until": NOW}, ["missiles", "oil"]),
    ],
)
def test_a_silence_covers_the_hits_that_fit_all_its_conditions(
    changes: dict[str, Any], left: list[str]
) -> None:
    """Rules and themes pick hits, sources and words pick items; at its end it covers nothing."""
    hits = [_hit("missiles"), _hit("oil")]

    loud, said = heard(ITEM, hits, RULES, [_silence(**changes)], NOW)

    assert [hit.rule for hit in loud] == left
    assert said == (
        ""
        if left == ["missiles", "oil"]
        else "q-1 by jansen until 2024-09-02 12:00 UTC: yearly drill"
    )


def test_a_hit_of_a_rule_that_is_gone_has_no_theme() -> None:
    """A silence of a theme does not cover it; one of its name does."""
    hits = [_hit("former")]

    assert heard(ITEM, hits, RULES, [_silence(themes=frozenset({"arms"}))], NOW)[0] == tuple(hits)
    assert heard(ITEM, hits, RULES, [_silence(rules=frozenset({"former"}))], NOW)[0] == ()


def test_each_silence_that_covers_something_is_named_once() -> None:
    """Two hits under one silence name it once; two silences are both named."""
    hits = [_hit("missiles"), _hit("oil")]
    both = _silence(sources=frozenset({"yonhap"}))
    one, other = _silence(name="a", rules=frozenset({"oil"})), _silence(name="b", text="seoul")

    assert heard(ITEM, hits, RULES, [both], NOW)[1].count("q-1") == 1
    assert [part[:4] for part in heard(ITEM, hits, RULES, [one, other], NOW)[1].split("; ")] == [
        "b by",
        "a by",
    ]
