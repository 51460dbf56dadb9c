"""When the canary flies, and where it is missing."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.canary import Flight, Landing, arrived_at, due_date, missing
from monitor.model import AlertId

AT = time(6, 30)
BERLIN = ZoneInfo("Europe/Berlin")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _flight(date: str, tried: str = "2024-03-28 05:30", **changes: object) -> Flight:
    known = {"begun_at": _utc(tried), "tried_at": _utc(tried), "alert_id": AlertId("a-1")}
    return Flight(local_date=date, **{**known, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "last", "due"),
    [
        pytest.param("2024-03-28 05:29", None, None, id="too-early"),
        pytest.param("2024-03-28 05:30", None, "2024-03-28", id="half-past-six-in-Berlin"),
        pytest.param("2024-03-28 22:59", None, "2024-03-28", id="late-is-better-than-never"),
        pytest.param("2024-03-28 23:10", None, None, id="yesterday-is-over"),
        pytest.param("2024-03-28 05:30", "2024-03-27", "2024-03-28", id="the-next-day"),
        pytest.param("2024-03-28 20:00", "2024-03-28", None, id="flown-today"),
        pytest.param("2024-03-28 05:30", "2024-03-29", None, id="the-clock-was-set-back"),
    ],
)
def test_one_flies_for_each_local_date(now: str, last: str | None, due: str | None) -> None:
    """From its time on, until midnight."""
    flown = _flight(last) if last else None

    assert due_date(_utc(now), AT, BERLIN, flown) == due


def test_one_that_failed_is_tried_again_after_a_minute() -> None:
    """On its own date."""
    failed = _flight("2024-03-28", alert_id=None)
    at = failed.tried_at

    assert due_date(at + timedelta(seconds=59), AT, BERLIN, failed) is None
    assert due_date(at + timedelta(seconds=60), AT, BERLIN, failed) == "2024-03-28"


@pytest.mark.parametrize("day", ["2024-03-31", "2024-10-27"], ids=["spring", "autumn"])
def test_a_change_of_clocks_makes_neither_two_nor_none(day: str) -> None:
    """At a time that is skipped, or occurs twice: asked every fifteen minutes for three days."""
    at = time(2, 30)
    flown: Flight | None = None
    dates = []
    for step in range(4 * 24 * 3):
        now = _utc(day) - timedelta(days=1) + timedelta(minutes=15 * step)
        due = due_date(now, at, BERLIN, flown)
        if due:
            dates.append(due)
            flown = _flight(due)

    assert len(dates) == len(set(dates)) == 3
    assert day in dates


SENT = Landing(channel="ops", state="sent", settled_at=_utc("2024-03-28 05:31"))
LATER = Landing(channel="ops", state="sent", settled_at=_utc("2024-03-28 05:33"))


def test_it_is_missing_where_one_recipient_has_not_taken_it() -> None:
    """With what is known; a channel that is no longer asked for does not matter."""
    waits = Landing(channel="ops", state="pending", error="HTTP 503")
    gone = Landing(channel="old", state="dead", error="no such channel")
    fresh = Landing(channel="desk", state="pending")

    assert missing([SENT, LATER], ["ops"]) == {}
    assert missing([SENT, waits, gone], ["ops"]) == {"ops": "pending, HTTP 503"}
    assert missing([SENT, fresh], ["ops", "desk"]) == {"desk": "pending"}
    assert missing([], ["ops"]) == {"ops": "no message was made"}


def test_it_arrives_with_its_last_recipient() -> None:
    """All of them have taken it."""
    assert arrived_at([SENT, LATER]) == LATER.settled_at
