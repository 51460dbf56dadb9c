"""50 good feeds beside hostile ones: `python -m tests.evaluation.hostile_feeds [--minutes 30]`.

The engine polls 50 feeds that have something new each time, first alone, then beside 30 feeds that
serve documents made to hurt and documents damaged at random, a new one at each poll. Prints how
late the good feeds were polled in both parts, and ends with 1 when a document took longer than 5 s
or more than 300 MB, or when a good feed was not read.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import itertools
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import structlog

from monitor import rules
from monitor.alerts.route import Route
from monitor.engine.local import LocalEngine
from monitor.errors import ParseError
from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.fetch.sandbox import Sandbox
from monitor.model import Document, Fetched, NotModified, Reading, Source, SourceId, Validators
from monitor.steps.record import PollReport
from monitor.steps.watch import RecentStories, Settings, Watch
from monitor.store import SqliteStore
from tests.evaluation.conformance import SHARED
from tests.evaluation.fuzz_documents import MEMORY_BYTES, SECONDS, damaged, documents
from tests.kit import RULES

GOOD, HOSTILE = 50, 30
EVERY = timedelta(seconds=10)
GRACE_S = 1.0  # for the start of a child, on a machine under load
PORT = 8093


# ---------------------------------------------------------------- the publishers


def made_to_hurt() -> list[bytes]:
    """Return the documents of `bench/hostile.py` and those of our own tests."""
    found = list(_of_module(Path("tests/integration/test_sandbox.py"), "_hostile")().values())
    script = SHARED / "bench" / "hostile.py"
    if script.exists():
        text = script.read_text("utf-8").split("if sys.argv[1]")[0]
        space: dict[str, Any] = {}
        exec(compile(text, str(script), "exec"), space)
        found += space["docs"]().values()
    return found


def _of_module(path: Path, name: str) -> Callable[[], dict[str, bytes]]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, "it is a Python file"
    assert spec.loader is not None, "it is a Python file"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)  # type: ignore[no-any-return]


def serve(seed: int) -> None:
    """Serve /good/N, with one new item at each request, and /bad/N, until killed."""
    chance, corpus, hurting = random.Random(seed), documents(), made_to_hurt()
    numbers = itertools.count()

    def bad() -> bytes:
        return chance.choice(hurting) if chance.random() < 0.3 else damaged(chance, corpus)

    def good() -> bytes:
        date, number = format_datetime(datetime.now(UTC)), next(numbers)
        entry = f"<item><guid>n{number}</guid><title>News {number}</title><pubDate>{date}</pubDate>"
        text = f"<rss version='2.0'><channel><title>Good</title>{entry}</item></channel></rss>"
        return text.encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = good() if self.path.startswith("/good") else bad()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "text/xml")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("0.0.0.0", PORT), Handler)  # reached as 127.0.0.N
    print("ready", flush=True)
    server.serve_forever()


@contextmanager
def publishers(seed: int) -> Iterator[None]:
    """Run the server in a process of its own, so that its work delays nobody here."""
    command = [sys.executable, "-m", "tests.evaluation.hostile_feeds", "--serve", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None, "it is a pipe"
        assert process.stdout.readline().startswith("ready"), "the server must start"
        yield
    finally:
        process.terminate()
        process.wait()


def _source(kind: str, number: int) -> Source:
    offset = 1 if kind == "good" else 101
    url = f"http://127.0.0.{offset + number}:{PORT}/{kind}/{number}"
    return Source(id=SourceId(f"{kind}-{number}"), url=url, every=EVERY)


# ---------------------------------------------------------------- the watch


class Measured(Sandbox):
    """A sandbox that notes how each document ended, how long it took, what its child held."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.peak_bytes = 0

    def _read(self, document: Document, known: Collection[bytes], on_slow: Any) -> Reading:
        started, outcome = time.monotonic(), "read"
        try:
            return super()._read(document, known, on_slow)
        except ParseError as error:
            outcome = error.kind
            raise
        finally:
            self.slowest_s = max(self.slowest_s, time.monotonic() - started)
            self.outcomes[outcome] += 1
            self.peak_bytes = max(self.peak_bytes, *map(_peak_bytes, self.pids), 0)


def _peak_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return 0


