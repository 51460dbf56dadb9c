"""Channel `console`: prints alerts as text of 80 columns; colour only on a terminal."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

from monitor.errors import DeliveryError
from monitor.model import Alert, Message
from monitor.notify import plain
from monitor.notify.base import ChannelSettings, ChannelType, Tools

_COLOURS = {"[CRITICAL]": "1;31", "[HIGH]": "33", "[MEDIUM]": "36", "[LOW]": "2"}  # ANSI SGR
_TAG = re.compile(r"^( *)(\[(?:CRITICAL|HIGH|MEDIUM|LOW)\])", re.MULTILINE)
_RULE = "─" * plain.WIDTH


class ConsoleSettings(ChannelSettings):
    """Nothing to set."""


@dataclass(frozen=True)
class ConsoleChannel:
    """Writes to the stream it is given, a line between two alerts."""

    name: str
    tools: Tools
    kind: str = "console"

    def recipients(self) -> Sequence[str]:
        """Return the one reader."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as plain text."""
        text = plain.render(alert, self.tools.public_url)
        return Message(id=alert.id, body=text.encode("utf-8", "replace"))

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Write the text, in colour where the stream is a terminal."""
        text = f"{_RULE}\n{message.body.decode()}"
        try:  # in a thread: a stopped pager must stop nobody else
            await asyncio.to_thread(_write, self.tools.console, text)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed
            raise DeliveryError(f"console: cannot write: {error}") from error


def _write(stream: TextIO, text: str) -> None:
    shown = _TAG.sub(_coloured, text) if stream.isatty() else text
    encoding = stream.encoding or "utf-8"
    stream.write(shown.encode(encoding, "replace").decode(encoding))
    stream.flush()


def _coloured(match: re.Match[str]) -> str:
    return f"{match[1]}\x1b[{_COLOURS[match[2]]}m{match[2]}\x1b[0m"


CONSOLE = ChannelType(
    settings=ConsoleSettings, build=lambda name, _, tools: ConsoleChannel(name, tools)
)
