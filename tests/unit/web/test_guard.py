"""Who may ask over HTTP: rebinding, other sites, tokens."""

from http import HTTPStatus

import pytest
from starlette.datastructures import Headers

from monitor.web.guard import Access

TOKEN = "a-token-of-twenty-letters"


def _refusal(path: str = "/metrics", token: str = "", **headers: str) -> HTTPStatus | None:
    access = Access(hosts=("monitor.example.org",), token=token, open_paths=frozenset({"/healthz"}))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return access.refusal(path, Headers({"host": "127.0.0.1:8788", **named}))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8788",
        "localhost",
        "LOCALHOST:1",
        "[::1]:8788",
        "10.0.0.7:8788",
        "monitor.example.org",
        "Monitor.Example.org.:80",
    ],
)
def test_addresses_and_known_names_are_answered(host: str) -> None:
    """A page cannot rebind an address, only a name."""
    assert _refusal(host=host) is None


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil"])
def test_names_that_nobody_configured_are_not(host: str) -> None:
    """DNS rebinding: the browser says the name that it believes to speak to."""
    assert _refusal(host=host) is HTTPStatus.MISDIRECTED_REQUEST


def test_two_hosts_or_none_are_refused() -> None:
    """What a proxy and we could read differently is read by nobody."""
    two = Headers(raw=[(b"host", b"localhost"), (b"host", b"localhost")])
    assert Access().refusal("/", two) is HTTPStatus.MISDIRECTED_REQUEST
    assert Access().refusal("/", Headers({})) is HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    """No cross-origin reading, not even of what is no secret."""
    assert _refusal(**headers) is HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_a_person_who_types_the_address_is_answered(site: str) -> None:
    """And a page of our own."""
    assert _refusal(sec_fetch_site=site) is None


def test_a_token_guards_what_says_more_than_yes_or_no() -> None:
    """Probes need none; a wrong one, another scheme and none at all are refused."""
    assert _refusal("/healthz", TOKEN) is None
    assert _refusal("/metrics", TOKEN) is HTTPStatus.UNAUTHORIZED
    assert _refusal("/metrics", TOKEN, authorization="Bearer wrong") is HTTPStatus.UNAUTHORIZED
    assert _refusal("/metrics", TOKEN, authorization=f"Basic {TOKEN}") is HTTPStatus.UNAUTHORIZED
    assert _refusal("/metrics", TOKEN, authorization=f"Bearer {TOKEN}") is None
    assert TOKEN not in repr(Access(token=TOKEN))
