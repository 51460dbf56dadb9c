"""The service manager is told how the watch fares: sd_notify, over the socket that it names.

Source: sd_notify(3), sd_watchdog_enabled(3). Four lines of socket code, so no library.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

import structlog

log = structlog.get_logger()

_FEED_EVERY_S = 15.0  # where no watchdog sets the pace
_STATUS_EVERY_S = 2.0
_EXTEND_EVERY_S = 10.0
_EXTEND_BY_S = 60


class Notifier:
    """Sends what the service manager listens for; without one, nothing is sent and nothing fails.

    `watchdog_s` is how often it wants to hear that the watch lives, None when it does not.
    """

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket: socket.socket | None = None
        if address.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)  # noqa: FBT003 (a name of the library)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Return the notifier of the service manager that started this process, if one did."""
        microseconds = environ.get("WATCHDOG_USEC", "")
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(microseconds) / 1e6 if microseconds.isdecimal() and is_ours else None
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog_s or None)

    def send(self, *lines: str) -> None:
        """Send lines such as `READY=1` as one message."""
        if self._socket is None:
            return
        with suppress(OSError):  # a manager that does not listen must not end the watch
            self._socket.sendto("\n".join(lines).encode(), self._address)

    def ready(self, status: str) -> None:
        """Say that the start, or a reload, is complete."""
        self.send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that the configuration is read anew; `ready` ends it, whatever came of it."""
        self.send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self.send("STOPPING=1", "STATUS=ending what is under way")

    @asynccontextmanager
    async def starting(self, status: str) -> AsyncIterator[None]:
        """Ask for more time again and again: a large database may be copied and migrated."""

        async def extend() -> None:
            while True:
                self.send(f"EXTEND_TIMEOUT_USEC={_EXTEND_BY_S * 1_000_000}", f"STATUS={status}")
                await asyncio.sleep(_EXTEND_EVERY_S)

        asking = asyncio.create_task(extend(), name="systemd start")
        try:
            yield
        finally:
            asking.cancel()

    async def keep_alive(self, is_alive: Callable[[], bool], status: Callable[[], str]) -> None:
        """Feed the watchdog while the lines make progress, and tell each status that is new."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._feed(is_alive, status))
            both.create_task(self._tell(status))

    async def _tell(self, status: Callable[[], str]) -> None:
        told = ""
        while True:
            if (now := status()) != told:
                self.send(f"STATUS={now}")
                told = now
            await asyncio.sleep(_STATUS_EVERY_S)

    async def _feed(self, is_alive: Callable[[], bool], status: Callable[[], str]) -> None:
        """Say at half the watchdog's interval that the watch lives."""
        every_s = self.watchdog_s / 2 if self.watchdog_s else _FEED_EVERY_S
        while True:
            if not is_alive():
                log.error("a line stands still, the watchdog is not fed", why=status())
            elif self.watchdog_s:
                self.send("WATCHDOG=1")
            await asyncio.sleep(every_s)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
