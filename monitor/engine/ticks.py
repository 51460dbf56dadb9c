"""Regular ticks on APScheduler that survive slow jobs, sleeping machines and jumping clocks."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

JUMP = timedelta(seconds=60)  # of the wall clock against the monotonic one; less is adjustment


class Every(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Fires an interval after *now*, never after the last firing.

    APScheduler's own interval trigger lists every firing that a jump of the clock skipped: 2.6
    million of them, 2.6 s of CPU on the loop, for 30 days at one second.
    """

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the next firing, the first one at once (APScheduler's name and arguments)."""
        return now if previous is None else now + self._interval


class Ticks:
    """Calls short functions at intervals; a call that is still running is not started again."""

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead_s = self._drift_s()
        # Late is better than never: the default drops what is a second late (issue 292 there).
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)

    def add(self, name: str, interval: timedelta, call: Callable[[], Awaitable[None]]) -> None:
        """Call a function every `interval`, the first time at once."""
        self._scheduler.add_job(call, Every(interval), id=name, name=name)

    def start(self) -> None:
        """Begin to tick; needs a running loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Tick no more; what was called goes on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def jumped(self) -> timedelta | None:
        """Return by how much the wall clock jumped since the last question, or None.

        After a jump every tick is due at once: one set back would otherwise stand still until the
        clock has caught up (apscheduler issues 351, 752).
        """
        drift_s = self._drift_s()
        jump = timedelta(seconds=drift_s - self._ahead_s)
        if abs(jump) < JUMP:
            return None
        self._ahead_s = drift_s
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=self._clock())
        return jump

    def _drift_s(self) -> float:
        return self._clock().timestamp() - self._monotonic()
