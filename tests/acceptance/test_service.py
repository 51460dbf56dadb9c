"""The worker under a service manager: notifications on a real socket, signals, the state dump."""

import json
import signal
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.systemd import managing
from tests.acceptance.test_worker import VETO, Program, until


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with one feed that holds the veto."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    return Program(kit)


def test_the_service_manager_hears_of_start_life_reload_and_end(program: Program) -> None:
    """READY once the watch runs, WATCHDOG at half the interval, RELOADING and READY, STOPPING."""
    with managing(program.kit.folder) as manager:
        program.env |= manager.environ(watchdog_s=2)
        with program.running() as worker:
            until(lambda: manager.has("READY=1"), "the start")
            until(lambda: manager.has("WATCHDOG=1", 3), "three signs of life")
            worker.send_signal(signal.SIGHUP)
            until(lambda: manager.has("READY=1", 2), "the reload")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(50) == 0

    said = [line for _, line in manager.lines]
    assert said[0].startswith("EXTEND_TIMEOUT_USEC=")
    assert said.index("READY=1") < said.index("WATCHDOG=1") < said.index("RELOADING=1")
    reloading = said.index("RELOADING=1")
    assert int(said[reloading + 1].removeprefix("MONOTONIC_USEC=")) > 0
    assert "READY=1" in said[reloading:]
    assert "STOPPING=1" in said[reloading:]
    assert any(line.startswith("STATUS=all lines get on; 1 sources") for line in said)
    beats = manager.times("WATCHDOG=1")
    assert min(b - a for a, b in pairwise(beats)) > 0.5


def test_an_abstract_socket_is_heard_too_and_a_watchdog_of_another_process_is_not(
    program: Program,
) -> None:
    """`@name` is the abstract namespace; WATCHDOG_PID may name somebody else."""
    with managing(program.kit.folder, is_abstract=True) as manager:
        program.env |= {**manager.environ(watchdog_s=0.2), "WATCHDOG_PID": "1"}
        with program.running() as worker:
            until(lambda: manager.has("READY=1"), "the start")
            until(lambda: len(program.kit.hook.posts()) == 1, "the alert")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(50) == 0

    assert not manager.has("WATCHDOG=1")


def test_a_second_sigterm_ends_at_once_and_nothing_is_lost(program: Program) -> None:
    """The first one waits for a receiver that takes its time; the second does not."""
    program.kit.hook.pause_s = 20
    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) == 1, "a message is under way")
        worker.send_signal(signal.SIGTERM)
        until(lambda: worker.poll() is None, "it waits")
        time.sleep(1.2)  # noqa: TID251 - within a second two signals are one wish
        asked_at = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 1
        assert time.monotonic() - asked_at < 3

    program.kit.hook.pause_s = 0
    program.on_config("once")
    ids = [headers["webhook-id"] for headers, _ in program.kit.hook.posts()]
    assert len(set(ids)) == 1
    assert len(ids) == 2, "it was sent again, with the same id"


def test_sigusr1_writes_what_the_watch_has_in_mind(program: Program) -> None:
    """Tasks with what they wait for, lanes, polls, due times, the outbox; no secret of it."""
    program.kit.hook.pause_s = 5
    folder: Path = program.kit.folder / "data"
    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) == 1, "a message is under way")
        worker.send_signal(signal.SIGUSR1)
        until((folder / "monitor.db.state.json").exists, "the dump")
        state = json.loads((folder / "monitor.db.state.json").read_text())
        threads = (folder / "monitor.db.threads.txt").read_text()

    assert state["lanes"] == {"hook": "sending"}
    assert state["next_polls"][0]["source"] == "wire"
    assert state["outbox"] == [{"channel": "hook", "state": "sending", "messages": 1}]
    [lane] = [task for task in state["tasks"] if task["name"] == "deliver hook"]
    assert any("deliver_due" in wait for wait in lane["waits_in"])
    waits = [wait for task in state["tasks"] for wait in task["waits_in"]]
    assert any("Fetcher.post" in wait for wait in waits)
    assert state["health"]["alive"]
    assert "Thread 0x" in threads
    for path in (folder / "monitor.db.state.json", folder / "monitor.db.threads.txt"):
        assert path.stat().st_mode & 0o077 == 0
        assert program.kit.secret not in path.read_text()
        assert program.kit.hook.url not in path.read_text()
