"""Connections: kept for a while, bounded in number, and never trusted when stale; posts."""

import asyncio
import gc
import socket
import ssl
import struct
from contextlib import suppress

import httpcore
import httpx
import pytest

from monitor.errors import FetchError
from monitor.fetch.addresses import parse_networks
from monitor.fetch.client import FetchSettings
from monitor.fetch.dial import CheckedBackend, Resolver
from monitor.fetch.transport import HostTransport
from monitor.fetch.wire import Wire
from monitor.model import Post, Reply
from tests.integration.fetch.server import Names, Request, fetching, reply, say, serving

OK = reply(body=b"ok")


def make_transport(names: Names, keep_s: float = 4.0, proxy: str = "") -> HostTransport:
    """Return a transport that may reach loopback."""
    return HostTransport(
        resolve=names, allowed=parse_networks(["127.0.0.0/8"]), keep_s=keep_s, proxy=proxy
    )


async def ask(transport: HostTransport, url: str, method: str = "GET") -> bytes:
    """Send one request and return the body."""
    response = await transport.handle_async_request(httpx.Request(method, url))
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)
        return b"".join([chunk async for chunk in response.stream])
    finally:
        await response.aclose()


def test_a_stale_connection_is_replaced_for_a_get() -> None:
    """A server that closes a kept connection as we use it costs no poll."""
    count = 0

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        if count == 2:
            writer.transport.abort()
        else:
            writer.write(OK)

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            bodies = [(await fetcher.get(server.url())).body for _ in range(2)]

        assert bodies == [b"ok", b"ok"]
        assert (len(server.requests), server.connections) == (3, 2)

    asyncio.run(scenario())


def test_a_post_is_never_sent_twice() -> None:
    """A webhook whose connection breaks may have been taken: only the outbox may repeat it."""
    count = 0

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        if count == 1:
            writer.write(OK)
        else:
            writer.transport.abort()

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            await fetcher.post(server.url(), b"1", {}, 2)
            with pytest.raises(FetchError) as info:
                await fetcher.post(server.url(), b"2", {}, 2)

        assert info.value.kind in {"protocol", "reset"}
        assert [r.body for r in server.requests] == [b"1", b"2"]

    asyncio.run(scenario())


def test_a_fresh_connection_that_breaks_is_not_tried_again() -> None:
    """A server that always hangs up is asked once a poll."""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            with pytest.raises(FetchError):
                await fetcher.get(server.url())

        assert len(server.requests) == 1

    asyncio.run(scenario())


def test_idle_pools_are_bounded_and_then_closed() -> None:
    """300 hosts leave at most 100 idle pools, and none once they have been idle."""

    async def scenario() -> None:
        names = Names(**{f"h{n}.test": ["127.0.0.1"] for n in range(300)})
        transport = make_transport(names, keep_s=0.05)
        async with serving(say(OK)) as server:
            for n in range(300):
                await ask(transport, server.url(host=f"h{n}.test"))
                assert len(transport._pools) <= 100
            async with asyncio.timeout(5):
                while transport._pools or transport._closing:  # noqa: ASYNC110 - a timer's doing
                    await asyncio.sleep(0.01)
        await transport.aclose()

        assert server.connections == 300

    asyncio.run(scenario())


def test_the_oldest_idle_pools_go_first() -> None:
    """With 110 hosts the first ten have lost their connection, the latest are still there."""

    async def scenario() -> None:
        names = Names(**{f"h{n}.test": ["127.0.0.1"] for n in range(110)})
        transport = make_transport(names)
        async with serving(say(OK)) as server:
            for n in range(110):
                await ask(transport, server.url(host=f"h{n}.test"))
            await ask(transport, server.url(host="h109.test"))
            assert server.connections == 110
            await ask(transport, server.url(host="h0.test"))
            assert server.connections == 111
        await transport.aclose()

    asyncio.run(scenario())


def test_a_connection_that_is_reset_is_named() -> None:
    """A reset in the middle of a body is no end of it."""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhalf a document")
        await writer.drain()
        await asyncio.sleep(0.05)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def scenario() -> None:
        async with serving(script) as server, fetching() as fetcher:
            with pytest.raises(FetchError, match="broke") as info:
                await fetcher.get(server.url())

        assert info.value.kind == "reset"

    asyncio.run(scenario())


def test_repeated_headers_are_read_once_lists_are_joined() -> None:
    """Of two ETags the first counts, two Cache-Control headers are one list."""

    async def scenario() -> None:
        answer = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nETag: "2"\r\nCache-Control: public\r\n'
        answer += b"Cache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"
        async with serving(say(answer)) as server, fetching() as fetcher:
            document = await fetcher.get(server.url())

        assert document.headers["etag"] == '"1"'
        assert document.headers["cache-control"] == "public, max-age=60"

    asyncio.run(scenario())


