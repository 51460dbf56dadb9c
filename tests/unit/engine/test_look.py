"""A look beside the writer: an answer, a refusal or the end, whenever it is cancelled."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import pytest

from monitor.engine.look import Look
from monitor.store import SqliteStore

_STEPS = 12  # of the loop; a look whose answer is there at once ends within fewer


class _AtOnce(ThreadPoolExecutor):
    """Answers while it is asked, so that each step of the loop after it can be told apart."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class _Store:
    """Stands for a database that answers."""

    @contextmanager
    def read(self) -> Iterator[None]:
        """Give no transaction."""
        yield


async def _looks_on(look: Look) -> None:
    while True:
        await look(lambda _: "answer")
        await asyncio.sleep(1)


@pytest.mark.parametrize("step", range(_STEPS))
def test_a_look_that_is_cancelled_ends_at_whichever_step_of_the_loop(step: int) -> None:
    """Also where the cancellation comes together with the answer: the dead-man went on for ever."""

    async def run() -> bool:
        with _AtOnce(1) as reader:
            task = asyncio.create_task(_looks_on(Look(cast("SqliteStore", _Store()), reader)))
            for _ in range(step):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=0.2)
        return task.cancelled()

    assert asyncio.run(run())
