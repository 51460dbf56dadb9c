"""Matching: equal to the naive meaning of the language, with exact spans, in bounded time."""

# ruff: noqa: E501 - one case a line

import gzip
import itertools
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import rules
from monitor.model import Severity
from monitor.text.fold import fold
from monitor.text.unfold import fold_map
from tests.unit.rules import differential
from tests.unit.rules.factory import NOW, hit_texts, hits, load, make_item, rule


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=0, max_value=2**48))
def test_the_engine_finds_what_the_naive_evaluation_finds(seed: int) -> None:
    """Random rules over random items: the same rules hit, with the same places."""
    assert differential.difference(seed) is None


def test_hits_come_in_the_order_of_the_rule_files() -> None:
    """Neither the order of the words nor that of the candidates matters."""
    ruleset = load("rules: [{id: z, when: oil}, {id: a, when: gas}]", "rules: [{id: m, when: oil}]")

    assert [hit.rule for hit in hits(ruleset, "gas oil")] == ["z", "a", "m"]


def test_spans_are_characters_of_the_original_fields() -> None:
    """Offsets count code points of the named field, in order of field and start."""
    item = make_item("💣 Oil", "“Oil” &amp; oil", "no")
    (hit,) = rules.match(item, rule("oil"), NOW)

    spans = [(span.field, span.start, span.end, span.text) for span in hit.clauses[0].matched]

    assert spans == [("title", 2, 5, "Oil"), ("summary", 1, 4, "Oil"), ("summary", 12, 15, "oil")]


def test_a_match_inside_another_is_not_shown_twice() -> None:
    """Of nested matches of one clause the outer one is shown."""
    assert hit_texts(rule("[North Korea*, Korea, Korea* near/3 oil]"), "North Korean oil") == [
        "North Korean",
        "oil",
    ]


def test_sentences_may_stand_in_sentences() -> None:
    """Their matches have a place, so alternatives of them can be joined once more."""
    nested = rule("{same_sentence: [sea, {any: [{same_sentence: [oil, ship]}, gas]}]}")

    assert hits(nested, "", "Oil from a ship at sea. Nothing else.")
    assert not hits(nested, "", "Oil from a ship. The sea is calm.")


def test_an_empty_item_hits_nothing() -> None:
    """No text, no words."""
    assert not hits(rule("oil"))


def test_a_phrase_crosses_no_field() -> None:
    """The end of the title ends a phrase; all: looks at the whole item."""
    assert hit_texts(rule("fuel oil"), "fuel", "oil") is None
    assert hit_texts(rule("{all: [fuel, oil]}"), "fuel", "", "oil") == ["fuel", "oil"]


def test_unless_suppresses_wherever_it_is_found() -> None:
    """Any expression may stand there."""
    ruleset = rule("oil", "    unless: [olive, {all: [palm, {in: title, any: [cake]}]}]")

    assert hits(ruleset, "oil palm", "cake")
    assert not hits(ruleset, "oil", "", "an olive tree")
    assert not hits(ruleset, "palm cake oil")


def test_masked_phrases_do_not_count() -> None:
    """A word inside a masked phrase is not there, for any part of the rule; outside it is."""
    ruleset = rule("fuel*", "    mask: [fuel rod*, '*nuclear fuel']\n    unless: [rod]")

    assert not hits(ruleset, "nuclear fuel and fuel rods")
    assert hit_texts(ruleset, "fuel rods need fuel") == ["fuel"]
    assert hit_texts(ruleset, "fuel, a fuel rod") == ["fuel"]
    assert not hits(ruleset, "fuel on a rod")


def test_filters_choose_the_items() -> None:
    """Sources, tags and languages each leave out what they do not name."""
    ruleset = rule("oil", "    sources: [un, ofac]\n    tags: [official]\n    lang: [en, pt-br]")
    tags = frozenset({"official", "x"})

    def found(source: str, lang: str, tags: frozenset[str] = tags) -> bool:
        return bool(
            rules.match(make_item("oil", source=source, lang=lang, tags=tags), ruleset, NOW)
        )

    assert all([found("un", "en"), found("ofac", "en-GB"), found("un", "pt_BR")])
    assert not found("bbc", "en")
    assert not any([found("un", "pt"), found("un", "")])
    assert not found("un", "en", frozenset())


def test_a_rule_ends_after_its_last_day() -> None:
    """until: names the last day on which the rule finds something."""
    item = make_item("oil")

    assert rules.match(item, rule("oil", "    until: 2026-11-23"), NOW)
    assert not rules.match(item, rule("oil", "    until: 2026-11-22"), NOW)