def test_closing_an_answer_twice_frees_its_place_once() -> None:
    """A second close changes nothing."""

    async def scenario() -> None:
        transport = make_transport(Names())
        async with serving(say(OK)) as server:
            response = await transport.handle_async_request(httpx.Request("GET", server.url()))
            await response.stream.aclose()  # type: ignore[union-attr]
            await response.stream.aclose()  # type: ignore[union-attr]
            assert transport._pools == {}
        await transport.aclose()

    asyncio.run(scenario())


def test_at_most_two_connections_to_a_host() -> None:
    """Ten requests at once share two connections."""
    asked = asyncio.Event()

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        await asked.wait()
        writer.write(OK)

    async def scenario() -> None:
        transport = make_transport(Names())
        async with serving(script) as server:
            tasks = [asyncio.create_task(ask(transport, server.url(f"/{n}"))) for n in range(10)]
            await server.until(2)
            asked.set()
            await asyncio.gather(*tasks)
        await transport.aclose()

        assert server.connections == 2

    asyncio.run(scenario())


def test_a_cancelled_request_gives_its_connection_up() -> None:
    """What is cancelled in flight leaves neither a pool nor an open connection."""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def scenario() -> None:
        transport = make_transport(Names())
        async with serving(script) as server:
            task = asyncio.create_task(ask(transport, server.url()))
            await server.until(1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert transport._pools == {}
        await transport.aclose()

    asyncio.run(scenario())


def test_unasked_bytes_on_an_idle_connection_end_it() -> None:
    """An answer to a question that was not asked never serves the next one."""

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(reply(body=b"smuggled"))

    async def scenario() -> None:
        transport = make_transport(Names())
        async with serving(script) as server:
            assert await ask(transport, server.url("/1")) == b"ok"
            await asyncio.sleep(0.1)
            assert await ask(transport, server.url("/2")) == b"ok"
        await transport.aclose()

        assert server.connections == 2

    asyncio.run(scenario())


def test_closing_the_transport_closes_idle_connections() -> None:
    """After aclose nothing stays open, a pending sweep included."""

    async def scenario() -> None:
        transport = make_transport(Names())
        async with serving(say(OK)) as server:
            await ask(transport, server.url())
            await transport.aclose()
            assert transport._pools == {}
        gc.collect()

    asyncio.run(scenario())


def test_a_proxy_that_refuses_a_tunnel_is_named() -> None:
    """For https the proxy is asked to CONNECT; its refusal is told as such."""

    async def scenario() -> None:
        names = Names(**{"outside.test": ["93.184.216.34"]})
        async with serving(say(reply("407 Proxy Authentication Required"))) as proxy:
            transport = make_transport(names, proxy=proxy.url(""))
            with pytest.raises(FetchError, match="407") as info:
                await ask(transport, "https://outside.test/")
            await transport.aclose()

        assert info.value.kind == "proxy"
        assert proxy.targets == ["outside.test:443"]

    asyncio.run(scenario())


def test_a_name_that_only_the_proxy_knows_goes_to_the_proxy() -> None:
    """Inside a company outside names often do not resolve: that is no reason to refuse."""

    async def unknown(host: str, port: int) -> list[str]:
        if host == "127.0.0.1":
            return [host]
        raise FetchError("no such name", kind="dns")

    async def scenario() -> None:
        async with (
            serving(say(OK)) as proxy,
            fetching(resolve=unknown, proxy=proxy.url(""), allow=()) as fetcher,
        ):
            assert (await fetcher.get("http://outside.test/")).body == b"ok"

    asyncio.run(scenario())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "127.0.0.1:8080", "http://"])
def test_an_unusable_proxy_is_refused_at_the_start(proxy: str) -> None:
    """A wrong setting is an error before the first poll."""
    with pytest.raises(ValueError, match="http or https URL"):
        make_transport(Names(), proxy=proxy)


def test_settings_do_not_show_the_proxys_password() -> None:
    """Their repr is fit for a log."""
    assert "s3cret" not in repr(FetchSettings(user_agent="x", proxy="http://u:s3cret@p:1"))


def test_a_large_body_is_held_back_and_read_whole() -> None:
    """Five megabytes pass through bounded buffers, both ways."""
    body = bytes(range(256)) * 20_000

    async def scenario() -> None:
        async with serving(say(reply(body=body))) as server, fetching() as fetcher:
            document = await fetcher.get(server.url())
            await fetcher.post(server.url(), body, {}, 5)

        assert document.body == body
        assert server.requests[1].body == body

    asyncio.run(scenario())


