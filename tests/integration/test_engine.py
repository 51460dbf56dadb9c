"""The engine drives the lines in one process: isolation, drain, faults."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.route import Route
from monitor.engine import local
from monitor.engine.local import LocalEngine
from monitor.model import Alert, Message
from monitor.notify import Tools
from monitor.steps.watch import Watch

VETO = ("Russia vetoes UN Security Council text", "Thirteen voted for it.")


@dataclass
class Hung:
    """A channel whose receiver accepts the connection and never answers, until it is let go."""

    name: str
    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[str] = field(default_factory=list)

    def recipients(self) -> Sequence[str]:
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:
        return Message(id=alert.id, body=b"x")

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        await self.let_go.wait()
        self.sent.append(message.id)


@dataclass
class Broken(Hung):
    """A channel with a fault of its own."""

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        raise ZeroDivisionError


async def _until(is_true: Callable[[], Any]) -> Any:
    """Wait for something to come true; what it looks at has no event of its own."""
    async with asyncio.timeout(20):
        while True:
            found = is_true()
            found = await found if asyncio.iscoroutine(found) else found
            if found:
                return found
            await asyncio.sleep(0.02)


def _engine(watch: Watch, kit: Any, **changes: Any) -> LocalEngine:
    return LocalEngine(watch=watch, at_once=4, clock=kit.clock, on_report=lambda _: None, **changes)


def test_a_hung_channel_delays_no_other_and_its_message_is_kept(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hook gets its message; after the stop the hung one's row waits for the next start."""
    monkeypatch.setattr(local, "_DRAIN_S", 0.2)
    kit.feeds.put("/a.xml", kit.rss(VETO))
    source = kit.source("a")

    def channels(tools: Tools) -> Any:
        return {"hung": Hung("hung"), **kit.channels(tools)}

    async def work(watch: Watch) -> Any:
        engine = _engine(watch, kit)
        running = asyncio.create_task(engine.run())
        await _until(lambda: len(kit.hook.posts()) == 1)
        engine.stop.set()
        await running
        return await watch.read(lambda tx: tx.outbox.rows(None, 9))

    routes = (Route(send=("hung", "hook")),)
    rows = kit.run([source], work, channels=channels, routes=routes)

    states = {row["channel"]: row["state"] for row in rows}
    assert states == {"hook": "sent", "hung": "sending"}

    async def again(watch: Watch) -> Any:
        return await watch.read(lambda tx: tx.outbox.counts())

    counts = kit.run([source], again, channels=channels, routes=routes)
    assert counts == {"sent": 1, "pending": 1}


def test_what_is_under_way_ends_before_the_stop(kit: Any) -> None:
    """A message that is being sent when the stop comes is sent, and settled."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    hung = []

    def channels(tools: Tools) -> Any:
        hung.append(Hung("slow"))
        return {"slow": hung[0]}

    async def work(watch: Watch) -> Any:
        engine = _engine(watch, kit)
        running = asyncio.create_task(engine.run())
        await _until(lambda: watch.read(lambda tx: tx.outbox.counts().get("sending")))
        engine.stop.set()
        asyncio.get_running_loop().call_later(0.2, hung[0].let_go.set)
        await running
        return await watch.read(lambda tx: tx.outbox.counts())

    counts = kit.run([kit.source("a")], work, channels=channels, routes=(Route(send=("slow",)),))

    assert counts == {"sent": 1}
    assert len(hung[0].sent) == 1


def test_a_fault_of_a_channel_is_a_try_that_failed(kit: Any) -> None:
    """A bug in a channel neither stops its lane nor loses the message."""
    kit.feeds.put("/a.xml", kit.rss(VETO))

    async def work(watch: Watch) -> Any:
        engine = _engine(watch, kit)
        running = asyncio.create_task(engine.run())
        row = await _until(lambda: watch.read(_tried))
        engine.stop.set()
        await running
        return row

    row = kit.run(
        [kit.source("a")],
        work,
        channels=lambda tools: {"broken": Broken("broken")},
        routes=(Route(send=("broken",)),),
    )

    assert row["state"] == "pending"
    assert "ZeroDivisionError" in row["error"]
    assert row["tries"][0]["outcome"] == "retry"


def test_a_fault_of_a_poll_does_not_stop_the_others(kit: Any) -> None:
    """An unforeseen error in one source's poll is logged; the next source is read."""
    kit.feeds.put("/good.xml", kit.rss(VETO))
    reports: list[str] = []

    async def work(watch: Watch) -> Any:
        fetch = watch.fetch

        async def faulty(source: Any, validators: Any) -> Any:
            if source.id == "bad":
                raise ZeroDivisionError
            return await fetch(source, validators)

        watch.fetch = faulty
        engine = LocalEngine(
            watch=watch,
            at_once=1,
            clock=kit.clock,
            on_report=lambda report: reports.append(report.source.id),
        )
        running = asyncio.create_task(engine.run())
        await _until(lambda: "good" in reports)
        engine.stop.set()
        await running

    kit.run([kit.source("bad"), kit.source("good")], work)

    assert reports == ["bad", "good"]


