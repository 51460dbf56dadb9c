"""When quiet hours hold, in three time zones over both changes of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.quiet import Quiet, held_until

CHANGES = [
    ("Europe/Amsterdam", "2024-03-31"),
    ("Europe/Amsterdam", "2024-10-27"),
    ("America/New_York", "2024-03-10"),
    ("America/New_York", "2024-11-03"),
    ("Australia/Lord_Howe", "2024-10-06"),  # by half an hour
    ("Australia/Lord_Howe", "2024-04-07"),
]


@pytest.mark.parametrize(("name", "day"), CHANGES)
@pytest.mark.parametrize(("start", "end"), [(19, 7), (12, 13), (7, 19), (20, 0)])
def test_quiet_hours_are_those_of_the_clock_on_the_wall(
    name: str, day: str, start: int, end: int
) -> None:
    """Every ten minutes of three days: held if the wall says so, until the wall shows the end."""
    zone = ZoneInfo(name)
    quiet = Quiet(start=time(start), end=time(end), zone=zone)
    first = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)

    for step in range(3 * 24 * 6):
        now = first + timedelta(minutes=10 * step)
        wall = now.astimezone(zone).time()
        after_start, before_end = wall >= time(start), wall < time(end)
        is_quiet = (after_start or before_end) if end <= start else (after_start and before_end)

        until = held_until(quiet, now)

        assert (until is not None) == is_quiet, now
        if until is not None:
            assert until.astimezone(zone).time() == time(end)
            assert now < until <= now + timedelta(hours=25)
            assert held_until(quiet, until) is None


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        # Amsterdam skips 02:00 to 03:00 on 31 March: 02:30 is just after, 03:30 summer time.
        ("22:00", "02:30", "2024-03-31T01:10", "2024-03-31T01:30"),
        ("22:00", "02:30", "2024-03-31T01:30", None),
        ("02:30", "07:00", "2024-03-31T01:20", None),
        ("02:30", "07:00", "2024-03-31T01:30", "2024-03-31T05:00"),
        # It has 02:00 to 03:00 twice on 27 October: the first counts.
        ("22:00", "02:30", "2024-10-27T00:20", "2024-10-27T00:30"),
        ("22:00", "02:30", "2024-10-27T01:20", None),
        ("02:30", "07:00", "2024-10-27T00:30", "2024-10-27T06:00"),
        ("02:30", "07:00", "2024-10-27T01:10", "2024-10-27T06:00"),
    ],
)
def test_a_time_that_is_skipped_means_just_after_and_one_that_comes_twice_the_first(
    start: str, end: str, now: str, until: str | None
) -> None:
    """So every window begins once and ends once."""
    zone = ZoneInfo("Europe/Amsterdam")
    quiet = Quiet(start=time.fromisoformat(start), end=time.fromisoformat(end), zone=zone)

    found = held_until(quiet, datetime.fromisoformat(f"{now}+00:00"))

    assert found == (datetime.fromisoformat(f"{until}+00:00") if until else None)


@given(
    start=st.times(),
    end=st.times(),
    now=st.datetimes(datetime(2023, 1, 1), datetime(2026, 1, 1)),
    name=st.sampled_from([name for name, _ in CHANGES]),
)
def test_whatever_is_held_is_free_at_the_end(
    start: time, end: time, now: datetime, name: str
) -> None:
    """The end lies ahead, at most a day and an hour, and nothing holds there but a next window."""
    quiet = Quiet(start=start, end=end, zone=ZoneInfo(name))
    moment = now.replace(tzinfo=UTC)

    until = held_until(quiet, moment)

    if until is not None:
        assert moment < until <= moment + timedelta(hours=25)
        assert start == end or held_until(quiet, until) is None
