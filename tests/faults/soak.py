"""An hour of `monitor run` over 200 feeds with faults: nothing grows, and the ledger balances.

    python -m tests.faults.soak [--minutes 60] [--feeds 200] [--out DIR] [--seed 7]

The real command in a process of its own, real clock, loopback: feeds that fail in nine ways, two
hooks and a mail server that refuse, forget and break, a kill -9, bad and good edits of the rules,
a lock of another process, a backup, state dumps, a scrape every five seconds. Memory and open
files of the worker and its children are read every five seconds; the last half must not grow.
The ledger: published = stored; hits = decisions; alerts x channels = sent = arrived. Prints one
JSON summary; exit code 1 with its problems.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.systemd import Manager, managing
from tests.faults.soak_world import World, config_of, make_world, served

RULES = 60
SAMPLE_S = 5.0
SETTLE_S = 480.0  # a mail that was put off with 451 comes again after five minutes
STOP_S = 60.0
WATCHDOG_S = 120.0
MOST_GROWTH_MB = 6.0  # the window of recent stories holds what arrived, some kilobytes a hit
MOST_GROWTH_FILES = 4
MIN_FOR_GROWTH = 20  # minutes; a shorter run still warms up
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Sample:
    """What the worker and its children hold at one moment."""

    at: float
    pid: int
    memory_mb: float
    files: int
    children: int
    children_mb: float


@dataclass
class Soak:
    """A run under way."""

    options: argparse.Namespace
    folder: Path
    world: World
    manager: Manager
    port: int
    worker: asyncio.subprocess.Process | None = None
    samples: list[Sample] = field(default_factory=list)
    scrapes: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "monitor.db"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def note(self, event: str) -> None:
        """Keep what was done, and when."""
        self.events.append(f"{time.monotonic() - self.began:.0f} s: {event}")
        print(self.events[-1], file=sys.stderr, flush=True)


def main() -> int:
    """Run and judge."""
    options = arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = options.out or Path(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with managing(Path(tempfile.mkdtemp()), is_abstract=True) as manager:
            summary = asyncio.run(play(options, folder, manager))
        (folder / "summary.json").write_text(json.dumps(summary, indent=1))
    print(json.dumps(summary))
    return int(bool(summary["problems"]))


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--per-minute", type=float, default=200, help="items published")
    parser.add_argument("--hit-share", type=float, default=0.06)
    parser.add_argument("--out", type=Path, help="kept; else a directory that is removed")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


async def play(options: argparse.Namespace, folder: Path, manager: Manager) -> dict[str, Any]:
    """Play to the end; return the summary."""
    world = make_world(options.feeds, RULES, options.seed)
    soak = Soak(options=options, folder=folder, world=world, manager=manager, port=free_port())
    async with served(world) as (hooks, mail_port):
        files = config_of(world, str(folder), hooks, mail_port, soak.port)
        (soak.config / "rules").mkdir(parents=True)
        for name, text in files.items():
            (soak.config / name).write_text(text)
        await start(soak)
        beside = [asyncio.create_task(work(soak)) for work in (publish, watch_over, scrape)]
        try:
            await disturb(soak)
            world.is_calm = True
            soak.note("calm")
            await settled(soak)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await stop(soak)
            (folder / "samples.jsonl").write_text(
                "".join(json.dumps(asdict(one)) + "\n" for one in soak.samples)
            )
    return summary_of(soak)


def free_port() -> int:
    """Return a port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---------------------------------------------------------------- the worker


async def start(soak: Soak) -> None:
    """Start the real command, as a service manager does."""
    with (soak.folder / "worker.log").open("a") as log:
        soak.worker = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "monitor",
            "run",
            "--config",
            str(soak.config),
            cwd=soak.folder,
            stdout=log,
            stderr=log,
            env={**os.environ, **soak.manager.environ(WATCHDOG_S)},
        )
    soak.note(f"started {soak.worker.pid}")


async def stop(soak: Soak) -> None:
    """End it in good order."""
    worker = soak.worker
    assert worker is not None
    if worker.returncode is not None:
        soak.problems.append(f"the worker ended by itself with {worker.returncode}")
        return
    worker.terminate()
    try:
        code = await asyncio.wait_for(worker.wait(), STOP_S)
    except TimeoutError:
        worker.kill()
        await worker.wait()
        code = None
    soak.note(f"ended with {code}")
    if code != 0:
        soak.problems.append(f"SIGTERM ended it with {code}")


# ---------------------------------------------------------------- what goes on beside


async def publish(soak: Soak) -> None:
    """Publish at an even pace until the calm."""
    pause = 60 / soak.options.per_minute
    while not soak.world.is_calm:
        soak.world.publish(soak.options.hit_share)
        await asyncio.sleep(pause)


async def watch_over(soak: Soak) -> None:
    """Read memory and open files every few seconds."""
    while True:
        with suppress(OSError, ValueError):
            assert soak.worker is not None
            soak.samples.append(sample(soak.worker.pid))
        await asyncio.sleep(SAMPLE_S)


