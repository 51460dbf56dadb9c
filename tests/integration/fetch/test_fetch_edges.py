"""The fetch edge cases 1 to 20, by their numbers, on real sockets."""

import asyncio
import gzip
import time
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import trustme

from monitor.errors import FetchError, NotAFeed, RefusedAddress
from monitor.fetch.client import Fetcher
from monitor.fetch.codecs import optional_codecs
from monitor.fetch.kinds import kind_of
from monitor.fetch.politeness import Gate
from monitor.model import Fetched, NotModified, Validators
from monitor.sources.sniff import refuse_what_is_no_feed
from tests.integration.fetch.server import (
    NOW,
    Names,
    Request,
    client_context,
    fetching,
    make_gate,
    make_source,
    reply,
    say,
    server_context,
    serving,
)

FEED = b"<rss><channel><item><title>Veto</title></item></channel></rss>"
KNOWN = Validators(etag='"1"', last_modified="Thu, 28 Mar 2024 11:00:00 GMT", body_hash=b"old")
NOTHING = Validators()
SHORT = timedelta(seconds=0.4)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """Run a scenario; a client that hangs fails it."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scenario

    asyncio.run(bounded())


async def failure(
    fetcher: Fetcher, url: str, known: Validators = NOTHING, **changes: Any
) -> FetchError:
    """Return the error that fetching `url` ends in."""
    with pytest.raises(FetchError) as info:
        await fetcher.fetch(make_source(url, **changes), known)
    return info.value


@pytest.mark.parametrize(
    "etag", ['W/"a1"', '"a1-gzip"', "unquoted", '"a1"b"', "'1'", '"\xe9"', '""', '"a, "b"']
)
def test_edge_01_validators_go_back_byte_for_byte(etag: str) -> None:
    """Weak, suffixed, unquoted or odd: the server sees again exactly what it sent."""

    async def scenario() -> None:
        modified = "Thu,  28 mar 2024 11:00:00 +0000"
        answer = reply(body=FEED, headers={"ETag": etag, "Last-Modified": modified})
        async with serving(say(answer)) as server, fetching() as fetcher:
            first = await fetcher.fetch(make_source(server.url()), Validators())
            await fetcher.fetch(make_source(server.url()), first.validators)

        sent = server.requests[1].headers
        assert sent["if-none-match"] == etag.encode("latin-1")
        assert sent["if-modified-since"] == modified.encode()
        assert "if-none-match" not in server.requests[0].headers

    run(scenario())


def test_edge_01_an_endless_validator_is_not_kept() -> None:
    """A megabyte of ETag would be sent with every poll and refused by the server."""

    async def scenario() -> None:
        answer = reply(body=FEED, headers={"ETag": '"' + "x" * 5_000 + '"'})
        async with serving(say(answer)) as server, fetching() as fetcher:
            first = await fetcher.fetch(make_source(server.url()), Validators())

        assert first.validators.etag == ""

    run(scenario())


def test_edge_02_same_etag_with_a_new_body_is_new() -> None:
    """A server stuck on one ETag loses nothing: the body decides."""

    async def scenario() -> None:
        answers = [reply(body=FEED + tail, headers={"ETag": '"1"'}) for tail in (b"", b"\n")]
        async with serving(say(*answers)) as server, fetching() as fetcher:
            first = await fetcher.fetch(make_source(server.url()), Validators())
            second = await fetcher.fetch(make_source(server.url()), first.validators)

        assert isinstance(second, Fetched)
        assert second.document.body == FEED + b"\n"

    run(scenario())


def test_edge_02_a_known_body_with_a_new_etag_is_not_modified() -> None:
    """The same bytes mean no work; the new validators come back to be kept."""

    async def scenario() -> None:
        answers = [reply(body=FEED, headers={"ETag": tag}) for tag in ('"1"', '"2"')]
        async with serving(say(*answers)) as server, fetching() as fetcher:
            first = await fetcher.fetch(make_source(server.url()), Validators())
            second = await fetcher.fetch(make_source(server.url()), first.validators)

        assert isinstance(second, NotModified)
        assert second.validators.etag == '"2"'
        assert second.validators.body_hash == first.validators.body_hash

    run(scenario())


@pytest.mark.parametrize("known", [Validators(), Validators(body_hash=b"x")])
def test_edge_03_unasked_304_is_a_failure(known: Validators) -> None:
    """A 304 to a question that was not asked must not look like "no news"."""

    async def scenario() -> None:
        answer = say(b"HTTP/1.1 304 Not Modified\r\n\r\n")
        async with serving(answer) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url(), known=known)
            with pytest.raises(FetchError, match="304"):
                await fetcher.get(server.url())

        assert (error.kind, error.status) == ("unasked-304", 304)

    run(scenario())


def test_edge_04_a_304_may_bring_new_validators() -> None:
    """What a 304 says replaces what was known; what it does not say stays."""

    async def scenario() -> None:
        changed = (
            b"HTTP/1.1 304 Not Modified\r\nLast-Modified: now\r\nCache-Control: max-age=60\r\n\r\n"
        )
        async with serving(say(changed)) as server, fetching() as fetcher:
            answer = await fetcher.fetch(make_source(server.url()), KNOWN)

        assert isinstance(answer, NotModified)
        assert answer.validators == Validators(etag='"1"', last_modified="now", body_hash=b"old")
        assert answer.fresh_for == timedelta(seconds=60)

    run(scenario())


def test_edge_05_a_failure_hands_out_no_validators() -> None:
    """A poll that breaks off leaves nothing to commit: the next one asks as before."""

    async def scenario() -> None:
        cut = reply(body=FEED, headers={"ETag": '"2"'}, length=10_000)

        async def script(request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(cut)
            writer.close()

        async with serving(script) as server, fetching() as fetcher:
            errors = [await failure(fetcher, server.url(), known=KNOWN) for _ in range(2)]

        assert [e.kind for e in errors] == ["truncated", "truncated"]
        assert [r.headers["if-none-match"] for r in server.requests] == [b'"1"', b'"1"']

    run(scenario())


@pytest.mark.parametrize(("status", "is_moved"), [(301, True), (308, True), (302, False)])
def test_edge_06_permanent_redirects_are_reported(status: int, is_moved: bool) -> None:
    """301 and 308 say where the source moved, 302 does not; the document comes in both cases."""

    async def scenario() -> None:
        async def script(request: Request, writer: asyncio.StreamWriter) -> None:
            moved = reply(f"{status} Moved", headers={"Location": "/new"})
            writer.write(moved if request.target == "/feed" else reply(body=FEED))

        async with serving(script) as server, fetching() as fetcher:
            answer = await fetcher.fetch(make_source(server.url()), Validators())

        assert isinstance(answer, Fetched)
        assert answer.moved_to == (server.url("/new") if is_moved else "")
        assert answer.document.url == server.url("/new")
        assert server.connections == 1

    run(scenario())


def test_edge_07_six_redirects_are_one_too_many() -> None:
    """Five hops are followed, the sixth ends the poll."""

    async def scenario() -> None:
        async def script(request: Request, writer: asyncio.StreamWriter) -> None:
            number = int(request.target[1:])
            location = {"Location": f"/{number + 1}"}
            writer.write(reply("302 Found", headers=location) if number else reply(body=FEED))

        async def five(request: Request, writer: asyncio.StreamWriter) -> None:
            hops = int(request.target[1:])
            location = {"Location": f"/{hops - 1}"}
            writer.write(reply("302 Found", headers=location) if hops else reply(body=FEED))

        async with serving(script) as endless, serving(five) as finite, fetching() as fetcher:
            error = await failure(fetcher, endless.url("/1"))
            answer = await fetcher.get(finite.url("/5"))

        assert (error.kind, len(endless.requests)) == ("redirect", 6)
        assert answer.body == FEED

    run(scenario())


def test_edge_07_redirect_loop_ends_at_once() -> None:
    """A page that redirects to itself is asked once."""

    async def scenario() -> None:
        loop = reply("302 Found", headers={"Location": "/feed"})
        async with serving(say(loop)) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert (error.kind, len(server.requests)) == ("redirect", 1)

    run(scenario())


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:10.0.0.1]/",
        "http://100.64.0.1/",
        "http://0xa.1/",
        "http://167772161/",
        "http://[fd00:ec2::254]/",
        "http://[64:ff9b::a00:1]/",
        "http://inside.test/",
        "http://mixed.test/",
        "//192.168.1.1/",
    ],
)
def test_edge_07_redirect_into_the_network_is_refused(target: str) -> None:
    """Each hop is checked again: a public page cannot send us to an inside address."""

    async def scenario() -> None:
        names = Names(
            feed_test=["127.0.0.1"],
            inside_test=["10.0.0.1"],
            mixed_test=["127.0.0.1", "10.0.0.1"],
        )
        names.answers.update({"0xa.1": ["10.0.0.1"], "167772161": ["10.0.0.1"]})
        away = reply("301 Moved Permanently", headers={"Location": target})
        async with serving(say(away)) as server, fetching(resolve=names) as fetcher:
            with pytest.raises(RefusedAddress) as info:
                await fetcher.fetch(make_source(server.url(host="feed.test")), Validators())

        assert info.value.kind == "refused-address"

    run(scenario())


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://a\\@b/"])
def test_edge_07_redirect_to_another_scheme_is_refused(target: str) -> None:
    """Files and old protocols are not followed."""

    async def scenario() -> None:
        away = reply("302 Found", headers={"Location": target})
        async with serving(say(away)) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert error.kind == "redirect"

    run(scenario())


def test_edge_08_gone_is_named() -> None:
    """A 410 is told apart: it alone suspends a source."""

    async def scenario() -> None:
        async with serving(say(reply("410 Gone"))) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert (error.kind, error.status) == ("gone", 410)

    run(scenario())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("Thu, 28 Mar 2024 12:02:00 GMT", timedelta(seconds=120)),
        ("soon", None),
        ("-5", None),
        ("315360000", timedelta(days=1)),
    ],
    ids=["seconds", "date", "garbage", "negative", "ten-years"],
)
@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_edge_09_retry_after_is_read_and_pauses_the_host(
    status: str, value: str, expected: timedelta | None
) -> None:
    """What the server asks for comes back with the error, and counts for the whole host."""

    async def scenario() -> None:
        gate = make_gate()
        answer = reply(status, b"busy", {"Retry-After": value})
        async with serving(say(answer)) as server, fetching(gate=gate) as fetcher:
            error = await failure(fetcher, server.url())

        default = timedelta(minutes=1) if status.startswith("429") else timedelta(0)
        paused = gate.wait_for("127.0.0.1")
        otherwise = kind_of(int(status[:3]))
        assert (error.kind, error.retry_after) == ("busy" if expected else otherwise, expected)
        assert timedelta(0) <= (expected or default) - paused < timedelta(seconds=2)

    run(scenario())


def test_edge_09_dates_are_meant_by_the_servers_clock() -> None:
    """A server that is an hour ahead and asks for two minutes gets two minutes."""

    async def scenario() -> None:
        headers = {
            "Date": "Thu, 28 Mar 2024 13:00:00 GMT",
            "Retry-After": "Thu, 28 Mar 2024 13:02:00 GMT",
        }
        answer = reply("503 Service Unavailable", headers=headers)
        async with serving(say(answer)) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert error.retry_after == timedelta(minutes=2)

    run(scenario())


def test_edge_09_the_next_in_line_is_held_back_too() -> None:
    """The second feed of a host that said 429 is not even asked."""

    async def scenario() -> None:
        answer = reply("429 Too Many Requests", headers={"Retry-After": "3600"})
        async with serving(say(answer)) as server, fetching() as fetcher:
            errors = await asyncio.gather(
                *(failure(fetcher, server.url(f"/{n}")) for n in range(5))
            )

        assert [e.kind for e in errors] == ["busy"] + ["postponed"] * 4
        assert len(server.requests) == 1

    run(scenario())


def test_edge_09_a_busy_host_beyond_a_redirect_does_not_speak_for_the_first() -> None:
    """What a host asks for that a feed was led to holds back no other feed of the first host."""

    async def scenario() -> None:
        busy = reply("503 Service Unavailable", headers={"Retry-After": "3600"})
        async with serving(say(busy)) as far:
            there = far.url("/x", "localhost")
            moved = reply("302 Found", headers={"Location": there})
            async with serving(say(moved)) as near, fetching() as fetcher:
                error = await failure(fetcher, near.url())

        assert (error.kind, error.retry_after) == ("server-error", timedelta(hours=1))

    run(scenario())


@pytest.mark.parametrize("status", ["403 Forbidden", "503 Service Unavailable", "200 OK"])
def test_edge_10_challenge_page_is_named(status: str) -> None:
    """A browser check is neither "no news" nor a plain 403."""

    async def scenario() -> None:
        answer = reply(status, b"<html>Just a moment", {"CF-Mitigated": "challenge"})
        async with serving(say(answer)) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert (error.kind, error.status) == ("challenge", int(status[:3]))

    run(scenario())


_CHECKS = [
    ("403 Forbidden", b"<title>Just a moment...</title><script src=/cdn-cgi/", "Cloudflare", False),
    ("503 Service Unavailable", b"<p>Checking your browser", "a browser check", False),
    ("403 Forbidden", b"<script src=https://geo.captcha-delivery.com/c.js>", "DataDome", True),
    ("202 Accepted", b"<script>AwsWafIntegration.checkForceRefresh()", "AWS WAF", True),
    ("429 Too Many Requests", b"<div id=px-captcha>", "HUMAN (PerimeterX)", False),
]


@pytest.mark.parametrize(("status", "body", "guard", "is_packed"), _CHECKS)
def test_edge_10_a_challenge_is_told_by_the_body_of_a_refusal(
    status: str, body: bytes, guard: str, *, is_packed: bool
) -> None:
    """Most guards name themselves in the page alone, with a status of their choice."""
    packed = gzip.compress(body) if is_packed else body
    headers = {"Content-Type": "text/html", **({"Content-Encoding": "gzip"} if is_packed else {})}

    async def scenario() -> None:
        async with serving(say(reply(status, packed, headers))) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert (error.kind, error.status) == ("challenge", int(status[:3]))
        assert f"({guard} challenge)" in str(error)

    run(scenario())


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        ("404 Not Found", b"<form class=g-recaptcha>", {}),
        ("403 Forbidden", b"<h1>Forbidden</h1>", {}),
        ("403 Forbidden", b"\x1f\x8bcf-chl-", {"Content-Encoding": "gzip"}),
    ],
    ids=["a page of its own", "a plain refusal", "damaged"],
)
def test_edge_10_a_refusal_without_a_check_is_a_status(
    status: str, body: bytes, headers: dict[str, str]
) -> None:
    """What cannot be read, or is a common page, names nobody."""

    async def scenario() -> None:
        async with serving(say(reply(status, body, headers))) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert (error.kind, error.status) == (kind_of(int(status[:3])), int(status[:3]))

    run(scenario())


@pytest.mark.parametrize(
    ("wall", "said"),
    [("/accounts/login?next=/feed", "asks for a login"), ("/cookiewall", "asks for consent")],
)
def test_edge_10_a_wall_is_told_by_where_the_redirect_ended(wall: str, said: str) -> None:
    """The page is a script with status 200: only its address says what it is."""

    async def scenario() -> None:
        async def script(request: Request, writer: asyncio.StreamWriter) -> None:
            away = reply("302 Found", headers={"Location": wall})
            page = reply(body=b"<!doctype html><html><script src=/app.js></script></html>")
            writer.write(away if request.target == "/feed" else page)

        async with serving(script) as server, fetching() as fetcher:
            answer = await fetcher.fetch(make_source(server.url("/feed")), Validators())

        assert isinstance(answer, Fetched)
        with pytest.raises(NotAFeed, match=said) as raised:
            refuse_what_is_no_feed(answer.document)
        assert raised.value.kind == "login"

    run(scenario())


@pytest.mark.parametrize(
    "status", ["204 No Content", "206 Partial Content", "226 IM Used", "300 Multiple Choices",
               "302 Found", "400 Bad Request", "404 Not Found", "500 Oops", "599 Odd", "999 Odd"]
)  # fmt: skip
def test_edge_10_every_other_status_is_an_error_with_its_number(status: str) -> None:
    """Only a whole document counts as one."""

    async def scenario() -> None:
        answer = reply(status) if status[:3] != "204" else b"HTTP/1.1 204 No Content\r\n\r\n"
        async with serving(say(answer)) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url("/feed?key=s3cret"))

        assert (error.kind, error.status) == (kind_of(int(status[:3])), int(status[:3]))
        assert f"HTTP {status[:3]}" in str(error)
        assert "s3cret" not in str(error)

    run(scenario())


async def drip_head(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send the head of an answer, a byte at a time, for ever."""
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_body(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a body, a byte at a time."""
    writer.write(reply(length=10_000))
    for _ in range(10_000):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless_head(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send headers as fast as they are taken."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Header: " + b"x" * 1_000 + b"\r\n")
        await writer.drain()


async def endless_body(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a body without length and without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def endless_hints(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send interim answers for ever."""
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50)
        await writer.drain()


