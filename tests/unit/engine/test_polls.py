"""Which polls run: one a host, so many at once, longest overdue first, none after the close."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.engine import polls
from monitor.engine.polls import Polls
from monitor.engine.pulse import Line, Pulse
from monitor.errors import StoreError
from monitor.model import Source, SourceId, Validators
from monitor.steps.record import PollReport

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)


@dataclass
class Settings:
    sources: dict[SourceId, Source]


@dataclass
class FakeWatch:
    """Says what is due; polls end when they are let go."""

    settings: Settings
    due: list[SourceId] = field(default_factory=list)
    asked: list[SourceId] = field(default_factory=list)
    let_go: dict[SourceId, asyncio.Event] = field(default_factory=dict)
    error: Exception | None = None
    fetch: Any = None
    reading_s: dict[SourceId, float] = field(default_factory=dict)  # of documents that are read

    async def read(self, _step: Any) -> list[SourceId]:
        return list(self.due)

    async def poll(self, _watch: Any, source: Source, _now: datetime) -> PollReport:
        self.asked.append(source.id)
        if self.error is not None:
            raise self.error
        await self.let_go.setdefault(source.id, asyncio.Event()).wait()
        self.due.remove(source.id)
        if source.id in self.reading_s:
            return PollReport(source=source, result="read", reading_s=self.reading_s[source.id])
        return PollReport(source=source, result="unchanged")


def _play(
    monkeypatch: Any,
    urls: dict[str, str],
    scenario: Callable[[Polls, FakeWatch], Coroutine[Any, Any, None]],
    at_once: int = 10,
) -> None:
    sources = {SourceId(name): Source(id=SourceId(name), url=url) for name, url in urls.items()}
    watch = FakeWatch(Settings(sources), due=list(sources))
    monkeypatch.setattr(polls, "poll_source", watch.poll)
    one = Polls(
        watch=watch,  # type: ignore[arg-type]  # of a watch, only what is used here
        at_once=at_once,
        clock=lambda: NOW,
        monotonic=lambda: asyncio.get_running_loop().time(),
        on_report=lambda _: None,
        pulse=Pulse(time.monotonic, 45),
    )

    async def run() -> None:
        await scenario(one, watch)
        one.close()
        for event in watch.let_go.values():
            event.set()
        await asyncio.gather(*one.running.values())

    asyncio.run(run())


async def settle() -> None:
    """Let every task get as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_host_is_asked_by_one_poll_and_holds_one_place(monkeypatch: Any) -> None:
    """Sources of other hosts start beside a crowd that is due before them."""
    urls = {f"c{n}": "https://crowd.test/x" for n in range(20)} | {"z": "https://other.test/"}

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        await one.tick()
        await settle()

        assert watch.asked == ["c0", "z"]

        watch.let_go[SourceId("c0")].set()
        await settle()

        assert watch.asked == ["c0", "z", "c1"]

    _play(monkeypatch, urls, scenario, at_once=2)


def test_sources_whose_documents_are_slow_to_read_hold_one_place(monkeypatch: Any) -> None:
    """From the second time on; one whose document reads quickly again stands in its own line."""
    slow, good = [SourceId(f"s{n}") for n in range(5)], SourceId("z")
    urls = {str(name): f"https://{name}.test/" for name in (*slow, good)}

    async def again(one: Polls, watch: FakeWatch) -> list[SourceId]:
        """Let what is under way end, make everything due again; return what then starts."""
        for name in (*slow, good):
            watch.let_go.setdefault(name, asyncio.Event()).set()
        await settle()
        watch.let_go.clear()
        watch.asked.clear()
        watch.due = [*slow, good]
        await one.tick()
        await settle()
        return list(watch.asked)

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        watch.reading_s = dict.fromkeys(slow, 3.0) | {good: 0.02}
        assert await again(one, watch) == [*slow, good]
        assert await again(one, watch) == [slow[0], good]
        watch.reading_s[slow[0]] = 0.1
        assert await again(one, watch) == [slow[0], slow[1], good]

        del watch.reading_s[slow[1]]  # unchanged from now on: it was not read, so nothing is known

        assert await again(one, watch) == [slow[0], slow[1], good]

    _play(monkeypatch, urls, scenario)


def test_a_poll_that_ends_makes_room_at_once(monkeypatch: Any) -> None:
    """No tick is waited for, and never more than the limit run."""
    urls = {f"h{n}": f"https://h{n}.test/" for n in range(5)}

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        await one.tick()
        await settle()
        assert watch.asked == ["h0", "h1"]

        watch.let_go[SourceId("h1")].set()
        await settle()

        assert watch.asked == ["h0", "h1", "h2"]
        assert len(one.running) == 2

    _play(monkeypatch, urls, scenario, at_once=2)


