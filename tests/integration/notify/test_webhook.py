"""Posting channels against a real HTTP server: signatures, frozen bytes, what each reply means."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.errors import ChannelPaused, DeliveryError, FetchError, PermanentDeliveryError
from monitor.model import Message, Reply
from monitor.notify import CHANNELS, Channel, Tools
from monitor.notify.http import MOST_REPLY_BYTES, post
from monitor.notify.schema import alert_schema
from monitor.testing import NOW, make_story_alert, one_of_each

Serve = Callable[[Any], contextlib.AbstractAsyncContextManager[int]]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrsc"
POSTING = ["webhook", "slack", "teams", "discord"]


def channel(kind: str, **settings: Any) -> Channel:
    """Return a channel as the service builds it, with the plain poster."""
    tools = Tools(post=post, domain="m.example.org")
    channel_type = CHANNELS[kind]
    return channel_type.build("desk", channel_type.settings.model_validate(settings), tools)


def send(desk: Channel, message: Message | None = None, now: datetime = NOW) -> None:
    """Send a message, that of a story by default."""
    asyncio.run(desk.send(message or desk.compose(make_story_alert(), ""), "", now))


def verified(secret: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """Return the body as the independent verifier reads it."""
    return Webhook(secret).verify(body, dict(headers))


def test_the_independent_verifier_accepts_the_signature(receiver: Any) -> None:
    """Standard Webhooks: id, timestamp and signature fit the body."""
    now = datetime.now(UTC)
    send(channel("webhook", url=f"{receiver.url}/hook", secret=SECRET), now=now)

    [(path, headers, body)] = receiver.got
    assert verified(SECRET, body, headers)["id"] == "a-test"
    assert path == "/hook"
    assert headers["webhook-id"] == "a-test"
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    with pytest.raises(WebhookVerificationError):
        verified(NEW_SECRET, body, headers)


def test_both_secrets_verify_while_one_replaces_the_other(receiver: Any) -> None:
    """A receiver may change over at any moment of the rotation."""
    both = [NEW_SECRET, SECRET]
    send(channel("webhook", url=receiver.url, secret=both), now=datetime.now(UTC))

    [(_, headers, body)] = receiver.got
    assert all(verified(secret, body, headers) for secret in both)


def test_without_a_secret_nothing_is_signed(receiver: Any) -> None:
    """A receiver on the same machine may do without."""
    send(channel("webhook", url=receiver.url))

    [(_, headers, _)] = receiver.got
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == "a-test"


def test_only_timestamp_and_signature_differ_between_tries(receiver: Any) -> None:
    """A repeat is byte-identical and carries the same id."""
    desk = channel("webhook", url=receiver.url, secret=SECRET)
    message = desk.compose(make_story_alert(), "")
    receiver.replies = [(503, {}, b"")]

    with pytest.raises(DeliveryError):
        send(desk, message)
    send(desk, message, NOW + timedelta(minutes=5))

    (_, first, body), (_, second, again) = receiver.got
    differing = {name for name in first if first[name] != second[name]}
    assert body == again == message.body
    assert differing == {"webhook-timestamp", "webhook-signature"}


def test_every_payload_fits_the_published_schema(receiver: Any) -> None:
    """What arrives is what docs/alerts.md promises."""
    desk = channel("webhook", url=receiver.url)
    validator = jsonschema.Draft202012Validator(
        alert_schema(), format_checker=jsonschema.FormatChecker()
    )

    for alert in one_of_each():
        send(desk, desk.compose(alert, ""))

    for body in receiver.bodies:
        validator.validate(json.loads(body))


@pytest.mark.parametrize("kind", POSTING)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_two_hundreds_accept(receiver: Any, kind: str, status: int) -> None:
    """Any 2xx settles the delivery."""
    receiver.replies = [(status, {}, b"")]

    send(channel(kind, url=receiver.url))

    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, PermanentDeliveryError),
        (302, PermanentDeliveryError),
        (307, PermanentDeliveryError),
        (400, PermanentDeliveryError),
        (401, ChannelPaused),
        (403, ChannelPaused),
        (404, PermanentDeliveryError),
        (405, PermanentDeliveryError),
        (408, DeliveryError),
        (410, ChannelPaused),
        (413, PermanentDeliveryError),
        (415, PermanentDeliveryError),
        (418, DeliveryError),
        (422, PermanentDeliveryError),
        (425, DeliveryError),
        (429, DeliveryError),
        (500, DeliveryError),
        (502, DeliveryError),
        (503, DeliveryError),
        (504, DeliveryError),
        (599, DeliveryError),
    ],
)
def test_each_reply_has_its_meaning(
    receiver: Any, status: int, expected: type[DeliveryError]
) -> None:
    """Later, never, or the channel itself."""
    receiver.replies = [(status, {"location": "/elsewhere"}, b"said so")]

    with pytest.raises(DeliveryError, match=f"HTTP {status} .*said so") as caught:
        send(channel("webhook", url=f"{receiver.url}/secret-token", secret=SECRET))

    assert type(caught.value) is expected
    assert caught.value.code == status
    assert "secret-token" not in str(caught.value)
    assert len(receiver.got) == 1, "a redirect is not followed"


@pytest.mark.parametrize("kind", ["slack", "discord"])
def test_a_removed_chat_webhook_pauses_the_channel(receiver: Any, kind: str) -> None:
    """404 is no fault of the message: the webhook is gone."""
    receiver.replies = [(404, {}, b"no_service")]

    with pytest.raises(ChannelPaused, match="no_service"):
        send(channel(kind, url=receiver.url))


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("0.5", timedelta(seconds=0.5)),
        ("Thu, 28 Mar 2024 21:14:33 GMT", timedelta(minutes=10)),
        ("Thu, 28 Mar 2024 20:00:00 GMT", timedelta(0)),
        ("999999999999999999999", timedelta(days=1)),
        ("1e400", timedelta(days=1)),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_the_receiver_says_how_long_to_wait(
    receiver: Any, value: str, wait: timedelta | None
) -> None:
    """Seconds or a date, never more than a day; nonsense is no wish."""
    receiver.replies = [(429, {"retry-after": value}, b"")]

    with pytest.raises(DeliveryError) as caught:
        send(channel("webhook", url=receiver.url))

    assert caught.value.retry_after == wait


def test_discord_is_asked_to_confirm(receiver: Any) -> None:
    """Without `wait` Discord accepts what it then fails to store."""
    send(channel("discord", url=f"{receiver.url}/api/webhooks/1/t?thread_id=7"))
    send(channel("discord", url=f"{receiver.url}/api/webhooks/1/t"))

    assert [path for path, *_ in receiver.got] == [
        "/api/webhooks/1/t?thread_id=7&wait=true",
        "/api/webhooks/1/t?wait=true",
    ]


@pytest.mark.parametrize("kind", POSTING)
def test_nobody_listens(kind: str) -> None:
    """A refused connection is tried again; the URL stays out of the message."""
    with pytest.raises(DeliveryError, match=r"http://127.0.0.1: no reply \(connect\)") as caught:
        send(channel(kind, url="http://127.0.0.1:1/secret-token"))

    assert type(caught.value) is DeliveryError
    assert caught.value.__cause__ is None


def test_an_address_that_must_not_be_reached_pauses_the_channel() -> None:
    """The service's poster refuses it; waiting would not help, killing rows would be worse."""

    async def refuse(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
        raise FetchError(f"{url} is private", kind="refused-address")

    kind = CHANNELS["webhook"]
    settings = kind.settings.model_validate({"url": "https://intranet/secret-token"})
    desk = kind.build("desk", settings, Tools(post=refuse))

    with pytest.raises(ChannelPaused, match="refused-address") as caught:
        send(desk)

    assert "secret-token" not in str(caught.value)


# ---------------------------------------------------------------- the plain poster


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 400 No\r\ncontent-length: 100000000\r\n\r\n")
    while True:
        writer.write(b"x" * 100_000)
        await writer.drain()


async def _nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"220 smtp.example.org ESMTP\r\n")
    await writer.drain()