def test_the_first_severity_that_holds_is_taken() -> None:
    """severity_if is read in order; without any the rule's severity stays."""
    ruleset = rule(
        "oil",
        "    severity: high\n    severity_if:\n      - {critical: spill*}\n      - {low: {in: title, any: [opinion]}}",
    )

    severities = [
        hits(ruleset, title)[0].severity for title in ("Opinion: oil spill", "Opinion: oil", "oil")
    ]

    assert severities == [Severity.CRITICAL, Severity.LOW, Severity.HIGH]


def test_score_and_when_must_both_hold() -> None:
    """At the top of a rule the score is one more clause."""
    ruleset = rule("ship*", "    score: {oil: 1, gas: 1, coal: 1}\n    threshold: 2")

    assert hit_texts(ruleset, "ships with oil and coal") == ["ships", "oil", "coal"]
    assert not hits(ruleset, "ships with oil")
    assert not hits(ruleset, "oil and coal")


@pytest.mark.parametrize(
    "text",
    ["oil near " * 20_000, "северн коре " * 10_000, "제재" * 50_000, "北" * 100_000, "oil" * 50_000, ". A" * 50_000, "وال" * 30_000],
    ids=["words", "phrases", "hangul", "han", "one word", "sentences", "arabic"],
)  # fmt: skip
def test_hostile_items_take_bounded_time(text: str) -> None:
    """A hundred thousand matches of near, sentences and wildcards stay within seconds."""
    ruleset = load(
        "rules: [{id: r, when: {any: [oil near/9 near, {same_sentence: [oil, near]}, 'северн* кор*', '*제재', '*стро*', 制裁, =北, وال, 'oil*oil']}}]"
    )
    begin = time.process_time()

    hits(ruleset, "title", text, text)

    assert time.process_time() - begin < 10


ROOT = Path(__file__).resolve().parents[3]
CORPUS = Path(os.environ.get("MONITOR_SHARED", ROOT.parent / "shared")) / "data" / "corpus.jsonl.gz"


@pytest.mark.shared
@pytest.mark.skipif(not CORPUS.exists(), reason=f"{CORPUS} is not there")
def test_real_news_is_matched_exactly() -> None:
    """The shipped rules over real items: every span is its characters, and folding maps agree."""
    files = sorted((ROOT / "config" / "rules").glob("*.yaml"))
    lists = sorted((ROOT / "config" / "watchlists").glob("*.csv"))
    ruleset = rules.load(
        [(file.name, file.read_text(encoding="utf-8")) for file in files],
        [(file.name, file.read_text(encoding="utf-8")) for file in lists],
    )
    spans = 0
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, itertools.islice(lines, 0, 60_000, 20)):
            item = make_item(row.get("title") or "", row.get("summary") or "")
            assert fold_map(item.summary).folded == fold(item.summary)
            for hit in rules.match(item, ruleset, NOW):
                for span in (span for clause in hit.clauses for span in clause.matched):
                    assert getattr(item, span.field)[span.start : span.end] == span.text
                    assert fold(span.text).strip()
                    spans += 1

    assert spans > 0


_WITH_ARTICLE = """
rules:
  - {id: veto, when: "veto*", unless: baker}
  - {id: oil, when: oil, severity: high, severity_if: [{low: drill}]}
"""


def test_an_article_adds_hits_and_takes_none_away() -> None:
    """What suppresses a rule may stand in an article by the way."""
    ruleset = load(_WITH_ARTICLE)
    feed = make_item("Russia vetoes the text")
    item = make_item("Russia vetoes the text", "", "A tanker brought oil, a baker says.")

    assert [hit.rule for hit in rules.match_with_article(feed, ruleset, NOW)] == ["veto"]
    assert [hit.rule for hit in rules.match(item, ruleset, NOW)] == ["oil"]
    assert [hit.rule for hit in rules.match_with_article(item, ruleset, NOW)] == ["veto", "oil"]


def test_of_two_hits_of_a_rule_the_worse_one_stays() -> None:
    """With equal ones that of the whole text, which shows more."""
    ruleset = load(_WITH_ARTICLE)

    (worse,) = rules.match_with_article(make_item("Oil", "", "A drill."), ruleset, NOW)
    (whole,) = rules.match_with_article(make_item("Oil", "", "More oil."), ruleset, NOW)

    assert worse.severity is Severity.HIGH
    assert {span.field for span in whole.clauses[0].matched} == {"title", "content"}
