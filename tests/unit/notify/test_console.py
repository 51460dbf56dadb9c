"""The console channel: colour on a terminal alone, whatever its encoding."""

import asyncio
import io
from dataclasses import replace
from typing import TextIO

import pytest

from monitor.errors import DeliveryError
from monitor.notify import CHANNELS, Channel, Tools
from monitor.testing import NOW, TITLE, make_story_alert


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def channel(tools: Tools, stream: TextIO) -> Channel:
    """Return the channel that writes to a stream."""
    kind = CHANNELS["console"]
    return kind.build("term", kind.settings.model_validate({}), replace(tools, console=stream))


def send(term: Channel, title: str = TITLE) -> None:
    """Print a story."""
    asyncio.run(term.send(term.compose(make_story_alert(title=title), ""), "", NOW))


def test_a_file_gets_plain_text(tools: Tools) -> None:
    """No escape codes where no terminal reads them."""
    stream = io.StringIO()

    send(channel(tools, stream))

    assert "\x1b" not in stream.getvalue()
    assert "[CRITICAL] Veto\n" in stream.getvalue()


def test_a_terminal_gets_the_severity_in_colour(tools: Tools) -> None:
    """And nothing else of the text changes."""
    plain, terminal = io.StringIO(), Terminal()

    send(channel(tools, plain))
    send(channel(tools, terminal))

    coloured = "\x1b[1;31m[CRITICAL]\x1b[0m"
    assert terminal.getvalue().replace(coloured, "[CRITICAL]") == plain.getvalue()
    assert coloured in terminal.getvalue()


def test_a_title_cannot_command_the_terminal(tools: Tools) -> None:
    """Escape codes of the publisher are dropped."""
    terminal = Terminal()

    send(channel(tools, terminal), "\x1b]0;owned\x07\x1b[2J" + TITLE)

    assert terminal.getvalue().count("\x1b") == 2, "only our own colour"


def test_an_old_terminal_gets_question_marks(tools: Tools) -> None:
    """A Korean title on an ASCII terminal stops nothing."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    send(channel(tools, stream), "북한 DPRK")

    stream.flush()
    assert b"?? DPRK" in raw.getvalue()


def test_a_closed_stream_is_tried_again(tools: Tools) -> None:
    """The alert stays in the outbox."""
    stream = io.StringIO()
    stream.close()
    term = channel(tools, io.StringIO())
    message = term.compose(make_story_alert(), "")

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError("the pager left")

    with pytest.raises(DeliveryError, match="the pager left"):
        asyncio.run(channel(tools, Broken()).send(message, "", NOW))
    with pytest.raises(DeliveryError, match="closed file"):
        asyncio.run(channel(tools, stream).send(message, "", NOW))
