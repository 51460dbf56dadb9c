"""Replay a dense week of real news through the whole watch, kill it three times, check the ledger.

    week.py [--speed 1000] [--hours 168] [--out /tmp/week] [--seed 1] [--week 2024-10-28]

Publishers, mail server and webhook receiver are ours, on loopback; the watch is a child process
composed as `monitor run` composes it, with the shipped rules and a clock that runs `--speed` times
as fast. It is killed with SIGKILL at three moments, each between what a peer did and what the watch
could store of it. Prints one JSON summary; exit code 1 when the ledger does not balance. What was
sent, and what was not, is written to `--out` to be read: news texts, never into the project.
"""

import argparse
import asyncio
import base64
import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from monitor.errors import ConfigError
from monitor.service import read_config
from tests.evaluation import week_ledger, week_texts
from tests.evaluation.week_feeds import Clock, Feed, densest, feeds_of
from tests.evaluation.week_servers import (
    MOODY,
    PASSWORD,
    STEADY,
    USER,
    World,
    publisher,
    receiver,
    serve_http,
    serve_mail,
)

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("MONITOR_SHARED", ROOT.parent / "shared"))
WITHIN = ("2024-10-21", "2024-11-10")  # where the corpus has whole days of a thousand publishers
STEPS = ("feed", "webhook", "mail")  # what the watch is killed at, in this order
TRAP_S = 25.0  # how long a kill waits for its step before it comes anyway
SETTLE_S = 90.0  # for the last polls and messages once the week is over
STOP_S = 60.0
SERVICE = """
version: 1
storage: {{database: "{folder}/week.db"}}
polling: {{every: 1h, at_once: 32, allow_networks: [127.0.0.0/8]}}
"""
ROUTES = """
version: 1
channels:
  desk:
    email:
      to: [{steady}, {moody}]
      from: "sanctions-monitor <monitor@example.org>"
      smtp: "smtp://{user}:{password}@localhost:{port}"
      ca_file: "{ca_file}"
  case-tool:
    webhook: {{url: "{hook}/hook", secret: "{secret}"}}
"""


@dataclass
class Run:
    """A week that is being played."""

    folder: Path
    world: World
    rules: str = ""
    faults: list[str] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "week.db"


