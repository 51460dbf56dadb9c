"""When a site's robots.txt is asked for, and what follows where it cannot be had."""

import asyncio
from datetime import timedelta

import pytest

from monitor.errors import FetchError
from monitor.fetch.robots import RobotsFiles
from monitor.model import Document
from monitor.testing import NOW

PAGE = "https://news.example.org:8443/a?b"


class _Site:
    """Answers with a body, or raises; remembers what was asked."""

    def __init__(self, answer: bytes | FetchError) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.now = NOW
        self.files = RobotsFiles(self.get, "sanctions-monitor", lambda: self.now)

    async def get(self, url: str, *, timeout: float) -> Document:  # noqa: ASYNC109
        self.asked.append(url)
        if isinstance(self.answer, FetchError):
            raise self.answer
        return Document(self.answer)

    def check(self, url: str = PAGE) -> str:
        """Return the kind of refusal, empty where the address is allowed."""
        try:
            asyncio.run(self.files.check(url))
        except FetchError as error:
            return error.kind
        return ""


def test_a_site_is_asked_once_a_day() -> None:
    """At its own scheme, name and port."""
    site = _Site(b"User-agent: *\nDisallow: /private")

    assert site.check() == ""
    assert site.check("https://news.example.org:8443/private") == "robots"
    site.now += timedelta(hours=23)
    site.check()
    once = list(site.asked)
    site.now += timedelta(hours=2)
    site.check()

    assert once == ["https://news.example.org:8443/robots.txt"]
    assert len(site.asked) == 2


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_site_without_the_file_allows_everything(status: int) -> None:
    """RFC 9309, 2.3.1.3: "unavailable"."""
    assert _Site(FetchError("no", kind="http", status=status)).check() == ""


@pytest.mark.parametrize(
    ("kind", "status"), [("http", 500), ("busy", 503), ("busy", 429), ("timeout", None)]
)
def test_a_site_that_cannot_answer_allows_nothing_for_an_hour(
    kind: str, status: int | None
) -> None:
    """RFC 9309, 2.3.1.4: "unreachable"; the reason is told as what it is."""
    site = _Site(FetchError("no", kind=kind, status=status))

    assert (site.check(), site.check()) == (kind, kind)
    assert len(site.asked) == 1
    site.answer = b""
    site.now += timedelta(hours=1)
    assert site.check() == ""


def test_many_sites_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one asked about longest ago is forgotten."""
    monkeypatch.setattr("monitor.fetch.robots._SITES", 2)
    site = _Site(b"")

    for name in ("a", "b", "a", "c", "a", "b"):
        site.check(f"https://{name}.example.org/x")

    assert [url[8] for url in site.asked] == ["a", "b", "c", "b"]
