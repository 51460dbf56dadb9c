"""News of the watch itself: which problems of sources people are told of, in how many messages.

One message for each root cause: sources that share a host, a guard or the line to the world are
told together, and one that joins later is told nobody again.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.alerts.health import LINE, Episode
from monitor.model import Health, Operations

_ROLLED_UP_FROM = 5  # so many messages at once have one cause that nobody knows
_GATHERED = timedelta(minutes=15)  # what can wait, and what is well again, waits for its like
_APART = timedelta(hours=1)  # between two messages about what can wait
_SAME_GUARD = timedelta(hours=72)  # later, the guard of another host is another decision of his
_SURE_AFTER = timedelta(hours=3)  # that a problem is over: flapping is told once
_SURE_POLLS = 5  # or so many, whichever takes longer
_SURE_LATER = timedelta(hours=6)  # for each relapse
_PEERS_AWAITED = timedelta(hours=24)  # that share a cause with one that is well again
LINE_TOLD_AFTER = timedelta(minutes=10)  # a router that restarts is no news
_SHOWN = 30  # sources in one message
_MINUTE = "%Y-%m-%d %H:%M"
_QUIET = frozenset({Health.MOVED})  # in the digest and the list only: nothing is lost
_ENDS_QUIETLY = frozenset({Health.MOVED, Health.GAP})
_TITLES = {
    Health.GONE: "Gone",
    Health.WRONG_CONTENT: "Wrong content",
    Health.FAILING: "Not read",
    Health.TRUNCATED: "Breaks off",
    Health.GAP: "Items may be lost",
    Health.STALE: "Stale",
    Health.SILENT: "Silent",
}
_WORST_FIRST = tuple(Health)


@dataclass(frozen=True, kw_only=True)
class Ailing:
    """A problem as a message names it."""

    episode: Episode
    label: str
    what_to_do: str
    every: timedelta  # between two polls
    is_steady: bool = True  # the latest polls were all good
    gap: tuple[datetime, datetime] | None = None  # that it left behind, items may be lost in it

    @property
    def number(self) -> int:
        """Return the number under which the problem is stored."""
        assert self.episode.number is not None, "it is stored"
        return self.episode.number


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A message about sources, or None where nobody needs one; `numbers` are what it settles."""

    operations: Operations | None
    numbers: tuple[int, ...]


# ---------------------------------------------------------------- begins


def begins(
    untold: Sequence[Ailing],
    told: Sequence[Episode],
    *,
    total: int,
    waiting_told_at: datetime | None,
    now: datetime,
) -> tuple[Alarm, ...]:
    """Return the alarms for problems that nobody was told of.

    `told` are those of today that people know; `total` counts the sources; `waiting_told_at` is
    when people were last told of what can wait.
    """
    silent = [one for one in untold if _needs_nobody(one.episode, told)]
    loud = [one for one in untold if one not in silent]
    urgent = [one for one in loud if one.episode.state.is_unread and one.episode.cause != LINE]
    waiting = [one for one in loud if one not in urgent]
    alarms = [_urgent(group, now) for group in _by_cause(urgent)]
    if len(alarms) >= _ROLLED_UP_FROM:
        alarms = [_rolled_up(urgent, total)]
    if waiting and _may_tell(waiting, waiting_told_at, now):
        alarms.append(_waiting(waiting, now))
    return (*_settled(silent), *alarms)


def line_down(line: Episode) -> Alarm:
    """Return the alarm that this machine reaches nobody."""
    operations = Operations(
        kind="feed.failing",
        title="No source can be reached",
        detail=line.detail,
        since=line.since,
        what_to_do="Is this machine offline? Look at its network, DNS and proxy.",
    )
    return Alarm(operations=operations, numbers=_numbers([line]))


