"""How rows and times are written for people and for programs."""

import json
from datetime import UTC, datetime, timedelta

import click
import pytest

from monitor.cli.output import emit, since

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
ROWS = [
    {"id": 1, "title": "=HYPERLINK(1)", "at": "2024-03-28T21:00:00.000000+00:00", "x": ["a", "b"]},
    {"id": 2, "title": "two\u202e\nlines", "at": None, "x": []},
]


def test_json_holds_every_key_and_jsonl_one_row_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is for programs: nothing is cut or left out."""
    emit(ROWS, "json", ["id"])
    everything = json.loads(capsys.readouterr().out)
    emit(ROWS, "jsonl", ["id"])
    lines = capsys.readouterr().out.splitlines()

    assert everything == ROWS
    assert [json.loads(line) for line in lines] == ROWS


def test_csv_holds_no_formula(capsys: pytest.CaptureFixture[str]) -> None:
    """A cell that a spreadsheet would compute is written as text."""
    emit(ROWS, "csv", ["id", "title", "x"])

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "id,title,x"
    assert lines[1] == '1,\'=HYPERLINK(1),"a, b"'


def test_a_table_for_a_pipe_is_aligned_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nothing is cut; times are short, control characters gone."""
    emit(ROWS, "table", ["id", "at", "title"])

    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "at", "title"]
    assert first == "1   2024-03-28 21:00  =HYPERLINK(1)"
    assert second.endswith("two lines")


def test_a_table_for_a_terminal_wraps_titles_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long title takes several lines; short columns stay whole."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    emit([{"id": "s-1234567890", "title": "word " * 20}], "table", ["id", "title"])

    out = capsys.readouterr().out
    assert "s-1234567890" in out
    assert len(out.splitlines()) > 2


def test_no_rows_are_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table leaves stdout empty."""
    emit([], "table", ["id"])

    assert capsys.readouterr() == ("", "nothing\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30d", NOW - timedelta(days=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("2024-01-31T10:00+09:00", datetime(2024, 1, 31, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_an_age_or_a_date(text: str, expected: datetime) -> None:
    """What --since takes."""
    assert since(text, NOW) == expected


def test_what_is_no_time_is_a_usage_error() -> None:
    """The message says what to write."""
    with pytest.raises(click.BadParameter, match="30d"):
        since("soon", NOW)
