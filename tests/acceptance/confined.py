"""Runs a command under the sandbox of a unit file, as far as that goes without systemd.

`python confined.py UNIT COMMAND...`: /proc with subset=pid, no capabilities, and the seccomp
filters that systemd derives from SystemCallFilter=, RestrictAddressFamilies= and
MemoryDenyWriteExecute=. Needs root, util-linux and libseccomp, which systemd brings along.
"""

import ctypes
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000
_EQUAL, _MASKED = 4, 7  # SCMP_CMP_EQ, SCMP_CMP_MASKED_EQ
_WRITE, _EXEC = 2, 4  # PROT_WRITE, PROT_EXEC
_SHM_EXEC = 0o100000


class _Compare(ctypes.Structure):
    _fields_ = [
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    ]


class _Filter:
    """One seccomp filter: what happens by default, and the calls that it treats otherwise."""

    def __init__(self, default: int) -> None:
        self._lib = ctypes.CDLL("libseccomp.so.2")
        self._lib.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._lib.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, *compared: _Compare) -> None:
        number = self._lib.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # of another architecture
        array = (_Compare * len(compared))(*compared)
        status = self._lib.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(compared), array
        )
        assert status == 0, f"{call}: {os.strerror(-status)}"

    def load(self) -> None:
        status = self._lib.seccomp_load(self._context)
        assert status == 0, os.strerror(-status)


def settings(unit: str, key: str) -> list[str]:
    """Return the values of a key of a unit file, in order."""
    lines = (line.partition("=") for line in unit.splitlines())
    return [value for name, _, value in lines if name == key]


def calls(names: Iterable[str]) -> Iterator[str]:
    """Return the system calls of sets (`@process`) and single names."""
    for name in names:
        if not name.startswith("@"):
            yield name
            continue
        listed = subprocess.run(
            ["systemd-analyze", "syscall-filter", "--no-pager", name],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        below = (line.strip() for line in listed.stdout.splitlines()[1:])
        yield from calls(line for line in below if line and not line.startswith("#"))


def allowed(unit: str) -> set[str]:
    """Return the system calls that a unit's filters leave."""
    kept: set[str] = set()
    for value in settings(unit, "SystemCallFilter"):
        named = set(calls(value.removeprefix("~").split()))
        kept = kept - named if value.startswith("~") else kept | named
    return kept


def confine(unit: str) -> None:
    """Put this process, and what it starts, under the filters of a unit."""
    details = _Filter(_ALLOW)
    for name in ("mmap",):
        both = _Compare(2, _MASKED, _WRITE | _EXEC, _WRITE | _EXEC)
        details.add(_REFUSE | errno.EPERM, name, both)
    for name in ("mprotect", "pkey_mprotect"):
        details.add(_REFUSE | errno.EPERM, name, _Compare(2, _MASKED, _EXEC, _EXEC))
    details.add(_REFUSE | errno.EPERM, "shmat", _Compare(2, _MASKED, _SHM_EXEC, _SHM_EXEC))
    families = settings(unit, "RestrictAddressFamilies")[0].split()
    for family in set(range(46)) - {getattr(socket, name) for name in families}:
        details.add(_REFUSE | errno.EAFNOSUPPORT, "socket", _Compare(0, _EQUAL, family, 0))
    listed = _Filter(_REFUSE | errno.EPERM)
    for call in allowed(unit):
        listed.add(_ALLOW, call)
    details.load()
    listed.load()


def main() -> None:
    """Run the command; the first pass makes the namespace, the second the filters."""
    unit, command = sys.argv[1], sys.argv[2:]
    if os.environ.pop("CONFINED", "") == "":
        inner = [sys.executable, __file__, unit, *command]
        mount = 'mount -t proc -o subset=pid,hidepid=invisible proc /proc && exec "$@"'
        drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", *inner]
        os.environ["CONFINED"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "sh", "-c", mount, "sh", *drop])
    confine(Path(unit).read_text("utf-8"))
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
