"""CPU per feed of whole polls, beside `reader`, the best Python peer: `poll.py [--peer PYTHON]`.

300 real feeds on loopback, through the real `poll_source`: full sync, sandbox, shipped rules and
evidence on. Four rounds: cold, 304, 200 with the same body, one new item in each feed. CPU is that
of all our processes. PYTHON is one that can import `reader`; without it only ours is measured.
`--many` adds polls of 100 and of 10,000 feeds that are due at one moment, through the engine.
"""

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from monitor import pipeline, rules
from monitor.alerts.route import Route
from monitor.engine.local import LocalEngine, start_up
from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.fetch.sandbox import Sandbox
from monitor.model import Document, Source, SourceId
from monitor.steps.record import PollReport
from monitor.steps.watch import RecentStories, Settings, Watch
from monitor.store import SqliteStore

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("MONITOR_SHARED") or ROOT.parent / "shared")
AT_ONCE = 50
HOSTS = 50  # the server answers at 127.0.0.1 to 127.0.0.50
ROUNDS = {"cold": "", "warm": "", "bumped": "bump", "newitem": "addnew"}
AIMS = {"cold": (1.0, 1.5), "warm": (2.0, 3.0), "bumped": (10.0, 15.0), "newitem": (3.0, 5.0)}
STAGES = ("parse (child)", "parse (parent)", "match", "store", "fetch and loop")
TIMED = ("normalise_all", "_matched")  # of the pipeline: all of `match`, and synchronous
# The server of the shared data wants uvloop; asyncio's own loop does as well.
SERVE = (
    "import asyncio, runpy, sys, types; module = types.ModuleType('uvloop');"
    "module.run = asyncio.run; sys.modules['uvloop'] = module;"
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)


