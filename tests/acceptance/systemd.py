"""The service manager's side of sd_notify: a real datagram socket, and what came on it, timed."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Manager:
    """Receives notifications; `lines` are (monotonic seconds, line) in order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.lines: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(0.1)
        self._is_open = True
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def environ(self, watchdog_s: float | None = None) -> dict[str, str]:
        """Return what a service manager sets for the service."""
        watchdog = {"WATCHDOG_USEC": str(round(watchdog_s * 1e6))} if watchdog_s else {}
        return {"NOTIFY_SOCKET": self.address, **watchdog}

    def has(self, line: str, times: int = 1) -> bool:
        """Return whether a line came so many times."""
        return len(self.times(line)) >= times

    def times(self, line: str) -> list[float]:
        """Return when a line came; an ending `*` stands for anything."""
        return [
            at
            for at, one in list(self.lines)
            if one == line or (line.endswith("*") and one.startswith(line[:-1]))
        ]

    def _receive(self) -> None:
        while self._is_open:
            with suppress(TimeoutError):
                data = self._socket.recv(65_536)
                now = time.monotonic()
                self.lines += [(now, line) for line in data.decode().split("\n")]

    def close(self) -> None:
        """Listen no more."""
        self._is_open = False
        self._thread.join()
        self._socket.close()


@contextmanager
def managing(folder: Path, *, is_abstract: bool = False) -> Iterator[Manager]:
    """Listen at a path, or in the abstract namespace."""
    manager = Manager(f"@monitor-{os.getpid()}" if is_abstract else str(folder / "notify"))
    try:
        yield manager
    finally:
        manager.close()