def line_up(line: Episode, late_items: int) -> Alarm:
    """Return the message that the line is back, with what came late."""
    assert line.ended_at is not None, "it is over"
    operations = Operations(
        kind="feed.recovered",
        title=f"Sources can be reached again, after {words(line.ended_at - line.since)}",
        detail=f"{_items(late_items)} came late. What came and went meanwhile was not seen.",
        since=line.ended_at,
    )
    return Alarm(operations=operations, numbers=_numbers([line]))


def _needs_nobody(episode: Episode, told: Sequence[Episode]) -> bool:
    if episode.state in _QUIET:
        return True
    return bool(episode.cause) and any(_is_same_cause(episode, one) for one in told)


def _is_same_cause(episode: Episode, known: Episode) -> bool:
    if episode.cause != known.cause:
        return False
    if known.ended_at is not None and known.ended_at < episode.since:
        return False
    is_guard = episode.cause.startswith("challenge ")
    return not is_guard or episode.noticed_at - known.noticed_at <= _SAME_GUARD


def _by_cause(those: Sequence[Ailing]) -> list[list[Ailing]]:
    groups: dict[str, list[Ailing]] = {}
    for one in those:
        groups.setdefault(one.episode.cause or f"own {one.number}", []).append(one)
    return list(groups.values())


def _urgent(group: Sequence[Ailing], now: datetime) -> Alarm:
    first = min(group, key=lambda one: _WORST_FIRST.index(one.episode.state))
    name, _, subject = first.episode.cause.partition(" ")
    if len(group) == 1:
        title = f"{_TITLES[first.episode.state]}: {first.label}"
    elif name == "challenge":
        title = f"{len(group)} sources want a browser check ({subject})"
    elif name == "host":
        title = f"{len(group)} sources of {subject} are not read"
    else:
        title = f"{len(group)} sources are not read, though others are"
    return _alarm(group, title, first.what_to_do, now)


def _rolled_up(urgent: Sequence[Ailing], total: int) -> Alarm:
    title = f"{len(urgent)} of {total} sources are not read"
    hint = "monitor feeds list --problems says what to do about each"
    return _alarm(urgent, title, hint, max(one.episode.noticed_at for one in urgent))


def _may_tell(waiting: Sequence[Ailing], told_at: datetime | None, now: datetime) -> bool:
    gathered = now - min(one.episode.noticed_at for one in waiting) >= _GATHERED
    return gathered and (told_at is None or now - told_at >= _APART)


def _waiting(waiting: Sequence[Ailing], now: datetime) -> Alarm:
    if len(waiting) == 1:
        [one] = waiting
        return _alarm(waiting, f"{_TITLES[one.episode.state]}: {one.label}", one.what_to_do, now)
    counts = Counter(one.episode.state for one in waiting)
    parts = ", ".join(f"{counts[state]} {state}" for state in _WORST_FIRST if counts[state])
    hint = "monitor feeds list --problems says what to do about each"
    return _alarm(waiting, f"{len(waiting)} sources need a look: {parts}", hint, now)


def _alarm(group: Sequence[Ailing], title: str, what_to_do: str, now: datetime) -> Alarm:
    worst = min((one.episode.state for one in group), key=_WORST_FIRST.index)
    operations = Operations(
        kind=f"feed.{worst.value}",  # type: ignore[arg-type] # every state that is told is a kind
        title=title,
        detail=_lines(group, lambda one: one.episode.detail),
        since=min((one.episode.since for one in group), default=now),
        about=group[0].episode.source if len(group) == 1 else "",
        what_to_do=what_to_do,
    )
    return Alarm(operations=operations, numbers=tuple(one.number for one in group))


# ---------------------------------------------------------------- ends


