"""Which channels hear of an alert, and when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.cap import Cap
from monitor.alerts.quiet import Quiet
from monitor.alerts.repeat import Repeat
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


def test_what_is_over_a_cap_waits_for_the_end_of_its_window_and_of_the_quiet_hours() -> None:
    """The window that counts is the one in which the message would go out."""
    cap = Cap(count=10, per=timedelta(hours=1))
    routes = [Route(send=("desk",), quiet=_quiet(7), at_most=cap)]
    evening = datetime(2024, 3, 1, 18, 30, tzinfo=UTC)
    critical = replace(TRAITS, severity=Severity.CRITICAL)

    [at_night] = route(TRAITS, routes, NIGHT)
    [in_the_evening] = route(TRAITS, routes, evening)
    [urgent] = route(critical, routes, evening)

    assert (at_night.held_until, at_night.rolled_at) == (MORNING, MORNING + timedelta(hours=1))
    assert (in_the_evening.held_until, in_the_evening.rolled_at) == (None, MORNING)
    assert (urgent.cap, urgent.rolled_at) == (cap, datetime(2024, 3, 1, 19, 0, tzinfo=UTC))


@pytest.mark.parametrize("step", [1, -1], ids=["in order", "reversed"])
def test_of_two_caps_the_looser_counts(step: int) -> None:
    """Among routes that are equally soon; none at all is the loosest."""
    few, many = Cap(count=10, per=timedelta(days=1)), Cap(count=2, per=timedelta(hours=1))
    routes = [Route(send=("desk",), at_most=few), Route(send=("desk",), at_most=many)]
    free = Route(send=("desk",))

    [way] = route(TRAITS, routes[::step], NIGHT)
    [open_way] = route(TRAITS, [*routes, free][::step], NIGHT)

    assert way.cap == many
    assert open_way.cap is None


def test_a_window_of_a_cap_is_one_of_the_clock() -> None:
    """Hours begin with the hour; a moment on the border begins one."""
    cap = Cap(count=1, per=timedelta(hours=1))
    one = datetime(2024, 3, 1, 18, 0, tzinfo=UTC)

    assert cap.window(one) == (one, one + timedelta(hours=1))
    assert cap.window(one + timedelta(minutes=59)) == (one, one + timedelta(hours=1))


def test_a_channel_is_told_again_when_one_of_its_routes_asks_for_it() -> None:
    """The sooner route decides when, either may ask to repeat."""
    repeat = Repeat(every=timedelta(minutes=30), times=3)
    routes = [
        Route(send=("desk",)),
        Route(send=("desk",), quiet=_quiet(7), repeat=repeat),
    ]

    assert route(TRAITS, routes, NIGHT) == (Way(channel="desk", repeat=repeat),)
    assert route(TRAITS, routes[::-1], NIGHT) == (Way(channel="desk", repeat=repeat),)
