"""The judgement: what makes the watch alive, what makes it ready, and how it is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.engine.pulse import Line, Pulse
from monitor.engine.vitals import Vitals, heard_of

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)


class _World:
    """A clock to set and a lock to lose."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.has_lock = True
        self.pulse = Pulse(lambda: self.seconds, 45)
        self.vitals = Vitals(self.pulse, lambda: self.seconds, lambda: self.has_lock)

    def cycle(self) -> None:
        """Let every line move, and the database take a write."""
        for line in Line:
            self.pulse.moved(line)
        self.vitals.written()

    def problems(self) -> tuple[str, ...]:
        return self.vitals.judge(NOW).problems


@pytest.fixture
def world() -> _World:
    """Return a watch that has just started."""
    return _World()


def test_it_is_ready_after_a_cycle_and_alive_before(world: _World) -> None:
    """The first cycle is named as long as it lacks."""
    before = world.vitals.judge(NOW)
    world.cycle()
    after = world.vitals.judge(NOW)

    assert (before.is_alive, before.is_ready) == (True, False)
    assert before.problems == (
        "database: no write was stored lately",
        "cycle: no first cycle yet of: poll, decide, deliver",
    )
    assert (after.is_alive, after.is_ready, after.problems) == (True, True, ())


def test_each_check_alone_makes_it_not_ready(world: _World) -> None:
    """Refused files, a refused write, a stale write, a lost lock: alive, and not ready."""
    world.cycle()

    world.vitals.configuration_fault = "3 errors"
    assert world.problems() == ("configuration: 3 errors",)
    world.vitals.configuration_fault = ""
    world.vitals.refused("disk full")
    assert world.problems() == ("database: disk full",)
    world.vitals.written()
    world.has_lock = False
    assert "lock file was removed" in world.problems()[0]
    world.has_lock = True
    world.vitals.is_ending = True
    assert world.problems() == ("running: the watch was told to end",)
    world.vitals.is_ending = False
    world.seconds += 61
    for line in Line:
        world.pulse.moved(line)
    assert world.problems() == ("database: no write was stored lately",)
    assert world.vitals.judge(NOW).is_alive


def test_a_line_that_stands_still_is_named(world: _World) -> None:
    """It is neither alive nor ready, and says for how long."""
    world.cycle()
    world.seconds += 50
    world.pulse.moved(Line.POLL)
    world.pulse.moved(Line.DELIVER)

    health = world.vitals.judge(NOW)

    assert (health.is_alive, health.is_ready) == (False, False)
    assert health.problems == ("line decide stands still for 50 s",)
    assert health.to_dict()["lines"]["decide"] == {"motion": "stalled", "silent_s": 50.0}


def _judged(**changes: Any) -> dict[str, Any]:
    at = (NOW - timedelta(seconds=9)).isoformat()
    return {"at": at, "alive": True, "ready": True, "problems": [], **changes}


@pytest.mark.parametrize(
    ("judged", "ready", "expected"),
    [
        (None, False, (False, "not alive: no judgement was stored yet")),
        (_judged(), True, (True, "alive: heard of 9 s ago")),
        (
            _judged(at=(NOW - timedelta(minutes=9)).isoformat()),
            False,
            (False, "not alive: last heard of 540 s ago"),
        ),
        (_judged(alive=False, problems=["a", "b"]), False, (False, "not alive: a; b")),
        (
            _judged(alive=False, ended=True, problems=["a"]),
            False,
            (False, "not alive: ended in good order at 2024-03-28 20:59 UTC"),
        ),
        (
            _judged(ready=False, problems=["a"]),
            False,
            (True, "alive: heard of 9 s ago, not ready: a"),
        ),
        (
            _judged(ready=False, problems=["a"]),
            True,
            (False, "alive: heard of 9 s ago, not ready: a"),
        ),
        (
            _judged(at=(NOW + timedelta(hours=1)).isoformat()),
            False,
            (True, "alive: heard of 0 s ago"),
        ),
    ],
    ids=[
        "none",
        "good",
        "old",
        "stalled",
        "ended",
        "not ready",
        "readiness asked",
        "clock set back",
    ],
)
def test_a_stored_judgement_is_told(judged: Any, ready: bool, expected: tuple[bool, str]) -> None:
    """A good end counts first, then age, life, and readiness where that is asked for."""
    heard = heard_of(judged, NOW)

    assert (heard.is_good(ready=ready), heard.said) == expected