def ends(ended: Sequence[Ailing], going_on: Sequence[Episode], now: datetime) -> tuple[Alarm, ...]:
    """Return the messages for problems that people know and that are over.

    They are told once that is sure, and wait a day for those that share their cause.
    """
    silent = [one for one in ended if _ends_quietly(one.episode)]
    news = [one for one in ended if one not in silent]
    open_causes = {one.cause for one in going_on}
    ready = [one for group in _by_cause(news) for one in _ready(group, open_causes, now)]
    if not ready:
        return _settled(silent)
    first = min(one.episode.ended_at or now for one in ready)
    return (*_settled(silent), _ended(ready, first))


def is_steady(outcomes: int) -> bool:
    """Return whether the latest polls were all good: one good poll among failures proves nothing.

    `outcomes` has a bit for each poll, the latest lowest, set where it failed.
    """
    return not outcomes & (2**_SURE_POLLS - 1)


def _ends_quietly(episode: Episode) -> bool:
    is_replaced = episode.well_since is None
    is_no_news = episode.state in _ENDS_QUIETLY or episode.cause == LINE
    return episode.told_at is None or is_replaced or is_no_news


def _ready(group: Sequence[Ailing], open_causes: Collection[str], now: datetime) -> list[Ailing]:
    """Return those of one cause whose end can be told: all at once, or who waited long enough.

    Those that still fail are waited for a day, those that are over but not sure one more.
    """
    sure = [one for one in group if one.is_steady and _sure_at(one) <= now]
    are_open = bool(group[0].episode.cause) and group[0].episode.cause in open_causes
    days = 2 if len(sure) < len(group) else int(are_open)
    waited = now - min(map(_sure_at, sure), default=now)
    return sure if waited >= days * _PEERS_AWAITED else []


def _sure_at(one: Ailing) -> datetime:
    """Return when a problem that is over has been over for long enough to be believed."""
    assert one.episode.ended_at is not None, "it is over"
    asked = max(_SURE_AFTER, _SURE_POLLS * one.every) + _SURE_LATER * one.episode.relapses
    return one.episode.ended_at + asked


def _ended(ready: Sequence[Ailing], since: datetime) -> Alarm:
    names = ", ".join(one.label for one in ready)
    many = len(ready) >= _ROLLED_UP_FROM
    was_unread = all(one.episode.state.is_unread for one in ready)
    verb = "read again" if was_unread else "well again"
    title = f"{len(ready)} sources {verb}" if many else f"{verb.capitalize()}: {names}"
    operations = Operations(
        kind="feed.recovered",
        title=title,
        detail=_lines(ready, _how_it_was),
        since=since,
        about=ready[0].episode.source if len(ready) == 1 else "",
    )
    return Alarm(operations=operations, numbers=tuple(one.number for one in ready))


def _how_it_was(one: Ailing) -> str:
    episode = one.episode
    assert episode.ended_at is not None, "it is over"
    text = f"{episode.state.value} for {words(episode.ended_at - episode.since)}"
    if episode.state.is_unread:
        text += f"; {_items(episode.late_items)} came late, where they still stood in the feed"
    if one.gap is not None:
        since, until = one.gap
        text += f"; what came and went from {since:{_MINUTE}} to {until:{_MINUTE}} was not seen"
    return text


# ---------------------------------------------------------------- words


def words(span: timedelta) -> str:
    """Return a span as `9 h 31 min`, `3 d 4 h`: two units at most."""
    minutes = max(round(span.total_seconds() / 60), 0)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"  # noqa: PLR2004 - then hours say nothing
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min"


def _lines(group: Sequence[Ailing], text: Callable[[Ailing], str]) -> str:
    lines = [f"{one.label}: {text(one)}" for one in group[:_SHOWN]]
    more = len(group) - len(lines)
    return "\n".join([*lines, f"and {more} more"] if more else lines)


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def _settled(silent: Sequence[Ailing]) -> tuple[Alarm, ...]:
    if not silent:
        return ()
    return (Alarm(operations=None, numbers=tuple(one.number for one in silent)),)


def _numbers(episodes: Iterable[Episode]) -> tuple[int, ...]:
    return tuple(one.number for one in episodes if one.number is not None)
