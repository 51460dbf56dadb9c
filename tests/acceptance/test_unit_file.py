"""The systemd unit: what systemd says of it, and whether the program lives within its limits."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.systemd import managing
from tests.acceptance.test_worker import VETO, Program, until

CONFINED = Path(__file__).with_name("confined.py")
MOST_EXPOSED = 2.0  # F42; a unit without any of it has 9.6
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
RE_RULE = """
  - id: pattern
    title: Pattern
    theme: monitoring
    severity: low
    when: {re: "veto(es|ed)?"}
    match: [Russia vetoes a text]
    no_match: [A budget]
"""


def _monitor(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "monitor", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Return a unit file of this installation."""
    path = tmp_path / "sanctions-monitor.service"
    answer = _monitor("init", "--systemd", "--unit", str(path))
    assert answer.returncode == 0, answer.stderr
    return path


def test_the_unit_is_written_once_and_what_to_do_next_is_said(unit: Path) -> None:
    """A second time it is refused: nothing is written over."""
    before = unit.read_text()

    again = _monitor("init", "--systemd", "--unit", str(unit))
    shown = _monitor("init", "--systemd", "--unit", str(unit), "--print")

    assert again.returncode == 1
    assert "it is not written over" in again.stderr
    assert unit.read_text() == before == shown.stdout


def test_the_first_answer_names_every_step(tmp_path: Path) -> None:
    """Configuration, user, secrets, check, start: as commands, in order."""
    path, config = tmp_path / "watch.service", tmp_path / "config"

    said = _monitor("init", str(config), "--systemd", "--unit", str(path), "--user", "watch").stdout

    steps = [f"monitor init {config}", "useradd --system", f"{config}/secrets", "monitor check",
             "systemctl daemon-reload && systemctl enable --now watch.service"]  # fmt: skip
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
    assert "User=watch" in path.read_text()


@needs_systemd
@pytest.mark.parametrize("user", ["", "watch"], ids=["dynamic", "own"])
def test_f42_systemd_finds_no_fault_and_little_exposure(tmp_path: Path, user: str) -> None:
    """`verify` prints nothing, `security` at most 2.0, with a user made up and one of its own."""
    path = tmp_path / "sanctions-monitor.service"
    _monitor("init", "--systemd", "--unit", str(path), "--user", user)

    verified = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    secure = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--json=short",
         f"--threshold={int(MOST_EXPOSED * 10)}", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")
    assert secure.returncode == 0, secure.stdout


@needs_systemd
@needs_root
def test_a_cycle_succeeds_within_the_limits_of_the_unit(kit: Any, unit: Path) -> None:
    """Poll, parse in the child, RE2, SQLite and a webhook: with the filters that systemd sets."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    program = Program(kit)
    program.write("rules/test.yaml", kit.rules + RE_RULE)
    inner = [sys.executable, "-m", "monitor", "once", "--json", "--config", str(program.config)]

    done = subprocess.run(
        [sys.executable, str(CONFINED), str(unit), *inner],
        env=program.env, cwd=kit.folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["deliveries"]["sent"] == 1
    assert len(kit.hook.posts()) == 1


@needs_systemd
@needs_root
def test_the_worker_lives_within_the_limits_of_the_unit(
    kit: Any, unit: Path, tmp_path: Path
) -> None:
    """READY and WATCHDOG, health over HTTP, a state dump, a reload, an orderly stop."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    program = Program(kit)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = (program.config / "monitor.yaml").read_text()
    program.write("monitor.yaml", f'{service}http: {{listen: "127.0.0.1:{port}"}}\n')
    command = [sys.executable, str(CONFINED), str(unit), sys.executable, "-m", "monitor", "run"]
    log = tmp_path / "log"
    with managing(tmp_path) as manager, log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--config", str(program.config)],
            env={**program.env, **manager.environ(watchdog_s=2)}, cwd=kit.folder,
            stdout=out, stderr=out,
        )  # fmt: skip
        try:
            until(lambda: manager.has("READY=1") and manager.has("WATCHDOG=1"), "the start", 60)
            until(lambda: len(kit.hook.posts()) == 1, "the alert")
            until(lambda: _status(port, "/readyz") == 200, "readiness")
            process.send_signal(signal.SIGUSR1)
            until((kit.folder / "data/monitor.db.state.json").exists, "the state dump")
            process.send_signal(signal.SIGHUP)
            until(lambda: manager.has("RELOADING=1"), "the reload")
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
        finally:
            process.kill()

    assert code == 0, log.read_text()
    assert manager.has("STOPPING=1")


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


@needs_systemd
@needs_root
@pytest.mark.parametrize(
    ("deed", "refusal"),
    [
        ("import mmap; mmap.mmap(-1, 4096, prot=7)", "PermissionError"),
        ("import socket; socket.socket(socket.AF_PACKET)", "Address family not supported"),
        ("import os; os.chown('/tmp', 0, 0)", "PermissionError"),
        ("open('/proc/meminfo')", "FileNotFoundError"),
    ],
    ids=["executable-memory", "packets", "owners", "system"],
)
def test_the_limits_hold(unit: Path, deed: str, refusal: str) -> None:
    """What a unit forbids is refused: the test before proves something."""
    done = subprocess.run(
        [sys.executable, str(CONFINED), str(unit), sys.executable, "-c", deed],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert refusal in done.stderr
