"""Times as publishers write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text.dates import clamp, parse

NOW = datetime(2024, 3, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        pytest.param(
            "2024-03-28T14:05:00+09:00", datetime(2024, 3, 28, 5, 5, tzinfo=UTC), id="iso"
        ),
        pytest.param("2024-03-28T14:05:00Z", datetime(2024, 3, 28, 14, 5, tzinfo=UTC), id="z"),
        pytest.param("2024-03-28T14:05", datetime(2024, 3, 28, 14, 5, tzinfo=UTC), id="no-zone"),
        pytest.param("2024-03-28", datetime(2024, 3, 28, tzinfo=UTC), id="day"),
        pytest.param("2024-03", datetime(2024, 3, 1, tzinfo=UTC), id="month"),
        pytest.param(" 2024 ", datetime(2024, 1, 1, tzinfo=UTC), id="year"),
        pytest.param(
            "Thu, 28 Mar 2024 14:05:00 +0900",
            datetime(2024, 3, 28, 5, 5, tzinfo=UTC),
            id="rfc-5322",
        ),
        pytest.param("12:15 PM", None, id="only-a-time"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before-year-one"),
        pytest.param("yesterday", None, id="words"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_time_is_read_as_utc_or_not_at_all(text: str, when: datetime | None) -> None:
    """What is no time is None, never a guess."""
    assert parse(text) == when


@given(st.text(max_size=40))
def test_reading_a_time_never_raises(text: str) -> None:
    """Feeds hold anything."""
    when = parse(text)

    assert when is None or when.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        pytest.param(None, (NOW, "date-missing"), id="missing"),
        pytest.param(NOW + timedelta(minutes=11), (NOW, "date-future"), id="future"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), (NOW, "date-ancient"), id="1970"),
        pytest.param(
            NOW + timedelta(minutes=10), (NOW + timedelta(minutes=10), ""), id="a-clock-ahead"
        ),
        pytest.param(
            datetime(1990, 1, 1, tzinfo=UTC), (datetime(1990, 1, 1, tzinfo=UTC), ""), id="old"
        ),
    ],
)
def test_only_a_believable_time_stands(
    when: datetime | None, expected: tuple[datetime, str]
) -> None:
    """The time of the poll stands in for what cannot be, and a flag says so."""
    assert clamp(when, NOW) == expected
