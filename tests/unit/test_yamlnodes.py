"""The one loader of all configuration files: text, places, nothing that hides what it means."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import yamlnodes
from monitor.errors import ConfigError, Problem
from monitor.yamlnodes import File, Node, did_you_mean, load, scalar_ends


def _problems(text: str) -> list[Problem]:
    with pytest.raises(ConfigError) as caught:
        load("a.yaml", text)
    return list(caught.value.problems)


def _below(node: Node, path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], Node]:
    """Return the node under every path, the root under `()`."""
    found = {path: node}
    for name, value in node.entries or ():
        found |= _below(value, (*path, name.key))
    for number, item in enumerate(node.items or ()):
        found |= _below(item, (*path, number))
    return found


def _told(text: str) -> list[str]:
    return [
        f"{one.line}:{one.column} {one.message} [{one.hint}]".replace(" []", "")
        for one in _problems(text)
    ]


def test_every_scalar_stays_the_text_that_was_written() -> None:
    """YAML 1.1 would make False, 750, 1718, a date and None of these."""
    text = "a: NO\nb: 12:30\nc: 1718\nd: 2024-03-28\ne: ~\nf: 0o17\ng: '1'\nh:\ni: |\n  x\n  y\n"

    assert load("a.yaml", text).plain() == {
        "a": "NO",
        "b": "12:30",
        "c": "1718",
        "d": "2024-03-28",
        "e": "~",
        "f": "0o17",
        "g": "1",
        "h": "",
        "i": "x\ny\n",
    }


def test_nodes_know_their_kind_and_their_quotes() -> None:
    """Quoted text is told from plain text."""
    node = load("a.yaml", "a: 'x'\nb: [y]\nc: {d: z}")

    assert [key.key for key, _ in node.entries or ()] == ["a", "b", "c"]
    a, b, c = (node.get(name) for name in "abc")
    assert a is not None
    assert b is not None
    assert c is not None
    assert (node.kind, a.kind, b.kind, c.kind) == ("mapping", "text", "list", "mapping")
    assert a.is_quoted
    assert not b.is_quoted
    assert node.get("nope") is None
    assert a.get("x") is None
    assert [key.line for key in node.keys()] == [1, 2, 3]  # noqa: SIM118 (no dict)
    assert list(a.keys()) == []


def test_an_empty_file_is_an_empty_mapping() -> None:
    """So is one that holds comments alone."""
    for text in ("", "# nothing\n", "---\n"):
        assert load("a.yaml", text).plain() in ({}, "")
    assert load("a.yaml", "").entries == ()


def test_places_count_characters_from_one() -> None:
    """Also behind letters of several bytes and after a line separator."""
    node = load("a.yaml", "가나: [다, 😀라, x]\nb: c")

    found = {path: (one.line, one.column) for path, one in _below(node).items()}
    assert found == {
        (): (1, 1),
        ("가나",): (1, 5),
        ("가나", 0): (1, 6),
        ("가나", 1): (1, 9),
        ("가나", 2): (1, 13),
        ("b",): (2, 4),
    }


def test_a_problem_points_at_its_node() -> None:
    """It carries the line for the caret."""
    value = load("a.yaml", "a: 1\nb: wrong # why").get("b")
    assert value is not None

    problem = value.problem("is wrong", "mend it", is_warning=True)

    assert problem == Problem(
        file="a.yaml",
        line=2,
        column=4,
        message="is wrong",
        hint="mend it",
        source_line="b: wrong # why",
        is_warning=True,
    )


def test_a_problem_of_the_whole_file_has_no_line() -> None:
    """Neither has one past its end; a long line is cut."""
    file = File("a.yaml", "x" * 1000)

    assert file.problem(0, 0, "m").source_line == ""
    assert file.problem(2, 1, "m").source_line == ""
    assert len(file.problem(1, 1, "m").source_line) == 400


_TAGS = "tags are not allowed [leave out the !tag, or quote the text]"
_COLON = "mapping values are not allowed in this context"
_OPEN = "while parsing a flow"
_REFERENCE = 'inside { } and [ ] a reference needs quotes: "${NAME}"'
_TOKEN = "while scanning for the next token found character that cannot start any token"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "a: 1\na: 2\na: 3",
            [f'{line}:1 key "a" is written twice; first on line 1' for line in (2, 3)],
        ),
        ("b:\n  a: 1\n  a: 2", ['3:3 key "a" is written twice; first on line 2']),
        ("? [a]\n: b", ["1:3 a key must be text, this is a list"]),
        ("? {a: b}\n: c", ["1:3 a key must be text, this is a mapping"]),
        ("a: !!int 3\nb: !x y", [f"1:4 {_TAGS}", f"2:4 {_TAGS}"]),
        ("a: b: c", [f"1:5 {_COLON} [a text with a colon needs quotes]"]),
        ("a: @b", [f"1:4 {_TOKEN} [put the text in quotes]"]),
        ("a:\n\tb: c", [f"2:1 {_TOKEN} [indent with spaces, not with tabs]"]),
        (
            "a: {b: ${X}}",
            [f"1:9 {_OPEN} mapping did not find expected ',' or '}}' [{_REFERENCE}]"],
        ),
        (
            "a: 1\nb: [c\nd: e",
            [f"3:2 {_OPEN} sequence did not find expected ',' or ']' [it begins on line 2]"],
        ),
        (
            "--- a\n--- b",
            ["2:1 expected a single document in the stream but found another document"],
        ),
        ("a: x\ty\x07", ["1:7 character U+0007 is not allowed"]),
        ("a\nb: \ud800", ["2:4 character U+D800 is not allowed"]),
    ],
)
def test_what_yaml_or_we_refuse_has_its_place(text: str, told: list[str]) -> None:
    """Each fault of form says where and, for the usual ones, what to do."""
    assert _told(text) == told


@pytest.mark.parametrize(
    "text", ["a: &x b", "&x a: b", "a: *x", "- *제재", "a: [*b, c]", "<<: *base"]
)
def test_anchors_and_aliases_are_refused(text: str) -> None:
    """One place must not mean another; a term that starts with a star needs quotes."""
    assert all("quotes" in problem.hint for problem in _problems(text))


def test_all_anchors_and_tags_are_told_at_once() -> None:
    """In the order of the file."""
    assert [
        (one.line, one.message.split()[0]) for one in _problems("a: &x !t b\nc: *x\nd: !y z")
    ] == [
        (1, "anchors"),
        (2, "anchors"),
        (3, "tags"),
    ]


@pytest.mark.parametrize("text", ["[" * 200_000, "- " * 200_000, "{a: " * 200_000])
def test_deep_nesting_is_refused_before_it_exhausts_the_stack(text: str) -> None:
    """The C composer recurses: a file of brackets would kill the process."""
    (problem,) = _problems(text)

    assert problem.message == "more than 60 levels deep"


def test_sixty_levels_are_allowed() -> None:
    """No rule is nested so deep."""
    assert load("a.yaml", "[" * 60 + "]" * 60).kind == "list"


def test_a_file_with_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by the number of values."""
    monkeypatch.setattr(yamlnodes, "_MAX_NODES", 50)

    (problem,) = _problems("- a\n" * 100)

    assert problem.message == "more than 50 values"


