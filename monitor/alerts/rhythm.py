"""How long a source may be quiet before its silence means something: learnt from its own pauses.

Pauses are counted in hours of the days on which the source works: days of the week on which it
rests (an office's weekend) do not count, so a Monday is no more alarming than a Tuesday. Its days
begin in the middle of its night, whatever its zone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise, takewhile

KEPT_DAYS = 60  # of arrivals; the dates of the latest items may reach further back
UNLEARNT = timedelta(days=180)  # fewer pauses than say something: half a year is old anyway
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_WEEK, _DAY_HOURS = 7, 24
_WEEKEND = (5, 6)  # taken for free until it was seen twice, whatever the source
_SEEN_TWICE = 2
_MISSED_ENOUGH = 2.0  # days with items that a free day should have had, were it like the others
_REST_SHARE = 0.2  # of what the others have
_FEW, _SOME, _MANY = 3, 6, 20  # pauses
_RANK = 4  # how far below the longest pause the spread is taken: extremes are some such steps apart
_SHORTEST = 6  # hours; nobody gets up for less
_HOLIDAY = 24  # hours more for a source that keeps office days


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """What is usual for a source, and from when on its silence is not.

    `pause` is its longest usual pause, in working time; None while too little is known.
    `free_days` are days of the week, 0 for Monday.
    """

    silent_after: datetime
    pause: timedelta | None = None
    free_days: frozenset[int] = frozenset()


def rhythm(
    arrivals: Sequence[datetime],
    *,
    every: timedelta,
    problems: Sequence[tuple[datetime, datetime]] = (),
) -> Rhythm | None:
    """Return the rhythm of a source from the times of its items; None without any.

    `every` is how often it is asked: less than three polls say nothing. `problems` are spans in
    which it was known to be silent: a first one teaches nothing, a second one is how it is.
    """
    hours = sorted({_hour(one) for one in arrivals})
    if not hours:
        return None
    own = _own_clock(hours) * _HOUR
    hours = [one + own for one in hours]
    problems = [(since + own, until + own) for since, until in problems]
    learnt = _in_own_days(hours, every, problems)
    return replace(learnt, silent_after=learnt.silent_after - own)


def _in_own_days(
    hours: Sequence[datetime], every: timedelta, problems: Sequence[tuple[datetime, datetime]]
) -> Rhythm:
    free = _free_days(hours)
    pauses = _pauses(hours, free, problems if len(problems) == 1 else ())
    allowed = _allowed(pauses)
    if allowed is None:
        return Rhythm(silent_after=hours[-1] + UNLEARNT, free_days=free)
    holiday = _HOLIDAY if free else 0
    asked = 3 * every / _HOUR
    worked = max(allowed + holiday, _SHORTEST, asked)
    silent_after = _after(hours[-1] + _HOUR, worked, free)
    return Rhythm(
        silent_after=min(silent_after, hours[-1] + UNLEARNT),
        pause=timedelta(hours=pauses[0]),
        free_days=free,
    )


def _allowed(pauses: Sequence[float]) -> float | None:
    """Return how many hours of work without an item are still usual; `pauses` longest first.

    The distance between the longest pauses says how much longer the next record may be, whatever
    their distribution; among many, a single outlier is believed but not stretched.
    """
    if len(pauses) < _FEW:
        return None
    if len(pauses) < _SOME:
        return 3 * pauses[0]
    if len(pauses) < _MANY:
        spread = pauses[0] - pauses[min(_RANK, len(pauses) - 1)]
        return max(2 * pauses[0], pauses[0] + 5 * spread)
    usual, spread = pauses[1], pauses[1] - pauses[1 + _RANK]
    return max(2 * usual, usual + 4 * spread, 1.1 * pauses[0])


def _pauses(
    hours: Sequence[datetime],
    free: frozenset[int],
    problems: Sequence[tuple[datetime, datetime]],
) -> list[float]:
    """Return the working hours between arrivals, longest first, known silences left out."""
    return sorted(
        (
            _worked(before, after, free)
            for before, after in pairwise(hours)
            if not any(since < after and until > before for since, until in problems)
        ),
        reverse=True,
    )


def _own_clock(hours: Sequence[datetime]) -> int:
    """Return how many hours a source's clock is ahead of UTC, by the middle of its night.

    Its night are the hours in a row, once around the clock, of which no item is known.
    """
    awake = {one.hour for one in hours}
    nights = [(_night(start, awake), -start) for start in range(_DAY_HOURS)]
    length, start = max(nights)
    midnight = (length // 2 - start) % _DAY_HOURS
    return -midnight if midnight <= _DAY_HOURS // 2 else _DAY_HOURS - midnight


def _night(start: int, awake: Collection[int]) -> int:
    around = ((start + passed) % _DAY_HOURS for passed in range(_DAY_HOURS))
    return sum(1 for _ in takewhile(lambda hour: hour not in awake, around))


def _free_days(hours: Sequence[datetime]) -> frozenset[int]:
    """Return the days of the week on which a source rests, by what was seen of it."""
    active = {one.date() for one in hours}
    first, last = min(active), max(active)
    first = max(first, last - timedelta(days=KEPT_DAYS))
    seen, busy = [0] * _WEEK, [0] * _WEEK
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        seen[day.weekday()] += 1
        busy[day.weekday()] += day in active
    return frozenset(day for day in range(_WEEK) if _rests(day, seen, busy))


def _rests(day: int, seen: Sequence[int], busy: Sequence[int]) -> bool:
    if seen[day] < _SEEN_TWICE and day in _WEEKEND and not busy[day]:
        return True
    shares = sorted(busy[one] / seen[one] for one in range(_WEEK) if one != day and seen[one])
    working = shares[1:]  # the quietest of the others may be free too
    like_others = seen[day] * sum(working) / len(working) if working else 0.0
    return like_others >= _MISSED_ENOUGH and busy[day] <= _REST_SHARE * like_others


def _worked(before: datetime, after: datetime, free: frozenset[int]) -> float:
    """Return the hours between two times that lie on working days."""
    if not free:
        return (after - before) / _HOUR
    weeks = (after - before) // (_WEEK * _DAY)
    hours = weeks * (_WEEK - len(free)) * float(_DAY_HOURS)
    at = before + weeks * _WEEK * _DAY
    while at < after:
        end = min(_midnight(at), after)
        hours += 0 if at.weekday() in free else (end - at) / _HOUR
        at = end
    return hours


def _after(start: datetime, hours: float, free: frozenset[int]) -> datetime:
    """Return the time at which so many working hours have passed; `UNLEARNT` is the furthest."""
    at, left = start, hours
    while at < start + UNLEARNT:
        end = _midnight(at)
        today = 0 if at.weekday() in free else (end - at) / _HOUR
        if today >= left:
            return at + left * _HOUR
        at, left = end, left - today
    return start + UNLEARNT


def _midnight(at: datetime) -> datetime:
    return datetime.combine(at.date() + _DAY, time(), UTC)


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
