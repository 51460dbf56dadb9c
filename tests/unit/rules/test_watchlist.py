"""Watch lists: names, aliases and IMO numbers from CSV files."""

# ruff: noqa: E501 - one case a line

import random

import pytest

from monitor import rules
from monitor.errors import ConfigError
from tests.unit.rules.factory import NOW, hit_texts, hits, load, make_item

CSV = """\ufeffid,name,imo,aliases,list,note
v1,EXAMPLE STAR,9000003,"STAR-EXAMPLE; Ex. Star",house,not a real vessel
v2,무지개호,,MV 무지개,house,
v3,شركة المثال,,,house,

v4,彩虹公司,IMO 9074729,,house,
"""
USE = "rules: [{id: r, when: {all: [{ship: $ships}]}}]"


@pytest.mark.parametrize(
    ("text", "found", "name"),
    [
        ("The Example Star sailed", "Example Star", "EXAMPLE STAR"),
        ("EXAMPLE\u00adSTAR", None, ""),
        ("Star‑Example", "Star‑Example", "EXAMPLE STAR"),
        ("STAREXAMPLE", "STAREXAMPLE", "EXAMPLE STAR"),
        ("the Ex. Star", "Ex. Star", "EXAMPLE STAR"),
        ("(IMO 9000003)", "9000003", "EXAMPLE STAR"),
        ("IMO9000003", "IMO9000003", "EXAMPLE STAR"),
        ("90000031", None, ""),
        ("북한 무지개호가", "무지개호", "무지개호"),
        ("MV 무지개 입항", "MV 무지개", "무지개호"),
        ("وشركة المثال", "وشركة المثال", "شركة المثال"),
        ("日本彩虹公司在", "彩虹公司", "彩虹公司"),
        ("example", None, ""),
        ("Example. Star", None, ""),
    ],
)
def test_names_aliases_and_numbers_are_found(text: str, found: str | None, name: str) -> None:
    """The hit shows the characters and names the entry, whichever of its names was found."""
    ruleset = load(USE, watchlists={"watchlists/ships.csv": CSV})

    assert hit_texts(ruleset, text) == ([found] if found else None)
    assert [one for hit in hits(ruleset, text) for one in hit.listed_names] == (
        [name] if found else []
    )
    assert not ruleset.warnings[1:]


def test_only_names_in_the_clauses_are_told() -> None:
    """A rule that does not use the list, or looks elsewhere, tells no names; each name once."""
    text = "rules: [{id: a, when: oil}, {id: b, when: {in: title, any: [$ships, oil]}}, {id: c, when: [oil, $ships]}]"
    ruleset = load(text, watchlists={"ships.csv": CSV})

    found = rules.match(make_item("oil", "Example Star; Example Star; STAREXAMPLE"), ruleset, NOW)

    assert {hit.rule: hit.listed_names for hit in found} == {
        "a": (),
        "b": (),
        "c": ("EXAMPLE STAR",),
    }


def test_two_lists_are_told_apart() -> None:
    """Each list is its own $name, and the same name may be in both."""
    lists = {"a.csv": "name\nMV Star\nMV Moon\n", "b.csv": "name,aliases\nOther,MV Star\n"}
    ruleset = load("rules: [{id: a, when: $a}, {id: b, when: $b}]", watchlists=lists)

    assert [(hit.rule, hit.listed_names) for hit in hits(ruleset, "MV Moon")] == [
        ("a", ("MV Moon",))
    ]
    assert [hit.rule for hit in hits(ruleset, "MV Star")] == ["a", "b"]
    assert set(hits(ruleset, "MV Star")[0].listed_names) == {"MV Star", "Other"}


def test_the_version_of_a_rule_depends_on_its_list() -> None:
    """Another name in the list makes another version."""
    first = load(USE, watchlists={"ships.csv": CSV})
    second = load(USE, watchlists={"ships.csv": CSV + "v5,NEW NAME,,,house,\n"})

    assert first.rules["r"].version != second.rules["r"].version


