"""Explanations: why, why not, what was near, what each word brings."""

# ruff: noqa: E501 - one case a line

from monitor import rules
from tests.unit.rules.factory import NOW, load, make_item, rule


def test_a_hit_is_explained_by_its_clauses() -> None:
    """The verdict of a rule that fires holds the hit itself."""
    ruleset = rule("{all: [{act: veto*}, {body: council}]}")
    item = make_item("Council vetoed")

    (verdict,) = rules.explain(item, ruleset, NOW)

    assert verdict.hit == rules.match(item, ruleset, NOW)[0]
    assert [(c.clause, c.is_met, [s.text for s in c.found]) for c in verdict.clauses] == [
        ("act", True, ["vetoed"]),
        ("body", True, ["Council"]),
    ]
    assert verdict.reasons == ()


def test_a_miss_says_which_clause_was_missing_and_what_of_it_stood_there() -> None:
    """Words that were found, but not near enough, are named."""
    (verdict,) = rules.explain(
        make_item("Veto, said someone, by a council"),
        rule("{all: [{act: veto near/2 council}, {what: oil}]}"),
        NOW,
    )

    assert verdict.hit is None
    assert verdict.reasons == ("missing: act (found only Veto, council)", "missing: what")


def test_what_suppressed_a_rule_is_named() -> None:
    """unless, mask, filters and until each give a reason."""
    ruleset = rule(
        "fuel", "    unless: [olive]\n    mask: [fuel rod]\n    lang: ko\n    until: 2026-01-01"
    )

    (verdict,) = rules.explain(make_item("olive fuel and a fuel rod"), ruleset, NOW)

    assert [span.text for span in verdict.unless] == ["olive"]
    assert [span.text for span in verdict.masked] == ["fuel rod"]
    assert verdict.reasons == (
        "suppressed by unless",
        "left out by a filter (sources, tags or lang)",
        "ended on 2026-01-01",
    )


NEAR = "    near_miss: 1 clause\n    unless: [film]\n    until: 2026-12-31\n    sources: [feed]"


def test_a_near_miss_lacks_one_clause() -> None:
    """It names the missing clause and shows what was found."""
    ruleset = rule("{all: [{act: veto}, {body: council}, {about: oil}]}", NEAR)

    (miss,) = rules.near_misses(make_item("council veto"), ruleset, NOW)

    assert (miss.rule, miss.missing) == ("r", ("about",))
    assert [clause.clause for clause in miss.clauses] == ["act", "body"]


def test_hits_and_far_misses_are_no_near_misses() -> None:
    """Neither is what unless, a filter or the last day leaves out, nor a rule that did not ask."""
    ruleset = rule("{all: [{act: veto}, {body: council}]}", NEAR)

    for item in (
        make_item("council veto"),
        make_item("nothing"),
        make_item("veto film"),
        make_item("veto", source="other"),
    ):
        assert not rules.near_misses(item, ruleset, NOW)
    assert not rules.near_misses(make_item("veto"), ruleset, NOW.replace(year=2027))
    assert not rules.near_misses(make_item("veto"), rule("{all: [veto, council]}"), NOW)


def test_a_near_miss_needs_words() -> None:
    """A clause that holds by the absence of words brings an item nowhere near."""
    ruleset = rule("{all: [{act: veto}, {none: [council]}]}", "    near_miss: 1 clause")

    assert not rules.near_misses(make_item("oil"), ruleset, NOW)


def test_word_statistics_count_items_and_hits() -> None:
    """Each word of each clause, with the items that hold it and the hits among them."""
    ruleset = load(
        "terms: {fuel: [oil, gas]}\nrules:\n  - {id: r, when: {all: [{act: import*}, {goods: [$fuel, $ships]}]}}\n",
        watchlists={"ships.csv": "name\nMV Example Star\n"},
    )
    items = [
        make_item("oil imports"),
        make_item("oil"),
        make_item("importing by MV Example Star"),
        make_item("x"),
    ]

    counts = rules.word_stats(items, ruleset, NOW)

    assert [(c.rule, c.clause, c.word, c.items, c.hits) for c in counts] == [
        ("r", "act", "import*", 2, 2),
        ("r", "goods", "$ships", 1, 1),
        ("r", "goods", "oil", 2, 1),
        ("r", "goods", "gas", 0, 0),
    ]