@contextmanager
def server(feeds: Path, port: int) -> Iterator[str]:
    """Serve the documents of a folder; yields the base address."""
    script = str(SHARED / "bench" / "server.py")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, script, str(port)],
        env={**os.environ, "FEEDS": str(feeds)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None, "it is a pipe"
        assert process.stdout.readline().startswith("ready"), "the server must start"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


# ---------------------------------------------------------------- ours


@dataclass
class Meter:
    """CPU seconds by stage; what runs on the loop's thread outside `match` is fetch and loop."""

    sandbox: Sandbox
    writer: ThreadPoolExecutor
    match_s: float = 0.0
    started: dict[str, float] = field(default_factory=dict)

    async def reading(self) -> dict[str, float]:
        loop = asyncio.get_running_loop()
        store_s = await loop.run_in_executor(self.writer, time.thread_time)
        child_s = sum(map(_child_cpu_s, self.sandbox.pids))
        loop_s = time.thread_time() - self.match_s
        whole_s = time.process_time()
        parent_s = whole_s - store_s - loop_s - self.match_s
        return dict(zip(STAGES, (child_s, parent_s, self.match_s, store_s, loop_s), strict=True))

    def timed(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            started = time.thread_time()
            try:
                return work(*args)
            finally:
                self.match_s += time.thread_time() - started

        return run


def _child_cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def rules_of(directory: Path) -> rules.RuleSet:
    texts = [(one.name, one.read_text("utf-8")) for one in sorted(directory.glob("rules/*.yaml"))]
    lists = [
        (one.name, one.read_text("utf-8")) for one in sorted(directory.glob("watchlists/*.csv"))
    ]
    return rules.load(texts, lists)


@contextmanager
def committed_config() -> Iterator[Path]:
    """Give the shipped configuration as committed; rules being edited may not load."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", "HEAD", "config"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder) / "config"


@dataclass
class Bench:
    """A watch on its own database, with everything that its service has."""

    folder: Path
    ruleset: rules.RuleSet
    sources: list[Source]
    resolve: Any = None

    def run(self, work: Callable[[Watch, Meter], Any]) -> Any:
        return asyncio.run(self._run(work))

    async def _run(self, work: Callable[[Watch, Meter], Any]) -> Any:
        store = SqliteStore(self.folder / "monitor.db")
        sandbox = Sandbox()
        fetcher = Fetcher(
            FetchSettings(user_agent="bench/1", allow_networks=("127.0.0.0/8",)),
            gate=Gate(monotonic=time.monotonic, gap=timedelta(0), limit=AT_ONCE),
            clock=now,
            resolve=self.resolve,
        )
        with ThreadPoolExecutor(1) as writer:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(writer, store.open, now())
            settings = Settings(
                ruleset=self.ruleset,
                sources={source.id: source for source in self.sources},
                routes=(Route(send=()),),
                ops_channels=(),
                digest_channels=(),
            )
            watch = Watch(
                settings=settings,
                channels={},
                store=store,
                fetch=fetcher.fetch,
                parse=sandbox.read,
                writer=writer,
                recent=RecentStories(),
            )
            try:
                await start_up(watch, now())
                return await work(watch, Meter(sandbox, writer))
            finally:
                await sandbox.close()
                await fetcher.aclose()
                await loop.run_in_executor(writer, store.close)


def now() -> datetime:
    return datetime.now(UTC)


async def poll_all(watch: Watch, sources: list[Source]) -> list[PollReport]:
    queue, reports = iter(sources), []

    async def work() -> None:
        for source in queue:
            reports.append(await pipeline.poll_source(watch, source, now()))

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return reports


def ours(feeds: Path, count: int, ruleset: rules.RuleSet, port: int) -> dict[str, dict[str, float]]:
    """Return, for each round, milliseconds of CPU per feed by stage."""
    sources = [
        Source(id=SourceId(f"f{n}"), url=f"http://127.0.0.{1 + n % HOSTS}:{port}/f/{n}.xml")
        for n in range(count)
    ]

    async def work(watch: Watch, meter: Meter) -> dict[str, dict[str, float]]:
        for name in TIMED:
            setattr(pipeline, name, meter.timed(getattr(pipeline, name)))
        await watch.parse(Document(FIRST), ())  # the child starts; the peer's imports do not count
        found = {}
        for name, bump in ROUNDS.items():
            if bump:
                await asyncio.to_thread(_get, f"{base}/{bump}")
            before = await meter.reading()
            reports = await poll_all(watch, sources)
            after = await meter.reading()
            spent = {stage: 1e3 * (after[stage] - before[stage]) / count for stage in STAGES}
            found[name] = {**spent, **_counts(reports)}
        return found

    plain = {name: getattr(pipeline, name) for name in TIMED}
    try:
        with server(feeds, port) as base, tempfile.TemporaryDirectory() as folder:
            return Bench(Path(folder), ruleset, sources).run(work)  # type: ignore[no-any-return]
    finally:
        for name, function in plain.items():
            setattr(pipeline, name, function)


def _counts(reports: list[PollReport]) -> dict[str, float]:
    return {
        "failed": sum(one.result == "failed" for one in reports),
        "new": sum(one.new_items for one in reports),
        "hits": sum(len(one.told) for one in reports),
    }


def _get(url: str) -> None:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = HTTPConnection(host)
    connection.request("GET", f"/{path}")
    connection.getresponse().read()
    connection.close()


# ---------------------------------------------------------------- the peer


def theirs(peer: str, feeds: Path, count: int, port: int) -> dict[str, float]:
    """Return milliseconds of CPU per feed of the peer, for each round."""
    script = str(SHARED / "bench" / "baseline_reader.py")
    with server(feeds, port) as base:
        done = subprocess.run(
            [peer, script, "--n", str(count), "--base", base],
            capture_output=True,
            text=True,
            check=True,
        )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["round"]: row["ms_cpu_per_feed"] for row in rows}


# ---------------------------------------------------------------- many due at once


ANSWER = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nCache-Control: max-age=3600\r\n\r\n'
FIRST = (
    b'<rss version="2.0"><channel><title>t</title><item><guid>1</guid><title>Quiet</title></item>'
    b"</channel></rss>"
)


class Unchanged(asyncio.Protocol):
    """Answers a first request with a short document, each later one with a 304."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            first = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: %d\r\n\r\n' % len(FIRST)
            self.transport.write(ANSWER if b"if-none-match" in head.lower() else first + FIRST)


def serve_unchanged(port: int) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        one = await loop.create_server(Unchanged, "127.0.0.1", port, backlog=1024)
        print("ready", flush=True)
        await one.serve_forever()

    asyncio.run(main())


def many(count: int, ruleset: rules.RuleSet, port: int) -> None:
    """Print what `count` feeds on as many hosts cost that are due at one moment."""
    sources = [
        Source(id=SourceId(f"f{n}"), url=f"http://h{n}.test:{port}/", every=timedelta(hours=6))
        for n in range(count)
    ]

    async def work(watch: Watch, meter: Meter) -> None:
        await poll_all(watch, sources)  # so that each has validators
        await watch.write(_all_due)
        polled: set[SourceId] = set()

        def ended(report: PollReport) -> None:
            polled.add(report.source.id)
            if len(polled) == count:
                engine.stop.set()

        engine = LocalEngine(watch=watch, at_once=AT_ONCE, on_report=ended)
        started, wall = sum((await meter.reading()).values()), time.monotonic()
        await engine.run()
        spent = sum((await meter.reading()).values()) - started
        children = sum(map(_resident_mb, meter.sandbox.pids))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{count:>6} feeds due at once: {1e3 * spent / count:.2f} ms CPU a poll, "
            f"{time.monotonic() - wall:.0f} s, peak {peak:.0f} MB and child {children:.0f} MB"
        )

    with tempfile.TemporaryDirectory() as folder:
        Bench(Path(folder), ruleset, sources, resolve=_loopback).run(work)


def _all_due(tx: Any) -> None:
    """Let all fall due in a moment (what was due before would be spread), connections closed."""
    for state in tx.sources.states():
        tx.sources.put(replace(state, next_poll_at=now() + timedelta(seconds=6)))


async def _loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


# ---------------------------------------------------------------- what is printed


def show(mine: dict[str, dict[str, float]], peer: dict[str, float]) -> None:
    print(f"\nms CPU per feed, {datetime.now(UTC):%Y-%m-%d}, {_machine()}")
    print(f"{'round':10}{'ours':>8}{'reader':>8}{'ratio':>8}{'wanted':>8}{'aim':>6}  of ours")
    for name, row in mine.items():
        whole = sum(row[stage] for stage in STAGES)
        shares = ", ".join(f"{stage} {100 * row[stage] / whole:.0f} %" for stage in STAGES)
        other = peer.get(name)
        ratio = f"{other:8.2f}{other / whole:8.1f}" if other else f"{'-':>8}{'-':>8}"
        wanted, aim = AIMS[name]
        counts = f"failed {row['failed']:.0f}, new {row['new']:.0f}, hits {row['hits']:.0f}"
        print(f"{name:10}{whole:8.2f}{ratio}{wanted:8.1f}{aim:6.1f}  {shares}; {counts}")


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--feeds", type=int, default=300)
    parser.add_argument("--peer", default=os.environ.get("PEER", ""), help="a Python with reader")
    parser.add_argument("--port", type=int, default=18480)
    parser.add_argument("--many", action="store_true")
    parser.add_argument("--serve-unchanged", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve_unchanged:
        serve_unchanged(args.serve_unchanged)
        return
    with committed_config() as config:
        ruleset = rules_of(config)
    if args.many:
        run_many(ruleset, args.port + 1)
        return
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(SHARED / "data" / "conformance.tgz") as archive:
            archive.extractall(folder, filter="data")
        feeds = Path(folder) / "conformance" / "raw" / "realworld"
        mine = ours(feeds, args.feeds, ruleset, args.port)
        peer = theirs(args.peer, feeds, args.feeds, args.port + 2) if args.peer else {}
    show(mine, peer)


def run_many(ruleset: rules.RuleSet, port: int) -> None:
    command = [sys.executable, __file__, "--serve-unchanged", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None, "it is a pipe"
        process.stdout.readline()
        for count in (100, 10_000):
            many(count, ruleset, port)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
