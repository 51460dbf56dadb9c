"""One amount is one number in every language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.numbers import amounts
from monitor.stories.words import folded


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (
            1_400_000,
            (
                *("1.4 million young", "140만 명", "140万青年", "1,4 млн", "1,4 Mio. Menschen"),
                *("1,4 miliona", "1.4 مليون", "1,400,000 people", "1 400 000 jeunes", "1.400.000"),
            ),
        ),
        (10_000, ("10,000 troops", "1만명", "1万人", "1萬人", "10 тыс. солдат", "10 mil soldados")),
        (12_000, ("12,000", "1만2천명", "12 тысяч", "12 tys. żołnierzy")),
        (1_500_000_000, ("$1.5bn", "15억 달러", "15億ドル", "15亿美元", "1,5 Milliarden Dollar")),
        (18, ("18 soldiers", "18명", "18人", "18 военных")),
    ],
)
def test_same_amount(value: int, texts: tuple[str, ...]) -> None:
    """Grouping, decimal commas and words of magnitude give the number meant."""
    assert {text: list(amounts(folded(text))) for text in texts} == {
        text: [value] for text in texts
    }


@pytest.mark.parametrize("text", ["22일", "10月22日", "오전 10시", "S/2024/215", "f-35", "no"])
def test_calendar_symbols_and_names_are_no_amounts(text: str) -> None:
    """Days, hours, document symbols and model numbers are not amounts."""
    assert list(amounts(folded(text))) == []


@given(st.text(alphabet="0123456789., 만억万mil천年日", max_size=40))
def test_any_digits_give_whole_numbers(text: str) -> None:
    """No mixture of digits, points and magnitudes raises or gives a fraction."""
    assert all(isinstance(amount, int) for amount in amounts(text))
