"""One digest for each local date, in every zone, whatever the clocks do."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.digest import Schedule, Window, due_window

ZONES = ["UTC", "America/New_York", "Europe/Helsinki", "Asia/Seoul", "Australia/Lord_Howe"]
START = datetime(2024, 3, 8, 12, 0, tzinfo=UTC)
DAILY = Schedule(at=time(7), zone=ZoneInfo("UTC"))


def _closed(schedule: Schedule, start: datetime, end: datetime, step: timedelta) -> list[Window]:
    windows: list[Window] = []
    last: tuple[str, datetime] | None = None
    now = start
    while now < end:
        window = due_window(now=now, schedule=schedule, started_at=start, last=last)
        if window:
            windows.append(window)
            last = (window.local_date, window.until)
        now += step
    return windows


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", [time(1, 30), time(2, 30), time(7), time(0), time(23, 59)])
@pytest.mark.parametrize("start", [START, datetime(2024, 10, 25, 9, tzinfo=UTC)])
def test_there_is_one_digest_for_each_local_date(zone: str, clock: time, start: datetime) -> None:
    """Over both changes of clocks no date is left out and none comes twice."""
    end = start + timedelta(days=30)

    schedule = Schedule(at=clock, zone=ZoneInfo(zone))
    windows = _closed(schedule, start, end, timedelta(minutes=5))

    dates = [datetime.fromisoformat(window.local_date).date() for window in windows]
    assert dates == [dates[0] + timedelta(days=n) for n in range(len(dates))]
    assert len(dates) in (29, 30, 31)
    for before, after in pairwise(windows):
        assert after.since == before.until


@given(
    st.lists(st.timedeltas(timedelta(seconds=1), timedelta(days=5)), max_size=40),
    st.sampled_from(ZONES),
    st.times(),
)
def test_windows_cover_all_time_without_gap(steps: list[timedelta], zone: str, at: time) -> None:
    """However irregularly it is asked, windows follow each other and dates only grow."""
    schedule = Schedule(at=at, zone=ZoneInfo(zone))
    now, last, windows = START, None, []
    for step in steps:
        now += step
        window = due_window(now=now, schedule=schedule, started_at=START, last=last)
        if window:
            windows.append(window)
            last = (window.local_date, window.until)

    assert [window.local_date for window in windows] == sorted({w.local_date for w in windows})
    edges = [START, *(window.until for window in windows)]
    assert [window.since for window in windows] == edges[:-1]


def test_the_first_digest_waits_for_its_hour() -> None:
    """A watch that starts in the afternoon sends nothing before the next morning."""
    morning = datetime(2024, 3, 9, 7, 0, tzinfo=UTC)
    args = {"schedule": DAILY, "started_at": START, "last": None}

    assert due_window(now=START, **args) is None  # type: ignore[arg-type]
    assert due_window(now=morning - timedelta(seconds=1), **args) is None  # type: ignore[arg-type]
    assert due_window(now=morning, **args) == Window(  # type: ignore[arg-type]
        local_date="2024-03-09", since=START, until=morning
    )


def test_after_days_of_standstill_one_digest_covers_them() -> None:
    """A machine that slept for three days sends one digest, since the last one."""
    now = START + timedelta(days=4)

    window = due_window(now=now, schedule=DAILY, started_at=START, last=("2024-03-08", START))

    assert window == Window(local_date="2024-03-12", since=START, until=now)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("weekday", [0, 4, 6])
@pytest.mark.parametrize("start", [START, datetime(2024, 10, 25, 9, tzinfo=UTC)])
def test_there_is_one_weekly_digest_for_each_such_day(
    zone: str, weekday: int, start: datetime
) -> None:
    """Over both changes of clocks, on its day of the week and on no other."""
    schedule = Schedule(at=time(2, 30), zone=ZoneInfo(zone), weekday=weekday)

    windows = _closed(schedule, start, start + timedelta(days=35), timedelta(minutes=10))

    dates = [datetime.fromisoformat(window.local_date).date() for window in windows]
    assert dates == [dates[0] + timedelta(days=7 * n) for n in range(len(dates))]
    assert {day.weekday() for day in dates} == {weekday}
    assert len(dates) == 5


def test_the_bounds_of_periods_are_local_times() -> None:
    """Around a change of clocks a day has 23 hours, and a week of it 167."""
    day = Schedule(at=time(7), zone=ZoneInfo("Europe/Amsterdam"))
    week = Schedule(at=time(7), zone=ZoneInfo("Europe/Amsterdam"), weekday=0)
    sunday = datetime(2024, 3, 31, tzinfo=UTC).date()

    hours = [(after - before).total_seconds() / 3600 for before, after in
             pairwise(day.bounds(sunday + timedelta(days=1), 3))]  # fmt: skip
    weeks = [(after - before).total_seconds() / 3600 for before, after in
             pairwise(week.bounds(sunday + timedelta(days=1), 2))]  # fmt: skip

    assert hours == [24, 23, 24]
    assert weeks == [168, 167]
