"""Which channels hear of an alert."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

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


def route(traits: Traits, routes: Sequence[Route]) -> tuple[str, ...]:
    """Return the channels that get the alert at once, each once, in the order of the routes.

    An empty result leaves the story for the digest.
    """
    at_once = (one for one in routes if one.send_as == "alert" and fits(one, traits))
    return tuple(dict.fromkeys(channel for one in at_once for channel in one.send))
