"""Which channels deliver: each in a task of its own, so that a slow one delays no other."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from monitor.engine.pulse import Line, Pulse
from monitor.errors import DeliveryError, StoreError
from monitor.model import Alert, Message
from monitor.pipeline import deliver_due
from monitor.steps.circuit import LEASE
from monitor.steps.watch import Channel, Watch
from monitor.store import Outcome

log = structlog.get_logger()

_LONGEST = LEASE - timedelta(minutes=3)  # a send; the rest of the lease is for storing its outcome


@dataclass(kw_only=True)
class Lanes:
    """Starts the lane of every channel that has none under way; `running` holds those that do.

    The line makes progress when a claim is stored, be it of nothing, and also while every lane
    waits for its receiver: those waits end by themselves.
    """

    watch: Watch
    clock: Callable[[], datetime]
    pulse: Pulse
    on_outcome: Callable[[str, Outcome], None]
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    sending: dict[str, int] = field(default_factory=dict)  # messages at their receiver, by channel

    async def tick(self) -> None:
        """Give every channel its task."""
        nobody_claims = all(self.sending.get(name) for name in self.running)
        if nobody_claims and (self.running or not self.watch.channels):
            self.pulse.moved(Line.DELIVER)
        for name, channel in self.watch.channels.items():
            if name not in self.running:
                self._start(name, self._deliver(channel))

    def _start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"deliver {name}")
        self.running[name] = task
        task.add_done_callback(lambda _: self.running.pop(name, None))

    async def _deliver(self, channel: Channel) -> None:
        """Run a lane to its end; a fault is logged, and the next tick tries again."""
        seen = _Seen(channel, self)
        try:
            await deliver_due(self.watch, seen, self.clock, self.on_outcome)
        except StoreError as refused:
            self.pulse.refused(Line.DELIVER)
            log.warning("lane refused by the database", channel=channel.name, error=str(refused))
        except Exception:
            log.exception("task failed", task=channel.name)
        else:
            self.pulse.moved(Line.DELIVER)


class _Seen:
    """A channel whose sends are seen, and end."""

    def __init__(self, channel: Channel, lanes: Lanes) -> None:
        self.name = channel.name
        self._channel = channel
        self._lanes = lanes

    def recipients(self) -> Sequence[str]:
        """Return whom the channel reaches."""
        return self._channel.recipients()

    def compose(self, alert: Alert, recipient: str) -> Message:
        """Return the channel's bytes."""
        return self._channel.compose(alert, recipient)

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        """Deliver; a receiver, or a fault of ours, that never ends is a try that failed."""
        lanes = self._lanes
        lanes.pulse.moved(Line.DELIVER)  # whoever sends has claimed
        lanes.sending[self.name] = lanes.sending.get(self.name, 0) + 1
        limit = asyncio.timeout(_LONGEST.total_seconds())
        try:
            async with limit:
                await self._channel.send(message, recipient, now)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeliveryError(f"{self.name}: no outcome within {_LONGEST}") from error
        finally:
            lanes.sending[self.name] -= 1
