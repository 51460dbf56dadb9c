"""Document symbols name one document each."""

import pytest

from monitor.stories.symbols import symbols


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the report S/2024/215 of the panel", ["S/2024/215"]),
        ("meeting S/PV.9591, press release SC/15648.", ["S/PV.9591", "SC/15648"]),
        ("A/79/123 and A/C.1/79/L.8", ["A/79/123", "A/C.1/79/L.8"]),
        ("S/RES/2730 (2024) was adopted", ["S/RES/2730(2024)"]),
        ("the agency's GOV/2024/42", ["GOV/2024/42"]),
        ("advisory AA24-207A on Andariel", ["AA24-207A"]),
        ("FIN-2024-ALERT001", ["FIN-2024-ALERT001"]),
        ("Council Decision (CFSP) 2024/1471", ["(CFSP)2024/1471"]),
    ],
)
def test_symbol_of_the_year_is_found(text: str, found: list[str]) -> None:
    """Ids of UN, IAEA, CISA, FinCEN and EU documents are found, without blanks."""
    assert list(symbols(text, 2024)) == found


@pytest.mark.parametrize(
    "text",
    [
        "as resolution S/RES/2397 (2017) demands",
        "as resolution S/RES/2397 demands",
        "the old report S/2019/691",
        "and/or, S/he, 10/31, TCP/IP, AA24",
    ],
)
def test_background_and_ordinary_words_are_no_symbols(text: str) -> None:
    """An old symbol is cited by any story and names no event; slashes alone are no symbol."""
    assert list(symbols(text, 2024)) == []