async def crumbs(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a chunked body in pieces of one byte."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n" * 5_000)
        await writer.drain()


async def silence(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Take the request and say nothing."""
    await asyncio.sleep(60)


async def no_end(_request: Request, writer: asyncio.StreamWriter) -> None:
    """Send a whole document and keep the connection open without an end of the body."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + FEED)
    await asyncio.sleep(60)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (drip_head, "timeout"),
        (drip_body, "timeout"),
        (silence, "timeout"),
        (no_end, "timeout"),
        (endless_hints, "timeout"),
        (endless_head, "protocol"),
        (endless_body, "too-large"),
        (crumbs, "too-large"),
    ],
)
def test_edge_11_slow_and_endless_answers_end_in_time(script: Any, kind: str) -> None:
    """The deadline is for the whole exchange: no trickle of bytes keeps it alive."""

    async def scenario() -> None:
        async with serving(script) as server, fetching(max_bytes=2_000_000) as fetcher:
            started = time.monotonic()
            limit = SHORT if kind == "timeout" else timedelta(seconds=10)
            error = await failure(fetcher, server.url(), timeout=limit)
            took = time.monotonic() - started

        assert error.kind == kind
        assert took < (1.5 if kind == "timeout" else 8)

    run(scenario())


def test_edge_11_a_handshake_that_never_comes_ends_in_time() -> None:
    """A server that takes the connection and never speaks TLS is given up, and hung up on."""
    hung_up = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while await reader.read(1_000):
                pass
        hung_up.set()
        writer.close()

    async def scenario() -> None:
        listener = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        async with listener, fetching() as fetcher:
            error = await failure(fetcher, f"https://127.0.0.1:{port}/", timeout=SHORT)
            await asyncio.wait_for(hung_up.wait(), 2)

        assert error.kind == "timeout"

    run(scenario())


