"""How the watch fares: one judgement for readiness, `monitor health`, metrics and dead-man."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from monitor.engine.pulse import LinePulse, Motion, Pulse
from monitor.store import Transaction

HEALTH = "health"
HEARTBEAT = "heartbeat_at"
BEAT_EVERY = timedelta(seconds=15)
STALE_AFTER = timedelta(minutes=2)  # a stored judgement; then whoever wrote it is gone or stuck
_WRITTEN_WITHIN_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One condition of readiness, and what there is to say when it does not hold."""

    name: str
    is_ok: bool
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """How it fares: alive while no line stands still; ready when every check holds as well.

    `has_ended` is true of the last one that a watch stores: it ended in good order.
    """

    at: datetime
    lines: tuple[LinePulse, ...]
    checks: tuple[Check, ...]
    has_ended: bool = False

    @property
    def is_alive(self) -> bool:
        """Return whether it has not ended and no line stands still."""
        stalled = any(one.motion is Motion.STALLED for one in self.lines)
        return not (self.has_ended or stalled)

    @property
    def is_ready(self) -> bool:
        """Return whether it is alive and every check holds."""
        return self.is_alive and all(one.is_ok for one in self.checks)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what is wrong, in words; empty when it is ready."""
        stalled = (
            f"line {one.line} stands still for {one.silent_s:.0f} s"
            for one in self.lines
            if one.motion is Motion.STALLED
        )
        return (*stalled, *(f"{one.name}: {one.said}" for one in self.checks if not one.is_ok))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            "at": self.at.isoformat(),
            "alive": self.is_alive,
            "ended": self.has_ended,
            "ready": self.is_ready,
            "lines": {
                one.line.value: {"motion": one.motion.value, "silent_s": round(one.silent_s, 1)}
                for one in self.lines
            },
            "checks": [asdict(one) for one in self.checks],
            "problems": list(self.problems),
        }


class Vitals:
    """Knows the pulse and the checks; `configuration_fault` is "" while the files are good.

    `is_locked` says whether the instance lock is still the one on disk; `is_ending` is set once
    the watch only ends what is under way.
    """

    def __init__(
        self,
        pulse: Pulse,
        monotonic: Callable[[], float],
        is_locked: Callable[[], bool] = lambda: True,
    ) -> None:
        self.pulse = pulse
        self.configuration_fault = ""
        self.is_ending = False
        self._monotonic = monotonic
        self._is_locked = is_locked
        self._written_at: float | None = None
        self._refusal = ""

    def judge(self, now: datetime, *, has_ended: bool = False) -> Judgement:
        """Return the judgement as of now."""
        lines = self.pulse.lines()
        unmoved = [one.line.value for one in lines if not one.has_moved]
        is_written = (
            self._written_at is not None
            and self._monotonic() - self._written_at <= _WRITTEN_WITHIN_S
            and not self._refusal
        )
        return Judgement(
            at=now,
            lines=lines,
            checks=(
                Check(
                    name="database",
                    is_ok=is_written,
                    said="" if is_written else self._refusal or "no write was stored lately",
                ),
                Check(
                    name="configuration",
                    is_ok=not self.configuration_fault,
                    said=self.configuration_fault,
                ),
                _lock_check(is_held=self._is_locked()),
                Check(
                    name="cycle",
                    is_ok=not unmoved,
                    said=f"no first cycle yet of: {', '.join(unmoved)}" if unmoved else "",
                ),
                Check(
                    name="running",
                    is_ok=not self.is_ending,
                    said="the watch was told to end" if self.is_ending else "",
                ),
            ),
            has_ended=has_ended,
        )

    def store(self, tx: Transaction, judged: Judgement, text: str) -> None:
        """Store a judgement, for those who ask without a connection to this process."""
        tx.log.set_meta(HEARTBEAT, judged.at.isoformat())
        tx.log.set_meta(HEALTH, text)

    def written(self) -> None:
        """Take note that the database took a write."""
        self._written_at = self._monotonic()
        self._refusal = ""

    def refused(self, why: str) -> None:
        """Take note that the database refused one."""
        self._refusal = why


class Life(StrEnum):
    """How a watch fares by what it stored of itself, as another process reads it."""

    UNKNOWN = "unknown"  # it stored nothing yet
    ENDED = "ended"  # in good order
    GONE = "gone"  # not heard of for too long: killed, or stuck
    STALLED = "stalled"
    UNREADY = "unready"
    READY = "ready"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a stored judgement says now; `said` is one line for people."""

    life: Life
    said: str
    age: timedelta = timedelta.max

    @property
    def is_fresh(self) -> bool:
        """Return whether it was stored just now."""
        return self.age <= STALE_AFTER

    def is_good(self, *, ready: bool) -> bool:
        """Return whether it tells of life, or of readiness where that is asked for."""
        return self.life is Life.READY or (self.life is Life.UNREADY and not ready)


def heard_of(judged: Mapping[str, Any] | None, now: datetime) -> Heard:
    """Return what a stored judgement says of the watch now."""
    if judged is None:
        return Heard(life=Life.UNKNOWN, said="not alive: no judgement was stored yet")
    at = datetime.fromisoformat(judged["at"])
    age = now - at
    life = _life(judged, age)
    problems = "; ".join(judged["problems"])
    alive = f"alive: heard of {max(age.total_seconds(), 0):.0f} s ago"
    said = {
        Life.ENDED: f"not alive: ended in good order at {at:%Y-%m-%d %H:%M} UTC",
        Life.GONE: f"not alive: last heard of {age.total_seconds():.0f} s ago",
        Life.STALLED: f"not alive: {problems}",
        Life.UNREADY: f"{alive}, not ready: {problems}",
        Life.READY: alive,
    }
    return Heard(life=life, said=said[life], age=age)


def _life(judged: Mapping[str, Any], age: timedelta) -> Life:
    if judged.get("ended"):  # not in what an older version stored
        return Life.ENDED
    if age > STALE_AFTER:
        return Life.GONE
    if not judged["alive"]:
        return Life.STALLED
    return Life.READY if judged["ready"] else Life.UNREADY


def _lock_check(*, is_held: bool) -> Check:
    said = "" if is_held else "the lock file was removed or replaced: another watch could start"
    return Check(name="lock", is_ok=is_held, said=said)
