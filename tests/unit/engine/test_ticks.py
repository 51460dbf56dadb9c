"""Ticks that survive jumping clocks, on a real loop."""

import asyncio
from datetime import UTC, datetime, timedelta

from monitor.engine.ticks import Every, Ticks

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)


def test_a_tick_counts_from_now_and_never_lists_what_was_skipped() -> None:
    """After a month's jump there is one next firing, an interval ahead."""
    trigger = Every(timedelta(seconds=1))
    later = NOW + timedelta(days=30)

    assert trigger.get_next_fire_time(None, NOW) == NOW
    assert trigger.get_next_fire_time(NOW, later) == later + timedelta(seconds=1)


class _Clocks:
    """A wall clock that can be set, beside a monotonic one that cannot."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def wall(self) -> datetime:
        """Return the wall clock."""
        return datetime.now(UTC) + self.ahead

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return asyncio.get_running_loop().time()


def test_calls_tick_at_once_and_again_and_stop() -> None:
    """The first call does not wait for an interval; a stopped clockwork calls no more."""

    async def run() -> int:
        clocks, calls, enough = _Clocks(), 0, asyncio.Event()

        async def call() -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                enough.set()

        ticks = Ticks(clocks.wall, clocks.monotonic)
        ticks.add("call", timedelta(milliseconds=20), call)
        ticks.start()
        await asyncio.wait_for(enough.wait(), 10)
        ticks.stop()
        ticks.stop()
        return calls

    assert asyncio.run(run()) == 3


def test_a_jump_of_the_clock_makes_every_tick_due() -> None:
    """Set back by an hour, a tick would stand still; it is called at once instead."""

    async def run() -> tuple[timedelta | None, timedelta | None, timedelta | None]:
        clocks, called = _Clocks(), asyncio.Event()

        async def call() -> None:
            called.set()

        ticks = Ticks(clocks.wall, clocks.monotonic)
        ticks.add("call", timedelta(hours=2), call)
        ticks.start()
        await asyncio.wait_for(called.wait(), 10)
        called.clear()
        before = ticks.jumped()
        clocks.ahead = timedelta(hours=-1)
        jump = ticks.jumped()
        after = ticks.jumped()
        ticks.stop()
        return before, jump, after

    before, jump, after = asyncio.run(run())

    assert (before, after) == (None, None)
    assert jump is not None
    assert abs(jump + timedelta(hours=1)) < timedelta(seconds=5)