def test_edge_11_waiting_for_a_turn_does_not_use_up_the_deadline() -> None:
    """The second feed of a host waits longer than its own timeout, and is read."""

    async def scenario() -> None:
        gate = Gate(monotonic=lambda: asyncio.get_running_loop().time(), gap=timedelta(seconds=0.3))
        async with serving(say(reply(body=FEED))) as server, fetching(gate=gate) as fetcher:
            sources = [make_source(server.url(f"/{n}"), timeout=SHORT) for n in range(4)]
            await asyncio.gather(*(fetcher.fetch(s, Validators()) for s in sources))

        assert server.targets == ["/0", "/1", "/2", "/3"]

    run(scenario())


BOMB = gzip.compress(bytes(60_000_000), 9)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(body=BOMB, headers={"Content-Encoding": "gzip"}), "too-large"),
        (reply(body=BOMB), "too-large"),
        (reply(length=100_000_000), "too-large"),
        (reply(body=gzip.compress(FEED)[:-4], headers={"Content-Encoding": "gzip"}), "decompress"),
        (reply(body=FEED, headers={"Content-Encoding": "br"}), "decompress"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "protocol"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "protocol"),
        (b"\x00" * 5_000, "protocol"),
    ],
    ids=["bomb", "bomb-unnamed", "claims-100-MB", "cut-gzip", "no-br", "bad-chunk",
         "negative-length", "not-http", "noise"],
)  # fmt: skip
def test_edge_12_bodies_beyond_measure_are_named(answer: bytes, kind: str) -> None:
    """Bombs, claims and noise end in an error of their kind."""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.write_eof()

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert error.kind == kind

    run(scenario())


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", reply(length=500) + b"<rss>"])
def test_edge_12_a_connection_that_breaks_is_an_error(sent: bytes) -> None:
    """Nothing, half a head, half a body: never a shorter document."""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        writer.close()

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url())

        assert error.kind in {"protocol", "truncated", "reset"}

    run(scenario())


