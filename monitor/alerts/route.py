"""Which channels hear of an alert, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from monitor.alerts.quiet import Quiet, held_until
from monitor.model import Severity


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
    send_as: Literal["alert", "digest"] = "alert"
    quiet: Quiet | None = None


@dataclass(frozen=True, kw_only=True)
class Way:
    """A channel that gets an alert: at once, or (`held_until`) when its quiet hours end."""

    channel: str
    held_until: datetime | None = None


def fits(route: Route, traits: Traits) -> bool:
    """Return whether every condition of a route holds."""
    wanted = (
        (route.rules, traits.rules),
        (route.themes, traits.themes),
        (route.tags, traits.tags),
        (route.sources, frozenset({traits.source})),
        (route.langs, frozenset({traits.lang})),
        (route.severities, frozenset({traits.severity})),
    )
    return all(not condition or condition & values for condition, values in wanted)


def route(traits: Traits, routes: Sequence[Route], now: datetime) -> tuple[Way, ...]:
    """Return the ways that the alert takes, one a channel, in the order of the routes.

    Where several routes lead to a channel the soonest counts. What is critical is never held. An
    empty result leaves the story for the digest.
    """
    held: dict[str, datetime | None] = {}
    for one in routes:
        if one.send_as == "alert" and fits(one, traits):
            until = _held(one, traits, now)
            for channel in one.send:
                held[channel] = _sooner(held.get(channel, until), until)
    return tuple(Way(channel=channel, held_until=until) for channel, until in held.items())


def _held(one: Route, traits: Traits, now: datetime) -> datetime | None:
    if one.quiet is None or traits.severity is Severity.CRITICAL:
        return None
    return held_until(one.quiet, now)


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two times, of which None is now."""
    return None if one is None or other is None else min(one, other)
