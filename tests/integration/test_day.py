"""A day of 500 sources in virtual time: the real engine's polls, gate, steps and store.

Played are the clock, the hosts' answers, and what a start and the watchdog do with the clock.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from monitor import rules
from monitor.engine.local import spread, start_up
from monitor.engine.polls import Polls
from monitor.engine.pulse import Pulse
from monitor.errors import FetchError
from monitor.fetch.politeness import Gate
from monitor.model import NotModified, Source, SourceId, Validators
from monitor.steps.schedule import host_of
from monitor.steps.watch import RecentStories, Settings, Watch
from monitor.store import SqliteStore
from tests.unit.fetch.virtual import START, monotonic, play

EPOCH = datetime(2024, 3, 28, tzinfo=UTC)
DAY_S = 86_400.0
TICK_S = 10.0
LATENCY_S = 0.2
GAP = timedelta(seconds=1)
AT_ONCE = 8
DOWN_S = 3.0  # a process takes that long to start
CROWD = "crowd.test"
# Seconds into the day -> how far the wall clock jumps (a suspend, a wrong clock set right).
JUMPS = {35_000.0: timedelta(hours=3), 50_000.0: timedelta(hours=-5), 70_000.0: timedelta(hours=2)}
BUSY = (20_000.0, 21_800.0)  # while the crowded host answers 429, Retry-After: what is left
RESTARTS = [21_000.0, 60_000.0]  # one within that time


def _sources() -> dict[SourceId, Source]:
    crowd = [
        Source(id=SourceId(f"crowd-{n}"), url=f"https://{CROWD}/{n}", every=timedelta(hours=2))
        for n in range(100)
    ]
    others = [
        Source(
            id=SourceId(f"other-{n}"),
            url=f"https://other-{n}.test/",
            every=timedelta(minutes=60 + n % 120),
        )
        for n in range(400)
    ]
    return {source.id: source for source in (*crowd, *others)}


class _Inline(Executor):
    """Runs work at once: in virtual time nobody may wait for another thread."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it belongs to who asked
            done.set_exception(error)
        return done


@dataclass
class _Day:
    """The world outside: what the clock says, what hosts answer, and when they were asked."""

    offset: timedelta = timedelta(0)
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    polls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    gate: Gate = field(init=False)

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.passed()) + self.offset

    def passed(self) -> float:
        return monotonic() - START

    async def fetch(self, source: Source, _validators: Validators) -> NotModified:
        host = host_of(source.url)
        async with self.gate.turn(host):
            began = self.passed()
            await asyncio.sleep(LATENCY_S)
            self.spans[host].append((began, self.passed()))
            if host == CROWD and BUSY[0] <= self.passed() < BUSY[1]:
                wait = timedelta(seconds=BUSY[1] - self.passed())
                self.gate.pause(host, wait)
                raise FetchError("HTTP 429", kind="busy", status=429, retry_after=wait)
        self.polls[source.id].append(self.passed())
        return NotModified(validators=Validators(etag='"1"'))


@asynccontextmanager
async def _running(day: _Day, path: Path) -> AsyncIterator[tuple[Watch, Polls]]:
    """Start as a process does: a new gate, due times from the store, what is overdue spread."""
    store = SqliteStore(path)
    store.open(day.wall())
    day.gate = Gate(monotonic=monotonic, gap=GAP, limit=AT_ONCE)
    watch = Watch(
        settings=Settings(
            ruleset=rules.load([("rules/none.yaml", "version: 1\nrules: []\n")]),
            sources=_sources(),
            routes=(),
            ops_channels=(),
            digest_channels=(),
        ),
        channels={},
        store=store,
        fetch=day.fetch,
        parse=_never,
        writer=_Inline(),
        recent=RecentStories(),
    )
    polls = Polls(
        watch=watch,
        at_once=AT_ONCE,
        clock=day.wall,
        monotonic=monotonic,
        on_report=lambda report: None,
        pulse=Pulse(monotonic, 45),
    )
    await start_up(watch, day.wall())
    await watch.write(lambda tx: spread(tx, watch, day.wall()))
    try:
        yield watch, polls
    finally:
        polls.close()
        tasks = list(polls.running.values())
        for task in tasks:  # killed, not drained
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()


async def _never(*_: Any) -> Any:
    raise AssertionError("no document comes this day")


async def _live(day: _Day, path: Path) -> None:
    jumps = dict(JUMPS)
    for until in (*RESTARTS, DAY_S):
        async with _running(day, path) as (watch, polls):
            while day.passed() < until:
                for at in [at for at in jumps if at <= day.passed()]:
                    day.offset += jumps.pop(at)
                    await watch.write(partial(spread, watch=watch, now=day.wall()))
                await polls.tick()
                await asyncio.sleep(TICK_S)
        await asyncio.sleep(DOWN_S)


def test_edge_16_and_17_a_day_with_jumps_and_restarts(tmp_path: Path) -> None:
    """Never two at once, never too close, nobody forgotten, a pause kept to the second."""

    async def scenario() -> None:
        day = _Day()

        await _live(day, tmp_path / "monitor.db")

        for host, spans in day.spans.items():
            gaps = [after[0] - before[1] for before, after in pairwise(spans)]
            assert all(gap >= GAP.total_seconds() - 1e-6 for gap in gaps), host
        asked = [began for began, _ in day.spans[CROWD] if BUSY[0] <= began < BUSY[1]]
        assert len(asked) == 1, "one 429 was enough, through the restart too"
        for source in _sources().values():
            times = [0.0, *day.polls[source.id], DAY_S]
            allowed_s = 2 * source.every.total_seconds()
            worst = max(after - before for before, after in pairwise(times))
            assert worst <= allowed_s, (source.id, worst)

    play(scenario())
