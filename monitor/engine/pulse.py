"""When each line last made progress: the one place that watchdog, health and dead-man ask.

Progress is work that ended and was stored, not a loop that turns: a poll line with nothing due
makes progress by finding so; a channel that hangs is no dead line, a line that claims no more is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

REFUSED_FOR_S = 1800.0
"""How long a database may refuse before that counts as a standstill. Restarting frees no disk, and
would repeat a message whose outcome waits in memory; past every lease none does any more."""


class Line(StrEnum):
    """The lines of the program."""

    POLL = "poll"
    DECIDE = "decide"
    DELIVER = "deliver"


class Motion(StrEnum):
    """How a line fares: it makes progress, the database refuses it, or nothing moves."""

    MOVING = "moving"
    REFUSED = "refused"
    STALLED = "stalled"


@dataclass(frozen=True, kw_only=True)
class LinePulse:
    """A line as it stands; `has_moved` says whether it ever made progress since the start."""

    line: Line
    motion: Motion
    silent_s: float
    has_moved: bool


class Pulse:
    """Takes note of progress, and says which line stands still.

    `stalled_after_s` is how long a line may take between two signs of progress; seconds are those
    of `monotonic`, so that neither a jump of the clock nor a suspended machine looks like a fault.
    """

    def __init__(self, monotonic: Callable[[], float], stalled_after_s: float) -> None:
        self._monotonic = monotonic
        self._began = monotonic()
        self._allowed = dict.fromkeys(Line, stalled_after_s)
        self._moved: dict[Line, float] = {}
        self._refused: dict[Line, float] = {}

    def begin(self) -> None:
        """Count from now: what came before, such as a long migration, was no standstill."""
        self._began = self._monotonic()

    def allow(self, line: Line, seconds: float) -> None:
        """Set how long one line may take, for example as long as its slowest source."""
        self._allowed[line] = seconds

    def moved(self, line: Line) -> None:
        """Take note that a line's work ended and was stored."""
        self._moved[line] = self._monotonic()

    def refused(self, line: Line) -> None:
        """Take note that the database refused a line's work: it lives, and tries again."""
        self._refused[line] = self._monotonic()

    def lines(self) -> tuple[LinePulse, ...]:
        """Return how every line fares now."""
        return tuple(map(self._of, Line))

    def is_alive(self) -> bool:
        """Return whether no line stands still."""
        return all(one.motion is not Motion.STALLED for one in self.lines())

    def _of(self, line: Line) -> LinePulse:
        now = self._monotonic()
        silent_s = now - self._moved.get(line, self._began)
        refused_at = self._refused.get(line)
        motion = Motion.STALLED
        if silent_s <= self._allowed[line]:
            motion = Motion.MOVING
        elif (
            refused_at is not None
            and now - refused_at <= self._allowed[line]
            and silent_s <= REFUSED_FOR_S
        ):
            motion = Motion.REFUSED
        return LinePulse(line=line, motion=motion, silent_s=silent_s, has_moved=line in self._moved)
