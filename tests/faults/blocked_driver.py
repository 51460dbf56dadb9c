"""`monitor run` of which one part hangs for ever while a file exists.

    python -m tests.faults.blocked_driver PART FILE run --config DIR

PART is what hangs: `poll` (every fetch), `decide`, `deliver` (no lane claims), `store` (the writer
thread), `loop` (the event loop itself), `receiver` (one channel's sending: that is no dead line).
"""

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitor.cli import main
from monitor.engine import lanes, local
from monitor.fetch.client import Fetcher
from monitor.notify.webhook import WebhookChannel
from monitor.store import SqliteStore


def hang(part: str, is_blocked: Callable[[], bool]) -> None:
    """Wrap the function of a part."""

    def waiting(work: Callable[..., Any]) -> Callable[..., Any]:
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            if is_blocked():
                await asyncio.Event().wait()
            return await work(*args, **kwargs)

        return wrapped

    def blocking(work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if is_blocked():
                threading.Event().wait()
            return work(*args, **kwargs)

        return wrapped

    where: dict[str, tuple[Any, str, Callable[..., Any]]] = {
        "poll": (Fetcher, "fetch", waiting),
        "decide": (local, "decide_due", waiting),
        "deliver": (lanes, "deliver_due", waiting),
        "store": (SqliteStore, "write", blocking),
        "loop": (local, "decide_due", blocking),
        "receiver": (WebhookChannel, "send", waiting),
    }
    owner, name, wrap = where[part]
    setattr(owner, name, wrap(getattr(owner, name)))


if __name__ == "__main__":
    part, file = sys.argv[1:3]
    del sys.argv[1:3]
    hang(part, Path(file).exists)
    main()
