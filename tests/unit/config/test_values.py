"""The kinds of values: what they read, what they refuse and in which words."""

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, TypeAdapter

from monitor.config import values
from monitor.config.values import Wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("45s", timedelta(seconds=45)),
        ("15m", timedelta(minutes=15)),
        ("72h", timedelta(hours=72)),
        ("90d", timedelta(days=90)),
        ("2 w", timedelta(weeks=2)),
        ("10y", timedelta(days=3650)),
        (" 1d ", timedelta(days=1)),
        (timedelta(minutes=1), timedelta(minutes=1)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: object, expected: timedelta) -> None:
    """Seconds, minutes, hours, days, weeks and years are read."""
    assert values.read_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "15", "15x", "m", "-1m", "1.5h", "1000000s", "1h30m", "٣m", 7]
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    """The message shows how a duration is written."""
    with pytest.raises(Wrong, match="is not a duration; write for example 15m, 2h or 1d"):
        values.read_duration(text)


def test_a_pace_is_at_least_a_second() -> None:
    """Zero would spin."""
    with pytest.raises(Wrong, match="too short"):
        values.read_pace("0s")
    assert values.read_pace("1s") == timedelta(seconds=1)


@given(st.integers(0, 876_000), st.sampled_from("smh"))
def test_a_duration_reads_back_as_it_was_written(number: int, unit: str) -> None:
    """What `config show` prints can be put into a file."""
    duration = values.read_duration(f"{number}{unit}")

    assert values.read_duration(values.write_duration(duration)) == duration


def test_a_duration_is_at_most_a_hundred_years() -> None:
    """A clock minus a duration has to stay a date."""
    assert values.read_duration("100y") == timedelta(days=36_500)
    with pytest.raises(Wrong, match="longer than 100 years"):
        values.read_duration("101y")


def test_a_time_of_day_has_hours_and_minutes() -> None:
    """One digit of an hour is enough."""
    assert values.read_clock("07:00") == time(7)
    assert values.read_clock("7:05") == time(7, 5)
    assert values.read_clock("23:59") == time(23, 59)
    assert values.read_clock(time(7)) == time(7)


@pytest.mark.parametrize("text", ["24:00", "7", "07:60", "7am", "07:00:00", "", 700])
def test_what_is_no_time_of_day_is_refused(text: object) -> None:
    """The message shows how a time is written."""
    with pytest.raises(Wrong, match="is not a time of day"):
        values.read_clock(text)


def test_a_zone_is_known_to_the_zone_data() -> None:
    """Names of the IANA data are read, whatever else a file system holds is not."""
    assert values.read_zone("Asia/Seoul") == ZoneInfo("Asia/Seoul")
    assert values.read_zone(ZoneInfo("UTC")) == ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Amsterdm", 'did you mean "Europe/Amsterdam"?'),
        ("Xyzzy/Qwfp", "write for example Europe/Amsterdam or UTC"),
        ("Europe", ""),
        ("../etc/passwd", "write for example Europe/Amsterdam or UTC"),
        ("", "write for example Europe/Amsterdam or UTC"),
        ("a" * 300, "write for example Europe/Amsterdam or UTC"),
        ("Ümlaut/Ort", "write for example Europe/Amsterdam or UTC"),
    ],
)
def test_an_unknown_zone_is_refused_with_a_hint(name: str, hint: str) -> None:
    """A near name is offered, else an example."""
    with pytest.raises(Wrong, match="is not a time zone") as caught:
        values.read_zone(name)
    assert hint in caught.value.hint


def test_only_true_and_false_are_a_yes_and_a_no() -> None:
    """YAML 1.1 took yes, on and y as well: here they are words."""
    assert values.read_flag("true") is True
    assert values.read_flag("false") is False
    assert values.read_flag(value=True) is True
    for word in ("yes", "no", "on", "1", "True", "", None):
        with pytest.raises(Wrong, match="neither true nor false"):
            values.read_flag(word)


@pytest.mark.parametrize("text", ["un-press", "38north", "a", "a.b_c", "x" * 64])
def test_an_id_is_made_of_small_letters_and_digits(text: str) -> None:
    """Ids stand in commands and file names."""
    assert values.read_id(text) == text


