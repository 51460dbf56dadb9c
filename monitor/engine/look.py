"""Reading beside the writer: an answer within bounds of time, while that one is blocked as well."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from monitor.store import SqliteStore, Transaction

_Result = TypeVar("_Result")

_WITHIN_S = 5.0


class Look:
    """Reads on a thread, and with a connection, of its own."""

    def __init__(self, store: SqliteStore, reader: ThreadPoolExecutor) -> None:
        self._store = store
        self._reader = reader

    async def __call__(self, step: Callable[[Transaction], _Result]) -> _Result:
        """Return what a step reads.

        Raises:
            StoreError: the database refused.
            TimeoutError: it did not answer in time.
        """

        def run() -> _Result:
            with self._store.read() as tx:
                return step(tx)

        loop = asyncio.get_running_loop()
        # `wait_for` of Python 3.11 forgets a cancellation that comes together with the answer
        # (python/cpython 86296): whoever looks again and again would never end.
        async with asyncio.timeout(_WITHIN_S):
            return await loop.run_in_executor(self._reader, run)


@contextmanager
def looking(store: SqliteStore) -> Iterator[Look]:
    """Give a way to look, until the block ends."""
    with ThreadPoolExecutor(1, "look") as reader:
        yield Look(store, reader)
