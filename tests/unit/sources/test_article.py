"""The text of an article, and what comes in its place."""

import sys

import pytest

from monitor.errors import ParseError
from monitor.model import Document
from monitor.sources import READERS, article
from tests.data.articles import PAGES, Page, html

PAGE = PAGES[0]
URL = "https://news.example.org/a"


def _read(body: bytes | str, **headers: str) -> str:
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reading = article.read(Document(data, named, URL))
    assert [item.link for item in reading.items] == [URL]
    return reading.items[0].text


def _page(text: str, head: str = "") -> str:
    return f"<html><head><title>t</title>{head}</head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.lang}-{page.rule or 'none'}")
def test_an_article_comes_without_what_stands_around_it(page: Page) -> None:
    """Every paragraph on its own line, in any script; no menu, no list of other articles."""
    lines = _read(html(page)).split("\n")

    assert [line for line in lines if line in page.body] == list(page.body)
    assert not {"Home", "World", "Most read", "Ten soups"}.intersection(lines)


@pytest.mark.parametrize(
    ("encoding", "headers"),
    [
        pytest.param("euc-kr", {}, id="named-by-the-page"),
        pytest.param("euc-kr", {"content_type": "text/html; charset=euc-kr"}, id="by-the-server"),
        pytest.param("utf-8", {"content_type": "text/html; charset=euc-kr"}, id="server-is-wrong"),
    ],
)
def test_a_page_is_read_in_its_own_encoding(encoding: str, headers: dict[str, str]) -> None:
    """As the server says, else as the page itself does; UTF-8 that decodes is UTF-8."""
    page = next(page for page in PAGES if page.lang == "ko")
    text = html(page).replace("utf-8", encoding).replace("·", " ")

    found = _read(text.encode(encoding, "replace"), **headers)

    assert page.body[1] in found


def test_a_page_that_names_no_encoding_is_looked_at() -> None:
    """And still read."""
    page = next(page for page in PAGES if page.lang == "ru")
    text = html(page).replace('<meta charset="utf-8">', "")

    assert page.body[1] in _read(text.encode("cp1251", "replace"))


_LONG = "The ship left at night and nobody saw who was on board of her, said the harbour master. "


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param("", "empty", id="nothing"),
        pytest.param(b"%PDF-1.7", "binary", id="pdf"),
        pytest.param("<html><body><script>go()</script></body></html>", "no-text", id="script"),
        pytest.param(_page("Short."), "no-text", id="short"),
        pytest.param(_page("Verify you are human."), "challenge", id="challenge-words"),
        pytest.param(
            _page("Wait.", '<script src="/cdn-cgi/challenge-platform/h/b"></script>'),
            "challenge",
            id="challenge-marks",
        ),
        pytest.param(_page(_LONG * 6 + "You have been blocked."), "challenge", id="long-challenge"),
        pytest.param(_page("Subscribe to continue reading."), "paywall", id="paywall-words"),
        pytest.param(
            _page(_LONG * 6, '<script>{"isAccessibleForFree":"False"}</script>'),
            "paywall",
            id="paywall-mark",
        ),
        pytest.param(_page("이 기사는 유료회원 전용입니다."), "paywall", id="paywall-ko"),
    ],
)
def test_what_is_no_article_is_refused_by_name(body: bytes | str, kind: str) -> None:
    """With status 200, all of them."""
    with pytest.raises(ParseError) as raised:
        _read(body)

    assert raised.value.kind == kind


def test_a_long_text_is_an_article_whatever_else_the_page_says() -> None:
    """Sites mark what they meter, and load a challenge's script on every page."""
    mark = '<script>{"isAccessibleForFree":false}; "g-recaptcha"</script>'
    lines = "".join(f"<p>{number}. {_LONG}</p>" for number in range(30))

    assert "29. The ship" in _read(f"<html><head>{mark}</head><body>{lines}</body></html>")


def test_a_short_report_on_a_captcha_is_an_article() -> None:
    """Marks of a challenge count where there is no text only."""
    assert "harbour" in _read(_page(_LONG * 5, "<script>g-recaptcha</script>"))


def test_an_endless_text_is_cut() -> None:
    """At a hundred thousand characters."""
    lines = "".join(f"<p>{number}. {_LONG}</p>" for number in range(2_000))

    assert len(_read(f"<html><body>{lines}</body></html>")) <= 100_000


def test_without_the_extra_the_reason_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was removed while the worker ran, say."""
    article._extractor.cache_clear()
    monkeypatch.setitem(sys.modules, "trafilatura", None)

    with pytest.raises(ParseError) as raised:
        _read(html(PAGE))
    monkeypatch.undo()

    assert raised.value.kind == "no-extractor"
    assert _read(html(PAGE))


@pytest.mark.parametrize(
    ("asked", "got", "place"),
    [
        (URL, URL, ""),
        (URL, "https://www.example.org/a-long-title", ""),
        (URL, "https://news.example.org/", "home-page"),
        ("https://news.example.org/", "https://www.example.org/", ""),
        (URL, "https://news.example.org/?id=4", ""),
        (URL, "https://consent.example.com/m?continue=a", "consent"),
        (URL, "https://news.example.org/consent/?back=a", "consent"),
        (URL, "https://news.example.org/Login?next=/a", "paywall"),
        (URL, "https://news.example.org/subscribe/", "paywall"),
        ("http://example.org/premium/a", "https://example.org/premium/a", ""),
        (URL, "https://news.example.org/subscription-fraud", ""),
    ],
)
def test_a_redirect_may_lead_elsewhere(asked: str, got: str, place: str) -> None:
    """To the home page, a form of consent, a door."""
    assert article.elsewhere(asked, got) == place


def test_articles_are_read_by_the_sandbox_too() -> None:
    """Under this name."""
    assert READERS["article"] is article.read
