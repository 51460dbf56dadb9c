"""An event loop in which time passes only when everybody waits: a day takes seconds."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

START = 1_000.0


class _Jump(selectors.DefaultSelector):
    """Waits by moving the clock."""

    now = START

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            ready = super().select(10)  # a thread is at work, and takes real time
        assert ready or timeout is not None, "everybody waits and nobody will wake them"
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`asyncio.sleep` and `asyncio.timeout` by a clock of its own."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


def play(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario)


def monotonic() -> float:
    """Return the time of the running loop."""
    return asyncio.get_running_loop().time()
