"""Which channels hear of an alert, and when."""

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.quiet import Quiet
from monitor.alerts.route import Route, Traits, Way, fits, route
from monitor.model import Severity

NIGHT = datetime(2024, 3, 2, 2, 0, tzinfo=UTC)
MORNING = datetime(2024, 3, 2, 7, 0, tzinfo=UTC)
TRAITS = Traits(
    severity=Severity.HIGH,
    rules=frozenset({"veto", "oil"}),
    themes=frozenset({"monitoring"}),
    tags=frozenset({"wire"}),
    source="yonhap",
    lang="ko",
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, True),
        ({"severities": {Severity.HIGH, Severity.CRITICAL}}, True),
        ({"severities": {Severity.LOW}}, False),
        ({"rules": {"oil"}}, True),
        ({"rules": {"cyber"}}, False),
        ({"themes": {"monitoring"}, "langs": {"ko"}}, True),
        ({"themes": {"monitoring"}, "langs": {"en"}}, False),
        ({"tags": {"wire"}}, True),
        ({"tags": {"un"}}, False),
        ({"sources": {"yonhap"}}, True),
        ({"sources": {"tass"}}, False),
    ],
)
def test_every_condition_of_a_route_must_hold(condition: dict[str, Any], expected: bool) -> None:
    """An absent condition fits all; a present one needs one value in common."""
    frozen: Any = {name: frozenset(values) for name, values in condition.items()}

    assert fits(Route(send=("desk",), **frozen), TRAITS) is expected


def test_every_fitting_route_is_used_and_each_channel_once() -> None:
    """Channels come in the order of the routes; routes as digest send nothing at once."""
    routes = [
        Route(send=("desk", "head")),
        Route(send=("tool", "desk"), rules=frozenset({"veto"})),
        Route(send=("other",), rules=frozenset({"cyber"})),
        Route(send=("morning",), send_as="digest"),
    ]

    assert [way.channel for way in route(TRAITS, routes, NIGHT)] == ["desk", "head", "tool"]
    assert route(TRAITS, routes[2:], NIGHT) == ()


def _quiet(end: int) -> Quiet:
    return Quiet(start=time(19), end=time(end), zone=ZoneInfo("UTC"))


def test_quiet_hours_hold_what_is_not_critical() -> None:
    """Until the end of the hours, and not by day."""
    routes = [Route(send=("desk",), quiet=_quiet(7))]
    critical = replace(TRAITS, severity=Severity.CRITICAL)

    assert route(TRAITS, routes, NIGHT) == (Way(channel="desk", held_until=MORNING),)
    assert route(TRAITS, routes, MORNING) == (Way(channel="desk"),)
    assert route(critical, routes, NIGHT) == (Way(channel="desk"),)


@pytest.mark.parametrize("step", [1, -1], ids=["in order", "reversed"])
def test_of_several_routes_to_a_channel_the_soonest_counts(step: int) -> None:
    """Whatever their order."""
    early, late = Route(send=("desk",), quiet=_quiet(7)), Route(send=("desk",), quiet=_quiet(9))
    open_ = Route(send=("desk",))

    assert route(TRAITS, [early, late][::step], NIGHT) == (Way(channel="desk", held_until=MORNING),)
    assert route(TRAITS, [early, open_][::step], NIGHT) == (Way(channel="desk"),)
