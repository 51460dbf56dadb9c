"""Times and turns together: 24 hours of 500 feeds with jumps of the clock and a restart.

The store's due times, the tick and the clock are played here; the rules under test are the gate's
and those of `alerts.timing`, as the service puts them together.
"""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from monitor.alerts.timing import due_after_start, next_poll, poll_floor
from monitor.errors import FetchError
from monitor.fetch.politeness import Gate
from tests.unit.fetch.virtual import START, monotonic, play

EPOCH = datetime(2024, 3, 28, tzinfo=UTC)
DAY_S = 86_400.0
TICK_S = 5.0
LATENCY_S = 0.2
GAP = timedelta(seconds=1)
CROWD = [f"crowd-{n}" for n in range(100)]
OTHERS = [f"other-{n}" for n in range(400)]
EVERY = {name: timedelta(minutes=30) for name in CROWD} | {
    name: timedelta(minutes=20 + index % 41) for index, name in enumerate(OTHERS)
}
# Seconds into the day -> how far the wall clock jumps (a suspend, a wrong clock set right).
JUMPS = {20_900.0: timedelta(hours=3), 30_000.0: timedelta(hours=-5), 60_000.0: timedelta(hours=2)}
RESTART_S = 45_000.0
BUSY = (20_000.0, 21_800.0)  # while the crowded host answers 429, Retry-After: what is left


class Day:
    """What a service does all day, with the answers of the hosts played."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self.due: dict[str, datetime] = {}
        self.last: dict[str, datetime] = {}
        self.in_flight: set[str] = set()
        self.calls: dict[str, list[tuple[float, float]]] = defaultdict(list)  # host -> spans
        self.polls: dict[str, list[float]] = defaultdict(list)  # source -> when it was answered
        self.tasks: set[asyncio.Task[None]] = set()
        self.start()

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=monotonic() - START) + self.offset

    def start(self) -> None:
        """Begin as after a start of the process: a new gate, due times from the store."""
        for task in self.tasks:
            task.cancel()
        self.in_flight.clear()
        self.gate = Gate(monotonic=monotonic, gap=GAP, limit=50)
        self.settle()

    def settle(self) -> None:
        now = self.wall()
        for name, every in EVERY.items():
            self.due[name] = due_after_start(
                name,
                now,
                due_at=self.due.get(name, now),
                last_at=self.last.get(name),
                every=every,
            )

    async def tick(self) -> None:
        now = self.wall()
        for name, at in self.due.items():
            if at <= now and name not in self.in_flight:
                self.in_flight.add(name)
                task = asyncio.create_task(self.poll(name))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def poll(self, name: str) -> None:
        host = "crowd.test" if name.startswith("crowd") else f"{name}.test"
        floor = None
        try:
            async with self.gate.turn(host):
                floor = await self.answer(host, name)
        except FetchError as error:
            floor = poll_floor(retry_after=error.retry_after)
        now = self.last[name] = self.wall()
        self.due[name] = next_poll(name, now, every=EVERY[name], floor=floor).at
        self.in_flight.discard(name)

    async def answer(self, host: str, name: str) -> timedelta | None:
        began = monotonic()
        await asyncio.sleep(LATENCY_S)
        self.calls[host].append((began, monotonic()))
        left_s = BUSY[1] - (began - START)
        if host == "crowd.test" and BUSY[0] <= began - START < BUSY[1]:
            wait = timedelta(seconds=left_s)
            self.gate.pause(host, wait)
            return poll_floor(retry_after=wait)
        self.polls[name].append(began - START)
        return None


async def live(day: Day) -> None:
    """Let the day pass, tick by tick."""
    jumps = dict(JUMPS)
    is_restarted = False
    while (passed := monotonic() - START) < DAY_S:
        for at in [at for at in jumps if at <= passed]:
            day.offset += jumps.pop(at)
            day.settle()
        if passed >= RESTART_S and not is_restarted:
            is_restarted = True
            day.start()
        await day.tick()
        await asyncio.sleep(TICK_S)
    for task in day.tasks:
        task.cancel()


def test_edge_16_and_17_a_day_with_jumps_and_a_restart() -> None:
    """Never two at once, never too close, nobody forgotten, every pause kept to."""

    async def scenario() -> None:
        day = Day()

        await live(day)

        for host, spans in day.calls.items():
            gaps = [after[0] - before[1] for before, after in pairwise(spans)]
            # The restarted process does not know what the old one asked a moment before.
            too_close = [g for g, s in zip(gaps, spans[1:], strict=False) if g < 1 - 1e-6
                         and not RESTART_S <= s[0] - START <= RESTART_S + 2 * TICK_S]  # fmt: skip
            assert not too_close, host
        paused = [began - START for began, _ in day.calls["crowd.test"]
                  if BUSY[0] <= began - START < BUSY[1]]  # fmt: skip
        assert len(paused) == 1, "one 429 was enough"
        for name, every in EVERY.items():
            waits = [after - before for before, after in pairwise([0.0, *day.polls[name], DAY_S])]
            allowed_s = 2 * every.total_seconds() + (BUSY[1] - BUSY[0])
            if not name.startswith("crowd"):
                allowed_s = 2 * every.total_seconds()
            assert max(waits) <= allowed_s, name

    play(scenario())
