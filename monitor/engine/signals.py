"""Signals: TERM and INT end in good order, again at once; HUP reloads; USR1 writes a state dump.

The end in good order has an end of its own: whatever hangs, the process is gone after a minute.
"""

import asyncio
import contextlib
import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

_ONE_WISH_S = 1.0  # some senders (timeout, a terminal's group) signal twice for one wish
_END_WITHIN_S = 55.0  # the engine drains for 45 at most; systemd kills after 60

Work = Callable[[], Coroutine[Any, Any, None]]


@dataclass(kw_only=True)
class Signals:
    """What is done on each signal; `threads` is where every thread's place is written on USR1.

    `end` is to end the process within `end_within_s` seconds; after that it is ended at once.
    """

    end: Callable[[], None]
    reload: Work
    dump: Work
    threads: Path
    end_within_s: float = _END_WITHIN_S
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)
    _asked_at: float | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle signals while the block runs; TERM and INT until the process ends."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._spawn, self.reload)
        loop.add_signal_handler(signal.SIGUSR1, self._spawn, self.dump)
        with self._threads_written():
            try:
                yield
            finally:
                for number in (signal.SIGHUP, signal.SIGUSR1):
                    loop.remove_signal_handler(number)

    def _end(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._asked_at is None:
            self._asked_at = now
            self._bound_the_end()
        elif now - self._asked_at > _ONE_WISH_S:
            _leave_now()
        self.end()

    def _bound_the_end(self) -> None:
        """End at once when the end in good order takes too long, be it that the loop hangs."""
        loop = asyncio.get_running_loop()

        def leave() -> None:
            try:
                tasks = sorted(task.get_name() for task in asyncio.all_tasks(loop))
                log.error("the end in good order hangs", seconds=self.end_within_s, tasks=tasks)
            finally:  # whatever becomes of the words
                _leave_now()

        timer = threading.Timer(self.end_within_s, leave)
        timer.daemon = True  # a process that has ended by then is not held up
        timer.start()

    def _spawn(self, work: Work) -> None:
        task = asyncio.create_task(survived("signal", work))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    @contextmanager
    def _threads_written(self) -> Iterator[None]:
        """Write where every thread stands on USR1, even while the loop itself hangs."""
        descriptor = os.open(self.threads, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            faulthandler.register(signal.SIGUSR1, file=file, all_threads=True, chain=True)
            try:
                yield
            finally:
                faulthandler.unregister(signal.SIGUSR1)


async def survived(name: str, work: Work) -> None:
    """Run some work beside the engine; a fault is logged, and ends it alone."""
    try:
        await work()
    except Exception:
        log.exception("task failed", task=name)


def _leave_now() -> None:
    """End at once: no waiting for threads or receivers. What is committed stays, leases run out."""
    log.warning("ended at once, messages under way may be sent again")
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("monitor: ended at once\n")
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(1)
