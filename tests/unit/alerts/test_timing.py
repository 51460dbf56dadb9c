"""When to poll again and when to try again, decided without a clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerts.timing import (
    DEFAULT_EVERY,
    GONE_EVERY,
    LONGEST,
    RETRY_AFTER_CAP,
    RETRY_STEPS,
    SHORTEST,
    adaptive_interval,
    believes_move,
    due_after_start,
    freshness,
    learnt_interval,
    next_poll,
    next_retry,
    parse_retry_after,
    poll_floor,
    server_time,
    wants_whole,
)

NOW = datetime(2024, 3, 28, 12, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
keys = st.text(max_size=20)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)


class TestNextPoll:
    @given(key=keys, now=moments)
    @settings(max_examples=100)
    def test_jitter_stays_within_a_tenth(self, key: str, now: datetime) -> None:
        """A healthy source is polled after its interval, give or take ten per cent."""
        answer = next_poll(key, now, every=QUARTER)

        assert abs(answer.at - now - QUARTER) <= QUARTER * 0.1 + timedelta(microseconds=1)
        assert (answer.interval, answer.suspended) == (QUARTER, False)

    def test_same_arguments_give_the_same_time(self) -> None:
        """Jitter is a rule, not a dice: replay and other processes agree."""
        assert next_poll("a", NOW, every=HOUR) == next_poll("a", NOW, every=HOUR)

    def test_sources_are_spread(self) -> None:
        """A thousand sources polled at one moment do not come back at one moment."""
        times = [next_poll(f"s{n}", NOW, every=HOUR).at for n in range(1_000)]
        minutes = [int((at - NOW).total_seconds() // 60) for at in times]

        assert max(minutes.count(m) for m in set(minutes)) < 150  # 12 minutes wide: 83 each

    @pytest.mark.parametrize(
        ("failures", "expected"),
        [(1, 15), (2, 30), (3, 60), (5, 240), (6, 360), (50, 360), (10**6, 360)],
    )
    def test_failures_double_the_interval_up_to_six_hours(
        self, failures: int, expected: int
    ) -> None:
        """Back-off is 1, 2, 4 ... intervals, and even a million failures leave a next poll."""
        answer = next_poll("a", NOW, every=QUARTER, failures=failures)

        assert answer.interval == timedelta(minutes=expected)
        assert not answer.suspended
        assert str(failures) in answer.why

    def test_back_off_never_shortens_a_long_interval(self) -> None:
        """A source pinned to once a day is not polled more often because it fails."""
        day = timedelta(days=1)

        assert next_poll("a", NOW, every=day, failures=9).interval == day

    def test_gone_suspends_and_says_so(self) -> None:
        """A 410 is looked at again after a week, flagged for the operator."""
        answer = next_poll("a", NOW, every=QUARTER, gone=True)

        assert (answer.interval, answer.suspended, answer.why) == (GONE_EVERY, True, "gone (410)")

    @given(key=keys, floor=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)))
    @settings(max_examples=100)
    def test_floor_is_obeyed_to_the_second(self, key: str, floor: timedelta) -> None:
        """What the server asked for is never undercut, not even by jitter."""
        assert next_poll(key, NOW, every=QUARTER, floor=floor).at >= NOW + floor

    def test_floor_above_the_interval_is_the_time_and_the_reason(self) -> None:
        """A pause longer than the interval sets the next poll exactly."""
        answer = next_poll("a", NOW, every=QUARTER, floor=HOUR)

        assert (answer.at, answer.why) == (NOW + HOUR, "the server asked for it")


class TestAdaptiveInterval:
    def test_half_the_median_gap(self) -> None:
        """A feed with an item an hour is polled each half hour, whatever the order of its dates."""
        dates = [NOW - HOUR * n for n in (3, 0, 2, 1, 4)]

        assert adaptive_interval(dates) == HOUR / 2

    def test_a_night_does_not_move_it(self) -> None:
        """One long gap among short ones leaves the median where it is."""
        dates = [NOW - QUARTER * n for n in range(6)] + [NOW - timedelta(days=2)]

        assert adaptive_interval(dates) == QUARTER / 2

    def test_only_the_latest_twenty_count(self) -> None:
        """A feed that woke up is polled by its new pace."""
        fast = [NOW - timedelta(minutes=10) * n for n in range(20)]
        slow = [NOW - timedelta(days=30 + n) for n in range(200)]

        assert adaptive_interval(fast + slow) == timedelta(minutes=5)

    @pytest.mark.parametrize(
        ("gap", "expected"), [(timedelta(0), SHORTEST), (timedelta(days=9), LONGEST)]
    )
    def test_stays_within_two_minutes_and_six_hours(
        self, gap: timedelta, expected: timedelta
    ) -> None:
        """A burst and a yearly feed both end at the limits."""
        assert adaptive_interval([NOW - gap * n for n in range(5)]) == expected

    @pytest.mark.parametrize("dates", [[], [NOW]])
    def test_too_few_dates_give_the_default(self, dates: list[datetime]) -> None:
        """Without two dates there is no gap to learn from."""
        assert adaptive_interval(dates) == DEFAULT_EVERY


class TestLearntInterval:
    def test_follows_the_pace_of_the_source(self) -> None:
        """Half the usual gap, whatever the default."""
        dates = [NOW - HOUR * n for n in range(5)]

        assert learnt_interval(dates, NOW, default=QUARTER) == HOUR / 2

    @pytest.mark.parametrize("dates", [[], [NOW]])
    def test_is_the_default_before_two_dates_are_known(self, dates: list[datetime]) -> None:
        """A new source is polled as the operator set for all."""
        assert learnt_interval(dates, NOW, default=HOUR) == HOUR

    def test_a_weekly_bulletin_is_not_asked_every_two_minutes(self) -> None:
        """Twenty items in a minute have no gap; the quiet since then counts."""
        dates = [NOW + timedelta(seconds=n) for n in range(20)]

        assert learnt_interval(dates, NOW, default=QUARTER) == SHORTEST
        a_day_later = learnt_interval(dates, NOW + timedelta(days=1), default=QUARTER)
        assert HOUR < a_day_later < 2 * HOUR
        assert learnt_interval(dates, NOW + timedelta(days=30), default=QUARTER) == LONGEST

    def test_dates_ahead_of_now_do_no_harm(self) -> None:
        """A clock that was set back makes the quiet negative."""
        dates = [NOW + HOUR * n for n in range(5)]

        assert learnt_interval(dates, NOW, default=QUARTER) == HOUR / 2


@pytest.mark.parametrize(
    ("seen", "over", "expected"),
    [
        (2, timedelta(days=9), False),
        (3, timedelta(hours=23), False),
        (3, timedelta(days=1), True),
        (99, HOUR, False),
    ],
)
def test_edge_06_a_move_needs_three_sightings_over_a_day(
    seen: int, over: timedelta, expected: bool
) -> None:
    """Mistakes are mended within hours; a move stays."""
    assert believes_move(seen, over) is expected


class TestPollFloor:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ({}, timedelta(0)),
            ({"retry_after": timedelta(seconds=7)}, timedelta(seconds=7)),
            ({"retry_after": timedelta(days=3650)}, RETRY_AFTER_CAP),
            ({"retry_after": timedelta(seconds=-7)}, timedelta(0)),
            ({"ttl": timedelta(days=1)}, HOUR),
            ({"fresh_for": timedelta(minutes=5), "ttl": QUARTER}, QUARTER),
            ({"fresh_for": HOUR, "retry_after": HOUR * 2}, HOUR * 2),
        ],
        ids=["nothing", "pause", "ten-years", "negative", "ttl-of-a-day", "longer-of-two", "both"],
    )
    def test_longest_wish_within_its_cap(
        self, asked: dict[str, timedelta], expected: timedelta
    ) -> None:
        """Retry-After counts up to a day, freshness and ttl up to an hour."""
        assert poll_floor(**asked) == expected


def after_start(key: str, due_at: datetime, last_at: datetime | None = None) -> datetime:
    """Return the due time of a source polled each quarter of an hour."""
    return due_after_start(key, NOW, due_at=due_at, last_at=last_at, every=QUARTER)


class TestDueAfterStart:
    def test_500_overdue_sources_do_not_burst(self) -> None:
        """After a restart the sources that fell due are spread over minutes, none forgotten."""
        dues = [after_start(f"s{n}", NOW - HOUR) for n in range(500)]
        seconds = [int((due - NOW).total_seconds()) for due in dues]

        assert all(NOW <= due <= NOW + timedelta(minutes=5) for due in dues)
        assert max(seconds.count(s) for s in set(seconds)) <= 12  # 1.7 a second on average

    @pytest.mark.parametrize("last_at", [None, NOW, NOW - QUARTER])
    def test_what_is_not_yet_due_keeps_its_time(self, last_at: datetime | None) -> None:
        """A start does not move the future."""
        due_at = NOW + timedelta(minutes=3)

        assert after_start("a", due_at, last_at) == due_at

    def test_edge_17_clock_that_went_back_does_not_silence_a_source(self) -> None:
        """A plain interval that began at a time now ahead counts as over."""
        last_at = NOW + timedelta(hours=5)

        assert NOW <= after_start("a", last_at + QUARTER, last_at) <= NOW + timedelta(minutes=5)

    def test_edge_17_clock_that_went_back_does_not_cut_a_pause(self) -> None:
        """A server that asked for two hours is not asked again before two hours have passed."""
        last_at = NOW + timedelta(minutes=1)

        assert after_start("a", last_at + 2 * HOUR, last_at) == NOW + 2 * HOUR

    @pytest.mark.parametrize("last_at", [None, NOW - HOUR])
    def test_edge_17_absurd_due_time_is_brought_back(self, last_at: datetime | None) -> None:
        """A due time years ahead, written by a wrong clock, means a poll soon."""
        due = after_start("a", NOW + timedelta(days=900), last_at)

        assert NOW <= due <= NOW + timedelta(minutes=5)

    def test_edge_17_due_three_days_ago_means_one_poll_soon(self) -> None:
        """A long sleep is made up for by one poll, within one interval."""
        due = due_after_start(
            "a", NOW, due_at=NOW - timedelta(days=3), last_at=None, every=timedelta(minutes=2)
        )

        assert NOW <= due <= NOW + timedelta(minutes=2)


def test_one_poll_in_a_hundred_asks_for_the_whole() -> None:
    """Over many polls about one per cent go without validators."""
    polls = [wants_whole("a", NOW + QUARTER * n) for n in range(10_000)]

    assert 60 <= sum(polls) <= 140


class TestNextRetry:
    @pytest.mark.parametrize("attempt", range(1, len(RETRY_STEPS) + 1))
    def test_waits_follow_the_steps_within_a_fifth(self, attempt: int) -> None:
        """Each try waits longer, give or take twenty per cent."""
        wait = next_retry(attempt, None, "msg_1")

        assert wait is not None
        assert abs(wait - RETRY_STEPS[attempt - 1]) <= RETRY_STEPS[attempt - 1] * 0.2

    def test_gives_up_after_about_four_days(self) -> None:
        """The thirteenth failure is the last one, after between three and five days."""
        waits = [next_retry(n, None, "msg_1") for n in range(1, 14)]

        assert waits[-1] is None
        assert timedelta(days=3) < sum((w for w in waits if w), timedelta(0)) < timedelta(days=5)

    @pytest.mark.parametrize(
        ("asked", "least", "most"),
        [
            (timedelta(minutes=7), timedelta(minutes=7), timedelta(minutes=7)),
            (timedelta(days=400), RETRY_AFTER_CAP, RETRY_AFTER_CAP),
            (timedelta(seconds=-5), timedelta(seconds=4), timedelta(seconds=6)),
        ],
        ids=["seven-minutes", "a-year", "negative"],
    )
    def test_retry_after_is_a_floor_of_at_most_a_day(
        self, asked: timedelta, least: timedelta, most: timedelta
    ) -> None:
        """The receiver's wish is kept to, unless it is absurd."""
        wait = next_retry(1, asked, "msg_1")

        assert wait is not None
        assert least <= wait <= most

    def test_rows_of_one_channel_come_back_spread(self) -> None:
        """A receiver that comes back is not met by all rows in the same second."""
        waits = {next_retry(6, None, f"msg_{n}") for n in range(200)}

        assert len(waits) == 200

    def test_attempt_zero_counts_as_the_first(self) -> None:
        """Asking before the first try does not wrap round to the last step."""
        wait = next_retry(0, None, "msg_1")

        assert wait is not None
        assert wait < timedelta(seconds=7)


