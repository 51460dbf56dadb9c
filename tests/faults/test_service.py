"""The service under faults: a blocked line, a bad reload, all feeds due, a jumping clock."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from tests.acceptance.systemd import Manager
from tests.acceptance.test_service import _ask, _series, _with_http
from tests.acceptance.test_worker import OIL, SERVICE, VETO, Program, until
from tests.faults.storm import rules_text
from tests.kit import Kit, Server, serving

WATCHDOG_S = 30.0
CYCLE_S = WATCHDOG_S / 2  # of the watchdog and of the dead-man here
LINES = ("poll", "decide", "deliver")


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with one feed that holds the veto."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    return Program(kit)


# ---------------------------------------------------------------- F39


@dataclass
class Case:
    """A worker of which one part will hang."""

    part: str
    program: Program
    manager: Manager
    address: str
    worker: "subprocess.Popen[str]"
    blocked_at: float = 0.0
    health: int = 0
    told: "subprocess.CompletedProcess[str] | None" = None
    pings: list[int] = field(default_factory=list)  # how many, at each look

    def count_pings(self) -> None:
        """Count the pings that say that all is well."""
        paths = [path for _, path, _, _ in self.program.kit.hook.requests]
        self.pings.append(paths.count("/ping/uuid"))

    def beats_after(self, seconds: float) -> int:
        """Return how many signs of life came so long after the block, or later."""
        times = self.manager.times("WATCHDOG=1")
        return sum(at > self.blocked_at + seconds for at in times)

    def last_beat(self) -> float:
        """Return when the last sign of life came, in seconds after the block."""
        return self.manager.times("WATCHDOG=1")[-1] - self.blocked_at


def _case(part: str, folder: Path, stack: ExitStack) -> Case:
    feeds, hook = stack.enter_context(serving()), stack.enter_context(serving())
    (folder / part).mkdir()
    program = Program(Kit(folder=folder / part, feeds=feeds, hook=hook))
    entries = "".join(
        f'  - {{id: f{n}, url: "http://127.0.0.{n}:{feeds.url.rpartition(":")[2]}/f{n}.xml"}}\n'
        for n in (1, 2, 3)
    )
    program.write(
        "feeds.yaml",
        f"version: 1\ndefaults: {{first_poll: alert, every: 1s, timeout: 2s}}\nfeeds:\n{entries}",
    )
    for number in (1, 2, 3):
        feeds.put(f"/f{number}.xml", program.kit.rss(VETO))
    dead_man = f'{{url: "{hook.url}/ping/uuid", every: {CYCLE_S:.0f}s}}'
    address = _with_http(program, f"health: {{stalled_after: 20s, dead_man: {dead_man}}}\n")
    text = (program.config / "monitor.yaml").read_text()
    program.write("monitor.yaml", text.replace("host_gap: 1s", "host_gap: 0s, at_once: 2"))
    manager = Manager(f"@monitor-f39-{part}-{os.getpid()}")
    stack.callback(manager.close)
    log = stack.enter_context((folder / part / "log").open("w"))
    command = [sys.executable, "-m", "tests.faults.blocked_driver", part, str(folder / part / "on")]
    worker = subprocess.Popen(
        [*command, "run", "--config", str(program.config)],
        env={**program.env, **manager.environ(WATCHDOG_S)},
        cwd=Path(__file__).parents[2],
        stdout=log,
        stderr=log,
        text=True,
    )
    stack.callback(worker.wait, 20)
    stack.callback(worker.kill)
    return Case(part, program, manager, address, worker)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_f39_watchdog_and_dead_man_stop_within_two_cycles_of_a_blocked_line(tmp_path: Path) -> None:
    """Each line alone, the writer and the loop; a receiver that hangs stops neither."""
    parts = (*LINES, "store", "loop", "receiver")
    with ExitStack() as stack:
        cases = [_case(part, tmp_path, stack) for part in parts]
        for one in cases:
            until(lambda one=one: _ask(one.address, "/readyz")[0] == 200, one.part, 90)  # type: ignore[misc]
            until(lambda one=one: one.manager.has("WATCHDOG=1"), one.part, 60)  # type: ignore[misc]
        for one in cases:
            (tmp_path / one.part / "on").touch()
            one.blocked_at = time.monotonic()
            for number in (1, 2, 3):
                one.program.kit.feeds.put(f"/f{number}.xml", one.program.kit.rss(OIL, VETO))
        _wait_until(cases[-1].blocked_at + 2 * CYCLE_S + 1)
        for one in cases:
            one.count_pings()
        _wait_until(cases[-1].blocked_at + 4 * CYCLE_S + 3)
        for one in cases:
            one.count_pings()
            one.worker.send_signal(signal.SIGUSR1)
            one.told = one.program.on_config("health")
            one.health = _ask_bounded(one.address)

    for one in cases[:-1]:
        assert one.beats_after(2 * CYCLE_S + 1) == 0, one.part
        assert one.pings[0] == one.pings[1], one.part
        assert one.health == (0 if one.part == "loop" else 503), one.part
    for one in cases[:3]:
        assert one.told is not None
        assert one.told.returncode == 1, one.told
        assert f"line {one.part} stands still" in one.told.stdout
        assert "/ping/uuid/fail" in {path for _, path, _, _ in one.program.kit.hook.requests}
        print(f"{one.part}: last sign of life {one.last_beat():.0f} s after the block")
    assert "threading.py" in (tmp_path / "loop/data/monitor.db.threads.txt").read_text()
    receiver = cases[-1]
    assert receiver.beats_after(2 * CYCLE_S + 1) >= 1
    assert receiver.pings[1] > receiver.pings[0]
    assert receiver.health == 200


def _wait_until(moment: float) -> None:
    threading.Event().wait(max(moment - time.monotonic(), 0))


def _ask_bounded(address: str) -> int:
    """Return the status of /healthz, 0 when no answer comes."""
    try:
        return _ask(address, "/healthz")[0]
    except TimeoutError:
        return 0


# ---------------------------------------------------------------- F34


def test_f34_a_bad_reload_leaves_the_last_good_rules_and_shows(program: Program) -> None:
    """SIGHUP with errors: old rules match on, the metric is 0; the next good one mends."""
    address = _with_http(program)
    kit = program.kit
    good = kit.rules

    def metric() -> float:
        _, _, text = _ask(address, "/metrics")
        return _series(text)["sanctions_monitor_config_last_reload_successful", ""]

    with program.running() as worker:
        until(lambda: len(kit.hook.posts()) == 1, "the first alert")
        until(lambda: _ask(address, "/readyz")[0] == 200, "readiness")
        before = metric()
        program.write("rules/test.yaml", good.replace("act: [veto*]", "act: [veto*, $nothing]"))
        worker.send_signal(signal.SIGHUP)
        until(lambda: metric() == 0, "the refusal shows")
        ready, _, why = _ask(address, "/readyz")
        alive = _ask(address, "/healthz")[0]
        kit.feeds.put("/wire.xml", kit.rss(OIL, VETO))
        until(lambda: len(kit.hook.posts()) == 2, "the old rules match")
        program.write("rules/test.yaml", good)
        worker.send_signal(signal.SIGHUP)
        until(lambda: metric() == 1, "the good reload shows")
        until(lambda: _ask(address, "/readyz")[0] == 200, "readiness again")

    assert (before, ready, alive) == (1, 503, 200)
    assert "the files are refused, the last good ones are in force" in why
    assert "$nothing" in program.log()


# ---------------------------------------------------------------- F41


HOSTS, FEEDS_PER_HOST, EVERY_S = 20, 25, 40


Asked = list[tuple[float, float, str]]  # start and end of a request, and its host


@contextmanager
def _hosts() -> Iterator[tuple[list[str], Asked]]:
    """Serve on many loopback addresses from a thread; gives them, and what is asked."""
    asked: Asked = []
    addresses: list[str] = []
    up = threading.Event()
    end: list[Callable[[], object]] = []

    async def serve() -> None:
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:
            for number in range(HOSTS):
                host = f"127.30.0.{1 + number}"
                server = await asyncio.start_server(_talk(asked, host), host, 0)
                stack.callback(server.close)
                addresses.append(f"http://{host}:{server.sockets[0].getsockname()[1]}")
            end.append(lambda: loop.call_soon_threadsafe(over.set))
            up.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    up.wait(20)
    try:
        yield addresses, asked
    finally:
        end[0]()
        thread.join()


def _talk(asked: Asked, host: str) -> Callable[..., Coroutine[Any, Any, None]]:
    body = b'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title></channel></rss>'
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                began = time.monotonic()
                await asyncio.sleep(0.05)
                writer.write(answer)
                await writer.drain()
                asked.append((began, time.monotonic(), host))
        writer.close()

    return talk


@pytest.mark.long
@pytest.mark.timeout(300)
def test_f41_a_restart_with_500_feeds_due_is_no_burst(program: Program) -> None:
    """Spread over one interval, one request at a time to a host with its gap, and all are read."""
    with _hosts() as (addresses, asked):
        entries = "".join(
            f'  - {{id: h{host}-{n}, url: "{address}/{n}.xml"}}\n'
            for host, address in enumerate(addresses)
            for n in range(FEEDS_PER_HOST)
        )
        program.write(
            "feeds.yaml", f"version: 1\ndefaults: {{every: {EVERY_S}s}}\nfeeds:\n{entries}"
        )
        service = SERVICE.format(folder=program.kit.folder)
        program.write("monitor.yaml", service.replace("host_gap: 1s", "host_gap: 1s, at_once: 32"))
        program.on_config("once")
        path = program.kit.folder / "data" / "monitor.db"
        _make_all_due(path)
        asked.clear()
        began = datetime.now(UTC)

        with program.running() as worker:
            until(lambda: not _unread(path, began), "every feed is read", 150)
            worker.send_signal(signal.SIGTERM)
            worker.wait(50)

    first = min(start for start, _, _ in asked)
    in_five_seconds = sum(start - first < 5 for start, _, _ in asked)
    print(f"{len(asked)} polls, {in_five_seconds} of them within five seconds of the first")
    assert in_five_seconds < HOSTS * FEEDS_PER_HOST * 0.3
    for host in {host for _, _, host in asked}:
        spans = sorted((start, end) for start, end, name in asked if name == host)
        gaps = [b[0] - a[1] for a, b in pairwise(spans)]
        assert min(gaps) > 0.9, f"{host} was asked twice at once, or without its gap"


def _make_all_due(path: Path) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="microseconds")
    db = Database(str(path))
    db.execute("update source set next_poll_at = ?, last_poll_at = ?", [yesterday, yesterday])
    db.conn.commit()
    db.close()


def _unread(path: Path, since: datetime) -> int:
    db = Database(str(path))
    text = since.isoformat(timespec="microseconds")
    [(count,)] = db.execute(
        "select count(*) from source where last_ok_at is null or last_ok_at < ?", [text]
    ).fetchall()
    db.close()
    return int(count)


# ---------------------------------------------------------------- F10

FAKETIME = os.environ.get("LIBFAKETIME", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
JUMPS = ("-3600s", "+3600s", "+2592000s", "-315360000s")  # each from the real time


@pytest.mark.long
@pytest.mark.timeout(300)
def test_f10_the_clock_jumps_and_polls_and_messages_go_on(program: Program) -> None:
    """-1 h, +1 h, +30 d, -10 y: the next poll within seconds, little CPU, no digest twice."""
    if not Path(FAKETIME).exists():
        pytest.skip("no libfaketime: set LIBFAKETIME to it (.ci/run shows how)")
    kit = program.kit
    folder = kit.folder
    offset = folder / "offset"
    offset.write_text("+0s\n")
    program.env |= {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    address = _with_http(program)
    text = (program.config / "monitor.yaml").read_text()
    program.write("monitor.yaml", text.replace("host_gap: 1s", "host_gap: 0s"))
    names = ["Zanzibar", "Quetzal", "Mistral", "Obelisk", "Wombat"]
    program.write("rules/test.yaml", rules_text(names))
    titles = [f"{name} came to {name}-{number} at noon" for number, name in enumerate(names)]
    kit.feeds.put("/wire.xml", kit.rss((titles[0], "It came.")))
    told: list[float] = []
    with program.running() as worker:
        until(lambda: len(_messages(kit.hook)) == 1, "the first alert")
        until(lambda: _ask(address, "/readyz")[0] == 200, "readiness")
        for number, jump in enumerate(JUMPS, 1):
            cpu, since = _cpu_s(worker.pid), time.monotonic()
            offset.write_text(f"{jump}\n")
            title = titles[number]
            shown = [(one, "It came.") for one in titles[: number + 1]]
            kit.feeds.put("/wire.xml", kit.rss(*shown))
            until(lambda title=title: title in _messages(kit.hook), f"alert after {jump}", 40)  # type: ignore[misc]
            told.append(time.monotonic() - since)
            until(lambda number=number: _jumps(address) == number, "the jump is noticed")  # type: ignore[misc]
            assert _cpu_s(worker.pid) - cpu < 6, f"busy after {jump}"
            assert _ask(address, "/healthz")[0] == 200
        offset.write_text("+0s\n")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(50) == 0

    del program.env["LD_PRELOAD"]
    rows = json.loads(program.on_config("outbox", "list", "--json").stdout)
    digests = [row for row in rows if row["title"].startswith("Digest")]
    print(f"alerts came {[round(one, 1) for one in told]} s after jumps of {JUMPS}")
    assert max(told) < 30, told
    assert len({row["title"] for row in digests}) == len(digests), "a digest for each date once"
    assert {row["state"] for row in rows} <= {"sent", "pending"}
    ids = [headers["webhook-id"] for headers, _ in kit.hook.posts()]
    assert len(ids) == len(set(ids)), "nothing was sent twice"


def _messages(hook: Server) -> Sequence[str]:
    return [
        json.loads(body)["data"].get("title", "")
        for _, body in hook.posts()
        if json.loads(body)["type"].endswith("story") or "story" in json.loads(body)["type"]
    ]


def _jumps(address: str) -> float:
    return _series(_ask(address, "/metrics")[2])["sanctions_monitor_clock_jumps_total", ""]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# ---------------------------------------------------------------- F30 and the soak


@pytest.mark.long
@pytest.mark.timeout(400)
def test_f30_a_storm_drops_nothing_and_stays_small() -> None:
    """Half a minute at 5,000 hits a minute; three minutes are `python -m tests.faults.storm`."""
    command = [sys.executable, "-m", "tests.faults.storm", "--minutes", "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=380, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.timeout(500)
def test_the_soak_in_two_minutes(tmp_path: Path) -> None:
    """Sixty feeds; the ledger balances. The hour over 200 is `make soak`."""
    command = [sys.executable, "-m", "tests.faults.soak", "--minutes", "2", "--feeds", "60"]
    out = tmp_path / "soak"
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, timeout=480, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(out)