def sample(pid: int) -> Sample:
    """Return what a process and its children hold."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [child for thread in threads for child in thread.read_text().split()]
    return Sample(
        at=time.monotonic(),
        pid=pid,
        memory_mb=memory_mb(pid),
        files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        children=len(children),
        children_mb=sum(memory_mb(int(child)) for child in children),
    )


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


async def scrape(soak: Soak) -> None:
    """Ask for metrics and health every few seconds, as Prometheus and a probe do."""
    while True:
        for path in ("/metrics", "/healthz", "/readyz"):
            status, body = await ask(soak.port, path)
            soak.scrapes[f"{path} {status}"] += 1
            if path == "/metrics" and status == 200:
                list(text_string_to_metric_families(body))
        await asyncio.sleep(SAMPLE_S)


async def ask(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a page, 0 when nobody answers."""
    try:
        async with asyncio.timeout(10):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode()
            )
            data = await reader.read()
            writer.close()
    except (OSError, TimeoutError):
        return 0, ""
    head, _, body = data.partition(b"\r\n\r\n")
    return (int(head.split(b" ")[1]) if head else 0), body.decode()


# ---------------------------------------------------------------- disturbances


async def disturb(soak: Soak) -> None:
    """Do what happens to a service within an hour, each at its share of the time."""
    seconds = soak.options.minutes * 60
    ends_at = soak.began + seconds
    plan: list[tuple[float, Callable[[Soak], Awaitable[None]]]] = [
        (0.10, edit_badly),
        (0.15, edit_well),
        (0.20, kill),
        (0.30, hold_lock),
        (0.40, hook_down),
        (0.50, hook_up),
        (0.55, dump),
        (0.60, back_up),
        (0.65, edit_badly),
        (0.70, edit_well),
        (0.75, hold_lock),
        (0.80, reload_by_signal),
        (0.90, dump),
    ]
    for share, work in plan:
        await asyncio.sleep(max(soak.began + share * seconds - time.monotonic(), 0))
        soak.note(work.__name__)
        await work(soak)
    await asyncio.sleep(max(ends_at - time.monotonic(), 0))


async def edit_badly(soak: Soak) -> None:
    """Write rules that are refused."""
    (soak.config / "rules" / "extra.yaml").write_text(
        "version: 1\nrules: [{id: x, severty: high}]\n"
    )


async def edit_well(soak: Soak) -> None:
    """Write rules that are taken."""
    (soak.config / "rules" / "extra.yaml").write_text("version: 1\nrules: []\n")


async def kill(soak: Soak) -> None:
    """End the worker with SIGKILL, and start it again."""
    assert soak.worker is not None
    soak.worker.kill()
    await soak.worker.wait()
    await start(soak)


async def hold_lock(soak: Soak) -> None:
    """Let another process hold the write lock for 14 s: longer than the busy timeout."""
    code = (
        "import sqlite3,sys,time; db=sqlite3.connect(sys.argv[1],timeout=30,isolation_level=None);"
        "db.execute('begin immediate'); time.sleep(14); db.execute('rollback')"
    )
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(soak.database))
    await other.wait()


async def hook_down(soak: Soak) -> None:
    """Let one hook refuse everything."""
    soak.world.hook_is_down = True


async def hook_up(soak: Soak) -> None:
    """Let it take messages again."""
    soak.world.hook_is_down = False


async def dump(soak: Soak) -> None:
    """Ask for a state dump."""
    assert soak.worker is not None
    soak.worker.send_signal(signal.SIGUSR1)


async def reload_by_signal(soak: Soak) -> None:
    """Ask for a reload."""
    assert soak.worker is not None
    soak.worker.send_signal(signal.SIGHUP)


async def back_up(soak: Soak) -> None:
    """Copy the database beside the worker."""
    copy = soak.folder / "copy.db"
    command = [sys.executable, "-m", "monitor", "db", "backup", str(copy)]
    other = await asyncio.create_subprocess_exec(
        *command, "--config", str(soak.config), stdout=asyncio.subprocess.DEVNULL
    )
    if await other.wait() or not copy.exists():
        soak.problems.append("the backup failed")


async def settled(soak: Soak) -> None:
    """Wait until every feed was read since the calm and nothing waits in the outbox."""
    since = datetime.now(UTC).isoformat(timespec="microseconds")
    deadline = time.monotonic() + SETTLE_S
    left: Sequence[Any] = ()
    while time.monotonic() < deadline:
        left = open_work(soak, since)
        if not left:
            return
        await asyncio.sleep(2)
    soak.problems.append(f"not settled within {SETTLE_S:.0f} s: {left[:5]}")


def open_work(soak: Soak, since: str) -> list[Any]:
    """Return what is still to be read or sent."""
    late = rows(soak, "select id from source where last_ok_at < ? or last_ok_at is null", since)
    waits = rows(
        soak, "select id, channel, next_at from outbox where state in ('pending', 'sending')"
    )
    return [*late, *waits]