class TestParseRetryAfter:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("120", timedelta(seconds=120)),
            (" 5 ", timedelta(seconds=5)),
            ("Thu, 28 Mar 2024 12:01:40 GMT", timedelta(seconds=100)),
            ("Thursday, 28-Mar-24 12:01:40 GMT", timedelta(seconds=100)),
            ("Thu, 28 Mar 2024 12:01:40 -0000", timedelta(seconds=100)),
            ("315360000", RETRY_AFTER_CAP),
            ("9" * 4_000, RETRY_AFTER_CAP),
            ("Thu, 28 Mar 2044 12:00:00 GMT", RETRY_AFTER_CAP),
            ("0", None),
            ("-120", None),
            ("1.5", None),
            ("١٢٠", None),
            ("", None),
            ("soon", None),
            ("Thu, 28 Mar 2024 11:00:00 GMT", None),
            ("Thu, 99 Mar 2024 11:00:00 GMT", None),
            ("Thu, 28 Mar 99999999999 11:00:00 GMT", None),
        ],
    )
    def test_edge_09_seconds_dates_garbage(self, value: str, expected: timedelta | None) -> None:
        """Seconds and dates are read and capped; garbage and the past ask nothing."""
        assert parse_retry_after(value, NOW) == expected

    @given(value=st.text(max_size=60))
    @settings(max_examples=200)
    def test_any_text_is_survived(self, value: str) -> None:
        """Whatever a server writes, the answer is None or within a day."""
        wait = parse_retry_after(value, NOW)

        assert wait is None or timedelta(0) < wait <= RETRY_AFTER_CAP


