"""News of the watch itself: sources that fail and recover, messages that could not be delivered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import Operations, SourceId

_ROLLED_UP_FROM = 5  # so many sources failing at once have one cause: one message


@dataclass(frozen=True, kw_only=True)
class SourceHealth:
    """What the alarm decides on; `alarmed_at` is None while nobody was told of a failure."""

    id: SourceId
    label: str
    failures: int
    failing_since: datetime | None
    error: str
    alarmed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A message about sources; `sources` are those it settles."""

    operations: Operations
    sources: tuple[SourceId, ...]


def failing(states: Sequence[SourceHealth], threshold: int, now: datetime) -> tuple[Alarm, ...]:
    """Return an alarm for each source that newly failed `threshold` polls in a row.

    Many at once have one cause, and make one alarm.
    """
    news = [one for one in states if one.failures >= threshold and one.alarmed_at is None]
    if len(news) >= _ROLLED_UP_FROM:
        return (_rolled_up(news, len(states), now),)
    return tuple(_failing(one, now) for one in news)


def recovered(states: Sequence[SourceHealth], now: datetime) -> tuple[Alarm, ...]:
    """Return an alarm for each source that people know as failing and that is read again."""
    news = [one for one in states if one.failures == 0 and one.alarmed_at is not None]
    if not news:
        return ()
    names = ", ".join(one.label for one in news)
    title = (
        f"Read again: {names}" if len(news) < _ROLLED_UP_FROM else f"{len(news)} sources read again"
    )
    operations = Operations(
        kind="feed.recovered",
        title=title,
        detail=f"{names}: items that appeared meanwhile were taken in where they still stand.",
        since=now,
        about=news[0].id if len(news) == 1 else "",
    )
    return (Alarm(operations=operations, sources=tuple(one.id for one in news)),)


def _failing(one: SourceHealth, now: datetime) -> Alarm:
    operations = Operations(
        kind="feed.failing",
        title=f"Not read: {one.label}",
        detail=f"{one.failures} polls in a row failed: {one.error}",
        since=one.failing_since or now,
        about=one.id,
        what_to_do=f"monitor feeds test {one.id}",
    )
    return Alarm(operations=operations, sources=(one.id,))


def _rolled_up(news: Sequence[SourceHealth], total: int, now: datetime) -> Alarm:
    lines = "\n".join(f"{one.label}: {one.error}" for one in news)
    operations = Operations(
        kind="feed.failing",
        title=f"{len(news)} of {total} sources are not read",
        detail=lines,
        since=min((one.failing_since or now for one in news), default=now),
        what_to_do="Is this machine offline? monitor feeds list --problems",
    )
    return Alarm(operations=operations, sources=tuple(one.id for one in news))
