"""Turns per host on a virtual clock: a day passes in a moment."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from monitor.errors import FetchError
from monitor.fetch.politeness import Gate
from tests.unit.fetch.virtual import monotonic, play


class Visits:
    """What the hosts saw: when each request began and ended, and how many ran at once."""

    def __init__(self, gate: Gate, lasts_s: float = 0.2) -> None:
        self.gate = gate
        self.lasts_s = lasts_s
        self.spans: dict[str, list[tuple[float, float]]] = {}
        self.order: list[str] = []
        self.running = 0
        self.most = 0

    async def visit(self, host: str, name: str = "") -> None:
        async with self.gate.turn(host):
            began = monotonic()
            self.order.append(name or host)
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(self.lasts_s)
            self.running -= 1
            self.spans.setdefault(host, []).append((began, monotonic()))

    def gaps(self, host: str) -> list[float]:
        spans = self.spans[host]
        return [after[0] - before[1] for before, after in pairwise(spans)]


def make_gate(**changes: Any) -> Gate:
    """Return a gate on the virtual clock."""
    return Gate(monotonic=monotonic, **changes)


def test_edge_16_a_hundred_feeds_of_one_host_go_one_at_a_time() -> None:
    """Never two at once, never closer than the gap, in the order of asking."""

    async def scenario() -> None:
        visits = Visits(make_gate())

        await asyncio.gather(*(visits.visit("a.test", str(n)) for n in range(100)))

        assert min(visits.gaps("a.test")) >= 1.0
        assert max(visits.gaps("a.test")) < 1.01
        assert visits.order == [str(n) for n in range(100)]

    play(scenario())


def test_edge_16_a_slow_host_holds_up_no_other() -> None:
    """A hundred waiters of one host take none of the places of the others."""

    async def scenario() -> None:
        visits = Visits(make_gate(limit=5))

        crowd = [visits.visit("a.test") for _ in range(100)]
        others = [visits.visit(f"{n}.test") for n in range(20)]
        await asyncio.gather(*crowd, *others)

        assert visits.most == 5
        assert max(end for n in range(20) for _, end in visits.spans[f"{n}.test"]) < 1_003

    play(scenario())


def test_edge_09_a_pause_holds_the_whole_host() -> None:
    """After a 429 nobody asks before the time is up, to the second; others go on."""

    async def scenario() -> None:
        gate = make_gate()
        visits = Visits(gate)
        gate.pause("a.test", timedelta(seconds=90))

        await asyncio.gather(visits.visit("a.test"), visits.visit("a.test"), visits.visit("b.test"))

        assert [round(began - 1_000, 1) for began, _ in visits.spans["a.test"]] == [90.0, 91.2]
        assert visits.spans["b.test"][0][0] == 1_000

    play(scenario())


def test_edge_09_a_pause_told_while_others_wait_counts_for_them() -> None:
    """Who is already in line waits for the new time, or is turned away when it is far."""

    async def scenario() -> None:
        gate = make_gate()
        visits = Visits(gate)

        async def first() -> None:
            async with gate.turn("a.test"):
                gate.pause("a.test", timedelta(hours=1))

        results = await asyncio.gather(first(), visits.visit("a.test"), return_exceptions=True)

        assert isinstance(results[1], FetchError)
        assert results[1].kind == "postponed"
        assert results[1].retry_after == timedelta(hours=1)
        assert not visits.spans

    play(scenario())


@pytest.mark.parametrize(
    ("wait", "expected"),
    [(timedelta(days=3650), timedelta(days=1)), (timedelta(seconds=-5), timedelta(0))],
    ids=["ten-years", "negative"],
)
def test_edge_09_a_pause_is_within_reason(wait: timedelta, expected: timedelta) -> None:
    """Ten years become a day, a negative wait is none."""

    async def scenario() -> None:
        gate = make_gate()

        gate.pause("a.test", wait)

        assert gate.wait_for("a.test") == expected

    play(scenario())


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    """Two feeds of a host that ask for different pauses get the longer one."""

    async def scenario() -> None:
        gate = make_gate()

        gate.pause("a.test", timedelta(seconds=60))
        gate.pause("a.test", timedelta(seconds=5))

        assert gate.wait_for("a.test") == timedelta(seconds=60)

    play(scenario())


def test_who_would_wait_too_long_is_turned_away_at_once() -> None:
    """The line is bounded: the task past its end gets a time to come back, without waiting."""

    async def scenario() -> None:
        visits = Visits(make_gate(max_wait=timedelta(seconds=10)))

        results = await asyncio.gather(
            *(visits.visit("a.test") for _ in range(50)), return_exceptions=True
        )
        turned_away = [r for r in results if isinstance(r, FetchError)]

        assert len(visits.spans["a.test"]) == 11
        assert len(turned_away) == 39
        assert {e.retry_after for e in turned_away} == {timedelta(seconds=11)}

    play(scenario())


def test_a_cancelled_waiter_loses_nobody_the_turn() -> None:
    """Waiters that give up, in line or in their turn, leave the others in order."""

    async def scenario() -> None:
        gate = make_gate()
        visits = Visits(gate)
        tasks = [asyncio.create_task(visits.visit("a.test", str(n))) for n in range(10)]
        await asyncio.sleep(0.1)

        for n in (0, 1, 4, 9):
            tasks[n].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert visits.order == ["0", "2", "3", "5", "6", "7", "8"]
        assert gate.wait_for("a.test") <= timedelta(seconds=1)

    play(scenario())


def test_a_failed_turn_keeps_the_gap() -> None:
    """An error in a turn is passed on, and the host still has its pause."""

    async def scenario() -> None:
        gate = make_gate()

        with pytest.raises(ValueError, match="boom"):
            async with gate.turn("a.test"):
                raise ValueError("boom")

        assert gate.wait_for("a.test") == timedelta(seconds=1)
        assert gate.wait_for("b.test") == timedelta(0)

    play(scenario())


def test_hosts_that_are_done_are_forgotten() -> None:
    """Memory follows the hosts in use: 10,000 visited, only the paused and the latest kept."""

    async def scenario() -> None:
        gate = make_gate()
        gate.pause("paused.test", timedelta(days=1))

        for n in range(10_000):
            async with gate.turn(f"{n}.test"):
                await asyncio.sleep(1)

        assert len(gate._hosts) <= 1_001
        assert gate.wait_for("paused.test") > timedelta(0)

    play(scenario())


def test_a_day_with_one_crowded_host_and_many_others() -> None:
    """Six hours of rounds: 30 feeds on one host, 60 elsewhere; every rule holds, all are served."""

    async def scenario() -> None:
        visits = Visits(make_gate(limit=10))

        async def feed(host: str) -> None:
            for _ in range(24):
                await visits.visit(host)
                await asyncio.sleep(900)

        crowd = [feed("a.test") for _ in range(30)]
        await asyncio.gather(*crowd, *(feed(f"{n}.test") for n in range(60)))

        assert min(visits.gaps("a.test")) >= 1.0
        assert len(visits.spans["a.test"]) == 30 * 24
        assert all(len(visits.spans[f"{n}.test"]) == 24 for n in range(60))
        assert visits.most <= 10

    play(scenario())
