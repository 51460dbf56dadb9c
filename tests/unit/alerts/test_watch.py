"""Alarms about sources: each failure once, many at once in one."""

from dataclasses import replace
from datetime import timedelta

from monitor.alerts.watch import SourceHealth, failing, recovered
from monitor.model import SourceId
from monitor.testing import NOW


def _health(number: int, **changes: object) -> SourceHealth:
    plain = SourceHealth(
        id=SourceId(f"s{number}"),
        label=f"Source {number}",
        failures=3,
        failing_since=NOW - timedelta(hours=1),
        error="HTTP 503",
        alarmed_at=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_source_alarms_when_it_failed_often_enough() -> None:
    """Two failures are none, three are one; what was told is not told again."""
    states = [_health(1), _health(2, failures=2), _health(3, alarmed_at=NOW)]

    [alarm] = failing(states, 3, NOW)

    assert alarm.sources == ("s1",)
    assert alarm.operations.title == "Not read: Source 1"
    assert "HTTP 503" in alarm.operations.detail
    assert alarm.operations.since == NOW - timedelta(hours=1)
    assert "monitor feeds test s1" in alarm.operations.what_to_do


def test_many_failures_at_once_have_one_cause_and_one_message() -> None:
    """A network outage makes one alarm that names all sources, not one for each."""
    states = [_health(number, failing_since=None) for number in range(7)]

    [alarm] = failing([*states, _health(9, failures=0)], 3, NOW)

    assert alarm.operations.title == "7 of 8 sources are not read"
    assert alarm.sources == tuple(f"s{number}" for number in range(7))
    assert alarm.operations.since == NOW
    assert "Source 6: HTTP 503" in alarm.operations.detail


def test_a_source_without_a_known_begin_fails_since_now() -> None:
    """A missing time does not break the alarm."""
    [alarm] = failing([_health(1, failing_since=None)], 3, NOW)

    assert alarm.operations.since == NOW


def test_recovery_is_told_of_those_whose_failure_was() -> None:
    """One message for all that are read again; silence for those nobody was told of."""
    back = [_health(n, failures=0, alarmed_at=NOW) for n in range(2)]

    [alarm] = recovered([*back, _health(8, failures=0), _health(9, alarmed_at=NOW)], NOW)

    assert alarm.operations.title == "Read again: Source 0, Source 1"
    assert alarm.sources == ("s0", "s1")
    assert recovered([_health(8, failures=0)], NOW) == ()


def test_many_recoveries_are_counted() -> None:
    """The title of a large recovery is a number."""
    back = [_health(n, failures=0, alarmed_at=NOW) for n in range(6)]

    [alarm] = recovered(back, NOW)
    [single] = recovered(back[:1], NOW)

    assert alarm.operations.title == "6 sources read again"
    assert (alarm.operations.about, single.operations.about) == ("", "s0")