WARNINGS = [
    ("name,imo\nSTAR SHIP,9000001\n", 2, 11, "IMO number 9000001 fails its check digit and is not looked for", "with these six digits it ends in 3"),
    ("name,imo\nSTAR SHIP,90000\n", 2, 11, '"90000" is no IMO number: it has seven digits', ""),
    ('name,aliases\nSTAR,"a\nb"\n,x\n', 4, 1, "a row without a name is not looked for", ""),
    ("name\nK\n", 0, 0, '"K" is too short to be looked for', ""),
    ("name\nÉ\n", 0, 0, '"É" is too short to be looked for', ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"), WARNINGS, ids=[w[3] for w in WARNINGS]
)
def test_doubtful_entries_bring_a_located_warning(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    """The list takes effect without what cannot be looked for."""
    ruleset = load(USE.replace("$ships", "$ships | oil"), watchlists={"ships.csv": text})

    found = [(p.file, p.line, p.column, p.message, p.hint) for p in ruleset.warnings]
    assert ("ships.csv", line, column, message, hint) in found


def test_the_same_warning_is_not_given_a_thousand_times() -> None:
    """A long list with a thousand short names is told twenty of them."""
    text = "name\n" + "".join(f"{chr(0x4E00 + number)}\n" for number in range(1000))
    ruleset = load(USE.replace("$ships", "$ships | oil"), watchlists={"ships.csv": text})

    assert sum("too short" in problem.message for problem in ruleset.warnings) == 20


def test_a_list_that_no_rule_uses_brings_a_warning_and_is_checked() -> None:
    """Its faults are told as well."""
    ruleset = load("rules: []", watchlists={"ships.csv": "name,imo\nSTAR,1\n"})

    assert [problem.message for problem in ruleset.warnings] == [
        '"1" is no IMO number: it has seven digits',
        'watch list "ships" is not used by any rule',
    ]


ERRORS = [
    ("id,vessel\n1,STAR\n", 1, 1, 'the list has no column "name"', "the first line names the columns: name,aliases,imo"),
    ("", 1, 1, 'the list has no column "name"', "the first line names the columns: name,aliases,imo"),
    ('name\nSTAR\n"open\n', 3, 1, "not readable as CSV: unexpected end of data", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"), ERRORS, ids=[e[3] + e[0][:2] for e in ERRORS]
)
def test_an_unreadable_list_is_refused(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    """The error has its place in the CSV file."""
    with pytest.raises(ConfigError) as refused:
        load(USE, watchlists={"ships.csv": text})

    assert [(p.file, p.line, p.column, p.message, p.hint) for p in refused.value.problems] == [
        ("ships.csv", line, column, message, hint)
    ]


def test_file_names_make_list_names() -> None:
    """A name that cannot be written as $name, or comes twice, is an error of the file."""
    with pytest.raises(ConfigError) as refused:
        load("rules: []", watchlists={"my ships.csv": CSV, "a/ships.csv": CSV, "b/ships.csv": CSV})

    assert [(p.file, p.line, p.message) for p in refused.value.problems] == [
        ("my ships.csv", 0, '"my ships" is no name for a list: rename the file'),
        ("b/ships.csv", 0, "another watch list is called ships: a/ships.csv"),
    ]


def test_ten_thousand_names_are_told_apart() -> None:
    """Every name is found as itself, and what is no name is not."""
    draw = random.Random(3)
    names = sorted(
        {
            " ".join(draw.choices(["ALPHA", "BETA", "GAMMA", "DELTA", "X1", "X2"], k=5))
            for _ in range(3000)
        }
    )
    known, unknown = names[::2], names[1::2]
    ruleset = load(USE, watchlists={"ships.csv": "name\n" + "\n".join(known) + "\n"})

    assert all(hits(ruleset, f"the {name} sank")[0].listed_names == (name,) for name in known)
    assert not any(hits(ruleset, f"the {name} sank") for name in unknown)
