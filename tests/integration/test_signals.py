"""Ends on a signal, in a process of its own: in good order, and never later than that allows."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_WATCH = """
import asyncio, sys, time
from pathlib import Path
from monitor.engine.signals import Signals

async def nothing():
    pass

async def lingers():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

async def main(how, folder):
    stop = asyncio.Event()
    signals = Signals(end=stop.set, reload=nothing, dump=nothing,
                      threads=Path(folder, "threads.txt"), end_within_s=1)
    with signals.handled():
        print("ready", flush=True)
        await stop.wait()
    if how == "task":
        task = asyncio.create_task(lingers(), name="a task that stays")
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
    if how == "loop":
        time.sleep(3600)

asyncio.run(main(*sys.argv[1:]))
print("ended", flush=True)
"""


def _ended(how: str, folder: Path) -> tuple[int, str]:
    """Return the exit code and what was printed by a watch that is asked to end."""
    command = [sys.executable, "-c", _WATCH, how, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as watch:
        try:
            assert watch.stdout is not None
            assert watch.stdout.readline() == "ready\n"
            watch.send_signal(signal.SIGTERM)
            said, _ = watch.communicate(timeout=30)
        finally:
            watch.kill()
    return watch.returncode, said


def test_an_end_in_good_order_is_left_alone(tmp_path: Path) -> None:
    """The bound on it neither delays the process nor changes its exit code."""
    assert _ended("", tmp_path) == (0, "ended\n")


@pytest.mark.parametrize("how", ["task", "loop"])
def test_an_end_that_hangs_is_cut_off_and_says_what_hung(how: str, tmp_path: Path) -> None:
    """A task that swallows its cancellation, and a loop that stands still."""
    code, said = _ended(how, tmp_path)

    assert code == 1
    assert "the end in good order hangs" in said
    assert "ended at once" in said
    assert ("a task that stays" in said) == (how == "task")