class TestFreshness:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, None),
            ({"cache-control": "public, max-age=300"}, timedelta(seconds=300)),
            ({"cache-control": 'Max-Age="300"'}, timedelta(seconds=300)),
            ({"cache-control": "max-age=300", "age": "100"}, timedelta(seconds=200)),
            ({"cache-control": "max-age=300", "age": "900"}, None),
            ({"cache-control": "max-age=soon"}, None),
            ({"cache-control": "max-age=0"}, None),
            ({"cache-control": "no-cache, max-age=300"}, None),
            ({"cache-control": "no-store"}, None),
            ({"expires": "Thu, 28 Mar 2024 12:05:00 GMT"}, timedelta(minutes=5)),
            ({"expires": "0"}, None),
            ({"expires": "Thu, 28 Mar 2024 11:05:00 GMT"}, None),
            (
                {"cache-control": "max-age=60", "expires": "Thu, 28 Mar 2024 13:00:00 GMT"},
                timedelta(seconds=60),
            ),
        ],
    )
    def test_what_servers_say(self, headers: dict[str, str], expected: timedelta | None) -> None:
        """max-age goes before Expires, the age is taken off, no-cache says nothing."""
        assert freshness(headers, NOW) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"date": "Thu, 28 Mar 2024 11:59:00 GMT"}, NOW - timedelta(minutes=1)),
        ({"date": "yesterday"}, NOW),
        ({}, NOW),
    ],
)
def test_servers_dates_are_read_by_its_own_clock(
    headers: dict[str, str], expected: datetime
) -> None:
    """A server whose clock is wrong is still understood: its dates are meant against its `Date`."""
    assert server_time(headers, NOW) == expected
