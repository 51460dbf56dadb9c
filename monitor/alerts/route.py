"""Which channels hear of an alert, and when."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from monitor.alerts.cap import Cap, looser
from monitor.alerts.quiet import Quiet, held_until
from monitor.alerts.repeat import Repeat
from monitor.model import Severity

_ALREADY = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What routes look at."""

    severity: Severity
    rules: frozenset[str]
    themes: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    source: str = ""
    lang: str = ""


@dataclass(frozen=True, kw_only=True)
class Route:
    """Every condition that is set must fit; an empty one fits all. All fitting routes are used."""

    send: tuple[str, ...]
    severities: frozenset[Severity] = frozenset()
    rules: frozenset[str] = frozenset()
    themes: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    langs: frozenset[str] = frozenset()
    send_as: Literal["alert", "digest", "weekly"] = "alert"
    quiet: Quiet | None = None
    at_most: Cap | None = None
    repeat: Repeat | None = None


@dataclass(frozen=True, kw_only=True)
class Way:
    """A channel that gets an alert: at once, or (`held_until`) when its quiet hours end.

    When `cap` is used up by then, it is part of a message at `rolled_at`.
    """

    channel: str
    held_until: datetime | None = None
    cap: Cap | None = None
    rolled_at: datetime | None = None
    repeat: Repeat | None = None


def misses(route: Route, traits: Traits) -> tuple[str, ...]:
    """Return the names of the conditions of a route that do not hold."""
    wanted = {
        "severity": (route.severities, frozenset({traits.severity})),
        "rule": (route.rules, traits.rules),
        "theme": (route.themes, traits.themes),
        "tag": (route.tags, traits.tags),
        "source": (route.sources, frozenset({traits.source})),
        "lang": (route.langs, frozenset({traits.lang})),
    }
    return tuple(
        name for name, (condition, values) in wanted.items() if condition and not condition & values
    )


def fits(route: Route, traits: Traits) -> bool:
    """Return whether every condition of a route holds."""
    return not misses(route, traits)


def route(traits: Traits, routes: Sequence[Route], now: datetime) -> tuple[Way, ...]:
    """Return the ways that the alert takes, one a channel, in the order of the routes.

    Where several routes lead to a channel the soonest counts, of those the one with the loosest
    cap. What is critical is never held, but capped. An empty result leaves the story for the
    digest.
    """
    ways: dict[str, Way] = {}
    for one in routes:
        if one.send_as == "alert" and fits(one, traits):
            for channel in one.send:
                way = _way(one, channel, traits, now)
                ways[channel] = _better(ways.get(channel, way), way)
    return tuple(ways.values())


def _way(one: Route, channel: str, traits: Traits, now: datetime) -> Way:
    until, cap = _held(one, traits, now), one.at_most
    way = Way(channel=channel, held_until=until, cap=cap, repeat=one.repeat)
    if cap is None:
        return way
    end = cap.window(until or now)[1]
    rolled_at = _held(one, traits, end) or end
    return replace(way, rolled_at=rolled_at)


def _held(one: Route, traits: Traits, now: datetime) -> datetime | None:
    if one.quiet is None or traits.severity is Severity.CRITICAL:
        return None
    return held_until(one.quiet, now)


def _better(one: Way, other: Way) -> Way:
    """Return the sooner of two ways, then the one with the looser cap; either may ask to repeat."""
    repeat = one.repeat or other.repeat
    return replace(_freer(one, other), repeat=repeat)


def _freer(one: Way, other: Way) -> Way:
    if one.held_until != other.held_until:
        return min(one, other, key=lambda way: way.held_until or _ALREADY)
    return one if looser(one.cap, other.cap) == one.cap else other
