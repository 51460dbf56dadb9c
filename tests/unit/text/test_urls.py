"""One spelling for the addresses of one article."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.text.urls import canonical, is_http, key


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("HTTP://Example.COM:80", "http://example.com/", id="case-port-empty-path"),
        pytest.param(
            "https://www.example.com/a/", "https://example.com/a", id="www-and-last-slash"
        ),
        pytest.param("https://m.example.co.kr/a", "https://example.co.kr/a", id="mobile"),
        pytest.param("https://example.com/a/amp/", "https://example.com/a", id="amp-path"),
        pytest.param("https://example.com/a.amp.html", "https://example.com/a.html", id="amp-name"),
        pytest.param(
            "https://www.google.com/amp/s/www.example.com/a",
            "https://example.com/a",
            id="amp-viewer",
        ),
        pytest.param(
            "https://example-com.cdn.ampproject.org/c/example.com/a",
            "http://example.com/a",
            id="amp-cache",
        ),
        pytest.param("https://m.com/a", "https://m.com/a", id="a-site-called-m"),
        pytest.param(
            "https://example.com/a?utm_source=rss&b=2&fbclid=x&a=1&at_medium=RSS#top",
            "https://example.com/a?a=1&b=2",
            id="tracking-order-fragment",
        ),
        pytest.param("https://example.com/?id=7", "https://example.com/?id=7", id="ids-stay"),
        pytest.param(
            "https://example.com/#!/news/1", "https://example.com/#!/news/1", id="hashbang"
        ),
        pytest.param(
            "http://münchen.example/ä b",
            "http://xn--mnchen-3ya.example/%C3%A4%20b",
            id="idn-and-space",
        ),
        pytest.param(
            "https://example.com/%7ea%2fb%c3", "https://example.com/~a%2Fb%C3", id="escapes"
        ),
        pytest.param(
            "https://u:p@example.com:8443/a", "https://example.com:8443/a", id="user-and-port"
        ),
        pytest.param("http://[2001:db8::1]:80/a", "http://[2001:db8::1]/a", id="ipv6"),
        pytest.param("http://example.com//a///b", "http://example.com/a/b", id="doubled-slashes"),
        pytest.param(" urn:uuid:1 ", "urn:uuid:1", id="no-http"),
        pytest.param("http://[broken", "http://[broken", id="broken"),
        pytest.param("http://exa mple.com/", "http://exa mple.com/", id="space-in-host"),
        pytest.param(
            "https://" + "a" * 70 + ".com/", "https://" + "a" * 70 + ".com/", id="long-label"
        ),
        pytest.param("https://exa\nmple.com/\ta", "https://example.com/a", id="line-breaks"),
    ],
)
def test_one_article_has_one_address(url: str, expected: str) -> None:
    """What only says how the reader came is dropped; the rest is spelt one way."""
    assert canonical(url) == expected


def test_the_key_leaves_the_scheme_out() -> None:
    """Sites move from http to https and keep their articles."""
    assert key("http://example.com/a") == key("https://www.example.com/a") == "example.com/a"
    assert key("urn:uuid:1") == "urn:uuid:1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com", True),
        ("HTTP://example.com/x", True),
        ("ftp://example.com", False),
        ("//example.com", False),
        ("http://", False),
        ("http://[x", False),
        ("", False),
    ],
)
def test_only_absolute_web_addresses_are_http(url: str, expected: bool) -> None:
    """Without scheme or host there is nothing to fetch."""
    assert is_http(url) is expected


_PARTS = st.sampled_from(
    ["http://", "https://", "www.", "m.", "amp.", "example", ".com", "/", "amp", ".amp", "?", "&",
     "=", "%2", "%7e", "#", "!", "a", "ü", " ", ":", "80", "@", "utm_x=1", "https://www.google.com/amp/s/"]
)  # fmt: skip


@given(st.lists(_PARTS, max_size=12).map("".join))
def test_the_canonical_form_is_stable(url: str) -> None:
    """A canonical URL is its own canonical form."""
    assert canonical(canonical(url)) == canonical(url)


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(url: str) -> None:
    """Links in feeds hold anything."""
    assert canonical(canonical("http://" + url)) == canonical("http://" + url)
    assert isinstance(is_http(url), bool)
