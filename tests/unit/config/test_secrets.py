"""References to the environment and to secret files."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.secrets import Resolved, redact, resolve
from monitor.yamlnodes import load


def _resolve(
    text: str, environ: dict[str, str] | None = None, read: Callable[[str], str] = str
) -> Resolved:
    return resolve(load("a.yaml", text), environ or {}, read)


def _plain(text: str, **environ: str) -> object:
    return _resolve(text, environ).root.plain()


def test_a_variable_is_replaced_inside_a_text() -> None:
    """A reference may be a part of the value, and may stand twice."""
    assert _plain("a: x-${B}-${B}-y", B="1") == {"a": "x-1-1-y"}


def test_blanks_around_a_variable_are_no_part_of_it() -> None:
    """Files of variables and container secrets often end with a line break."""
    assert _plain("a: ${B}", B=" 1\n") == {"a": "1"}
    assert _resolve("a: ${B}", {"B": " \n"}).problems[0].message.endswith("B is not set")


def test_a_default_stands_in_for_an_absent_or_empty_variable() -> None:
    """As in a shell, `:-` covers both; the default may be empty."""
    assert _plain("a: ${B:-c}") == {"a": "c"}
    assert _plain("a: ${B:-c}", B="") == {"a": "c"}
    assert _plain("a: ${B:-c}", B="d") == {"a": "d"}
    assert _plain("a: '${B:-}'") == {"a": ""}


def test_a_file_is_read_and_stripped() -> None:
    """Secret files end with a line break that is no part of the secret."""
    resolved = _resolve("a: ${file:/run/secrets/x}", {}, lambda path: f"{path}!\n")

    assert resolved.root.plain() == {"a": "/run/secrets/x!"}
    assert resolved.secrets == {"/run/secrets/x!"}


def test_what_a_value_holds_never_becomes_structure() -> None:
    """References are replaced after the YAML was read."""
    assert _plain("a: ${B}", B="x\nb: y") == {"a": "x\nb: y"}
    assert _plain("a: [$]\nb: ${B}", B="${C}") == {"a": ["$"], "b": "${C}"}


def test_references_work_in_lists_and_deep_below() -> None:
    """Every text of the tree is looked at; keys are not."""
    assert _plain("a: [{b: '${X}'}, '${X}']\n${X}: 1", X="v") == {
        "a": [{"b": "v"}, "v"],
        "${X}": "1",
    }


def test_a_doubled_dollar_is_a_plain_one() -> None:
    """So a text with `${` can be written."""
    assert _plain("a: $${B}", B="x") == {"a": "${B}"}


def test_a_missing_variable_is_named_at_its_place() -> None:
    """The message says which one and what to do."""
    resolved = _resolve("a: 1\nb: ${NOPE}")

    (problem,) = resolved.problems
    assert (problem.line, problem.column) == (2, 4)
    assert problem.message == "environment variable NOPE is not set"
    assert problem.hint == "set it, or write ${NOPE:-default}"


def test_an_unreadable_file_is_named_with_the_reason() -> None:
    """A missing file and one that is no text are both told."""

    def missing(path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory", path)

    def binary(path: str) -> str:
        return b"\xff".decode("utf-8") + path

    (absent,) = _resolve("a: ${file:/x}", {}, missing).problems
    (garbled,) = _resolve("a: ${file:/x}", {}, binary).problems

    assert absent.message == "secret file /x cannot be read: No such file or directory"
    assert garbled.message == "secret file /x cannot be read: it is not UTF-8 text"


@pytest.mark.parametrize("text", ["${", "${1X}", "${}", "${A-b}", "${file:}", "a ${ b"])
def test_what_looks_like_a_reference_but_is_none_is_refused(text: str) -> None:
    """A mistyped reference is not taken for a value."""
    (problem,) = _resolve(f"a: '{text}'").problems

    assert problem.message == '"${" starts no reference'


def test_secrets_are_told_from_other_values_by_their_name() -> None:
    """A value from a file is always secret."""
    resolved = _resolve("a: ${API_KEY} ${CITY}", {"API_KEY": "k", "CITY": "c"})

    assert resolved.secrets == {"k"}
    assert resolved.values == {"k", "c"}
    assert "'k'" not in repr(resolved)


def test_what_was_written_is_kept_for_messages() -> None:
    """Messages show the reference, not what it stands for."""
    assert _resolve("a: ${B}", {"B": "x"}).written == {(1, 4): "${B}"}


@given(st.lists(st.text(min_size=4), max_size=5), st.text())
def test_no_secret_survives_redaction(secrets: list[str], text: str) -> None:
    """Also where one secret holds another."""
    hidden = frozenset(secret for secret in secrets if "*" not in secret)

    cleaned = redact(f"{text}{''.join(secrets)}", hidden)

    assert not any(secret in cleaned.replace("***", "\x00") for secret in hidden)


def test_a_secret_of_a_few_characters_hides_nothing() -> None:
    """It stands in any word; an empty one stands between any two characters."""
    assert redact("abcd", frozenset({"", "abc"})) == "abcd"
    assert redact("abcd", frozenset({"abcd"})) == "***"