def test_edge_12_a_body_longer_than_its_length_spoils_no_later_answer() -> None:
    """What is left over on a connection is never read as the answer to the next request."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        lie = reply(body=FEED, length=20)
        writer.write(lie if request.target == "/lie" else reply(body=b"<rss/>"))

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            bodies = [(await fetcher.get(server.url(path))).body for path in ("/lie", "/ok") * 3]

        assert bodies == [FEED[:20], b"<rss/>"] * 3

    run(scenario())


@pytest.mark.parametrize("is_proxied", [False, True], ids=["direct", "by-proxy"])
def test_edge_12_a_second_answer_in_one_packet_is_thrown_away(is_proxied: bool) -> None:
    """One feed of a host cannot put words into the answer for another."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        is_evil = request.target.endswith("/evil")
        writer.write(reply(body=FEED) + reply(body=b"smuggled") if is_evil else reply(body=b"own"))

    async def scenario() -> None:
        async with serving(script) as server:
            proxy = server.url("") if is_proxied else ""
            async with fetching(proxy=proxy) as fetcher:
                await fetcher.get(server.url("/evil"))
                document = await fetcher.get(server.url("/other"))

        assert document.body == b"own"
        assert server.connections == 2

    run(scenario())


def test_edge_13_only_what_can_be_undone_is_asked_for() -> None:
    """Gzip and deflate are offered and read; br and zstd where their packages are installed."""

    async def scenario() -> None:
        answer = reply(body=gzip.compress(FEED), headers={"Content-Encoding": "gzip"})
        async with serving(say(answer)) as server, fetching() as fetcher:
            document = await fetcher.get(server.url())

        assert document.body == FEED
        offered = server.requests[0].headers["accept-encoding"].decode().split(", ")
        assert offered == ["gzip", "deflate", *optional_codecs()]

    run(scenario())


