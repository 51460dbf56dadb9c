"""Gathers what the machine says: versions, disk, permissions, locks, limits, unit files."""

import os
import platform
import re
import resource
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from itertools import pairwise
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor import __version__
from monitor.config import unit
from monitor.doctor.facts import Holder, Limits, Mode, Software, UnitFile, Volume

_DISTRIBUTION = "sanctions-monitor"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SECRET_FILE = re.compile(r"\$\{file:([^}]+)\}")
_MOUNTED_SECRETS = Path("/run/secrets")  # their permissions are what the container engine gives
_PROBE_BYTES = 65_536
_CGROUP_MEMORY = Path("/sys/fs/cgroup/memory.max")


def software() -> Software:
    """Return the versions of the program and of what it stands on."""
    return Software(
        version=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        sqlite=sqlite3.sqlite_version,
        sqlite_module=sqlite3.__name__,
        packages=dict(_packages()),
    )


def _packages() -> Iterator[tuple[str, str]]:
    try:
        wanted = metadata.requires(_DISTRIBUTION) or ()
    except metadata.PackageNotFoundError:
        return
    for text in wanted:
        name = _NAME.match(text)
        assert name is not None, "a requirement begins with a name"
        try:
            yield name[0], metadata.version(name[0])
        except metadata.PackageNotFoundError:
            continue  # of an extra, or of another platform


def volume(database: Path) -> Volume:
    """Return what there is to know of the directory of a database."""
    marker = database.with_name(f"{database.name}.was-here")
    try:
        folder = _existing(database.parent)
        has_database = database.exists() and database.stat().st_size > 0
        room = os.statvfs(folder)
        free, total = room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize
        return Volume(
            database=database,
            refusal=_refusal(folder),
            filesystem=_filesystem(folder),
            free_bytes=free,
            total_bytes=total,
            has_database=has_database,
            is_emptied=marker.exists() and not has_database,
            expected_owner=folder.stat().st_uid,
            modes=tuple(_modes(database)),
        )
    except OSError as error:
        return Volume(database=database, refusal=error.strerror or str(error))


def _existing(folder: Path) -> Path:
    """Return the directory, or the nearest one above it that exists."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _refusal(folder: Path) -> str:
    """Return why a file cannot be written to a directory, "" when it can."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
            file.write(b"\0" * _PROBE_BYTES)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _filesystem(folder: Path) -> str:
    """Return the type of the file system that a directory is on, "" where nobody says."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return filesystem_of(folder.resolve(), lines)


def filesystem_of(folder: Path, mountinfo: Iterable[str]) -> str:
    """Return the type of the innermost mount around a directory; the last one covers others.

    Source: proc(5), /proc/pid/mountinfo.
    """
    found, depth = "", -1
    for line in mountinfo:
        left, _, right = line.partition(" - ")
        place = Path(re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), left.split()[4]))
        if folder.is_relative_to(place) and len(place.parts) >= depth:
            found, depth = right.split()[0], len(place.parts)
    return found


def _modes(database: Path) -> Iterator[Mode]:
    for ending, what in (("", "the database"), ("-wal", "its log"), ("-shm", "its index")):
        path = database.with_name(database.name + ending)
        if path.exists():
            yield _mode(path, what)
    for ending in (".lock", ".was-here"):  # empty: only their owner matters
        path = database.with_name(database.name + ending)
        if path.exists():
            yield Mode(path=str(path), what="a mark", bits=0, owner=path.stat().st_uid)


def _mode(path: Path, what: str) -> Mode:
    state = path.stat()
    return Mode(path=str(path), what=what, bits=state.st_mode & 0o7777, owner=state.st_uid)


def secrets(directory: Path, files: Mapping[str, str]) -> tuple[Mode, ...]:
    """Return the secret files that the texts of a configuration refer to."""
    names = {name for text in files.values() for name in _SECRET_FILE.findall(text)}
    paths = sorted(directory / name for name in names)
    return tuple(
        _mode(path, "the secret file")
        for path in paths
        if path.is_file() and not path.is_relative_to(_MOUNTED_SECRETS)
    )


def holder(database: Path) -> Holder | None:
    """Return who holds the instance lock; nobody is disturbed by looking."""
    lock = database.with_name(f"{database.name}.lock")
    try:
        state = lock.stat()
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    device = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}"
    for pid, other in flocks_on(state.st_ino, lines):
        if other == device or _has_open(pid, lock):  # btrfs and overlayfs show another device
            return Holder(pid=pid, command=_command(pid))
    return None


def flocks_on(inode: int, locks: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield who holds a flock on a file of this number, and on which device (`fd:00`).

    Source: proc(5), /proc/locks. Who waits for one has a line with an arrow.
    """
    for line in locks:
        words = line.split()
        if "FLOCK" not in words or "->" in words:
            continue
        for holder, place in pairwise(words):
            device, _, number = place.rpartition(":")
            if number == str(inode) and device.count(":") == 1:
                yield int(holder), device


def _has_open(pid: int, path: Path) -> bool:
    """Return whether a process has a file open; False where one may not look."""
    try:
        return any(path.samefile(one) for one in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "of another container"
    return " ".join(Path(os.fsdecode(word)).name for word in words[:3] if word)


def limits() -> Limits:
    """Return what this process is allowed."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        text = _CGROUP_MEMORY.read_text(encoding="ascii").strip()
    except OSError:
        text = "max"
    return Limits(
        open_files=None if files == resource.RLIM_INFINITY else files,
        memory_bytes=int(text) if text.isdigit() else None,
    )


def units(folder: Path) -> tuple[UnitFile, ...]:
    """Return the units of a directory that `monitor init --systemd` wrote."""
    return tuple(
        UnitFile(
            path=str(path),
            is_outdated=unit.is_outdated(text, unit.shipped_form()),
            missing=tuple(str(one) for one in unit.lent_directories(text) if not one.is_dir()),
        )
        for path, text in _texts(folder)
        if unit.is_ours(text)
    )


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.glob("*.service")):
        try:
            yield path, path.read_text(encoding="utf-8")
        except (OSError, UnicodeError):
            continue  # a link that leads nowhere, a unit of others
