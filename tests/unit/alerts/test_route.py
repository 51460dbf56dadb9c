"""Which channels hear of an alert."""

from typing import Any

import pytest

from monitor.alerts.route import Route, Traits, fits, route
from monitor.model import Severity

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

    assert route(TRAITS, routes) == ("desk", "head", "tool")
    assert route(TRAITS, routes[2:]) == ()
