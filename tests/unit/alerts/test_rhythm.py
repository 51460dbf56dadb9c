"""How long a source may be quiet: learnt from its own pauses and its days of the week."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.rhythm import UNLEARNT, Rhythm, rhythm

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SATURDAY, SUNDAY = 5, 6


def _office(weeks: int, *, days: Sequence[int] = range(5)) -> list[datetime]:
    """Return items of every hour of an office's days."""
    return [
        MONDAY + 7 * week * DAY + day * DAY + hour * HOUR
        for week in range(weeks)
        for day in days
        for hour in range(9, 18)
    ]


def _learnt(arrivals: Sequence[datetime], every: timedelta = HOUR) -> Rhythm:
    learnt = rhythm(arrivals, every=every)
    assert learnt is not None
    return learnt


def _allows(arrivals: Sequence[datetime], every: timedelta = HOUR) -> timedelta:
    return _learnt(arrivals, every).silent_after - max(arrivals)


def test_without_items_nothing_is_learnt() -> None:
    """No item, no rhythm; one or two say nothing either, but half a year is old."""
    assert rhythm([], every=HOUR) is None
    noon = MONDAY + 12 * HOUR
    assert _learnt([noon]) == Rhythm(
        silent_after=noon + UNLEARNT, free_days=frozenset({SATURDAY, SUNDAY})
    )


def test_an_office_rests_at_the_weekend() -> None:
    """A week-end is no silence, nor is one holiday more; the Wednesday after is."""
    learnt = _learnt(_office(5))

    assert learnt.free_days == {SATURDAY, SUNDAY}
    assert learnt.pause == 16 * HOUR
    assert MONDAY + 36 * DAY < learnt.silent_after < MONDAY + 38 * DAY


def test_two_weekends_are_enough_to_know_that_an_office_rests() -> None:
    """Each of its free days is compared with the days on which it works."""
    known = [at for at in _office(3) if at >= MONDAY + 4 * DAY]

    assert _learnt(known).free_days == {SATURDAY, SUNDAY}


def test_a_source_that_never_rests_is_missed_within_hours() -> None:
    """Its longest pauses are hours."""
    times = [MONDAY + n * HOUR for n in range(24 * 21) if n % 7]

    assert _learnt(times).free_days == frozenset()
    assert 6 * HOUR <= _allows(times) <= 12 * HOUR


def test_an_unseen_weekend_is_taken_for_free() -> None:
    """A source that is known since Wednesday may rest on Saturday; one that works then does not."""
    known = [MONDAY + 2 * DAY + n * HOUR for n in range(48)]

    assert _learnt(known).free_days == {SATURDAY, SUNDAY}
    assert _learnt([*known, MONDAY + 5 * DAY]).free_days == {SUNDAY}


def test_a_weekly_bulletin_has_no_free_days() -> None:
    """It comes on Tuesdays, but nobody knows that it could not come on another day."""
    times = [MONDAY + DAY + 7 * n * DAY for n in range(12)]

    assert _learnt(times).free_days == frozenset()
    assert 8 * DAY < _allows(times) < 15 * DAY


def test_a_monthly_one_is_not_missed_within_the_month() -> None:
    """Six months of it are enough to know."""
    times = [MONDAY + 30 * n * DAY for n in range(7)]

    assert 31 * DAY < _allows(times) < 62 * DAY


def test_few_pauses_are_doubted() -> None:
    """Three times the longest of them."""
    times = [MONDAY + n * DAY for n in range(4)]

    assert _allows(times) >= 3 * DAY


def test_one_outlier_is_believed_but_not_stretched() -> None:
    """A pause that was once is no alarm the second time; it does not make all others usual."""
    times = [MONDAY + n * HOUR for n in range(24 * 14)]
    with_outlier = [*times, *(max(times) + 30 * HOUR + n * HOUR for n in range(24 * 14))]

    assert 30 * HOUR < _allows(with_outlier) < 36 * HOUR


def test_a_known_silence_teaches_nothing_the_first_time() -> None:
    """The second time it is how the source is."""
    times = [MONDAY + n * HOUR for n in range(24 * 14)]
    back = max(times) + 100 * HOUR
    silence = (max(times), back)
    times += [back + n * HOUR for n in range(24 * 14)]

    once = rhythm(times, every=HOUR, problems=[silence])
    twice = rhythm(times, every=HOUR, problems=[silence, silence])

    assert once is not None
    assert twice is not None
    assert once.silent_after - max(times) < 12 * HOUR
    assert twice.silent_after - max(times) > 100 * HOUR


def test_what_is_asked_seldom_may_be_quiet_longer() -> None:
    """Less than three polls say nothing."""
    times = [MONDAY + n * HOUR for n in range(24 * 21)]

    assert _allows(times, every=DAY) >= 3 * DAY


def test_half_a_year_is_old_whatever_was_usual() -> None:
    """A source of two items a year is no monitor's source."""
    times = [MONDAY + 170 * n * DAY for n in range(5)]

    assert _allows(times) == UNLEARNT
    assert _allows([MONDAY + 80 * n * DAY for n in range(5)]) == UNLEARNT


@given(
    st.lists(st.integers(0, 24 * 120), min_size=1, max_size=60),
    st.sampled_from([HOUR, 6 * HOUR, DAY]),
)
def test_it_is_never_missed_before_six_hours(hours: list[int], every: timedelta) -> None:
    """Nor after half a year; the order of the times does not matter."""
    times = [MONDAY + hour * HOUR for hour in hours]

    allowed = _allows(times, every)

    assert 6 * HOUR <= allowed <= UNLEARNT
    assert rhythm(times[::-1], every=every) == rhythm(times, every=every)


@pytest.mark.parametrize("zone", [-8, 0, 9])
def test_offices_of_every_zone_keep_their_weekend(zone: int) -> None:
    """Days are counted in UTC; a Monday morning in Seoul is a Sunday there."""
    times = [at - zone * HOUR for at in _office(6)]

    allowed = _learnt(times).silent_after

    assert allowed > max(times) + 63 * HOUR  # the week-end that follows
    assert allowed < max(times) + 7 * DAY
