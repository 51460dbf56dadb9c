"""Calendar days are found in any of the languages, near the item's own day."""

from datetime import date

import pytest

from monitor.stories.days import days
from monitor.stories.words import folded

THURSDAY = date(2024, 10, 31)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("on Oct. 22 it fired", date(2024, 10, 22)),
        ("on October 22, 2024", date(2024, 10, 22)),
        ("am 22. Oktober", date(2024, 10, 22)),
        ("le 1er novembre", date(2024, 11, 1)),
        ("22 октября", date(2024, 10, 22)),
        ("22 de octubre", date(2024, 10, 22)),
        ("22 października", date(2024, 10, 22)),
        ("10월 22일", date(2024, 10, 22)),
        ("10月22日", date(2024, 10, 22)),
        ("22일 오전", date(2024, 10, 22)),
        ("지난 1일", date(2024, 11, 1)),
        ("on Wednesday", date(2024, 10, 30)),
        ("on Thursday", date(2024, 10, 31)),
        ("Friday morning in Seoul", date(2024, 11, 1)),
        ("Saturday's launch", date(2024, 10, 26)),
        ("星期三", date(2024, 10, 30)),
        ("수요일", date(2024, 10, 30)),
    ],
)
def test_named_day(text: str, day: date) -> None:
    """A day is the nearest that fits; a weekday is the last one, or tomorrow's."""
    assert list(days(folded(text), THURSDAY)) == [day]


@pytest.mark.parametrize(
    "text", ["2일간", "10 people", "on June 25", "5일 연속".replace(" ", ""), "32일"]
)
def test_no_day(text: str) -> None:
    """Spans of days, counts, days months away and impossible days are none."""
    assert list(days(folded(text), THURSDAY)) == []
