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
    _is_wall("https://consent.news.test/collect?to=feed", "asks for consent")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://myprivacy.news.test/?siteKey=x", "asks for consent"),
        ("https://news.test/cookiewall?to=/feed", "asks for consent"),
        ("https://news.test/privacy-gate/accept", "asks for consent"),
        ("https://login.news.test/?to=feed", "asks for a login"),
        ("https://news.test/accounts/login/?next=/feed", "asks for a login"),
        ("https://news.test/wp-login.php", "asks for a login"),
        ("https://news.test/connexion", "asks for a login"),
        ("https://news.test/auth/realms/x/protocol/openid-connect/auth", "asks for a login"),
    ],
)
def test_a_wall_is_told_by_where_the_redirect_ended(url: str, said: str) -> None:
    """What stands there is a script: no form, no telling title."""
    _is_wall(url, said)


def test_a_page_that_hands_on_to_a_login_elsewhere_is_a_wall() -> None:
    """Single sign-on posts a form by itself."""
    page = b'<html><form method=post><input type="hidden" name="SAMLRequest" value="x">'

    with pytest.raises(NotAFeed, match="asks for a login"):
        refuse_what_is_no_feed(Document(page, {}, "https://news.test/feed"))


@pytest.mark.parametrize(
    "url",
    [
        "https://news.test/feed?from=login",
        "https://news.test/sign-in-sheet-found",
        "https://authority.test/consenting-adults",
        "https://loginews.test/consents",
    ],
)
def test_a_word_in_an_address_is_no_wall(url: str) -> None:
    """A whole step of the path counts, or the first label of the host."""
    with pytest.raises(NotAFeed) as raised:
        refuse_what_is_no_feed(Document(b"<html><body>News", {}, url))

    assert raised.value.kind == "html"


def _is_wall(url: str, said: str) -> None:
    with pytest.raises(NotAFeed, match=said) as raised:
        refuse_what_is_no_feed(Document(b"<html><script src=/app.js></script>", {}, url))

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