@dataclass
class Lateness:
    """Seconds between when each good feed was due and when its request began."""

    due: dict[SourceId, datetime] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    longest: dict[str, float] = field(default_factory=dict)  # seconds of a stage, any feed

    def asked(self, source: Source) -> None:
        due = self.due.get(source.id)
        if due is not None:
            self.seconds.append((datetime.now(UTC) - due).total_seconds())

    def saw(self, report: PollReport) -> None:
        for stage, seconds in report.seconds.items():
            self.longest[stage] = max(self.longest.get(stage, 0.0), round(seconds, 2))
        if not report.source.id.startswith("good"):
            return
        if report.next_poll_at is not None:
            self.due[report.source.id] = report.next_poll_at
        if report.result != "read":
            self.failures.append(f"{report.source.id}: {report.error}")

    def told(self) -> str:
        ranked = sorted(self.seconds)
        p50, p99 = (ranked[int(len(ranked) * share)] for share in (0.5, 0.99))
        return (
            f"{len(ranked)} polls of good feeds, late by {p50:.2f} s (median), {p99:.2f} s (99 %), "
            f"{ranked[-1]:.2f} s (most); {len(self.failures)} failed"
        )


async def watched(folder: Path, hostile: int, minutes: float) -> tuple[Lateness, Measured]:
    """Run the engine for so long over the good feeds and so many hostile ones."""
    sources = [_source("good", n) for n in range(GOOD)]
    sources += [_source("bad", n) for n in range(hostile)]
    late, sandbox, tasks = Lateness(), Measured(), set[asyncio.Task[None]]()
    store = SqliteStore(folder / f"hostile-{hostile}.db")
    fetcher = Fetcher(
        FetchSettings(user_agent="evaluation", allow_networks=("127.0.0.0/8",)),
        gate=Gate(monotonic=time.monotonic, gap=timedelta(0)),
        clock=lambda: datetime.now(UTC),
    )

    async def fetch(source: Source, known: Validators) -> Fetched | NotModified:
        late.asked(source)
        return await fetcher.fetch(source, known)

    with ThreadPoolExecutor(1) as writer:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(writer, store.open, datetime.now(UTC))
        settings = Settings(
            ruleset=rules.load([("rules/test.yaml", RULES)]),
            sources={source.id: source for source in sources},
            routes=(Route(send=()),),
            ops_channels=(),
            digest_channels=(),
        )
        watch = Watch(
            settings=settings,
            channels={},
            store=store,
            fetch=fetch,
            parse=sandbox.read,
            writer=writer,
            recent=RecentStories(),
        )

        async def again(report: PollReport) -> None:
            """Make a failed feed due as soon as a good one: back-off would end the test."""
            due = datetime.now(UTC) + EVERY
            name = report.source.id
            await watch.write(
                lambda tx: tx.sources.put(
                    replace(tx.sources.state(name), next_poll_at=due, failures=0)
                )
            )

        def saw(report: PollReport) -> None:
            late.saw(report)
            if report.result == "failed":
                task = asyncio.create_task(again(report))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        engine = LocalEngine(watch=watch, at_once=8, on_report=saw)
        running = asyncio.create_task(engine.run())
        await asyncio.wait([running], timeout=minutes * 60)
        engine.stop.set()
        await running
        await asyncio.gather(*tasks)
        await sandbox.close()
        await fetcher.aclose()
        await loop.run_in_executor(writer, store.close)
    return late, sandbox


def main() -> int:
    """Measure both parts and print what came of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=30.0)
    arguments.add_argument("--alone", type=float, default=3.0, help="minutes without hostile feeds")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--serve", type=int)
    chosen = arguments.parse_args()
    if chosen.serve is not None:
        serve(chosen.serve)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with publishers(chosen.seed), tempfile.TemporaryDirectory() as folder:
        alone, _ = asyncio.run(watched(Path(folder), 0, chosen.alone))
        print(f"alone: {alone.told()}", flush=True)
        beside, sandbox = asyncio.run(watched(Path(folder), HOSTILE, chosen.minutes))
    print(f"beside {HOSTILE} hostile feeds: {beside.told()}")
    outcomes = dict(sandbox.outcomes.most_common())
    print(
        f"{sandbox.outcomes.total()} documents, slowest {sandbox.slowest_s:.2f} s, "
        f"peak {sandbox.peak_bytes / 1e6:.0f} MB: {outcomes}"
    )
    print(f"longest stages in s: {beside.longest}")
    for failure in (*alone.failures, *beside.failures)[:10]:
        print(failure)
    is_bounded = sandbox.slowest_s <= SECONDS + GRACE_S and sandbox.peak_bytes < MEMORY_BYTES
    return 0 if is_bounded and not (alone.failures or beside.failures) else 1


if __name__ == "__main__":
    sys.exit(main())