def test_edge_14_credentials_reach_their_host_and_no_other() -> None:
    """Basic auth and a key go to the source, not to where it redirects, and into no message."""

    async def scenario() -> None:
        async with serving(say(reply("401 Unauthorized", b"who?"))) as other:
            away = reply("302 Found", headers={"Location": other.url("/elsewhere")})
            async with serving(say(away)) as server, fetching() as fetcher:
                error = await failure(
                    fetcher, server.url(), user="us3r", password="pa55", headers={"X-Key": "k3y"}
                )

        first, second = server.requests[0].headers, other.requests[0].headers
        assert first["authorization"] == b"Basic dXMzcjpwYTU1"
        assert first["x-key"] == b"k3y"
        assert "authorization" not in second
        assert "x-key" not in second
        assert not [s for s in ("us3r", "pa55", "k3y", "dXMz") if s in f"{error!r} {error}"]

    run(scenario())


def test_edge_14_credentials_in_the_address_are_used_and_never_shown() -> None:
    """`https://user:password@host/` works, and neither errors nor documents repeat it."""

    async def scenario() -> None:
        answers = [reply(body=FEED), reply("401 Unauthorized")]
        async with serving(say(*answers)) as server, fetching() as fetcher:
            url = server.url().replace("://", "://us3r:pa55@")
            answer = await fetcher.fetch(make_source(url), Validators())
            error = await failure(fetcher, url)

        assert isinstance(answer, Fetched)
        assert answer.document.url == server.url()
        assert server.requests[0].headers["authorization"] == b"Basic dXMzcjpwYTU1"
        assert "pa55" not in f"{error!r}"

    run(scenario())


