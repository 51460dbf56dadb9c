"""What a document is that is no feed."""

import pytest

from monitor.errors import NotAFeed
from monitor.model import Document
from monitor.sources.sniff import refuse_what_is_no_feed


@pytest.mark.parametrize(
    ("body", "headers", "kind", "said"),
    [
        pytest.param(b"", {}, "empty", "empty", id="empty"),
        pytest.param(
            b"<!DOCTYPE html><html><title>Home &amp; News</title>",
            {},
            "html",
            '"Home & News"',
            id="page",
        ),
        pytest.param(
            b"<?xml version='1.0'?>\n<html xmlns='x'>", {}, "html", "web page", id="xhtml"
        ),
        pytest.param(b"<!-- <rss> --><html><rss>", {}, "html", "web page", id="a-feed-in-a-page"),
        pytest.param(
            b"<html><title>Just a moment...</title>", {}, "challenge", "Cloudflare", id="cloudflare"
        ),
        pytest.param(
            b"x", {"cf-mitigated": "challenge"}, "challenge", "Cloudflare", id="cloudflare-header"
        ),
        pytest.param(
            b"<html><script src='/_Incapsula_Resource?a'>", {}, "challenge", "Imperva", id="imperva"
        ),
        pytest.param(b"<html><div class='g-recaptcha'>", {}, "challenge", "captcha", id="captcha"),
        pytest.param(
            b"<html><title>Members</title><form><input name=p type='password'>",
            {},
            "login",
            'login form instead of a feed: "Members"',
            id="login",
        ),
        pytest.param(b"%PDF-1.7 ...", {}, "binary", "binary", id="pdf"),
        pytest.param(b"\x89PNG\r\n", {}, "binary", "binary", id="png"),
    ],
)
def test_what_came_instead_of_a_feed_is_named(
    body: bytes, headers: dict[str, str], kind: str, said: str
) -> None:
    """The operator has to know what to ask the publisher for."""
    with pytest.raises(NotAFeed) as raised:
        refuse_what_is_no_feed(Document(body, headers))

    assert raised.value.kind == kind
    assert said in str(raised.value)


def test_a_page_that_asks_for_consent_is_told_by_its_host() -> None:
    """The redirect ended at a manager of consent."""
    page = Document(b"<html><body>Accept all", {}, "https://consent.news.test/collect?to=feed")

    with pytest.raises(NotAFeed, match="asks for consent") as raised:
        refuse_what_is_no_feed(page)

    assert raised.value.kind == "login"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"<rss><channel><description><html>", id="html-in-a-feed"),
        pytest.param(b"<!-- <html> --><feed>", id="html-in-a-comment"),
        pytest.param(b"<br /><b>Warning</b>: x on line 1<br /><?xml?><rss>", id="php-warning"),
        pytest.param(b'{"items": [{"content_html": "<html><script>"}]}', id="json-with-html"),
        pytest.param(b"some text", id="text"),
    ],
)
def test_what_may_be_a_feed_passes(body: bytes) -> None:
    """The parsers have the last word."""
    refuse_what_is_no_feed(Document(body))
