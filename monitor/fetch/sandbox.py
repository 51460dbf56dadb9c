"""Reads untrusted documents in child processes that can be killed.

A child that takes too long, takes too much memory or dies is replaced; only its document fails.
Others do not wait for it: a document that is not read within `PATIENCE` gives up its turn, and the
next one goes to a spare child. (What is slow time and again is kept apart by `engine/polls.py`.)
"""

import asyncio
import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

from monitor.errors import ParseError
from monitor.fetch import frames
from monitor.model import Document, Reading

DEADLINE = timedelta(seconds=5)
PATIENCE = timedelta(seconds=0.5)  # 300 real feeds took 0.02 s on average
MEMORY_BYTES = 270_000_000  # of data; code and libraries add 20 MB: below 300 MB in all
_START = timedelta(seconds=30)  # for a child to import its parsers on a machine under load
_RECYCLE_AFTER = 2_000  # documents: bounds what leaks in C
_RECYCLE_BYTES = 150_000_000  # resident; a child that one document blew up is not kept
_MAX_ANSWER = 64_000_000  # bytes; six times the largest document
_SPARE = 3  # children that may go on beside the others with a document that takes long

# What a child gets of the environment; the rest holds passwords and tokens.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


class Sandbox:
    """A few children that read documents for many polls at once; they start when first needed.

    `children` documents are read at a time, and beside them at most `_SPARE` that take long.
    `reader` is what they read them as, an entry of `monitor.sources.READERS`.
    """

    def __init__(
        self,
        *,
        children: int = 1,
        deadline: timedelta = DEADLINE,
        memory_bytes: int = MEMORY_BYTES,
        reader: str = "feed",
    ) -> None:
        self._children = children
        self._reader = reader
        self._deadline = deadline
        self._memory_bytes = memory_bytes
        self._threads = ThreadPoolExecutor(children + _SPARE, thread_name_prefix="sandbox")
        self._turns = threading.Semaphore(children)
        self._idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
        self._living: set[_Child] = set()
        self._lock = threading.Lock()
        self._is_closed = False

    async def read(self, document: Document, known: Collection[bytes] = ()) -> Reading:
        """Return what the reader returns, or raise what it raises.

        Raises:
            ParseError: also with kind `slow-document`, `heavy-document` or `crashed`.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.read_now, document, known)

    def read_now(self, document: Document, known: Collection[bytes] = ()) -> Reading:
        """Return the same as `read` to code that is not asynchronous."""
        with self._turn() as give_up:
            return self._read(document, known, give_up)

    @contextmanager
    def _turn(self) -> Iterator[Callable[[], None]]:
        """Wait for a turn; gives what ends it before its time."""
        self._turns.acquire()
        left = threading.Semaphore()  # a turn ends once

        def give_up() -> None:
            if left.acquire(blocking=False):
                self._turns.release()

        try:
            yield give_up
        finally:
            give_up()

    def _read(
        self, document: Document, known: Collection[bytes], on_slow: Callable[[], None]
    ) -> Reading:
        child = self._take()
        is_sound = False
        try:
            answer = child.ask(frames.question(document, known), self._deadline, on_slow)
            is_sound = not child.is_worn
        finally:
            self._put_back(child, is_sound=is_sound)
        return frames.reading(*answer)

    async def close(self) -> None:
        """Kill the children; a document that is being read fails as `crashed`."""
        self.close_now()

    def close_now(self) -> None:
        """Do the same for code that is not asynchronous."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._is_closed = True
            living, self._living = self._living, set()
        for child in living:
            child.end()

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the children."""
        with self._lock:
            return tuple(sorted(child.pid for child in self._living))

    def _take(self) -> "_Child":
        with contextlib.suppress(queue.Empty):
            while not (child := self._idle.get_nowait()).is_alive:
                self._put_back(child, is_sound=False)
            return child
        with self._lock:
            if self._is_closed:
                raise ParseError("the sandbox is closed", kind="crashed")
            child = _Child(self._deadline, self._memory_bytes, self._reader)
            self._living.add(child)
        return child

    def _put_back(self, child: "_Child", *, is_sound: bool) -> None:
        # What slow documents had started beside the usual children ends with them.
        if is_sound and self._idle.qsize() < self._children:
            self._idle.put(child)
            return
        with self._lock:
            self._living.discard(child)
        child.end()


class _Child:
    """One child process and the socket to it; used by one thread at a time."""

    def __init__(self, deadline: timedelta, memory_bytes: int, reader: str) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # A session of its own: signals sent to the service's group do not reach it.
            self._process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [
                    sys.executable,
                    "-m",
                    "monitor.fetch.child",
                    str(deadline.total_seconds()),
                    str(memory_bytes),
                    reader,
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,
            )
        self._is_ready = False
        self._answered = 0
        self._held_bytes = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def is_worn(self) -> bool:
        """Return whether it has read so much that a fresh one is better."""
        return self._answered >= _RECYCLE_AFTER or self._held_bytes > _RECYCLE_BYTES

    def ask(
        self, question: bytes, deadline: timedelta, on_slow: Callable[[], None]
    ) -> tuple[frames.Head, bytes]:
        """Return the answer; `on_slow` is called when it takes longer than `PATIENCE`.

        After an error the child is of no more use.

        Raises:
            ParseError: kind `slow-document` or `crashed`.
        """
        try:
            if not self._is_ready:
                self._is_ready = self._receive(_START) is not None
            ends_at = time.monotonic() + deadline.total_seconds()
            self._socket.settimeout(deadline.total_seconds())
            self._socket.sendall(question)
            if not self._answers_within(min(PATIENCE, deadline)):
                on_slow()
            answer = frames.receive(lambda size: self._read(size, ends_at))
        except TimeoutError as error:
            limit_s = deadline.total_seconds()
            why = f"reading the document takes over {limit_s:g} s"
            raise ParseError(why, kind="slow-document", cpu_s=limit_s) from error
        except (OSError, ValueError) as error:
            raise ParseError(f"the parser died: {error}", kind="crashed") from error
        if answer is None:
            raise ParseError("the parser died over the document", kind="crashed")
        self._answered += 1
        self._held_bytes = int(answer[0].get("held", 0))
        return answer

    def _answers_within(self, wait: timedelta) -> bool:
        self._socket.settimeout(wait.total_seconds())
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return False
        return True

    def _receive(self, allowed: timedelta) -> tuple[frames.Head, bytes] | None:
        ends_at = time.monotonic() + allowed.total_seconds()
        return frames.receive(lambda size: self._read(size, ends_at))

    def _read(self, size: int, ends_at: float) -> bytes:
        """Return `size` bytes, or fewer when the child closes its end before."""
        if size > _MAX_ANSWER:
            raise ValueError(f"an answer of {size:,} bytes")
        pieces = bytearray()
        while len(pieces) < size:
            self._socket.settimeout(max(ends_at - time.monotonic(), 0.001))
            piece = self._socket.recv(min(size - len(pieces), 1 << 20))
            if not piece:
                break
            pieces += piece
        return bytes(pieces)

    def end(self) -> None:
        """Kill the process and forget it; safe to call again."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # The parent's own path: the child finds the same program wherever it was started from.
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