@pytest.mark.parametrize("text", ["UN", "-a", "a b", "ä", "", "x" * 65, "a/b", "..", 3, "a\n"])
def test_what_is_no_id_is_refused(text: object) -> None:
    """Anything that would need quoting somewhere is refused."""
    with pytest.raises(Wrong, match="is not an id"):
        values.read_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/rss.xml",
        "http://127.0.0.1:8400/a?b=c#d",
        "https://[::1]/feed",
        "https://xn--fsq.example/",
        "https://例え.example/フィード",
        " https://example.org/ ",
    ],
)
def test_a_web_address_is_kept_as_written(text: str) -> None:
    """Only blanks around it go."""
    assert values.read_url(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://example.org/a b",
        "https://exa\nmple.org/",
        "https://example.org:99999/",
        "https://[::1/",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    """Only http and https with a host are fetched."""
    with pytest.raises(Wrong, match="is not a web address"):
        values.read_url(text)


def test_a_login_does_not_belong_into_an_address() -> None:
    """Addresses are logged and shown."""
    with pytest.raises(Wrong, match="holds a login") as caught:
        values.read_url("https://user:word@example.org/rss")
    assert "auth" in caught.value.hint


def test_polls_are_counted_in_words_or_digits() -> None:
    """`3 polls`, `1 poll` and `3` mean a number."""
    assert [values.read_polls(text) for text in ("3 polls", "1 poll", "12")] == [3, 1, 12]
    for text in ("0", "0 polls", "three", "", "3 pools", "-1"):
        with pytest.raises(Wrong, match="not a number of polls"):
            values.read_polls(text)


def test_an_address_range_is_read_in_both_families() -> None:
    """One address is a range of one."""
    assert values.read_network("10.0.0.0/8") == "10.0.0.0/8"
    assert values.read_network("::1") == "::1/128"
    for text in ("10.0.0.1/8", "localhost", ""):
        with pytest.raises(Wrong, match="not an address range"):
            values.read_network(text)


def test_headers_cannot_break_out_of_their_line() -> None:
    """A header with a line break would be a second header."""
    assert values.read_header_name("X-Api-Key") == "X-Api-Key"
    assert values.read_header_value("abc") == "abc"
    assert values.read_header_value(SecretStr("abc")) == SecretStr("abc")
    for name in ("X Api", "", "A:b", "A\r\nB"):
        with pytest.raises(Wrong, match="not the name of a header"):
            values.read_header_name(name)
    with pytest.raises(Wrong, match="no header may hold"):
        values.read_header_value("a\r\nB: c")


def test_a_login_is_a_user_and_a_password() -> None:
    """The colon parts them."""
    assert values.read_login("u:p") == "u:p"
    assert values.read_login(SecretStr("u:p")) == SecretStr("u:p")
    with pytest.raises(Wrong, match="not a user and a password"):
        values.read_login("token")


def test_one_severity_means_that_one_and_worse() -> None:
    """A list means exactly what stands in it."""
    assert values.read_severities("high") == ("high", "critical")
    assert values.read_severities("low") == ("low", "medium", "high", "critical")
    assert values.read_severities(["high"]) == ["high"]
    assert values.read_severities("hihg") == ["hihg"]


def test_there_is_one_version_of_the_format() -> None:
    """A file of a later program is refused instead of half understood."""
    assert values.read_version("1") == 1
    with pytest.raises(Wrong, match="does not read"):
        values.read_version("2")


def test_every_kind_of_value_has_a_schema() -> None:
    """Editors check the same files."""
    kinds: list[Any] = [
        values.Duration,
        values.Pace,
        values.Clock,
        values.Zone,
        values.Flag,
    ]
    kinds += [values.Id, values.WebAddress, values.Polls, values.Names, values.Severities]

    schemas = [TypeAdapter(kind).json_schema() for kind in kinds]

    assert all(schemas)
    assert schemas[0]["pattern"] == r"^[0-9]{1,6}\s*[smhdwy]$"


@pytest.mark.parametrize(
    ("written", "shown"),
    [("10 per hour", "10 per 1h"), ("3 per 15m", "3 per 15m"), ("50  per day", "50 per 1d")],
)
def test_a_cap_is_read_and_written_back(written: str, shown: str) -> None:
    """What is written back reads as the same."""
    cap = values.read_cap(written)

    assert values.write_cap(cap) == shown
    assert values.read_cap(shown) == values.read_cap(cap) == cap


@pytest.mark.parametrize("written", ["10", "0 per hour", "per hour", "10 per week", "10 per 0s"])
def test_what_is_no_cap_is_refused(written: str) -> None:
    """With what to write instead."""
    with pytest.raises(values.Wrong, match=r"write for example|too short"):
        values.read_cap(written)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-09-05", "2024-09-06T00:00:00+00:00"),
        ("2024-09-05T18:00", "2024-09-05T18:00:00+00:00"),
        ("2024-09-05T18:00+09:00", "2024-09-05T09:00:00+00:00"),
    ],
)
def test_a_date_means_its_end(written: str, moment: str) -> None:
    """A full time means itself, in UTC where it names no zone."""
    assert values.read_moment(written).isoformat() == moment


@pytest.mark.parametrize("written", ["soon", "2024-13-01", "9999-12-31", ""])
def test_what_is_no_moment_is_refused(written: str) -> None:
    """Also the day that has no end."""
    with pytest.raises(values.Wrong):
        values.read_moment(written)


def test_a_repeat_is_read_and_written_back() -> None:
    """What is written back reads as the same."""
    repeat = values.read_repeat("30m, 3 times")

    assert (repeat.every, repeat.times) == (timedelta(minutes=30), 3)
    assert values.write_repeat(repeat) == "30m, 3 times"
    assert values.read_repeat(repeat) is repeat


@pytest.mark.parametrize("written", ["30m", "30m, 0 times", "3 times", "30s, 3 times", ""])
def test_what_is_no_repeat_is_refused(written: str) -> None:
    """With what to write instead, or what is the least."""
    with pytest.raises(values.Wrong, match=r"write for example|too short"):
        values.read_repeat(written)
