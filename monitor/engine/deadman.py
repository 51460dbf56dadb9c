"""The dead-man ping: somebody outside hears from the watch while it keeps its promises.

Silence is the alarm, so a ping is sent only when everything that can be observed holds. With
`start_and_fail` the start and a broken promise are told as well (healthchecks.io, and what follows
its way: `/start` and `/fail` behind the address).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import structlog

from monitor.engine.pulse import Motion
from monitor.engine.vitals import Judgement
from monitor.errors import FetchError
from monitor.model import Post
from monitor.store import Transaction

log = structlog.get_logger()

Signal = Literal["start", "ok", "fail"]

_TIMEOUT_S = 10.0
_OVERDUE = timedelta(hours=1)  # of a poll, beside a line that gets on: it starves
_NO_CANARY = timedelta(hours=50)  # they are sent daily; one late is told by the watch itself
_GOOD = range(200, 300)
_MUST_HOLD = frozenset({"database", "lock"})  # of the checks; refused files leave the last good


def broken_lines(judged: Judgement) -> tuple[str, ...]:
    """Return what is broken of what this process knows of itself."""
    still = (one for one in judged.lines if one.motion is not Motion.MOVING)
    failed = (one for one in judged.checks if not one.is_ok and one.name in _MUST_HOLD)
    return (
        *(f"line {one.line} is {one.motion} for {one.silent_s:.0f} s" for one in still),
        *(f"{one.name}: {one.said}" for one in failed),
    )


def broken_promises(tx: Transaction, now: datetime, dead_after: timedelta) -> tuple[str, ...]:
    """Return which promises the database shows broken: nothing read, polls starved, a dead channel.

    A source that fails, or a channel that was down for less than `dead_after`, is told by the
    watch itself; this is for what it may not be able to tell.
    """
    states = [one for one in tx.sources.states() if not one.is_suspended]
    problems = []
    if states and all(one.failures for one in states):
        problems.append("no source at all could be read")
    overdue = sum(one.next_poll_at < now - _OVERDUE for one in states)
    if overdue:
        problems.append(f"{overdue} polls are overdue by an hour or more")
    silent = {name for name, at in tx.outbox.waits_since(now).items() if now - at > dead_after}
    paused = {
        one.name
        for one in tx.outbox.channels()
        if one.paused_at and now - one.paused_at > dead_after
    }
    problems += [f"channel {name} takes nothing" for name in sorted(silent | paused)]
    return (*problems, *_lost_canary(tx, now))


def _lost_canary(tx: Transaction, now: datetime) -> tuple[str, ...]:
    """Return that canaries are sent and none arrives; where they were turned off nothing is."""
    last, arrived_at = tx.canary.last(), tx.canary.delivered_at()
    is_sent = last is not None and now - last.begun_at < _NO_CANARY
    if not is_sent or arrived_at is None or now - arrived_at < _NO_CANARY:
        return ()
    return (f"no canary arrived since {arrived_at:%Y-%m-%d %H:%M}",)


def address_of(url: str, signal: Signal) -> str:
    """Return the address to ping; a signal stands behind the path, before a query."""
    if signal == "ok":
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{signal}"))


@dataclass(kw_only=True)
class DeadMan:
    """Pings every so often; `on_ping` hears of each and whether it was taken."""

    post: Post
    url: str = field(repr=False)
    every: timedelta
    start_and_fail: bool
    on_ping: Callable[[Signal, bool], None]
    _is_told: bool = False  # that promises are broken

    async def run(self, broken: Callable[[], Awaitable[Sequence[str] | None]]) -> None:
        """Ask what is broken and ping or be silent, until cancelled; None means: not known yet."""
        if self.start_and_fail:
            await self._ping("start")
        while True:
            await self.look(await broken())
            await asyncio.sleep(self.every.total_seconds())

    async def look(self, problems: Sequence[str] | None) -> None:
        """Ping for one look: all well, or broken, which is told until it was heard once."""
        if problems is None:
            return
        if not problems:
            self._is_told = False
            await self._ping("ok")
            return
        log.error("dead-man not pinged: promises are broken", problems=list(problems))
        if self.start_and_fail and not self._is_told:
            self._is_told = await self._ping("fail", "\n".join(problems))

    async def _ping(self, signal: Signal, said: str = "") -> bool:
        url = address_of(self.url, signal)
        headers = {"content-type": "text/plain; charset=utf-8"}
        error = ""
        try:
            reply = await self.post(url, said.encode(), headers, _TIMEOUT_S)
        except FetchError as refused:
            error = str(refused)
        else:
            error = "" if reply.status in _GOOD else f"HTTP {reply.status}"
        if error:
            log.warning("dead-man did not take the ping", signal=signal, error=error)
        self.on_ping(signal, not error)
        return not error
