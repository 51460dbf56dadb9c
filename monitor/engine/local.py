"""One process drives the lines: ticks find what is due and start tasks; nothing waits in a tick."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from monitor.alerts import timing
from monitor.engine.clock import utc_now
from monitor.engine.lanes import Lanes
from monitor.engine.observer import Observer
from monitor.engine.polls import Polls, by_host, poll_safely
from monitor.engine.pulse import Line, Pulse
from monitor.engine.ticks import Ticks
from monitor.engine.vitals import BEAT_EVERY, Vitals
from monitor.errors import StoreError
from monitor.model import Coverage, Source
from monitor.pipeline import decide_due, deliver_due
from monitor.steps.coverage import coverage
from monitor.steps.edits import Edit, edit_of, take_over
from monitor.steps.record import PollReport
from monitor.steps.schedule import interval_of
from monitor.steps.watch import Watch
from monitor.store import Transaction

log = structlog.get_logger()

_POLL_TICK = timedelta(seconds=1)
_DELIVER_TICK = timedelta(seconds=1)
_DECIDE_TICK = timedelta(seconds=15)
_RELOAD_TICK = timedelta(seconds=2)
_WATCHDOG_S = 5.0
_DRAIN_S = 45.0  # after SIGTERM; systemd kills after 60
_LATE = timedelta(minutes=10)  # overdue: the watch stood still, what came meanwhile comes late
_STALLED_AFTER = timedelta(seconds=45)  # three times the slowest tick
_BESIDE_FETCH = timedelta(seconds=25)  # waiting for a turn, parsing, storing


@dataclass(kw_only=True)
class LocalEngine:
    """Runs until `stop` is set, then lets what is under way end.

    `on_report` hears of every poll, `observer` of everything; `on_reload` looks whether the
    configuration changed; `on_start` is called once the store is in step with it.
    """

    watch: Watch
    at_once: int
    clock: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    on_report: Callable[[PollReport], None]
    on_reload: Callable[[], Coroutine[Any, Any, None]] | None = None
    on_start: Callable[[], None] = lambda: None
    observer: Observer = field(default_factory=Observer)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    stalled_after: timedelta = _STALLED_AFTER
    is_locked: Callable[[], bool] = lambda: True
    vitals: Vitals = field(init=False)
    polls: Polls = field(init=False)
    lanes: Lanes = field(init=False)

    def __post_init__(self) -> None:
        pulse = Pulse(self.monotonic, self.stalled_after.total_seconds())
        self.vitals = Vitals(pulse, self.monotonic, self.is_locked)
        self.polls = Polls(
            watch=self.watch,
            at_once=self.at_once,
            clock=self.clock,
            monotonic=self.monotonic,
            on_report=self._saw_poll,
            pulse=pulse,
        )
        self.lanes = Lanes(
            watch=self.watch,
            clock=self.clock,
            pulse=pulse,
            on_outcome=self.observer.saw_outcome,
        )

    async def run(self) -> None:
        """Drive the lines; returns when stopped and drained."""
        await start_up(self.watch, self.clock())
        await self.watch.write(lambda tx: spread(tx, self.watch, self.clock()))
        self.vitals.written()
        self._allow_slow_sources()
        self.vitals.pulse.begin()
        self.on_start()
        ticks = Ticks(self.clock, self.monotonic)
        ticks.add("poll", _POLL_TICK, self._guarded(self.polls.tick, Line.POLL))
        ticks.add("deliver", _DELIVER_TICK, self._guarded(self.lanes.tick, Line.DELIVER))
        ticks.add("decide", _DECIDE_TICK, self._guarded(self._decide, Line.DECIDE))
        ticks.add("health", BEAT_EVERY, self._guarded(self._beat))
        if self.on_reload is not None:
            ticks.add("reload", _RELOAD_TICK, self._guarded(self.on_reload))
        ticks.start()
        try:
            await self._watch_clock(ticks)
        finally:
            ticks.stop()
            self.polls.close()
            await self._drain()
        await self._judge(has_ended=True)

    def _saw_poll(self, report: PollReport) -> None:
        self.observer.saw_poll(report)
        self.on_report(report)

    async def _decide(self) -> None:
        report = await decide_due(self.watch, self.clock())
        self.vitals.pulse.moved(Line.DECIDE)
        self.observer.saw_due(report)

    async def _beat(self) -> None:
        self._allow_slow_sources()
        await self._judge()

    async def _judge(self, *, has_ended: bool = False) -> None:
        """Store how the watch fares; that this can be stored is a part of it."""
        judged = self.vitals.judge(self.clock(), has_ended=has_ended)
        text = json.dumps(judged.to_dict(), ensure_ascii=False)
        try:
            await self.watch.write(lambda tx: self.vitals.store(tx, judged, text))
        except StoreError as refused:
            self.vitals.refused(str(refused))
            log.warning("the database takes no writes", error=str(refused))
            return
        self.vitals.written()

    def _guarded(
        self, tick: Callable[[], Coroutine[Any, Any, None]], line: Line | None = None
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """Return a tick whose fault is logged; the next one tries again."""

        async def guarded() -> None:
            try:
                await tick()
            except StoreError as refused:
                if line is not None:
                    self.vitals.pulse.refused(line)
                log.warning("tick refused by the database", line=line, error=str(refused))
            except Exception:
                log.exception("tick failed", line=line)

        return guarded

    def _allow_slow_sources(self) -> None:
        """Let the poll line take as long as its slowest source may, where it fills all places."""
        slowest = max(
            (one.timeout for one in self.watch.settings.sources.values() if one.enabled),
            default=timedelta(0),
        )
        longest = max(self.stalled_after, slowest + _BESIDE_FETCH)
        self.vitals.pulse.allow(Line.POLL, longest.total_seconds())

    async def _watch_clock(self, ticks: Ticks) -> None:
        """Wait for the stop; look now and then whether the wall clock jumped."""
        while not self.stop.is_set():
            try:
                async with asyncio.timeout(_WATCHDOG_S):
                    await self.stop.wait()
            except TimeoutError:
                jump = ticks.jumped()
                if jump is not None:
                    await self._guarded(partial(self._mend_times, jump))()

    async def _mend_times(self, jump: timedelta) -> None:
        log.warning("the clock jumped", seconds=round(jump.total_seconds()))
        self.observer.saw_jump(jump)
        await self.watch.write(lambda tx: spread(tx, self.watch, self.clock()))
        await self.watch.write(lambda tx: tx.outbox.mend_times(self.clock()))

    async def _drain(self) -> None:
        """Let what is under way end; cut off what takes too long, its rows come back by lease."""
        running = [*self.polls.running.values(), *self.lanes.running.values()]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=_DRAIN_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def start_up(watch: Watch, now: datetime) -> None:
    """Bring the store in step with the configuration, and take back what a dead sender held."""
    edit = await edit_on(watch)

    def step(tx: Transaction) -> None:
        released = tx.outbox.release(now)  # first: what waits for a removed channel ends in sync
        tx.outbox.mend_times(now)
        sync(tx, watch, edit, now)
        tx.outbox.reopen_channels()
        if released:
            log.info("messages taken back from a sender that died", rows=released)

    await watch.write(step)


async def edit_on(watch: Watch) -> Edit:
    """Return what the settings of a watch change of those that are stored as in force."""
    before = await watch.read(lambda tx: tx.log.files_in_force())
    return await asyncio.to_thread(edit_of, before, watch.settings)


def sync(tx: Transaction, watch: Watch, edit: Edit, now: datetime) -> None:
    """Store which sources, channels and rules are in force."""
    enabled = [one for one in watch.settings.sources.values() if one.enabled]
    tx.sources.sync(enabled, [now] * len(enabled))
    tx.ledger.end_removed(now)
    for old, new in watch.settings.ruleset.renamed.items():
        tx.items.rename_rule(old, new)
        tx.stories.rename_rule(old, new)
    retired = tx.outbox.retire(watch.channels, now)
    if retired:
        log.warning("messages of removed channels ended as dead", rows=retired)
    take_over(tx, watch.settings, edit, now)


def spread(tx: Transaction, watch: Watch, now: datetime) -> None:
    """Spread what fell due while nobody looked, and mend due times of a clock that went back.

    A source that was never polled stays due at once. Since it was due, it was not read.
    """
    for state in tx.sources.states():
        source = watch.settings.sources.get(state.id)
        if source is None or state.last_poll_at is None:
            continue
        due_at = timing.due_after_start(
            source.id,
            now,
            due_at=state.next_poll_at,
            last_at=state.last_poll_at,
            every=interval_of(source, state, now),
        )
        if due_at != state.next_poll_at:
            is_late = now - state.next_poll_at >= _LATE
            unread = state.unread_since or (state.next_poll_at if is_late else None)
            tx.sources.put(replace(state, next_poll_at=due_at, unread_since=unread))


async def once(
    watch: Watch,
    clock: Callable[[], datetime],
    at_once: int,
    on_report: Callable[[PollReport], None],
) -> "Cycle":
    """Run one cycle over every enabled source, due or not, and deliver what is due."""
    started, began = time.monotonic(), clock()
    await start_up(watch, began)
    places = asyncio.Semaphore(at_once)
    reports: list[PollReport] = []

    async def poll(line: Iterable[Source]) -> None:
        for source in line:
            async with places:
                report = await poll_safely(watch, source, clock())
            reports.append(report)
            on_report(report)

    sources = (one for one in watch.settings.sources.values() if one.enabled)
    await asyncio.gather(*map(poll, by_host(sources).values()))
    due = await decide_due(watch, clock())
    lanes = (deliver_due(watch, channel, clock) for channel in watch.channels.values())
    outcomes = [outcome for lane in await asyncio.gather(*lanes) for outcome in lane]
    settings, now = watch.settings, clock()
    seen = await watch.read(lambda tx: coverage(tx, settings, began, now, at_least=timedelta(0)))
    return Cycle(
        reports=reports,
        coverage=seen,
        due_alarms=due.alarms,
        digests=due.digests,
        results=[one.result for one in outcomes],
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """What one cycle came to."""

    reports: list[PollReport]
    coverage: Coverage
    due_alarms: tuple[str, ...]
    digests: int
    results: list[str]
    seconds: float