def test_a_receiver_that_drips_is_left_at_the_deadline(serve_raw: Serve) -> None:
    """The deadline counts for the whole exchange, not for each read."""

    async def attempt() -> None:
        async with serve_raw(_drip) as port:
            await post(f"http://127.0.0.1:{port}", b"x", {}, 0.3)

    with pytest.raises(FetchError) as caught:
        asyncio.run(attempt())

    assert caught.value.kind == "timeout"


def test_a_reply_without_end_is_cut(serve_raw: Serve) -> None:
    """64 kB of an answer are enough."""

    async def attempt() -> Reply:
        async with serve_raw(_flood) as port:
            return await post(f"http://127.0.0.1:{port}", b"x", {}, 5)

    reply = asyncio.run(attempt())

    assert (reply.status, len(reply.body)) == (400, MOST_REPLY_BYTES)


def test_something_else_than_http_is_a_broken_exchange(serve_raw: Serve) -> None:
    """A mail server behind a web address is tried again later."""

    async def attempt() -> None:
        async with serve_raw(_nonsense) as port:
            await post(f"http://127.0.0.1:{port}", b"x", {}, 5)

    with pytest.raises(FetchError) as caught:
        asyncio.run(attempt())

    assert caught.value.kind == "protocol"


def test_an_untrusted_certificate_is_never_accepted(server_tls: Any) -> None:
    """There is no falling back to no verification."""

    async def attempt() -> None:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", 0, ssl=server_tls)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await post(f"https://localhost:{port}", b"x", {}, 5)

    with pytest.raises(FetchError) as caught:
        asyncio.run(attempt())

    assert caught.value.kind == "tls"


def test_a_port_that_never_answers_is_left_at_the_deadline() -> None:
    """A full backlog looks like a dead host."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        with pytest.raises(FetchError) as caught:
            asyncio.run(post(f"http://127.0.0.1:{silent.getsockname()[1]}", b"x", {}, 0.3))

    assert caught.value.kind == "timeout"