def test_the_heartbeat_and_the_reload_tick(kit: Any) -> None:
    """Time's line leaves its mark, and the look for changed files is called."""
    looks = []

    async def look() -> None:
        looks.append(1)

    async def work(watch: Watch) -> Any:
        engine = _engine(watch, kit, on_reload=look)
        running = asyncio.create_task(engine.run())
        await _until(lambda: bool(looks))
        beat = await _until(lambda: watch.read(lambda tx: tx.log.meta("heartbeat_at")))
        engine.stop.set()
        await running
        return beat

    assert kit.run([], work) == kit.now.isoformat()


def test_a_clock_that_is_set_back_silences_no_source(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source whose next poll lies ten years ahead is read within seconds of the jump."""
    monkeypatch.setattr(local, "_WATCHDOG_S", 0.05)
    kit.feeds.put("/a.xml", kit.rss(VETO))
    source = kit.source("a", every=timedelta(seconds=1))
    reports: list[datetime] = []

    async def work(watch: Watch) -> Any:
        kit.now += timedelta(days=3650)
        engine = LocalEngine(
            watch=watch, at_once=1, clock=kit.clock, on_report=lambda _: reports.append(kit.now)
        )
        running = asyncio.create_task(engine.run())
        await _until(lambda: bool(reports))
        kit.now -= timedelta(days=3650)
        later = asyncio.create_task(_moving(kit))
        await _until(lambda: reports[-1] < reports[0])
        later.cancel()
        engine.stop.set()
        await running

    kit.run([source], work)

    assert reports[-1] - reports[0] < timedelta(days=-3649)


async def _moving(kit: Any) -> None:
    """Let the test's clock go on."""
    while True:
        await asyncio.sleep(0.01)
        kit.now += timedelta(milliseconds=100)


def test_one_cycle_does_not_let_a_crowded_host_hold_up_the_others(kit: Any) -> None:
    """Sources of a host take turns; the others do not wait behind them, nor for a fault."""
    for name in ("c0", "c1", "c2"):
        kit.feeds.put(f"/{name}.xml", kit.rss(VETO))
    crowd = [kit.source(name) for name in ("c0", "c1", "c2")]
    far = kit.source("far", url=f"{kit.feeds.url.replace('127.0.0.1', '127.0.0.2')}/far.xml")
    order: list[str] = []

    async def work(watch: Watch) -> Any:
        fetch = watch.fetch
        under_way: set[str] = set()

        async def watched(source: Any, validators: Any) -> Any:
            order.append(source.id)
            assert not (source.id.startswith("c") and under_way), "one at a time of a host"
            if source.id == "c0":
                raise ZeroDivisionError
            under_way.update([source.id] if source.id.startswith("c") else [])
            try:
                return await fetch(source, validators)
            finally:
                under_way.discard(source.id)

        watch.fetch = watched
        return await local.once(watch, kit.clock, 2, lambda _: None)

    cycle = kit.run([*crowd, far], work)

    results = {report.source.id: report.result for report in cycle.reports}
    assert results == {"c0": "failed", "c1": "read", "c2": "read", "far": "failed"}
    assert order.index("far") == 1


def test_a_restart_spreads_what_fell_due(kit: Any) -> None:
    """Two hundred sources that are overdue are not all due at the first second."""
    sources = [kit.source(f"s{number}") for number in range(200)]

    async def work(watch: Watch) -> Any:
        yesterday = kit.now - timedelta(days=1)

        def age(tx: Any) -> None:
            for state in tx.sources.states():
                tx.sources.put(replace(state, last_poll_at=yesterday, next_poll_at=yesterday))

        await watch.write(age)
        await watch.write(lambda tx: local.spread(tx, watch, kit.now))
        now = await watch.read(lambda tx: tx.sources.due(kit.now + timedelta(seconds=10)))
        soon = await watch.read(lambda tx: tx.sources.due(kit.now + timedelta(minutes=5)))
        return len(now), len(soon)

    at_once, soon = kit.run(sources, work)

    assert at_once < 30
    assert soon == 200


def _tried(tx: Any) -> Any:
    row = tx.outbox.row(1)
    return row if row and row["tries"] else None