def test_edge_14_a_header_that_cannot_be_sent_is_not_quoted() -> None:
    """A line break in a secret (from a file) is an error that keeps the secret."""

    async def scenario() -> None:
        async with serving(say(reply(body=FEED))) as server, fetching() as fetcher:
            error = await failure(fetcher, server.url(), headers={"X-Key": "s3cret\r\nX-Two: 2"})

        assert error.kind == "request"
        assert "s3cret" not in f"{error!r} {error.__cause__!r}"
        assert server.requests == []

    run(scenario())


def test_edge_15_a_proxy_carries_the_request() -> None:
    """With a proxy the whole address goes to it, with its own credentials."""

    async def scenario() -> None:
        names = Names(outside_test=["93.184.216.34"])
        async with serving(say(reply(body=FEED))) as proxy:
            address = proxy.url("").replace("://", "://pr:oxy@")
            async with fetching(resolve=names, proxy=address, allow=()) as fetcher:
                document = await fetcher.get("http://outside.test/feed")

        assert document.body == FEED
        assert proxy.targets == ["http://outside.test/feed"]
        assert proxy.requests[0].headers["proxy-authorization"] == b"Basic cHI6b3h5"

    run(scenario())


def test_edge_15_a_proxy_that_is_down_is_named() -> None:
    """The operator looks at the proxy, not at a hundred feeds."""

    async def scenario() -> None:
        async with fetching(resolve=Names(outside_test=[]), proxy="http://127.0.0.1:1") as fetcher:
            error = await failure(fetcher, "http://outside.test/feed")

        assert error.kind == "proxy"
        assert "proxy" in str(error)

    run(scenario())


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*.inside.test", ".inside.test", "inside.test"])
def test_edge_15_no_proxy_names_are_reached_directly(no_proxy: str) -> None:
    """Hosts and domains of the intranet go round the proxy."""

    async def scenario() -> None:
        names = Names(feed_inside_test=["127.0.0.1"])
        async with serving(say(reply(body=FEED))) as server:
            host = "127.0.0.1" if no_proxy == "127.0.0.1" else "feed.inside.test"
            async with fetching(
                resolve=names, proxy="http://127.0.0.1:1", no_proxy=[no_proxy]
            ) as fetcher:
                document = await fetcher.get(server.url(host=host))

        assert document.body == FEED

    run(scenario())


