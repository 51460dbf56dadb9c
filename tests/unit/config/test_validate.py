"""From nodes to models: every finding has its place and plain words."""

import pytest
from pydantic import BaseModel, ConfigDict, Field

from monitor.config.secrets import resolve
from monitor.config.validate import validate, values
from monitor.yamlnodes import load


class Inner(BaseModel):
    """A mapping inside another."""

    model_config = ConfigDict(extra="forbid")

    colour: str = "red"
    deep: dict[str, int] = {}


class Outer(BaseModel):
    """A model with one key of each kind."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    number: int = Field(default=1, ge=1, le=9)
    share: float = 0.5
    switch: bool = False
    words: tuple[str, ...] = ()
    inner: Inner = Inner()
    many: tuple[Inner, ...] = ()
    maybe: Inner | None = None
    sender: str = Field(default="", alias="from", pattern="^[a-z]*$")


def _found(text: str, environ: dict[str, str] | None = None) -> list[str]:
    resolved = resolve(load("a.yaml", text), environ or {}, str)
    model, problems = validate(Outer, resolved.root, resolved)
    assert (model is None) == bool(problems)
    return [f"{one.line}:{one.column} {one.message} {one.hint}".strip() for one in problems]


def test_texts_become_the_types_of_the_model() -> None:
    """Numbers, switches, lists and mappings are read from text."""
    resolved = resolve(load("a.yaml", "number: 3\nswitch: true\nwords: [a]\nfrom: b"), {}, str)

    model, problems = validate(Outer, resolved.root, resolved)

    assert not problems
    assert model is not None
    assert (model.number, model.switch, model.words, model.sender) == (3, True, ("a",), "b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nmber: 1", '1:1 unknown key "nmber" did you mean "number"?'),
        ("inner: {color: 1}", '1:9 unknown key "color" did you mean "colour"?'),
        ("many: [{}, {color: 1}]", '1:13 unknown key "color" did you mean "colour"?'),
        ("maybe: {color: 1}", '1:9 unknown key "color" did you mean "colour"?'),
        ("form: x", '1:1 unknown key "form" did you mean "from"?'),
        ("number: x", '1:9 number: "x" is not a whole number'),
        ("number: 1.5", '1:9 number: "1.5" is not a whole number'),
        ("number: 0", '1:9 number: "0" is too small; the least is 1'),
        ("number: 10", '1:9 number: "10" is too large; the most is 9'),
        ("share: x", '1:8 share: "x" is not a number'),
        ("switch: yes", '1:9 switch: "yes" is neither true nor false'),
        ("switch: maybe", '1:9 switch: "maybe" is neither true nor false'),
        ("words: a", '1:8 words: "a" must be a list'),
        ("words: {a: b}", "1:8 words: must be a list, this is a mapping"),
        ("words: [[a]]", "1:9 words: must be text, this is a list"),
        ("inner: a", '1:8 inner: "a" must be a mapping (key: value)'),
        ("inner: [a]", "1:8 inner: must be a mapping (key: value), this is a list"),
        ("inner: {deep: {a: x}}", '1:19 a: "x" is not a whole number'),
        ("from: A", '1:7 from: "A" is not in the form that is needed here'),
        ("[a]", "1:1 must be a mapping (key: value), this is a list"),
    ],
)
def test_each_finding_says_where_what_and_how(text: str, expected: str) -> None:
    """The place is the key for an unknown key, the value for a wrong value."""
    assert _found(text) == [expected]


def test_everything_is_found_at_once_in_the_order_of_the_file() -> None:
    """An analyst mends a file once."""
    assert _found("x: 1\nnumber: a\nswitch: on\ninner: {y: 1}") == [
        '1:1 unknown key "x" allowed: from, inner, many, maybe, number, share, switch, words',
        '2:9 number: "a" is not a whole number',
        '3:9 switch: "on" is neither true nor false',
        '4:9 unknown key "y" allowed: colour, deep',
    ]


def test_a_replaced_value_is_never_quoted() -> None:
    """The message shows the reference."""
    found = _found("number: ${N}\nfrom: ${S}", {"N": "hunter2", "S": "TOPSECRET"})

    assert found[0] == '1:9 number: "${N}" is not a whole number'
    assert "TOPSECRET" not in "".join(found)


def test_a_key_with_nothing_behind_it_is_absent() -> None:
    """`feeds:` with every line below it commented out is no mistake."""
    assert values(load("a.yaml", "a:\nb: [x, '']\nc: {d: }")) == {"b": ["x", ""], "c": {}}
    assert _found("number:\nmaybe:\nmany:") == []
