"""any, all, none, at_least."""

from tests.unit.rules.factory import hit_texts, hits, rule


def test_any_shows_all_that_is_found() -> None:
    """One part is enough; every part that is found is shown."""
    assert hit_texts(rule("{any: [oil, gas, tar]}"), "gas and oil") == ["gas", "oil"]


def test_all_needs_every_part_anywhere() -> None:
    """The parts may lie in different fields."""
    assert hit_texts(rule("{all: [oil, gas]}"), "gas", "oil") == ["oil", "gas"]
    assert hit_texts(rule("{all: [oil, gas]}"), "gas") is None


def test_none_holds_when_nothing_is_found() -> None:
    """It brings no words of its own."""
    ruleset = rule("{all: [oil, {none: [olive, palm]}]}")

    assert hit_texts(ruleset, "crude oil") == ["oil"]
    assert hit_texts(ruleset, "palm oil") is None


def test_operators_side_by_side_must_all_hold() -> None:
    """any: and none: in one mapping are two conditions."""
    ruleset = rule("{any: [oil, gas], none: [olive]}")

    assert hit_texts(ruleset, "oil") == ["oil"]
    assert hit_texts(ruleset, "olive oil") is None


def test_at_least_counts_entries() -> None:
    """Each entry counts once, however often or in however many words it is found."""
    ruleset = rule("{at_least: 2, of: [[oil, petroleum], gas, coal]}")

    assert hit_texts(ruleset, "oil petroleum oil") is None
    assert hit_texts(ruleset, "petroleum and coal") == ["petroleum", "coal"]


def test_at_least_of_one_list_counts_its_words() -> None:
    """at_least: 2, of: $list asks for two different words of the list."""
    ruleset = rule("{at_least: 2, of: $fuels}", "terms: {fuels: [oil, gas, coal]}")

    assert hits(ruleset, "gas and coal")
    assert not hits(ruleset, "gas and gas")


def test_at_least_works_with_parts_that_no_word_can_find() -> None:
    """none: among the parts makes every item a candidate."""
    ruleset = rule("{at_least: 2, of: [oil, {none: [gas]}]}")

    assert hits(ruleset, "oil")
    assert not hits(ruleset, "oil and gas")


def test_parts_may_be_named_or_grouped_by_language() -> None:
    """any: and all: take a list, a mapping of names, or words by language."""
    assert hit_texts(rule("{any: {en: [oil], ko: [석유]}}"), "석유 수입") == ["석유"]
    assert hit_texts(rule("{all: {act: ship*, goods: {in: title, any: [oil]}}}"), "oil ships") == [
        "ships",
        "oil",
    ]
    assert [c.clause for c in hits(rule("{any: {a1: oil, a2: gas}}"), "gas")[0].clauses] == ["a2"]
    assert hit_texts(rule("{all: {any: [oil, gas]}}"), "gas") == ["gas"]
