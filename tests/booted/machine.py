"""A machine whose first process is systemd: a copy of this file system in namespaces of its own.

What it writes lies in memory and is gone with it; it shares the network, so that a test's servers
on loopback are there.
"""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.test_worker import until

ROOT = Path(__file__).parents[2]
TOOLS = ("systemd-nspawn", "nsenter", "systemctl")
_BOOT_S = 60
_NAMESPACES = ("--mount", "--uts", "--ipc", "--pid", "--cgroup")


class NoBoot(Exception):
    """Nobody boots systemd in namespaces here."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A booted machine: its file system as seen from here, and its first process."""

    root: Path
    leader: int

    def run(self, *words: str, seconds: float = 60) -> "subprocess.CompletedProcess[str]":
        """Run a command in it."""
        return subprocess.run(
            ["nsenter", "--target", str(self.leader), *_NAMESPACES, "--", *words],
            capture_output=True, text=True, check=False, timeout=seconds, cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        )  # fmt: skip

    def shell(self, line: str) -> str:
        """Run a line as an operator types it; return what it prints."""
        done = self.run("sh", "-c", line)
        assert done.returncode == 0, f"{line}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def place(self, path: str) -> Path:
        """Return where a path of the machine lies here."""
        return self.root / path.lstrip("/")


@contextmanager
def booted(folder: Path) -> Iterator[Machine]:
    """Boot a machine; at the end it is switched off and forgotten.

    Raises:
        NoBoot: the kernel, or what this runs in, does not allow it.
    """
    root = folder / "root"
    with _mounted("tmpfs", "tmpfs", folder, "size=1g,mode=755"):
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        layers = f"lowerdir=/,upperdir={folder}/upper,workdir={folder}/work"
        with _mounted("overlay", "overlay", root, layers):
            (root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n")
            with _started(root, folder / "console") as leader:
                yield Machine(root=root, leader=leader)


@contextmanager
def _mounted(kind: str, what: str, where: Path, options: str) -> Iterator[None]:
    done = subprocess.run(
        ["mount", "-t", kind, "-o", options, what, str(where)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NoBoot(done.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(where)], check=False)


@contextmanager
def _started(root: Path, console: Path) -> Iterator[int]:
    command = ["systemd-nspawn", f"--directory={root}", "--boot", "--register=no", "--keep-unit",
               "--console=pipe", *_binds()]  # fmt: skip
    with console.open("wb") as out:
        process = subprocess.Popen(
            [*command, "systemd.unit=basic.target"],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        yield _leader(process, console)
    finally:
        _switch_off(process)


def _binds() -> Iterator[str]:
    """Bind in what the program is read from, where it lies on a file system of its own."""
    device = Path("/").stat().st_dev
    for path in (ROOT, Path(sys.prefix), Path(sys.base_prefix)):
        if path.stat().st_dev != device:
            yield f"--bind-ro={path}"


def _leader(process: "subprocess.Popen[bytes]", console: Path) -> int:
    """Return the first process of the machine once it is up."""

    def is_up() -> bool:
        if process.poll() is not None:
            raise NoBoot(console.read_text(errors="replace").strip() or "it ended at once")
        found = _children(process.pid)
        return bool(found) and _state(found[0]) in ("running", "degraded")

    try:
        until(is_up, "the machine is up", _BOOT_S)
    except AssertionError:
        raise NoBoot(console.read_text(errors="replace").strip() or "it does not come up") from None
    return _children(process.pid)[0]


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _state(leader: int) -> str:
    done = subprocess.run(
        ["nsenter", "--target", str(leader), *_NAMESPACES, "--", "systemctl", "is-system-running"],
        capture_output=True, text=True, check=False, timeout=30, cwd="/",
    )  # fmt: skip
    return done.stdout.strip()


def _switch_off(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()  # systemd-nspawn halts the machine
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.terminate()  # at once
        process.wait(10)


def missing_tools() -> list[str]:
    """Return the tools that a boot needs and that are not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]
