"""Amounts as plain numbers, whatever the language writes: `10,000`, `1만`, `10 тыс.`, `1万`."""

import re
from collections.abc import Iterator

# Powers of ten of the words that may follow the digits, as folded.
_POWERS = {
    12: "trillion trillions billones bilion trln трлн 조 兆",
    9: "billion billions bn mrd milliard milliards milliarden miljard miljarder miliard miliardow"
    " mld млрд миллиард миллиарда миллиардов مليار מיליארד 십억",
    8: "억 亿 億",
    6: "million millions mln mio millionen miljon miljoner milhao milhoes millon millones milion"
    " milionow miliona млн миллион миллиона миллионов مليون מיליון 백만 百万",
    4: "만 万 萬",
    3: "thousand тыс тысяч тысячи tys tysiecy tausend tusen mil mille الف אלף 천 千",
}
_POWER = {word: power for power, words in _POWERS.items() for word in words.split()}
_WORDS = "|".join(sorted(_POWER, key=lambda word: (-len(word), word)))
_AMOUNT = re.compile(
    r"(?<![\w.,/-])(?P<digits>\d{1,3}(?:[ .,'\u2019]\d{3})+(?!\d)|\d{1,15}(?:[.,]\d{1,3})?)(?!\d)"
    rf"(?:\s?(?P<power>{_WORDS})(?![a-zа-я]))?"
    r"(?:(?P<rest>\d{1,4})(?P<small>천|千)?)?"
    r"(?P<calendar>\s?(?:[년월일시분초]|年|月|日|時|时|分|号|:))?"
)
_GROUPED = re.compile(r"\d{1,3}(?:[ .,'\u2019]\d{3})+")


def amounts(text: str) -> Iterator[int]:
    """Yield the amounts in a folded text, in order: `1.4 million`, `140만` give 1400000.

    Numbers of a calendar or a clock written in Han or Hangul (`22日`, `10시`) are left out.
    """
    for found in _AMOUNT.finditer(text):
        if found["calendar"] and not found["power"]:
            continue
        rest = int(found["rest"] or 0) * (1000 if found["small"] else 1)
        yield round(_value(found["digits"]) * 10 ** _POWER.get(found["power"], 0)) + rest


def _value(digits: str) -> float:
    if _GROUPED.fullmatch(digits):
        return float(re.sub(r"\D", "", digits))
    return float(digits.replace(",", "."))
