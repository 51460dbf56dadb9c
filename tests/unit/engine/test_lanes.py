"""Lanes: a claim is progress, a receiver that hangs is no standstill, a refusal is noted."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.engine import lanes
from monitor.engine.lanes import Lanes
from monitor.engine.pulse import Line, Motion, Pulse
from monitor.errors import DeliveryError, StoreError
from monitor.model import Alert, Message

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
MESSAGE = Message(id="m-1", body=b"x")


@dataclass
class Receiver:
    """A channel that sends when it is let go."""

    name: str
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    def recipients(self) -> Sequence[str]:
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:
        return Message(id=alert.id, body=b"")

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        await self.let_go.wait()


@dataclass
class World:
    """A clock to set, a watch with channels, and what a lane does."""

    channels: dict[str, Receiver]
    seconds: float = 0.0

    def lanes(self) -> Lanes:
        return Lanes(
            watch=self,  # type: ignore[arg-type]  # of a watch, its channels alone are used here
            clock=lambda: NOW,
            pulse=Pulse(lambda: self.seconds, 45),
            on_outcome=lambda _channel, _outcome: None,
        )


def _motion(one: Lanes) -> Motion:
    return next(line.motion for line in one.pulse.lines() if line.line is Line.DELIVER)


def _play(
    monkeypatch: pytest.MonkeyPatch,
    lane: Callable[[Any], Coroutine[Any, Any, None]],
    scenario: Callable[[World, Lanes], Coroutine[Any, Any, None]],
) -> None:
    async def deliver(_watch: Any, channel: Any, _clock: Any, _heard: Any) -> None:
        await lane(channel)

    monkeypatch.setattr(lanes, "deliver_due", deliver)

    async def run() -> None:
        world = World({"a": Receiver("a"), "b": Receiver("b")})
        one = world.lanes()
        await scenario(world, one)
        for task in one.running.values():
            task.cancel()
        await asyncio.gather(*one.running.values(), return_exceptions=True)

    asyncio.run(run())


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def _send(channel: Any) -> None:
    await channel.send(MESSAGE, "", NOW)


async def _claim_for_ever(_channel: Any) -> None:
    await asyncio.Event().wait()


async def _nothing_due(_channel: Any) -> None:
    return


async def _refused(_channel: Any) -> None:
    raise StoreError("disk full")


async def _faulty(_channel: Any) -> None:
    raise ZeroDivisionError


def test_receivers_that_hang_are_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lane waits for its receiver: those waits end by themselves."""

    async def scenario(world: World, one: Lanes) -> None:
        for _ in range(10):
            await one.tick()
            await _settle()
            world.seconds += 40
        assert _motion(one) is Motion.MOVING
        assert one.sending == {"a": 1, "b": 1}

    _play(monkeypatch, _send, scenario)


def test_lanes_that_claim_no_more_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds them: they neither end nor send."""

    async def scenario(world: World, one: Lanes) -> None:
        for _ in range(3):
            await one.tick()
            await _settle()
            world.seconds += 40
        assert _motion(one) is Motion.STALLED

    _play(monkeypatch, _claim_for_ever, scenario)


@pytest.mark.parametrize(
    ("lane", "motion"),
    [(_nothing_due, Motion.MOVING), (_refused, Motion.REFUSED), (_faulty, Motion.STALLED)],
    ids=["nothing due", "refused", "fault"],
)
def test_how_lanes_end_tells_how_the_line_fares(
    monkeypatch: pytest.MonkeyPatch, lane: Any, motion: Motion
) -> None:
    """A claim of nothing is progress; a refusal is no standstill; a fault at each claim is one."""

    async def scenario(world: World, one: Lanes) -> None:
        for _ in range(10):
            world.seconds += 10
            await one.tick()
            await _settle()
            assert not one.running
        assert _motion(one) is motion

    _play(monkeypatch, lane, scenario)


def test_without_channels_there_is_nothing_to_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing stands still."""

    async def scenario(world: World, one: Lanes) -> None:
        world.channels.clear()
        world.seconds += 100
        await one.tick()
        assert _motion(one) is Motion.MOVING

    _play(monkeypatch, _nothing_due, scenario)


def test_a_send_that_never_ends_is_a_try_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours may hang as well; the message is tried again, and the lane is free."""
    monkeypatch.setattr(lanes, "_LONGEST", timedelta(milliseconds=10))
    errors: list[str] = []

    async def lane(channel: Any) -> None:
        with pytest.raises(DeliveryError) as caught:
            await channel.send(MESSAGE, "", NOW)
        errors.append(str(caught.value))

    async def scenario(_world: World, one: Lanes) -> None:
        await one.tick()
        await asyncio.gather(*one.running.values())
        assert one.sending == {"a": 0, "b": 0}

    _play(monkeypatch, lane, scenario)

    assert sorted(error.split(":")[0] for error in errors) == ["a", "b"]
