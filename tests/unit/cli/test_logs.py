"""Log lines: JSON with ids, one event a line, priorities for the journal, no secret in any."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from monitor.cli.logs import Hidden, goes_to_journal, set_up

SECRET = "s3cret-of-the-hook"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Put the logging of the tests back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    set_up(sys.stderr)
    root.handlers[:] = handlers
    root.setLevel(level)


def _hidden() -> Hidden:
    hidden = Hidden()
    hidden.add(frozenset({SECRET}))
    return hidden


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_whatever_stands_in_it() -> None:
    """Line breaks and forged lines of others stay inside their field."""
    stream = io.StringIO()
    set_up(stream)

    structlog.get_logger().info("item matched", title='a\n{"level": "error"}', item="i-1")

    [line] = _lines(stream)
    assert (line["event"], line["level"], line["item"]) == ("item matched", "info", "i-1")
    assert line["timestamp"].endswith("Z")


def test_a_traceback_is_one_line_and_what_libraries_log_too() -> None:
    """asyncio, uvicorn and the scheduler speak by the standard library."""
    stream = io.StringIO()
    set_up(stream)

    try:
        int("x")
    except ValueError:
        structlog.get_logger().exception("task failed", task="t")
    logging.getLogger("uvicorn.error").warning("Invalid HTTP %s", "request")
    logging.getLogger("apscheduler").warning("skipped")

    ours, theirs = _lines(stream)
    assert "ValueError: invalid literal" in ours["exception"]
    assert (theirs["event"], theirs["logger"], theirs["level"]) == (
        "Invalid HTTP request",
        "uvicorn.error",
        "warning",
    )


@pytest.mark.parametrize("stream", [io.StringIO(), _Terminal()], ids=["machine", "person"])
def test_secrets_are_struck_out_wherever_they_stand(stream: io.StringIO) -> None:
    """In fields, lists, tracebacks and lines of libraries; those of a reload from then on."""
    hidden = _hidden()
    set_up(stream, hidden)
    log = structlog.get_logger()

    log.warning("plain", error=f"at https://x/{SECRET}/y", many=[SECRET], number=1)
    try:
        int(SECRET)
    except ValueError:
        log.exception("task failed")
    logging.getLogger("asyncio").error("slow: %s", SECRET)
    hidden.add(frozenset({"another-one"}))
    log.warning("later", error="another-one and " + SECRET)

    text = stream.getvalue()
    assert "another-one" not in text
    assert text.count("***") >= 5
    assert SECRET not in text


def test_the_journal_gets_priorities() -> None:
    """Journald takes <N> from the front of a line; the rest is the JSON."""
    stream = io.StringIO()
    set_up(stream, is_journal=True)
    log = structlog.get_logger()

    log.info("a")
    log.warning("b")
    log.error("c")
    logging.getLogger("x").critical("d")

    lines = stream.getvalue().splitlines()
    assert [line[:3] for line in lines] == ["<6>", "<4>", "<3>", "<2>"]
    assert [json.loads(line[3:])["event"] for line in lines] == ["a", "b", "c", "d"]


def test_the_journal_is_known_by_its_socket(tmp_path: Any) -> None:
    """JOURNAL_STREAM names device and inode; a redirected stream is another file."""
    with (tmp_path / "log").open("w") as file:
        status = os.fstat(file.fileno())
        ours = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}

        assert goes_to_journal(file, ours)
        assert not goes_to_journal(file, {"JOURNAL_STREAM": "1:2"})
        assert not goes_to_journal(file, {})
    assert not goes_to_journal(io.StringIO(), ours)