def test_the_loader_in_python_refuses_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the C loader is missing, a fault without a mark is still a ConfigError."""
    monkeypatch.setattr(yamlnodes, "_LOADER", yaml.BaseLoader)

    assert load("a.yaml", "a: [b, {c: 'd'}]").plain() == {"a": ["b", {"c": "d"}]}
    (problem,) = _problems('a: "\\Uffffffff"')
    assert (problem.line, problem.message.split(":")[0]) == (0, "not readable as YAML")
    assert _told("a:\n\tb: c")[0].endswith("[indent with spaces, not with tabs]")


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("sevrity", {"severity", "title"}, 'did you mean "severity"?'),
        ("CRITICAL", {"critical", "high"}, 'did you mean "critical"?'),
        ("europe/amsterdm", {"Europe/Amsterdam"}, 'did you mean "Europe/Amsterdam"?'),
        ("xyz", {"b", "a"}, "allowed: a, b"),
        ("xyz", set(), ""),
        ("qqq", {f"feed-{number}" for number in range(41)}, ""),
    ],
)
def test_a_hint_offers_what_was_meant(word: str, known: set[str], hint: str) -> None:
    """The nearest word, else a short list, never a long one."""
    assert did_you_mean(word, known) == hint


_YAMLISH = st.text(
    st.sampled_from(list("ab: -[]{},'\"|>&*!#%@?\n\t0가\x07\x85\u2028")), max_size=60
)


def _outcome(text: str) -> Node | tuple[Problem, ...]:
    try:
        return load("a.yaml", text)
    except ConfigError as error:
        return error.problems


@settings(max_examples=200)
@given(st.one_of(st.text(), _YAMLISH))
def test_any_text_is_loaded_or_refused_with_places(text: str) -> None:
    """Never another exception, never a place outside the file."""
    outcome = _outcome(text)

    if isinstance(outcome, Node):
        assert all(isinstance(one, Node) for one in _below(outcome).values())
        return
    lines = sum(text.count(end) for end in "\n\r\x85\u2028\u2029") + 2
    assert outcome
    assert all(0 <= problem.line <= lines for problem in outcome)
    assert all(problem.render() for problem in outcome)


def test_a_place_points_at_the_text_it_names() -> None:
    """The characters at line and column are those of the value, for plain ones."""
    text = "rules:\n  - id: veto\n    terms: [제재*, sanction*]\n"
    node = load("a.yaml", text)

    for one in _below(node).values():
        if one.text is not None:
            line = text.splitlines()[one.line - 1]
            assert line[one.column - 1 :].startswith(one.text)


def test_the_ends_of_scalars_are_known() -> None:
    """By where they begin: for editing a text in place."""
    text = "a: plain  # why\nb: \"quoted\"\nc: [x, 'y']\nd: |\n  two\n  lines\ne: 한글\n"

    ends = scalar_ends(text)

    assert ends[1, 4] == (1, 9)
    assert ends[2, 4] == (2, 12)
    assert (ends[3, 5], ends[3, 8]) == ((3, 6), (3, 11))
    assert ends[4, 4] == (7, 1)
    assert ends[7, 4] == (7, 6)
