"""A state dump: what every task waits for, what is under way, due and in the outbox."""

import asyncio
import inspect
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor import __version__
from monitor.engine.local import LocalEngine
from monitor.engine.look import Look
from monitor.store import Transaction

_SHOWN = 50  # of the sources that are due next
_FRAMES = 20  # of a task, outermost first


async def dump(engine: LocalEngine, look: Look, path: Path, now: datetime) -> None:
    """Write what this process has in mind and what the database says, if it says anything."""
    state = _state_of(engine, now)
    try:
        state |= await look(lambda tx: _stored_state(tx, now))
    except Exception as error:  # noqa: BLE001 - a dump is for bad days
        state["database"] = f"{type(error).__name__}: {error}"
    await asyncio.to_thread(_write, path, state)


def _state_of(engine: LocalEngine, now: datetime) -> dict[str, Any]:
    """Return what this process has in mind; nothing of it comes from a message or a document."""
    return {
        "at": now.isoformat(),
        "version": __version__,
        "pid": os.getpid(),
        "health": engine.vitals.judge(now).to_dict(),
        "sources": len(engine.watch.settings.sources),
        "rules": engine.watch.settings.ruleset.hash[:12],
        "polls_under_way": sorted(engine.polls.running),
        "lanes": {
            name: "sending" if engine.lanes.sending.get(name) else "claiming or settling"
            for name in sorted(engine.lanes.running)
        },
        "tasks": sorted(map(_task, asyncio.all_tasks()), key=lambda task: str(task["name"])),
    }


def _stored_state(tx: Transaction, now: datetime) -> dict[str, Any]:
    """Return what the database says is due and waits."""
    states = sorted(tx.sources.states(), key=lambda one: one.next_poll_at)
    return {
        "next_polls": [
            {"source": one.id, "at": one.next_poll_at.isoformat(), "failures": one.failures}
            for one in states[:_SHOWN]
        ],
        "overdue_polls": sum(one.next_poll_at <= now for one in states),
        "outbox": [
            {"channel": channel, "state": state, "messages": count}
            for (channel, state), count in sorted(tx.outbox.counts_by_channel().items())
        ],
        "channels": [
            {
                "name": one.name,
                "paused_at": one.paused_at.isoformat() if one.paused_at else None,
                "failures_in_a_row": one.failures,
            }
            for one in tx.outbox.channels()
        ],
    }


def _write(path: Path, state: dict[str, Any]) -> None:
    """Write a dump in place of the one before, for the owner's eyes, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(state, file, ensure_ascii=False, indent=2)
        file.write("\n")
    Path(name).replace(path)


def _task(task: "asyncio.Task[Any]") -> dict[str, Any]:
    """Return a task's name and what it waits for, the outermost call first."""
    waits: list[str] = []
    awaited: Any = task.get_coro()
    while inspect.iscoroutine(awaited) and awaited.cr_frame and len(waits) < _FRAMES:
        frame = awaited.cr_frame
        waits.append(f"{frame.f_code.co_qualname} {frame.f_code.co_filename}:{frame.f_lineno}")
        awaited = awaited.cr_await
    return {"name": task.get_name(), "waits_in": waits}
