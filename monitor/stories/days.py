"""The calendar days that a text names: `22일`, `10月22日`, `Oct 22`, `22 октября`, `Thursday`."""

import re
from collections.abc import Iterator
from datetime import date, timedelta

# First letters of the months, folded: en fr es pt de sv pl ru uk.
_MONTHS = (
    "jan янв ene sty січ",
    "feb fev fevr лют фев lut",
    "mar март марта бер mars marz",
    "apr avr abr апр kwi квіт",
    "may mai mayo maj мая май трав",
    "jun juin июн cze черв",
    "jul juil июл lip лип",
    "aug aout ago авг sie серп",
    "sep set сент wrz вер",
    "oct okt out окт paz жовт",
    "nov нояб lis лист",
    "dec dez dic декаб gru груд",
)
_MONTH = {name: n for n, names in enumerate(_MONTHS, 1) for name in names.split()}
_WEEKDAYS = (
    "monday mondays lundi lunes montag mandag poniedzialek понедельник 월요일 星期一 周一 月曜",
    "tuesday mardi martes dienstag tisdag wtorek вторник 화요일 星期二 周二 火曜",
    "wednesday mercredi miercoles mittwoch onsdag sroda среду среда 수요일 星期三 周三 水曜",
    "thursday jeudi jueves donnerstag torsdag czwartek четверг 목요일 星期四 周四 木曜",
    "friday vendredi viernes freitag fredag piatek пятницу пятница 금요일 星期五 周五 金曜",
    "saturday samedi sabado samstag lordag sobota субботу суббота 토요일 星期六 周六 土曜",
    "sunday dimanche domingo sonntag sondag niedziela воскресенье 일요일 星期日 周日 日曜",
)
_WEEKDAY = {name: n for n, names in enumerate(_WEEKDAYS) for name in names.split()}
_NAMES = "|".join(sorted(_MONTH, key=lambda name: (-len(name), name)))
_MONTH_DAY = re.compile(
    rf"\b(?P<m1>{_NAMES})[^\W\d_]*\.?\s(?P<d1>\d{{1,2}})(?![\d:]|[.,]\d)"
    rf"|(?<![\d.,:])(?P<d2>\d{{1,2}})\.?(?:st|nd|rd|th|er)?\s(?:de\s|of\s)?(?P<m2>{_NAMES})"
    r"|(?<!\d)(?P<m3>\d{1,2})\s?(?:月|월)\s?(?P<d3>\d{1,2})\s?(?:日|号|일)"
    r"|(?<![\d월月])(?P<d4>\d{1,2})\s?(?:日|일)(?![간째本차]|연속)"
)
_ANY_WEEKDAY = re.compile("|".join(sorted(_WEEKDAY, key=lambda name: (-len(name), name))))
_NEAR = timedelta(days=15)  # a day without a month is the nearest such day


def days(text: str, today: date) -> Iterator[date]:
    """Yield the days within two weeks of `today` that the folded text names."""
    for found in _MONTH_DAY.finditer(text):
        month = found["m3"] or _MONTH.get(found["m1"] or found["m2"])
        day = int(found["d1"] or found["d2"] or found["d3"] or found["d4"])
        yield from _nearest(today, day, int(month) if month else None)
    for found in _ANY_WEEKDAY.finditer(text):
        ahead = (_WEEKDAY[found[0]] - today.weekday()) % 7
        yield today + timedelta(days=ahead if ahead <= 1 else ahead - 7)  # it may be tomorrow there


def _nearest(today: date, day: int, month: int | None) -> Iterator[date]:
    for away in range(_NEAR.days + 1):
        for near in (today - timedelta(days=away), today + timedelta(days=away)):
            if near.day == day and month in (None, near.month):
                yield near
                return