def test_a_source_under_way_is_not_started_again(monkeypatch: Any) -> None:
    """Until its poll ends it is still due in the store."""

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        await one.tick()
        await settle()
        await one.tick()
        watch.let_go[SourceId("a")].set()
        await settle()

        assert watch.asked == ["a"]

    _play(monkeypatch, {"a": "https://a.test/"}, scenario)


def test_sources_that_are_off_or_unknown_are_left_alone(monkeypatch: Any) -> None:
    """A reload may have removed or disabled what the store still holds as due."""

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        off = SourceId("off")
        watch.settings.sources[off] = replace(watch.settings.sources[off], enabled=False)
        watch.due = [SourceId("never"), off, SourceId("a")]

        await one.tick()
        await settle()

        assert watch.asked == ["a"]

    _play(monkeypatch, {"a": "https://a.test/", "off": "https://off.test/"}, scenario)


def test_nothing_starts_after_the_close(monkeypatch: Any) -> None:
    """Neither what stood in line nor what a late tick finds."""
    urls = {"a": "https://a.test/1", "b": "https://a.test/2"}

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        await one.tick()
        await settle()
        one.close()
        watch.let_go[SourceId("a")].set()
        await settle()
        await one.tick()
        await settle()

        assert watch.asked == ["a"]

    _play(monkeypatch, urls, scenario)


def test_a_database_that_refuses_gets_a_rest(monkeypatch: Any) -> None:
    """Polls that could not be stored are not repeated every second."""

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        watch.error = StoreError("the disk is full")
        await one.tick()
        await settle()
        await one.tick()
        await settle()

        assert watch.asked == ["a"]

    _play(monkeypatch, {"a": "https://a.test/1", "b": "https://a.test/2"}, scenario)


def test_a_fault_of_who_hears_the_report_costs_nothing_else(monkeypatch: Any) -> None:
    """The poll is stored; the next source of the host is asked."""

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        def faulty(_: PollReport) -> None:
            raise ZeroDivisionError

        one.on_report = faulty
        watch.let_go = {SourceId("a"): asyncio.Event()}
        watch.let_go[SourceId("a")].set()
        await one.tick()
        await settle()

        assert watch.asked == ["a", "b"]

    _play(monkeypatch, {"a": "https://a.test/1", "b": "https://a.test/2"}, scenario)


def test_due_times_are_asked_for_now(monkeypatch: Any) -> None:
    """What is due is read at every tick, so that a new source does not wait for an old line."""

    async def scenario(one: Polls, watch: FakeWatch) -> None:
        watch.due = [SourceId("a")]
        await one.tick()
        await settle()
        watch.due.append(SourceId("b"))
        await one.tick()
        await settle()

        assert watch.asked == ["a", "b"]
        assert one.clock() - NOW == timedelta(0)

    _play(monkeypatch, {"a": "https://a.test/1", "b": "https://b.test/2"}, scenario)


def _has_moved(polls: Polls) -> bool:
    return next(one.has_moved for one in polls.pulse.lines() if one.line is Line.POLL)


def test_nothing_due_is_progress_and_full_places_are_not_until_one_ends(monkeypatch: Any) -> None:
    """A look that finds room moves the line; with every place hanging only an end does."""

    async def quiet(polls: Polls, watch: FakeWatch) -> None:
        watch.due.clear()
        await polls.tick()
        assert _has_moved(polls)

    async def full(polls: Polls, watch: FakeWatch) -> None:
        await polls.tick()
        await settle()
        await polls.tick()
        assert not _has_moved(polls)
        watch.let_go[SourceId("a")].set()
        await settle()
        assert _has_moved(polls)

    urls = {"a": "https://a.test/", "b": "https://b.test/"}
    _play(monkeypatch, urls, quiet, at_once=1)
    _play(monkeypatch, urls, full, at_once=1)


def test_a_database_that_refuses_is_noted_as_such(monkeypatch: Any) -> None:
    """The line has not moved, and is not taken for hung."""

    async def scenario(polls: Polls, watch: FakeWatch) -> None:
        watch.error = StoreError("disk full")
        await polls.tick()
        await settle()
        assert not _has_moved(polls)

    _play(monkeypatch, {"a": "https://a.test/"}, scenario, at_once=1)


def test_each_document_of_a_poll_is_progress(monkeypatch: Any) -> None:
    """A sitemap of ten slow documents in the only place is no standstill."""

    async def scenario(polls: Polls, watch: FakeWatch) -> None:
        async def fetch(_source: Source, _validators: Any) -> str:
            return "document"

        watch.fetch = fetch
        source = watch.settings.sources[SourceId("a")]
        assert await polls._fetch(source, Validators()) == "document"  # type: ignore[comparison-overlap]
        assert _has_moved(polls)

    _play(monkeypatch, {"a": "https://a.test/"}, scenario)
