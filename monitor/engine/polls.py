"""Which polls run: longest overdue first, one at a time for each host, so many at once in all.

Sources whose latest document took long to read stand in one queue together, whatever their hosts:
so many of them as there may be hold one place and not all.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from monitor.engine.pulse import Line, Pulse
from monitor.errors import ParseError, StoreError
from monitor.model import Fetched, NotModified, Source, SourceId, Validators
from monitor.pipeline import poll_source
from monitor.steps.record import PollReport, record_failure
from monitor.steps.schedule import host_of
from monitor.steps.watch import Watch

log = structlog.get_logger()

_REST_S = 15.0
_LONGEST = timedelta(minutes=15)  # a poll; its parts have shorter ends, this is for our own faults
_SLOW_S = 0.5  # of CPU for one document; 300 real feeds took 0.02 on average
_SLOW_QUEUE = ""  # no host has this name


@dataclass(kw_only=True)
class Polls:
    """Starts polls as they fall due; a poll that ends makes room for the next one at once.

    Hosts are asked by one poll each, so that a hundred sources of one host, which take turns,
    hold one place and not all. `running` holds the polls under way.
    """

    watch: Watch
    at_once: int
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    on_report: Callable[[PollReport], None]
    pulse: Pulse
    running: dict[SourceId, asyncio.Task[None]] = field(default_factory=dict)
    _queues: dict[str, deque[Source]] = field(default_factory=dict)  # what is due, by queue
    _free: deque[str] = field(default_factory=deque)  # queues of which no poll runs now
    _busy: set[str] = field(default_factory=set)
    _slow: set[SourceId] = field(default_factory=set)
    _is_closed: bool = False
    _rest_until: float = 0.0  # monotonic seconds; the database refused: no polls until then

    async def tick(self) -> None:
        """Look what is due, and start as much of it as may run."""
        if self.monotonic() < self._rest_until:
            return
        now = self.clock()
        self._line_up(await self.watch.read(lambda tx: tx.sources.due(now)))
        self._fill()
        if len(self.running) < self.at_once:  # else polls that end are what counts
            self.pulse.moved(Line.POLL)

    def close(self) -> None:
        """Start nothing more; what runs goes on."""
        self._is_closed = True
        self._forget()

    def _forget(self) -> None:
        self._queues.clear()
        self._free.clear()

    def _line_up(self, due: Iterable[SourceId]) -> None:
        self._forget()
        known = self.watch.settings.sources
        sources = (known[name] for name in due if name in known and name not in self.running)
        self._queues = _by((one for one in sources if one.enabled), self._queue_of)
        self._free.extend(queue for queue in self._queues if queue not in self._busy)

    def _queue_of(self, source: Source) -> str:
        return _SLOW_QUEUE if source.id in self._slow else host_of(source.url)

    def _fill(self) -> None:
        while self._free and not self._is_closed and len(self.running) < self.at_once:
            queue = self._free.popleft()
            source = self._queues[queue].popleft()
            self._busy.add(queue)
            task = asyncio.create_task(self._poll(source), name=f"poll {source.id}")
            self.running[source.id] = task
            task.add_done_callback(partial(self._ended, source.id, queue))

    def _ended(self, source_id: SourceId, queue: str, _: asyncio.Task[None]) -> None:
        del self.running[source_id]
        self._busy.discard(queue)
        if self._queues.get(queue):
            self._free.append(queue)
        self._fill()

    async def _poll(self, source: Source) -> None:
        watch = replace(self.watch, fetch=self._fetch)
        try:
            report = await poll_safely(watch, source, self.clock())
            self._judge(report)
            self.pulse.moved(Line.POLL)
            self.on_report(report)
        except StoreError as refused:
            self.pulse.refused(Line.POLL)
            log.exception("poll not stored", source=source.id, error=str(refused))
            self._rest_until = self.monotonic() + _REST_S
            self._forget()
        except Exception:
            log.exception("task failed", task=source.id)

    async def _fetch(self, source: Source, validators: Validators) -> Fetched | NotModified:
        """Fetch; each document of a long sitemap is progress where all places are taken."""
        try:
            return await self.watch.fetch(source, validators)
        finally:
            self.pulse.moved(Line.POLL)

    def _judge(self, report: PollReport) -> None:
        """Note whether a document took long to read; one that is unchanged was not read."""
        if report.result == "unchanged":
            return
        if report.reading_s > _SLOW_S:
            self._slow.add(report.source.id)
        else:
            self._slow.discard(report.source.id)


async def poll_safely(watch: Watch, source: Source, now: datetime) -> PollReport:
    """Poll one source; a fault of our own is a failed poll, so that no tick spins on it.

    Raises:
        StoreError: the database refused.
    """
    try:
        async with asyncio.timeout(_LONGEST.total_seconds()):
            return await poll_source(watch, source, now)
    except StoreError:
        raise
    except Exception as fault:
        log.exception("poll failed", source=source.id)
        error = ParseError(f"fault: {type(fault).__name__}: {fault}", kind="fault")
        return await watch.write(lambda tx: record_failure(tx, watch, source, error, now))


def by_host(sources: Iterable[Source]) -> dict[str, deque[Source]]:
    """Return the sources of each host, in their order."""
    return _by(sources, lambda source: host_of(source.url))


def _by(sources: Iterable[Source], queue_of: Callable[[Source], str]) -> dict[str, deque[Source]]:
    queues: dict[str, deque[Source]] = {}
    for source in sources:
        queues.setdefault(queue_of(source), deque()).append(source)
    return queues
