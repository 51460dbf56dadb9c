"""The pulse: which line moves, which is refused, which stands still."""

from dataclasses import dataclass

import pytest

from monitor.engine.pulse import REFUSED_FOR_S, Line, Motion, Pulse


@dataclass
class _Time:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> _Time:
    """Return a monotonic clock to set."""
    return _Time()


@pytest.fixture
def pulse(time: _Time) -> Pulse:
    """Return a pulse that begins now."""
    return Pulse(time, 45)


def _motions(pulse: Pulse) -> dict[Line, Motion]:
    return {one.line: one.motion for one in pulse.lines()}


def test_at_the_start_every_line_has_its_time(pulse: Pulse, time: _Time) -> None:
    """Nothing has moved, and nothing is late; then everything is."""
    assert pulse.is_alive()
    assert not any(one.has_moved for one in pulse.lines())

    time.seconds += 46

    assert set(_motions(pulse).values()) == {Motion.STALLED}


@pytest.mark.parametrize("silent", Line)
def test_one_line_that_stands_still_is_enough(pulse: Pulse, time: _Time, silent: Line) -> None:
    """The others move on; the judgement names the one, and how long."""
    for _ in range(10):
        time.seconds += 5
        for line in set(Line) - {silent}:
            pulse.moved(line)

    assert not pulse.is_alive()
    assert [one.line for one in pulse.lines() if one.motion is Motion.STALLED] == [silent]
    assert {one.line: one.silent_s for one in pulse.lines()}[silent] == 50


def test_a_line_that_moves_again_is_alive_again(pulse: Pulse, time: _Time) -> None:
    """A standstill leaves no mark."""
    time.seconds += 100
    for line in Line:
        pulse.moved(line)

    assert pulse.is_alive()
    assert all(one.has_moved and one.silent_s == 0 for one in pulse.lines())


def test_a_database_that_refuses_is_no_standstill_for_half_an_hour(
    pulse: Pulse, time: _Time
) -> None:
    """A restart frees no disk; but what no wait has mended, a restart may."""
    while time.seconds < 1000 + REFUSED_FOR_S:
        time.seconds += 15
        for line in Line:
            pulse.refused(line)
        assert pulse.is_alive()

    assert set(_motions(pulse).values()) == {Motion.REFUSED}
    time.seconds += 15
    pulse.refused(Line.POLL)
    assert not pulse.is_alive()


def test_a_refusal_long_ago_excuses_nothing(pulse: Pulse, time: _Time) -> None:
    """A line that was refused once and hangs since stands still."""
    pulse.refused(Line.DECIDE)
    time.seconds += 46

    assert _motions(pulse)[Line.DECIDE] is Motion.STALLED


def test_a_line_may_have_longer_than_the_others(pulse: Pulse, time: _Time) -> None:
    """Polls may take as long as the slowest source."""
    pulse.allow(Line.POLL, 300)
    time.seconds += 200

    motions = _motions(pulse)
    assert motions[Line.POLL] is Motion.MOVING
    assert motions[Line.DELIVER] is Motion.STALLED
