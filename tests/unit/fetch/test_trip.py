"""Addresses, headers and redirects, decided without sending anything."""

import pytest

from monitor.errors import FetchError
from monitor.fetch.trip import Budget, Trip, conditions, parse_url, private_headers
from monitor.model import Source, SourceId, Validators


def make_trip(url: str = "https://a.test/feed", private: dict[str, str] | None = None) -> Trip:
    """Return a trip that has not set out."""
    parsed, auth = parse_url(url)
    return Trip(
        url=parsed,
        headers={"user-agent": "t/1"},
        private={**auth, **(private or {})},
        budget=Budget(left_s=1),
        max_bytes=1_000,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://한국.test/피드", "https://xn--3e0b707e.test/%ED%94%BC%EB%93%9C"),
        ("https://пример.test/", "https://xn--e1afmkfd.test/"),
        ("http://a.test/a b|c", "http://a.test/a%20b|c"),
        (" http://A.test/x#top ", "http://a.test/x"),
        ("http://a.test:80/", "http://a.test/"),
        ("http://u:p@a.test/x", "http://a.test/x"),
        ("http://xn--i-7iq.test/", "http://xn--i-7iq.test/"),
        ("http://[2606:4700::1]:8080/", "http://[2606:4700::1]:8080/"),
    ],
)
def test_edge_19_odd_addresses_become_usable(text: str, expected: str) -> None:
    """Names in any script, spaces and bars, fragments and passwords."""
    assert str(parse_url(text)[0]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "a.test/feed", "ftp://a.test/", "file:///etc/passwd", "http://", "http:///x",
        "http://[::1", "http://a.test:99999/", "http://s3cret@a.test\\@b.test/",
        "http://１２７.0.0.1/", "http://a\x00.test/", "http://999.1.1.1/", "javascript:alert(1)",
        "http://a.test/" + "x" * 70_000, "http://a.test:0/", "http://a%00.test/",
        "http://[fe80::1%25eth0]/", "http://" + "é" * 300 + ".test/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_named_without_being_repeated(text: str) -> None:
    """A wrong URL is an error of its own kind, and its text (a secret?) is not in it."""
    with pytest.raises(FetchError) as info:
        parse_url(text)

    assert info.value.kind == "url"
    assert "s3cret" not in str(info.value)


def test_edge_14_user_and_password_become_a_header() -> None:
    """Percent signs are undone; nothing of it stays in the address."""
    url, private = parse_url("https://us%40er:p%3Aw@a.test/x")

    assert private == {"authorization": "Basic dXNAZXI6cDp3"}
    assert str(url) == "https://a.test/x"


def test_a_sources_own_headers_win() -> None:
    """A token set by hand replaces the user and the password."""
    source = Source(
        id=SourceId("a"), url="https://a.test", user="u", password="p",
        headers={"Authorization": "Bearer t", "X-Key": "k"},
    )  # fmt: skip

    assert private_headers(source) == {"authorization": "Bearer t", "x-key": "k"}


def test_edge_01_both_validators_are_asked_with() -> None:
    """They go out as they came in; missing ones are not sent."""
    assert conditions(Validators(etag='W/"a-gzip"', last_modified="x")) == {
        "if-none-match": 'W/"a-gzip"',
        "if-modified-since": "x",
    }
    assert conditions(Validators(body_hash=b"1")) == {}


def test_edge_01_odd_bytes_go_back_as_they_came() -> None:
    """A validator with bytes beyond ASCII is sent byte for byte."""
    trip = make_trip()
    trip.headers = {"if-none-match": b'"\xe9-\xff"'.decode("latin-1")}

    assert (b"if-none-match", b'"\xe9-\xff"') in trip.request("GET").headers.raw


def test_a_header_beyond_latin_1_is_sent_as_utf_8() -> None:
    """A key in Korean letters does not end in an exception."""
    trip = make_trip(private={"x-key": "열쇠"})

    assert (b"x-key", "열쇠".encode()) in trip.request("GET").headers.raw


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/new", "https://a.test/new"),
        ("new", "https://a.test/dir/new"),
        ("//b.test/x", "https://b.test/x"),
        ("https://b.test/x#y", "https://b.test/x"),
        ("?page=2", "https://a.test/dir/feed?page=2"),
        ("/a b", "https://a.test/a%20b"),
        ("/피드".encode().decode("latin-1"), "https://a.test/%ED%94%BC%EB%93%9C"),
        ("https://u:p@b.test/", "https://b.test/"),
    ],
)
def test_edge_07_redirects_are_resolved(location: str, expected: str) -> None:
    """Relative, schemeless, with blanks, in UTF-8; a password in one is dropped."""
    trip = make_trip("https://a.test/dir/feed")

    trip.follow(302, location)

    assert str(trip.url) == expected
    assert trip.private == {}


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "gopher://a.test/", "javascript:1", "http://", "http://[", "data:,x",
     "http://a.test\\@10.0.0.1/", "/\\10.0.0.1/", "/\x01"],
)  # fmt: skip
def test_edge_07_redirects_astray_are_refused(location: str) -> None:
    """Only http and https with a plain host are followed."""
    with pytest.raises(FetchError) as info:
        make_trip().follow(302, location)

    assert info.value.kind == "redirect"


def test_edge_07_circle_is_recognised() -> None:
    """Coming back to an address ends the trip at once."""
    trip = make_trip("https://a.test/1")
    trip.follow(302, "/2")

    with pytest.raises(FetchError, match="circle"):
        trip.follow(302, "/1")


def test_edge_14_private_headers_stay_with_their_origin() -> None:
    """They go along on the same origin and are gone for good after the first step out."""
    trip = make_trip(private={"x-key": "k"})

    trip.follow(302, "/2")
    assert trip.private == {"x-key": "k"}

    trip.follow(302, "https://b.test/3")
    trip.follow(302, "https://a.test/4")
    assert trip.private == {}


@pytest.mark.parametrize(
    "elsewhere", ["http://a.test/feed2", "https://a.test:8443/", "https://sub.a.test/"]
)
def test_edge_14_another_scheme_port_or_name_is_another_origin(elsewhere: str) -> None:
    """Credentials go nowhere that the operator did not write them for."""
    trip = make_trip(private={"x-key": "k"})

    trip.follow(301, elsewhere)

    assert trip.private == {}


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ([(301, "/2")], "https://a.test/2"),
        ([(308, "/2"), (301, "https://b.test/")], "https://b.test/"),
        ([(301, "/2"), (302, "/3")], "https://a.test/2"),
        ([(302, "/2"), (301, "/3")], ""),
        ([(307, "/2")], ""),
        ([(301, "http://a.test/2")], ""),
    ],
)
def test_edge_06_only_permanent_steps_move_a_source(
    hops: list[tuple[int, str]], expected: str
) -> None:
    """The address to keep is where 301 and 308 alone lead, never from https to http."""
    trip = make_trip()

    for status, location in hops:
        trip.follow(status, location)

    assert trip.moved_to == expected


def test_leaving_https_is_flagged() -> None:
    """The operator is told that a source is read without protection."""
    trip = make_trip()

    trip.follow(302, "http://a.test/2")

    assert trip.flags == ("https-to-http",)


def test_edge_14_messages_show_no_password_and_no_query() -> None:
    """What is shown of an address is what is not secret, and not endless."""
    assert make_trip("https://user:pw@a.test/f?key=s3cret").shown() == "https://a.test/f?…"
    assert len(make_trip("https://a.test/" + "x" * 9_000).shown()) <= 200