def test_what_the_wire_tells_httpcore() -> None:
    """A closed connection is readable, refuses bytes, and names its socket."""

    async def scenario() -> None:
        backend = CheckedBackend(Names(), parse_networks(["127.0.0.1"]))
        async with serving(say(OK)) as server:
            wire = await backend.connect_tcp("127.0.0.1", server.port)
            assert isinstance(wire, Wire)
            assert wire.get_extra_info("is_readable") is False
            assert wire.get_extra_info("peername") == ("127.0.0.1", server.port)
            await wire.aclose()
            while not wire.get_extra_info("is_readable"):  # noqa: ASYNC110 - the loop's doing
                await asyncio.sleep(0)
            assert await wire.read(10) == b""
            with pytest.raises(httpcore.WriteError):
                await wire.write(b"x")
            with pytest.raises(FetchError, match="TLS"):
                await wire.start_tls(ssl.create_default_context(), "a.test")

    asyncio.run(scenario())


def test_a_sender_that_is_faster_than_the_reader_is_held_back() -> None:
    """What nobody has read yet stays with the sender: half a megabyte here at most."""
    sent = 0

    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with suppress(ConnectionError):
            for _ in range(400):
                writer.write(bytes(65_536))
                await writer.drain()
                sent += 65_536
        writer.close()

    async def scenario() -> None:
        backend = CheckedBackend(Names(), parse_networks(["127.0.0.1"]))
        listener = await asyncio.start_server(pour, "127.0.0.1", 0)
        async with listener:
            wire = await backend.connect_tcp("127.0.0.1", listener.sockets[0].getsockname()[1])
            assert isinstance(wire, Wire)
            await asyncio.sleep(0.2)
            assert len(wire._pipe._buffer) <= 1 << 19
            assert sent < 400 * 65_536
            received = 0
            while data := await wire.read(65_536):
                received += len(data)
            await wire.aclose()

        assert received == 400 * 65_536

    asyncio.run(scenario())


def test_the_resolver_answers_literals_itself() -> None:
    """A literal address starts no thread, a local name is looked up."""

    async def scenario() -> None:
        resolver = Resolver()
        assert await resolver("127.0.0.1", 80) == ("127.0.0.1",)
        assert not resolver._threads._threads
        assert set(await resolver("localhost", 80)) <= {"127.0.0.1", "::1"}
        resolver.close()

    asyncio.run(scenario())


class TestPost:
    def test_body_and_headers_arrive_as_given(self) -> None:
        """The bytes are those that were signed; the sender is named."""

        async def scenario() -> None:
            answer = reply("202 Accepted", b"thanks", {"Retry-After": "5"})
            async with serving(say(answer)) as server, fetching() as fetcher:
                post: Post = fetcher.post
                got = await post(server.url("/hook"), b'{"a":1}', {"Webhook-Id": "msg_1"}, 2)

            sent = server.requests[0]
            assert (sent.method, sent.target, sent.body) == ("POST", "/hook", b'{"a":1}')
            assert sent.headers["webhook-id"] == b"msg_1"
            assert sent.headers["user-agent"] == b"monitor-test/1"
            assert (got.status, got.body, got.headers["retry-after"]) == (202, b"thanks", "5")

        asyncio.run(scenario())

    @pytest.mark.parametrize("status", ["400 Bad", "401 No", "410 Gone", "429 Slow", "500 Oops"])
    def test_every_status_is_a_reply(self, status: str) -> None:
        """What a status means is for the channel to decide."""

        async def scenario() -> None:
            async with serving(say(reply(status))) as server, fetching() as fetcher:
                assert await fetcher.post(server.url(), b"", {}, 2) == Reply(
                    status=int(status[:3]), headers={"content-length": "0"}
                )

        asyncio.run(scenario())

    def test_an_endless_reply_is_cut(self) -> None:
        """64 kB of a reply are kept, the rest is not waited for."""

        async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                writer.write(b"x" * 10_000)
                await writer.drain()

        async def scenario() -> None:
            async with serving(script) as server, fetching() as fetcher:
                answer = await fetcher.post(server.url(), b"", {}, 5)

            assert (answer.status, len(answer.body)) == (200, 65_536)

        asyncio.run(scenario())

    def test_a_receiver_that_hangs_is_given_up(self) -> None:
        """The time is for everything; the message names the host, not the secret path."""

        async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(60)

        async def scenario() -> None:
            async with serving(script) as server, fetching() as fetcher:
                with pytest.raises(FetchError) as info:
                    await fetcher.post(server.url("/services/T0/s3cret?k=s3cret"), b"", {}, 0.2)

            assert info.value.kind == "timeout"
            assert "s3cret" not in f"{info.value!r}"

        asyncio.run(scenario())

    def test_posts_do_not_wait_for_polls(self) -> None:
        """A host that is paused for polling still takes alerts."""

        async def scenario() -> None:
            busy = reply("429 Too Many Requests", headers={"Retry-After": "3600"})
            async with serving(say(busy)) as server, fetching() as fetcher:
                with pytest.raises(FetchError):
                    await fetcher.get(server.url())
                assert (await fetcher.post(server.url(), b"", {}, 2)).status == 429

        asyncio.run(scenario())