@pytest.mark.parametrize("host", ["10.0.0.1", "inside.test", "169.254.169.254"])
def test_edge_15_a_proxy_is_no_way_into_the_network(host: str) -> None:
    """What is known here to be inside is not asked of the proxy either."""

    async def scenario() -> None:
        names = Names(inside_test=["10.0.0.1"])
        async with (
            serving(say(reply(body=FEED))) as proxy,
            fetching(resolve=names, proxy=proxy.url(""), allow=()) as fetcher,
        ):
            error = await failure(fetcher, f"http://{host}/")

        assert error.kind == "refused-address"
        assert proxy.requests == []

    run(scenario())


def test_edge_16_a_hundred_feeds_of_one_host_never_overlap() -> None:
    """The server sees one request at a time, however many feeds are due."""
    running = 0
    most = 0

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        writer.write(reply(body=FEED))

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            sources = [make_source(server.url(f"/{n}")) for n in range(100)]
            await asyncio.gather(*(fetcher.fetch(s, Validators()) for s in sources))

        assert server.targets == [f"/{n}" for n in range(100)]
        assert (most, server.connections) == (1, 1)

    run(scenario())


def test_edge_18_expired_and_unknown_certificates_are_named() -> None:
    """The error says what is wrong with the certificate, and for which name."""

    async def scenario() -> None:
        authority = trustme.CA()
        names = Names(feed_test=["127.0.0.1"], other_test=["127.0.0.1"])
        expired = authority.issue_cert("feed.test", not_after=NOW)
        valid = authority.issue_cert("feed.test")
        trusting = client_context(authority)
        async with (
            serving(say(reply(body=FEED)), server_context(expired)) as old,
            serving(say(reply(body=FEED)), server_context(valid)) as good,
            fetching(resolve=names, context=trusting) as fetcher,
            fetching(resolve=names) as stranger,
        ):
            errors = [
                await failure(fetcher, old.url(host="feed.test")),
                await failure(fetcher, good.url(host="other.test")),
                await failure(stranger, good.url(host="feed.test")),
            ]
            document = await fetcher.get(good.url(host="feed.test"))
            dotted = await fetcher.get(good.url(host="feed.test."))

        assert [e.kind for e in errors] == ["tls"] * 3
        assert "expired" in str(errors[0])
        assert "other.test" in str(errors[1])
        assert "unable to get local issuer" in str(errors[2])
        assert document.body == dotted.body == FEED
        assert good.requests[0].headers["host"] == f"feed.test:{good.port}".encode()

    run(scenario())