def rows(soak: Soak, sql: str, *values: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, beside the worker."""
    with closing(sqlite3.connect(f"file:{soak.database}?mode=ro", uri=True, timeout=60)) as db:
        return db.execute(sql, values).fetchall()


# ---------------------------------------------------------------- the judgement


def summary_of(soak: Soak) -> dict[str, Any]:
    """Return the figures, with every problem in words."""
    world = soak.world
    growth = growth_of(soak)
    balance = balance_of(soak)
    problems = [*soak.problems, *(f"{name}: {n}" for name, n in balance.items() if n)]
    if soak.options.minutes >= MIN_FOR_GROWTH:
        problems += [
            f"{name} grew by {growth[name]}"
            for name, most in (("memory_mb", MOST_GROWTH_MB), ("files", MOST_GROWTH_FILES))
            if growth[name] > most
        ]
    beats = soak.manager.times("WATCHDOG=1")
    gaps = [b - a for a, b in pairwise(beats)]
    faults = log_faults(soak.folder / "worker.log")
    problems += [f"{n} logged: {event}" for event, n in faults.items() if event not in EXPECTED]
    return {
        "minutes": soak.options.minutes,
        "feeds": len(world.feeds),
        "published": world.published,
        "hits": len(world.hits),
        "polls": rows(soak, "select sum(polls) from source")[0][0],
        "arrived": {name: len(ids) for name, ids in sorted(world.arrived.items())},
        "repeated_with_the_same_id": {
            name: len(ids) - len(set(ids)) for name, ids in sorted(world.arrived.items())
        },
        "balance": balance,
        "growth_over_the_last_half": growth,
        "peak_memory_mb": round(max(one.memory_mb for one in soak.samples), 1),
        "faults": dict(sorted(world.faults.items())),
        "pings": dict(world.pings),
        "watchdog": {"beats": len(beats), "longest_gap_s": round(max(gaps, default=0), 1)},
        "scrapes": dict(sorted(soak.scrapes.items())),
        "logged_errors": dict(faults),
        "events": soak.events,
        "problems": problems,
    }


EXPECTED = frozenset(
    {  # what the lock of another process makes of the worker's log
        "poll not stored",
        "dead-man not pinged: promises are broken",
    }
)


def growth_of(soak: Soak) -> dict[str, float]:
    """Return how medians of the last quarter differ from those of the one before."""
    first, last = soak.samples[0].at, soak.samples[-1].at
    quarters = [
        [one for one in soak.samples if low <= (one.at - first) / (last - first) <= high]
        for low, high in ((0.5, 0.75), (0.75, 1.0))
    ]

    def medians(read: Callable[[Sample], float]) -> list[float]:
        return [statistics.median(map(read, part)) for part in quarters]

    memory, files = medians(lambda one: one.memory_mb), medians(lambda one: one.files)
    total = medians(lambda one: one.memory_mb + one.children_mb)
    return {
        "memory_mb": round(memory[1] - memory[0], 2),
        "files": files[1] - files[0],
        "with_children_mb": round(total[1] - total[0], 2),
        "median_memory_mb": round(memory[1], 1),
        "median_files": files[1],
        "median_children": medians(lambda one: one.children)[1],
    }


def balance_of(soak: Soak) -> dict[str, int]:
    """Return the differences of the ledger, each of which must be nought."""
    world = soak.world
    titles = {title for (title,) in rows(soak, "select title from item")}
    told = {
        title
        for (title,) in rows(soak, "select i.title from decision d join item i on i.id = d.item_id")
    }
    sent = rows(soak, "select channel, message_id from outbox where state = 'sent'")
    unsent = rows(soak, "select count(*) from outbox where state <> 'sent'")[0][0]
    stories = "select count(*) from alert where story_id is not null"
    alerts = rows(soak, stories)[0][0]
    of_stories = rows(
        soak,
        """select count(*) from outbox join alert on alert.id = outbox.alert_id
           where alert.story_id is not null""",
    )[0][0]
    silent = rows(soak, "select count(*) from decision where alert_id is null")[0][0]
    arrived = {(name, one) for name, ids in world.arrived.items() for one in ids}
    expected = {(channel, name) for channel, name in sent}
    return {
        "published_not_stored": world.published - rows(soak, "select count(*) from item")[0][0],
        "hits_not_decided": len(world.hits - told),
        "hits_not_stored": len(world.hits - titles),
        "decided_without_a_hit": len(told - world.hits),
        "decisions_neither_alerting_nor_explained": silent_without_reason(soak, silent),
        "alerts_without_their_three_messages": 3 * alerts - of_stories,
        "messages_not_sent": unsent,
        "sent_and_not_arrived": len(expected - arrived),
        "arrived_and_not_sent": len(arrived - expected),
        "repeated_with_other_bytes": world.changed_bodies,
    }


def silent_without_reason(soak: Soak, silent: int) -> int:
    """Return how many hits nobody was told of for a reason that is not "joined a known story"."""
    joined = rows(
        soak,
        "select count(*) from decision where alert_id is null and reason = 'joined a known story'",
    )[0][0]
    return silent - int(joined)


def log_faults(log: Path) -> Counter[str]:
    """Return what was logged as an error, by its message."""
    count: Counter[str] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if entry["level"] in ("error", "critical"):
                count[entry["event"]] += 1
        elif line.startswith(("ERROR", "CRITICAL", "Traceback")):
            count[line[:100]] += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
