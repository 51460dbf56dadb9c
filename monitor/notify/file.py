"""Channel `file`: appends each alert to a file as one line of JSON, and waits for the disk."""

import asyncio
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.errors import ChannelPaused, DeliveryError
from monitor.model import Alert, Message
from monitor.notify.base import ChannelSettings, ChannelType, Reach, Tools
from monitor.notify.payload import event_body

_MODE = 0o600  # alerts may name what a desk looks for
# Wrong settings rather than a bad moment: no amount of waiting mends them.
_MISPLACED = (PermissionError, FileNotFoundError, IsADirectoryError, NotADirectoryError)


class FileSettings(ChannelSettings):
    """Where to append; the folder must exist."""

    path: Path


@dataclass(frozen=True)
class FileChannel:
    """Appends the same documents that webhooks get, one a line."""

    name: str
    settings: FileSettings
    tools: Tools
    kind: str = "file"

    def recipients(self) -> Sequence[str]:
        """Return the one file."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as a CloudEvents document on one line."""
        body = event_body(alert, domain=self.tools.domain, public_url=self.tools.public_url)
        return Message(id=alert.id, body=body + b"\n")

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Append the line and wait until the disk has it."""
        path = self.settings.path
        try:
            await asyncio.to_thread(_append, path, message.body)
        except _MISPLACED as error:
            raise ChannelPaused(f"file {path}: {error.strerror}") from error
        except OSError as error:
            raise DeliveryError(f"file {path}: {error.strerror}") from error


def _append(path: Path, text: bytes) -> None:
    """Append under a lock; a line that an earlier full disk cut short is closed first."""
    is_new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
    with os.fdopen(handle, "r+b", buffering=0) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        size = stream.seek(0, os.SEEK_END)
        try:
            _write_all(stream.fileno(), _line_end(stream.fileno(), size) + text)
            os.fsync(stream.fileno())
        except OSError:
            os.ftruncate(stream.fileno(), size)  # the next try starts clean
            raise
    if is_new:
        _sync_folder(path.parent)


def _line_end(handle: int, size: int) -> bytes:
    return b"\n" if size and os.pread(handle, 1, size - 1) != b"\n" else b""


def _write_all(handle: int, text: bytes) -> None:
    while text:
        text = text[os.write(handle, text) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


async def _reach(settings: FileSettings, tools: Reach) -> str:  # noqa: ARG001
    """Return that the file can be appended to; it is not made."""
    path = settings.path
    place = path if path.exists() else path.parent
    if not await asyncio.to_thread(os.access, place, os.W_OK):
        reason = "may not be written to" if place.exists() else "the folder does not exist"
        raise ChannelPaused(f"file {path}: {reason}")
    return f"{path} may be written to"


FILE = ChannelType(settings=FileSettings, build=FileChannel, probe=_reach)
