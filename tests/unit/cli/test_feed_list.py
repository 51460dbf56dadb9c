"""`feeds list`: the hours of a day, and the list on a terminal."""

from datetime import timedelta
from typing import Any

import pytest

from monitor.cli.feedlist import bars, hours_of
from monitor.cli.feedtable import show
from monitor.model import Health
from monitor.testing import NOW

HOUR = timedelta(hours=1)
TOP = NOW.replace(minute=0, second=0, microsecond=0)
LATE = TOP + timedelta(minutes=50)


def _row(state: Health, **changes: Any) -> dict[str, Any]:
    row = {
        "state": state.value,
        "id": "wire",
        "name": "World wire",
        "last_read": NOW - 9 * HOUR,
        "every": "15 min",
        "last_24h": "▁▂▃×××",
        "hits_30d": 6,
        "detail": "3 polls in a row failed: HTTP 403",
        "what_to_do": "Open the address in a browser.",
    }
    return {**row, **changes}


def test_a_day_has_a_sign_for_each_hour() -> None:
    """Twice as many items, one step higher; unread and unknown hours are neither."""
    assert bars([0, 1, 2, 4, 8, 16, 32, 64, 10_000, "not-read", None]) == "▁▂▃▄▅▆▇███× "[:9] + "× "


def test_an_hour_counts_as_not_read_when_more_than_half_of_it_was() -> None:
    """The present hour is judged by what has passed of it; the oldest one comes first."""
    away = [
        (TOP - 3 * HOUR, TOP - 2 * HOUR + HOUR / 2),  # all of an hour and half of the next
        (TOP - HOUR, TOP - HOUR / 3),
        (TOP + timedelta(minutes=20), LATE),
    ]
    arrivals = {f"{TOP - 23 * HOUR:%Y-%m-%dT%H}": 5, f"{TOP - 24 * HOUR:%Y-%m-%dT%H}": 9}

    hours = hours_of(arrivals, away, LATE)

    assert len(hours) == 24
    assert hours[0] == 5
    assert hours[-4:] == ["not-read", 0, "not-read", "not-read"]
    assert set(hours[1:-4]) == {0}


def test_an_hour_that_brought_items_was_read() -> None:
    """However short that was."""
    arrivals = {f"{TOP:%Y-%m-%dT%H}": 2}

    assert hours_of(arrivals, [(TOP - 2 * HOUR, LATE)], LATE)[-3:] == ["not-read", "not-read", 2]


@pytest.mark.parametrize(("columns", "has_hits"), [(130, True), (80, False)])
def test_a_terminal_shows_what_ails_a_source_below_it(
    columns: int,
    has_hits: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A narrow one shows fewer figures, and the day below; no line is longer than it."""
    monkeypatch.setenv("COLUMNS", str(columns))
    rows = [
        _row(Health.FAILING),
        _row(Health.OK, id="뉴스", name="뉴스 이름이 아주 길어서 칸을 넘는 것 같다 정말로 길다"),
        _row(Health.SILENT, name="wire", detail="evil \x1b[31m red\nline"),
        {"state": "new", "id": "n", "name": "New", "detail": ""},
        {"state": "off", "id": "o", "name": "Off", "detail": "its feed ended"},
    ]

    show(rows, 4, NOW)

    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[0] == "4 sources · 1 failing · 1 silent · 1 ok · 1 new · 1 off"
    assert max(map(len, lines)) <= columns
    assert ("hits 30 d" in out) is has_hits
    assert "\x1b" not in out
    below = [line.strip() for line in lines[4:6]]
    assert below == ["3 polls in a row failed: HTTP 403", "→ Open the address in a browser."]
    assert (lines[6].strip() == "▁▂▃×××") is not has_hits
    assert "9 h ago" in lines[3]
    assert "its feed ended" in lines[-1]


def test_colours_are_for_terminals_that_want_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not read is red; NO_COLOR takes the colour away, not the words."""
    monkeypatch.setenv("COLUMNS", "130")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    show([_row(Health.FAILING)], 1, NOW)
    coloured = capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    show([_row(Health.FAILING)], 1, NOW)
    plain = capsys.readouterr().out

    assert "\x1b[1;31mfailing" in coloured
    assert "\x1b[31m×××" in coloured
    assert "[31m" not in plain
    assert "1;31m" not in plain
