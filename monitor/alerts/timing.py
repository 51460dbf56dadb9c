"""When to poll a source again, and when to try a delivery again.

Pure: the same arguments give the same answer, jitter included, in every process.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from statistics import median

_ZERO = timedelta(0)
DEFAULT_EVERY = timedelta(minutes=15)  # a source of which fewer than two dates are known
SHORTEST = timedelta(minutes=2)
LONGEST = timedelta(hours=6)
GONE_EVERY = timedelta(days=7)  # a look now and then: some 410s are mistakes
RETRY_AFTER_CAP = timedelta(days=1)  # servers ask for ten years
FRESH_CAP = timedelta(hours=1)  # a ttl of a day must not make news a day late
POLL_JITTER = 0.1
RETRY_JITTER = 0.2
RECENT_ITEMS = 20
MOVE_SIGHTINGS = 3  # polls; fewer may meet a mistake that is mended within hours
MOVE_TIME = timedelta(days=1)
_WHOLE_ONE_IN = 100  # polls without validators, the cure for servers stuck on a 304
_MAX_DOUBLINGS = 20  # 2 ** 20 intervals are past every cap

# Four days in all: over a long week-end somebody has seen the alarm.
RETRY_STEPS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
    timedelta(hours=24),
    timedelta(hours=24),
)


# ---------------------------------------------------------------- polls


@dataclass(frozen=True, kw_only=True)
class NextPoll:
    """When to poll a source again; `why` is for people (`back-off after 3 failures`)."""

    at: datetime
    interval: timedelta
    why: str
    suspended: bool = False


def next_poll(
    key: str,
    now: datetime,
    *,
    every: timedelta,
    failures: int = 0,
    floor: timedelta | None = None,
    gone: bool = False,
) -> NextPoll:
    """Return when to poll the source named `key` again.

    `every` is its interval (pinned, or from `adaptive_interval`), `failures` counts those in a
    row, `floor` is what the server asked for (see `poll_floor`) and is never undercut, not even
    by jitter. No number of failures ends the polling; a 410 alone (`gone`) suspends it.
    """
    interval, why = _interval(every, failures, gone=gone)
    at = now + jittered(interval, POLL_JITTER, key, _bucket(now))
    if floor is not None and now + floor > at:
        at, why = now + floor, "the server asked for it"
    return NextPoll(at=at, interval=interval, why=why, suspended=gone)


def _interval(every: timedelta, failures: int, *, gone: bool) -> tuple[timedelta, str]:
    if gone:
        return max(every, GONE_EVERY), "gone (410)"
    if failures <= 0:
        return every, "its interval"
    doubled = every * 2 ** min(failures - 1, _MAX_DOUBLINGS)
    return min(doubled, max(every, LONGEST)), f"back-off after {failures} failures"


def adaptive_interval(published: Sequence[datetime]) -> timedelta:
    """Return half the median gap between the latest 20 dates, within 2 minutes and 6 hours.

    The order of `published` does not matter. Half a gap finds an item, on average, a quarter of a
    gap late; the median is not moved by nights and holidays.
    """
    latest = sorted(published)[-RECENT_ITEMS:]
    if len(latest) < 2:  # noqa: PLR2004 - one date has no gap
        return DEFAULT_EVERY
    gaps_s = [(after - before).total_seconds() for before, after in pairwise(latest)]
    return min(max(timedelta(seconds=median(gaps_s)) / 2, SHORTEST), LONGEST)


def learnt_interval(
    published: Sequence[datetime], now: datetime, *, default: timedelta
) -> timedelta:
    """Return the interval of a source that nobody pinned: `default` until two dates are known.

    A source that falls quiet is asked less and less: a bulletin that publishes twenty items in a
    minute, once a week, is not asked every two minutes for that week.
    """
    if len(published) < 2:  # noqa: PLR2004 - one date has no gap
        return default
    quiet = now - max(published)
    return min(max(adaptive_interval(published), quiet / RECENT_ITEMS), LONGEST)


def believes_move(seen: int, over: timedelta) -> bool:
    """Return whether a permanent redirect, seen so often over such a time, is meant."""
    return seen >= MOVE_SIGHTINGS and over >= MOVE_TIME


def poll_floor(
    *,
    retry_after: timedelta | None = None,
    fresh_for: timedelta | None = None,
    ttl: timedelta | None = None,
) -> timedelta:
    """Return how long the server and the feed want to be left alone, capped, never negative."""
    asked = min(max(retry_after or _ZERO, _ZERO), RETRY_AFTER_CAP)
    fresh = min(max(fresh_for or _ZERO, ttl or _ZERO, _ZERO), FRESH_CAP)
    return max(asked, fresh)


def due_after_start(
    key: str, now: datetime, *, due_at: datetime, last_at: datetime | None, every: timedelta
) -> datetime:
    """Return the due time to use after a start, a suspend or a jump of the clock.

    What fell due meanwhile is spread over one interval, at most five minutes, so that 500 feeds
    do not burst. Where the latest poll (`last_at`) lies ahead, the clock went back and nobody
    knows how long ago it was: a plain interval counts as over, a longer wait (a pause that a
    server asked for, a back-off) begins anew.
    """
    if last_at is not None and last_at > now:
        wait = due_at - last_at
        due_at = now + wait if wait > every * (1 + POLL_JITTER) else now
    if now < due_at <= now + max(every, GONE_EVERY) * (1 + POLL_JITTER):
        return due_at
    return now + min(every, timedelta(minutes=5)) * _fraction(key, "start")


def wants_whole(key: str, now: datetime) -> bool:
    """Return whether this poll should go without validators: about one in a hundred."""
    return _fraction(key, "whole", _bucket(now)) < 1 / _WHOLE_ONE_IN


# ---------------------------------------------------------------- deliveries


def next_retry(attempt: int, retry_after: timedelta | None, key: str) -> timedelta | None:
    """Return how long to wait after failed try number `attempt` (from 1), None to give up.

    `retry_after` is a floor, at most a day. `key` (the message id) spreads the rows of a channel
    that came back.
    """
    if attempt > len(RETRY_STEPS):
        return None
    wait = jittered(RETRY_STEPS[max(attempt, 1) - 1], RETRY_JITTER, key, str(attempt))
    return max(wait, min(retry_after or _ZERO, RETRY_AFTER_CAP))


# ---------------------------------------------------------------- what servers say


def parse_retry_after(value: str, now: datetime) -> timedelta | None:
    """Return what a `Retry-After` header asks for, at most a day; None where it asks nothing.

    Seconds or a date; garbage, zero, negative numbers and past dates ask nothing.
    """
    wait = _seconds(value.strip()) or _until(value.strip(), now)
    return min(wait, RETRY_AFTER_CAP) if wait is not None and wait > _ZERO else None


def freshness(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long a response says it stays fresh (RFC 9111, 4.2.1), None where it does not.

    Names of `headers` are in lower case. `max-age` goes before `Expires`; the age that a cache
    reports is taken off. `no-cache` and `no-store` say nothing.
    """
    directives = [part.strip().lower() for part in headers.get("cache-control", "").split(",")]
    if "no-cache" in directives or "no-store" in directives:
        return None
    stated = [
        _seconds(d.partition("=")[2].strip('" ')) for d in directives if d.startswith("max-age=")
    ]
    if not stated:
        return _positive(_until(headers.get("expires", ""), now))
    age = _seconds(headers.get("age", "")) or _ZERO
    return _positive(stated[0] - age) if stated[0] is not None else None


def server_time(headers: Mapping[str, str], fallback: datetime) -> datetime:
    """Return the server's own clock (its `Date`), against which its other dates are meant."""
    return _date(headers.get("date", "")) or fallback


def _positive(wait: timedelta | None) -> timedelta | None:
    return wait if wait is not None and wait > _ZERO else None


def _seconds(text: str) -> timedelta | None:
    if not (text.isascii() and text.isdigit()):
        return None
    return timedelta(seconds=int(text[:12]))  # twelve digits are 30,000 years


def _until(text: str, now: datetime) -> timedelta | None:
    when = _date(text)
    return when - now if when is not None else None


def _date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


# ---------------------------------------------------------------- spreading


def jittered(wait: timedelta, share: float, *parts: str) -> timedelta:
    """Return `wait` moved by up to `share` of itself, by a rule that depends on `parts` alone."""
    return wait * (1 + share * (2 * _fraction(*parts) - 1))


def _fraction(*parts: str) -> float:
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _bucket(now: datetime) -> str:
    return str(int(now.timestamp()) // 60)
