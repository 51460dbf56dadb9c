"""robots.txt as RFC 9309 has it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text import robots

HOST = "https://news.example.org"


def _allows(path: str, *lines: str, token: str = "sanctions-monitor") -> bool:
    return robots.read("\n".join(lines).encode(), token).allows(HOST + path)


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        pytest.param(["Disallow: /private"], "/private/a", False, id="prefix"),
        pytest.param(["Disallow: /private"], "/public", True, id="another-path"),
        pytest.param(["Disallow:"], "/a", True, id="empty-disallow-forbids-nothing"),
        pytest.param(["Allow: /p", "Disallow: /"], "/page", True, id="longest-first"),
        pytest.param(["Disallow: /", "Allow: /p"], "/page", True, id="longest-last"),
        pytest.param(["Allow: /p", "Disallow: /p"], "/p", True, id="a-tie-allows"),
        pytest.param(["Disallow: */news/"], "/en/news/1", False, id="star-first"),
        pytest.param(["Disallow: /*.pdf$"], "/a.pdf", False, id="star-and-end"),
        pytest.param(["Disallow: /*.pdf$"], "/a.pdf?x=1", True, id="not-the-end"),
        pytest.param(["Disallow: /a$"], "/ab", True, id="end-without-star"),
        pytest.param(["Disallow: /a$"], "/a", False, id="the-whole-path"),
        pytest.param(["Disallow: /a*b*c"], "/a-b-b-c-d", False, id="several-stars"),
        pytest.param(["Disallow: /a*b*c"], "/a-c-b", True, id="pieces-in-order"),
        pytest.param(["Disallow: /ab*ba$"], "/aba", True, id="pieces-do-not-overlap"),
        pytest.param(["Disallow: /*?print="], "/a?print=1", False, id="query"),
        pytest.param(["Disallow: /새"], "/%EC%83%88/1", False, id="escaped-letters"),
        pytest.param(["Disallow: /%7Ejoe"], "/~joe/a", False, id="unreserved-escapes"),
        pytest.param(["Disallow: /f-%2A.html"], "/f-*.html", False, id="an-escaped-star"),
        pytest.param(["Disallow: /f-%2A.html"], "/f-a.html", True, id="which-is-no-wildcard"),
        pytest.param(["Disallow: /"], "/robots.txt", True, id="itself"),
        pytest.param(["Disallow: /  # all of it"], "/a", False, id="comment"),
        pytest.param(["disallow : /"], "/a", False, id="case-and-blanks"),
        pytest.param(["Noindex: /", "just words"], "/a", True, id="what-it-does-not-know"),
        pytest.param(["Disallow: /" + "a" * 3000], "/a", True, id="an-endless-rule"),
    ],
)
def test_the_longest_rule_that_fits_decides(rules: list[str], path: str, *, allowed: bool) -> None:
    """With wildcards, an end mark, and one spelling for each character."""
    assert _allows(path, "User-agent: *", *rules) is allowed


def test_a_group_that_names_us_overrules_the_one_for_all() -> None:
    """In any case, with a version behind; groups of one name are one."""
    lines = [
        "User-agent: *",
        "Disallow: /",
        "User-agent: Sanctions-Monitor/1.0",
        "Disallow: /a",
        "User-agent: other",
        "Disallow: /",
        "User-agent: another",
        "User-agent: sanctions-monitor",
        "Disallow: /b",
    ]

    assert _allows("/c", *lines)
    assert not _allows("/a", *lines)
    assert not _allows("/b", *lines)
    assert not _allows("/c", *lines, token="curl")
    assert not _allows("/c", *lines, token="")


def test_what_belongs_to_no_group_forbids_nothing() -> None:
    """Rules before the first name, and a site map between a name and its rules."""
    assert _allows("/a", "Disallow: /", "User-agent: other", "Disallow: /")
    assert not _allows("/a", "User-agent: *", "Sitemap: https://x.example/s.xml", "Disallow: /")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_lines_end_in_any_way(end: str) -> None:
    """And a byte order mark is none of the first name."""
    body = b"\xef\xbb\xbf" + end.join(["User-agent: *", "Disallow: /a"]).encode()

    assert not robots.read(body, "x").allows(f"{HOST}/a")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("5", 5), ("0.5", 0.5), ("86400", 60), ("-1", 0), ("nan", 0), ("soon", 0)],
)
def test_a_site_may_ask_us_to_wait(written: str, seconds: float) -> None:
    """Up to a minute; nonsense asks for nothing."""
    body = f"User-agent: *\nCrawl-delay: {written}\nDisallow: /a".encode()

    assert robots.read(body, "x").delay == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("sanctions-monitor/1.0", "sanctions-monitor"),
        ("Desk-Watch (+https://example.org)", "desk-watch"),
        ("42", ""),
    ],
)
def test_our_name_is_the_first_word_of_the_user_agent(user_agent: str, token: str) -> None:
    """Without version and address."""
    assert robots.token_of(user_agent) == token


def test_the_two_extremes() -> None:
    """What is said of a site whose robots.txt cannot be had."""
    assert robots.ANYTHING.allows(f"{HOST}/a?b")
    assert not robots.NOTHING.allows(HOST)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_any_bytes_can_be_read(body: bytes, path: str) -> None:
    """And any path asked about."""
    found = robots.read(b"User-agent: *\nDisallow: /*" + body, "x")

    found.allows(f"{HOST}/{path}".replace("[", "").replace("]", ""))
