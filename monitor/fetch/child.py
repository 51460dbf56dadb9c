"""The child of the sandbox: `python -m monitor.fetch.child DEADLINE_S MEMORY_BYTES READER`.

It answers questions on its standard input (a socket) until that closes. It limits itself before
it reads the first byte; should the parent die while a document is being read, its own alarm ends
it.
"""

import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from monitor.errors import ParseError
from monitor.fetch import frames
from monitor.model import Document, Reading
from monitor.sources import READERS, Reader

_STATM = Path("/proc/self/statm")
_OPEN_FILES = 16  # its socket, and codecs that are imported late
_ADDRESS_SPACE = 1_500_000_000  # bytes; libraries are mapped far larger than they are used
_GRACE_S = 1.0  # the parent's clock runs first


def main() -> None:
    """Serve one parent, then end."""
    deadline_s, memory_bytes = float(sys.argv[1]), int(sys.argv[2])
    read = READERS[sys.argv[3]]
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # the parent drains, and closes us when it is done
    with suppress(ParseError):
        read(Document(b""), ())  # what it imports late takes longer than a document may
    _limit(memory_bytes)
    with socket.socket(fileno=0) as parent, parent.makefile("rb") as questions:
        parent.sendall(frames.frame({"ready": True}))
        serve(questions, parent.sendall, deadline_s, read)


def serve(
    questions: BinaryIO, send: Callable[[bytes], object], deadline_s: float, read: Reader
) -> None:
    """Answer questions until they end."""
    while (asked := frames.receive(questions.read)) is not None:
        signal.setitimer(signal.ITIMER_REAL, deadline_s + _GRACE_S)  # kills: no handler is set
        send(_answer(*asked, read))
        signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(head: frames.Head, body: bytes, read: Reader) -> bytes:
    """Return the answer to one question, with what it cost."""
    began_s = time.process_time()
    found = _found(head, body, read)
    cost = frames.Cost(held_bytes=_held(), cpu_s=time.process_time() - began_s)
    return frames.answer(found, cost) if isinstance(found, Reading) else frames.refusal(found, cost)


def _found(head: frames.Head, body: bytes, read: Reader) -> Reading | ParseError:
    """Return what a document reads as: whatever goes wrong is said, not raised."""
    try:
        return read(*frames.asked(head, body))
    except ParseError as error:
        return error
    except MemoryError:
        return ParseError("reading the document takes too much memory", kind="heavy-document")
    except Exception as fault:  # noqa: BLE001 - a parser's fault must cost its document alone
        return ParseError(f"the parser failed: {type(fault).__name__}: {fault}")


def _limit(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # writes no files
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))


def _held() -> int:
    """Return the resident memory in bytes, 0 where the system does not tell.

    Not `ru_maxrss`: a child starts with the peak of the process that started it.
    """
    try:
        pages = int(_STATM.read_bytes().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main()