def main() -> int:
    options = arguments()
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # a deprecation, at every login
    began = time.monotonic()
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    corpus = SHARED / "data" / "corpus.jsonl.gz"
    start = options.week or densest(corpus, WITHIN)
    end = start + timedelta(hours=options.hours)
    feeds = {feed.id: feed for feed in feeds_of(corpus, start, end)}
    print(f"{start:%Y-%m-%d}, {options.hours} h, {len(feeds)} feeds", file=sys.stderr)
    played = asyncio.run(play(options, feeds, start, end))
    with closing(sqlite3.connect(f"file:{played.database}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        config = read_config(options.out / "config", os.environ)
        checked = week_ledger.check(db, played.world, config.ruleset)
        week_texts.write(db, options.out, options.seed)
    problems = [*played.faults, *checked.problems, *errors_of(options.out / "worker.log")]
    summary = {
        "week": f"{start:%Y-%m-%d}",
        "hours": options.hours,
        "rules": played.rules,
        "ruleset": config.ruleset.hash[:12],
        "feeds": len(feeds),
        **checked.counts,
        "kills": len(played.world.trap.kills),
        "seconds": round(time.monotonic() - began),
        "problems": problems,
    }
    text = json.dumps(summary, ensure_ascii=False)
    (options.out / "summary.json").write_text(text, encoding="utf-8")
    print(text)
    return int(bool(problems))


def errors_of(log: Path) -> Iterator[str]:
    """Yield what the watch itself logged as an error, each kind once with its count."""
    count: Counter[str] = Counter()
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if entry["level"] in ("error", "critical"):
                count[entry["event"]] += 1
        elif line.startswith(("ERROR", "CRITICAL", "Traceback")):
            count[line[:100]] += 1
    yield from (f"{times} logged: {event}" for event, times in count.items())


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--speed", type=float, default=1000)
    parser.add_argument("--hours", type=int, default=168)
    parser.add_argument("--out", type=Path, default=Path("/tmp/week"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--week", type=monday, help="begins on this date; else the densest week")
    return parser.parse_args()


def monday(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def play(
    options: argparse.Namespace, feeds: Mapping[str, Feed], start: datetime, end: datetime
) -> Run:
    """Play the week to its end and stop the watch in good order."""
    world = world_of(options, feeds, start, end)
    run = Run(folder=options.out, world=world)
    async with served(run):
        clock = replace(world.clock, began=time.time())
        world.clock = clock
        watch = await started(run)
        try:
            for step, moment in zip(STEPS, kill_moments(options, start), strict=True):
                await wait(run, watch, clock.seconds_until(moment))
                await kill(run, watch, step)
                watch = await started(run)
            await wait(run, watch, clock.seconds_until(end))
            await settled(run)
            await stopped(run, watch)
        finally:
            with suppress(ProcessLookupError):
                watch.kill()
            await watch.wait()
    return run


def world_of(
    options: argparse.Namespace, feeds: Mapping[str, Feed], start: datetime, end: datetime
) -> World:
    def part(first: float, last: float) -> tuple[datetime, datetime]:
        return start + (end - start) * first, start + (end - start) * last

    return World(
        clock=Clock(began=time.time(), start=start, speed=options.speed),
        feeds=feeds,
        end=end,
        secret="whsec_" + base64.b64encode(b"a week of real news, replayed").decode(),
        refused=part(0.30, 0.38),
        greylisted=part(0.55, 0.57),
        unavailable=part(0.70, 0.72),
    )


def kill_moments(options: argparse.Namespace, start: datetime) -> list[datetime]:
    """Return three moments, one in each third of the week, the same for the same seed."""
    chance = random.Random(options.seed)
    third = timedelta(hours=options.hours) / len(STEPS)
    return [start + third * (number + chance.uniform(0.1, 0.8)) for number in range(len(STEPS))]


# ---------------------------------------------------------------- the world and the configuration


@asynccontextmanager
async def served(run: Run) -> AsyncIterator[None]:
    """Serve everything, and write the configuration that names it."""
    world = run.world

    def read(_: str) -> None:
        world.trap.spring("feed")

    mail, mail_port, ca_file = await serve_mail(world, run.folder)
    hook, hook_port = await serve_http("127.0.0.1", receiver(world), lambda _: None)
    servers, urls = [mail, hook], {}
    for number, name in enumerate(world.feeds):
        host = f"127.0.{1 + number // 200}.{1 + number % 200}"  # a host each, as in real life
        server, port = await serve_http(host, publisher(world), read)
        servers.append(server)
        urls[name] = f"http://{host}:{port}/{name}.xml"
    routes = ROUTES.format(
        steady=STEADY,
        moody=MOODY,
        user=USER,
        password=PASSWORD,
        port=mail_port,
        ca_file=ca_file,
        hook=f"http://127.0.0.1:{hook_port}",
        secret=world.secret,
    )
    write_config(run, urls, routes)
    try:
        yield
    finally:
        for server in servers:
            server.close()


def write_config(run: Run, urls: Mapping[str, str], routes: str) -> None:
    """Write the configuration: our feeds and channels, the shipped rules and watch lists."""
    config = run.folder / "config"
    config.mkdir()
    entries = [
        {"id": feed.id, "name": feed.name, "lang": feed.lang, "url": urls[feed.id]}
        for feed in run.world.feeds.values()
    ]
    feeds = {"version": 1, "feeds": entries}
    (config / "feeds.yaml").write_text(json.dumps(feeds, ensure_ascii=False), encoding="utf-8")
    (config / "monitor.yaml").write_text(SERVICE.format(folder=run.folder), encoding="utf-8")
    (config / "routes.yaml").write_text(routes, encoding="utf-8")
    for name in ("rules", "watchlists"):
        shutil.copytree(ROOT / "config" / name, config / name)
    run.rules = "as they stand"
    try:
        read_config(config, os.environ)
    except ConfigError as error:
        print(f"rules do not load, the last committed are taken: {error}", file=sys.stderr)
        run.rules = "as committed"
        take_committed(config)
        read_config(config, os.environ)


def take_committed(config: Path) -> None:
    """Replace rules and watch lists by those of the last commit."""
    for name in ("rules", "watchlists"):
        shutil.rmtree(config / name)
    command = ["git", "-C", str(ROOT), "archive", "HEAD", "config/rules", "config/watchlists"]
    archive = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(config.parent, filter="data")


# ---------------------------------------------------------------- the watch

Process = asyncio.subprocess.Process


async def started(run: Run) -> Process:
    clock = run.world.clock
    if run.world.trap.kills:
        run.world.trap.restarts.append(time.time())
    words = [
        str(run.folder / "config"),
        str(clock.began),
        clock.start.isoformat(),
        str(clock.speed),
    ]
    with (run.folder / "worker.log").open("a", encoding="utf-8") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.evaluation.week_worker",
            *words,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )


async def wait(run: Run, watch: Process, seconds: float) -> None:
    """Let time pass; a watch that ends meanwhile is a fault that ends the week."""
    with suppress(TimeoutError):
        code = await asyncio.wait_for(watch.wait(), seconds)
        raise RuntimeError(f"the watch ended by itself with {code}: see {run.folder}/worker.log")


async def kill(run: Run, watch: Process, step: str) -> None:
    """Kill the watch at the next such step, or when none comes."""
    trap = run.world.trap
    trap.arm(step, watch.pid)
    with suppress(TimeoutError):
        await asyncio.wait_for(watch.wait(), TRAP_S)
        return
    trap.spring()
    await watch.wait()


async def settled(run: Run) -> None:
    """Wait until every feed was read after the week's end and every message is settled."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        if not open_work(run):
            return
        await asyncio.sleep(0.5)
    run.faults.append(f"not settled within {SETTLE_S:.0f} s: {open_work(run)}")


def open_work(run: Run) -> Sequence[str]:
    end = run.world.end.isoformat(timespec="microseconds")
    with closing(sqlite3.connect(f"file:{run.database}?mode=ro", uri=True, timeout=30)) as db:
        late = db.execute("select id from source where last_ok_at < ?", [end])
        unsent = db.execute("select message_id from outbox where state in ('pending', 'sending')")
        return [str(row[0]) for cursor in (late, unsent) for row in cursor.fetchall()]


async def stopped(run: Run, watch: Process) -> None:
    """Ask the watch to end, as a service manager does."""
    watch.terminate()
    try:
        code = await asyncio.wait_for(watch.wait(), STOP_S)
    except TimeoutError:
        run.faults.append(f"SIGTERM did not end the watch within {STOP_S:.0f} s")
        return
    if code:
        run.faults.append(f"the watch ended with exit code {code}")


if __name__ == "__main__":
    sys.exit(main())
