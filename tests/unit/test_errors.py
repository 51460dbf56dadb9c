"""The errors: what they say to the operator, what they carry for the caller."""

from datetime import timedelta

import pytest

from monitor import errors
from monitor.errors import ConfigError, Problem


def test_a_problem_shows_its_line_with_a_caret_and_what_to_do() -> None:
    """The caret stands below the column."""
    problem = Problem(
        file="rules/un.yaml",
        line=20,
        column=15,
        message='severity "critcal" is not known',
        hint='did you mean "critical"?',
        source_line="    severity: critcal",
    )

    assert problem.render() == (
        'rules/un.yaml:20:15: error: severity "critcal" is not known\n'
        "    20 |     severity: critcal\n"
        '       |               ^ did you mean "critical"?'
    )


def test_a_problem_without_a_hint_ends_with_the_caret() -> None:
    """A warning says that it is one."""
    problem = Problem(
        file="a.yaml", line=1, column=1, message="m", source_line="x", is_warning=True
    )

    assert problem.render() == "a.yaml:1:1: warning: m\n     1 | x\n       | ^"


def test_a_problem_of_a_whole_file_names_the_file_alone() -> None:
    """There is no line to show; a hint stands below."""
    plain = Problem(file="a.yaml", line=0, column=0, message="cannot be read")
    hinted = Problem(file="conf", line=0, column=0, message="missing", hint="write one")

    assert plain.render() == "a.yaml: error: cannot be read"
    assert hinted.render() == "conf: error: missing\n       | write one"


def test_a_config_error_shows_every_problem() -> None:
    """All at once, in the order given; the count is in its arguments."""
    problems = [Problem(file=name, line=0, column=0, message="m") for name in ("a", "b")]

    error = ConfigError(problems)

    assert error.problems == tuple(problems)
    assert str(error) == "a: error: m\nb: error: m"
    assert error.args == ("2 problem(s) in the configuration",)


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        (errors.ConfigError, errors.MonitorError),
        (errors.FetchError, errors.MonitorError),
        (errors.RefusedAddress, errors.FetchError),
        (errors.ParseError, errors.MonitorError),
        (errors.NotAFeed, errors.ParseError),
        (errors.StoreError, errors.MonitorError),
        (errors.StoreBusy, errors.StoreError),
        (errors.NewerSchema, errors.StoreError),
        (errors.DeliveryError, errors.MonitorError),
        (errors.ChannelPaused, errors.DeliveryError),
        (errors.PermanentDeliveryError, errors.DeliveryError),
    ],
)
def test_the_class_says_what_the_caller_does(
    child: type[Exception], parent: type[Exception]
) -> None:
    """The tree at the top of the module is the tree in force."""
    assert child.__base__ is parent
    assert f" {child.__name__} " in (errors.__doc__ or "")


def test_a_fetch_error_carries_what_the_next_try_needs() -> None:
    """The kind is stable; status and Retry-After are there where the server gave them."""
    error = errors.FetchError("HTTP 503", kind="http", status=503, retry_after=timedelta(seconds=9))
    plain = errors.FetchError("no answer", kind="timeout")

    assert (str(error), error.kind, error.status) == ("HTTP 503", "http", 503)
    assert error.retry_after == timedelta(seconds=9)
    assert (plain.status, plain.retry_after) == (None, None)
    assert errors.RefusedAddress("10.0.0.1").kind == "refused-address"


def test_a_parse_error_has_a_kind() -> None:
    """The default says that the document cannot be read, or that it is none."""
    assert errors.ParseError("m").kind == "unreadable"
    assert errors.ParseError("m", kind="slow-document").kind == "slow-document"
    assert errors.NotAFeed("m").kind == "not-a-feed"
    assert errors.NotAFeed("m", kind="html").kind == "html"


def test_a_delivery_error_carries_the_code_and_the_floor() -> None:
    """Both are None where the receiver gave none."""
    error = errors.ChannelPaused("no", code=401, retry_after=timedelta(hours=1))

    assert (str(error), error.code, error.retry_after) == ("no", 401, timedelta(hours=1))
    assert errors.PermanentDeliveryError("no").code is None


def test_the_caret_stands_below_its_character_after_wide_ones() -> None:
    """Chinese and Korean characters take two columns of a terminal."""
    problem = Problem(file="a.yaml", line=1, column=3, message="m", source_line="북한x")

    assert problem.render().splitlines()[-1] == "       |     ^"
