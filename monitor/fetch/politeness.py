"""Per-host turns: one request at a time, a gap between two, and a pause when a host asks for it.

The clock and the sleep are arguments, so that a day passes in a test in a second.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.errors import FetchError

_SWEEP_AT = 1_000  # hosts in memory before those that nothing is known of any more are forgotten


@dataclass(slots=True)
class _Host:
    ready_at: float = 0.0
    waiting: int = 0  # tasks that hold or want the turn
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Gate:
    """Hands out turns, per host in the order of asking, at most `limit` at once in all.

    Who would have to wait longer than `max_wait` is turned away with a FetchError of the kind
    `postponed` and a `retry_after`: that is no failure of the source.
    A task that waits for its turn holds none of the `limit` places.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gap: timedelta = timedelta(seconds=1),
        limit: int = 50,
        max_wait: timedelta = timedelta(minutes=5),
        max_pause: timedelta = timedelta(days=1),
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._gap_s = gap.total_seconds()
        self._max_wait_s = max_wait.total_seconds()
        self._max_pause_s = max_pause.total_seconds()
        self._places = asyncio.Semaphore(limit)
        self._hosts: dict[str, _Host] = {}
        self._sweep_at = _SWEEP_AT

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for the turn of `host`; the gap counts from the end of one turn to the next."""
        state = self._state(host)
        self._turn_away(host, state)
        state.waiting += 1
        try:
            async with state.turn:
                await self._wait_until_ready(host, state)
                async with self._places:
                    try:
                        yield
                    finally:
                        state.ready_at = max(state.ready_at, self._monotonic() + self._gap_s)
        finally:
            state.waiting -= 1

    def pause(self, host: str, wait: timedelta) -> None:
        """Let nobody call `host` for `wait`; a longer pause stays, those in line are told."""
        wait_s = min(max(wait.total_seconds(), 0.0), self._max_pause_s)
        state = self._state(host)
        state.ready_at = max(state.ready_at, self._monotonic() + wait_s)

    def wait_for(self, host: str) -> timedelta:
        """Return how long a task that asked now would wait at least."""
        state = self._hosts.get(host)
        return timedelta(seconds=self._expected_s(state) if state else 0.0)

    async def _wait_until_ready(self, host: str, state: _Host) -> None:
        # A loop: the host may have been paused, or the sleep cut short, meanwhile.
        while (wait_s := state.ready_at - self._monotonic()) > 0:
            if wait_s > self._max_wait_s:
                raise _postponed(host, wait_s)
            await self._sleep(wait_s)

    def _turn_away(self, host: str, state: _Host) -> None:
        wait_s = self._expected_s(state)
        if wait_s > self._max_wait_s:
            raise _postponed(host, wait_s)

    def _expected_s(self, state: _Host) -> float:
        return max(state.ready_at - self._monotonic(), 0.0) + state.waiting * self._gap_s

    def _state(self, host: str) -> _Host:
        if host not in self._hosts:
            if len(self._hosts) >= self._sweep_at:
                self._forget()
            self._hosts[host] = _Host()
        return self._hosts[host]

    def _forget(self) -> None:
        now = self._monotonic()
        self._hosts = {
            name: state
            for name, state in self._hosts.items()
            if state.waiting or state.ready_at > now
        }
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._hosts))  # constant cost per new host


def _postponed(host: str, wait_s: float) -> FetchError:
    return FetchError(
        f"{host} is not asked for another {wait_s:.0f} s: it wants a pause, or others are in line",
        kind="postponed",
        retry_after=timedelta(seconds=wait_s),
    )