def test_edge_18_a_source_may_opt_out_for_itself() -> None:
    """`verify_tls: false` reads a self-signed source; its neighbour on the host stays refused."""

    async def scenario() -> None:
        self_signed = trustme.CA().issue_cert("127.0.0.1")
        async with (
            serving(say(reply(body=FEED)), server_context(self_signed)) as server,
            fetching() as fetcher,
        ):
            source = make_source(server.url(), verify_tls=False)
            answer = await fetcher.fetch(source, Validators())
            error = await failure(fetcher, server.url())

        assert isinstance(answer, Fetched)
        assert error.kind == "tls"

    run(scenario())


def test_edge_18_plain_text_where_tls_is_expected_is_named() -> None:
    """An https address on an http port is a TLS error, not a hang."""

    async def scenario() -> None:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await reader.read(1)
            writer.close()

        listener = await asyncio.start_server(script, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        async with listener, fetching() as fetcher:
            error = await failure(fetcher, f"https://127.0.0.1:{port}/")

        assert error.kind == "tls"

    run(scenario())


def test_edge_19_names_in_any_script_and_odd_paths() -> None:
    """An internationalised name is asked for in punycode, blanks in the path are encoded."""

    async def scenario() -> None:
        names = Names(**{"xn--e1afmkfd.test": ["127.0.0.1"]})
        async with serving(say(reply(body=FEED))) as server, fetching(resolve=names) as fetcher:
            await fetcher.get(server.url("/новости a|b", host="пример.test"))

        assert names.asked == ["xn--e1afmkfd.test"]
        assert server.targets == ["/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8%20a|b"]

    run(scenario())
