"""HTML mails: nothing of the publisher is markup, nothing is loaded, nothing acts."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model import (
    Alert,
    AlertId,
    Coverage,
    Health,
    RuleRef,
    Severity,
    SourceId,
    SourceProblem,
    Why,
)
from monitor.notify.html import host, render
from monitor.testing import (
    NOW,
    TITLE,
    make_article,
    make_digest,
    make_digest_story,
    make_operations,
    make_story_alert,
    one_of_each,
    span,
    with_text,
)

CONSOLE = "https://monitor.example.org"
EVIL = "<script>alert(1)</script><img src=x onerror=y>\"'{{7*7}}{% raw %}&amp;"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """What a mail program would see: tags, attributes, links and text; tags must nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], "every tag is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "tags nest"

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data


@pytest.mark.parametrize("alert", one_of_each(), ids=lambda alert: alert.subject)
def test_markup_of_the_publisher_is_text(alert: Alert) -> None:
    """Scripts, images, handlers and template code come through as letters."""
    page = Page(render(with_text(alert, EVIL), CONSOLE))

    assert EVIL in page.text
    assert set(page.tags) <= {
        *("html", "head", "meta", "title", "style", "body", "table", "tr", "td", "div", "span"),
        *("a", "b", "br", "code"),
    }
    assert not {name for name in page.attributes if name.startswith("on")}


@pytest.mark.parametrize("alert", one_of_each(), ids=lambda alert: alert.subject)
def test_nothing_is_loaded_and_no_link_acts(alert: Alert) -> None:
    """Links lead to the article and to the story's page alone; no pixel, no form, no token."""
    html = render(alert, CONSOLE)

    stories = {f"{CONSOLE}/stories/s-test", f"{CONSOLE}/stories/s-older"}
    allowed = {"https://news.example.org/2024/03/28/veto", *stories}
    assert set(Page(html).links) <= allowed
    assert not re.search(r"url\(|@import|<form|<img|<link|<iframe|unsubscribe", html)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "", "https://[x"])
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    """It is shown as text."""
    article = make_article(url=url)
    html = render(make_story_alert(articles=(article, article), article_count=2))

    assert Page(html).links == []


def test_each_clause_has_its_colour_in_the_text_and_in_the_reason() -> None:
    """A reader sees which words satisfied which clause."""
    html = render(make_story_alert())

    vetoed = re.search(r"background:(#\w+)[^>]*>vetoed<", html)
    act = re.search(r"background:(#\w+)[^>]*>act<", html)
    body = re.search(r"background:(#\w+)[^>]*>body<", html)
    assert vetoed and act and body  # noqa: PT018
    assert vetoed[1] == act[1] != body[1]


def test_the_mail_is_complete_without_a_console() -> None:
    """Why, evidence and the article are there; a story page is not promised."""
    page = Page(render(make_story_alert()))

    for part in (TITLE, "new story", "rules/un.yaml line 14", "SHA-256 9b1f4c", "story s-test"):
        assert part in page.text
    assert "Story page" not in page.text


def test_an_update_shows_the_articles_listed_names_and_foreign_rules() -> None:
    """As the text part does."""
    other = make_article(title="Другая", source_name="TASS", copy_of="https://a", why=())
    alert = make_story_alert(
        title="Council meets",
        articles=(make_article(), other),
        article_count=2,
        listed_names=("Lazarus Group",),
        thread_id=AlertId("a-0"),
        rules=(RuleRef(id="x", title="X", version="1", severity=Severity.LOW),),
    )
    page = Page(render(alert))

    for part in ("Now:", "TASS: Другая", "(a copy)", "Lazarus Group", "an earlier article"):
        assert part in " ".join(page.text.split())


def test_a_digest_shows_what_it_must() -> None:
    """Numbers, themes, stories, what was not seen, the head of the evidence."""
    page = Page(render(make_digest(), CONSOLE))

    said = ("1 new story", "1 critical", "Monitoring", "Security Council veto", TITLE, "31 today")
    for part in (*said, "waits for 6 days", "State media mirror", "21 items fell", "5d5d5d"):
        assert part in page.text
    assert page.links == [f"{CONSOLE}/stories/s-test", f"{CONSOLE}/stories/s-older"]


def test_an_empty_digest_is_one_sentence() -> None:
    """Nothing, and how much was read."""
    whole = Coverage(sources=64, read=64)

    page = Page(render(make_digest(stories=(), coverage=whole, evidence_head="")))

    assert "Nothing, and 64 of 64 feeds were read" in page.text
    assert "What we could not see" not in page.text


def test_a_long_digest_stays_below_what_mail_programs_cut() -> None:
    """Gmail cuts at 102 kB; what is left out is said."""
    story = make_digest_story(title="한" * 120, severity=Severity.LOW)
    problem = SourceProblem(
        source=SourceId("s"), name="n", state=Health.FAILING, since=NOW, detail="d" * 300
    )
    coverage = Coverage(sources=900, read=1, problems=(problem,) * 899)

    html = render(make_digest(stories=(story,) * 900, coverage=coverage))

    assert "and 890 more stories" in html
    assert html.count("한" * 60) == 10
    assert "899 feeds" in html
    assert len(html.encode()) < 102_000


def test_an_alarm_says_what_to_do() -> None:
    """And leaves the line out where nothing can be done."""
    assert "What to do:" in render(make_operations())
    assert "What to do:" not in render(make_operations(what_to_do="", about=""))


@given(st.text(max_size=80), st.text(max_size=200), st.text(max_size=60))
def test_any_text_gives_a_page_that_nests(title: str, summary: str, url: str) -> None:
    """Whatever the publisher writes, tags nest and close."""
    why = Why(rule="veto", clause=title or "c", matched=(span("summary", summary, summary[:3]),))
    article = make_article(title=title, summary=summary, url=url, why=(why,))

    Page(render(make_story_alert(title=title, articles=(article,)), CONSOLE))


def test_hosts_are_shown_without_www() -> None:
    """The button says where it leads."""
    assert host("https://www.example.org/x") == "example.org"
    assert host("https://[x") == host("") == "the source"
