"""The world around the watch, on loopback: publishers, a mail server, a webhook receiver."""

import asyncio
import base64
import hmac
import os
import signal
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.evaluation.week_feeds import Clock, Entry, Feed

USER, PASSWORD = "desk", "s3cret"
STEADY, MOODY = "desk@example.org", "night@example.org"  # the second one is refused for a while


@dataclass
class Trap:
    """Kills the watch at a chosen step: when its document is sent, or its message is accepted.

    Nothing is answered after that, so the watch cannot have stored what it would have heard.
    """

    step: str = ""
    pid: int = 0
    kills: list[float] = field(default_factory=list)
    restarts: list[float] = field(default_factory=list)

    def arm(self, step: str, pid: int) -> None:
        self.step, self.pid = step, pid

    def spring(self, step: str = "") -> bool:
        """Kill if this is the step that was waited for (no step: at once); return whether."""
        if not self.pid or (step and step != self.step):
            return False
        os.kill(self.pid, signal.SIGKILL)
        self.pid = 0
        self.kills.append(time.time())
        return True


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message that a receiver accepted; `at` in seconds of the machine's clock."""

    id: str
    recipient: str
    body: bytes
    at: float


@dataclass
class World:
    """What was served and received, and the moods of the receivers: periods of the week."""

    clock: Clock
    feeds: Mapping[str, Feed]
    end: datetime
    secret: str
    refused: tuple[datetime, datetime]
    greylisted: tuple[datetime, datetime]
    unavailable: tuple[datetime, datetime]
    trap: Trap = field(default_factory=Trap)
    served: dict[str, dict[str, Entry]] = field(default_factory=lambda: defaultdict(dict))
    requests: int = 0
    unchanged: int = 0
    mails: list[Received] = field(default_factory=list)
    hooks: list[Received] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    forged: int = 0

    def is_during(self, period: tuple[datetime, datetime]) -> bool:
        return period[0] <= self.clock.now() < period[1]


# ---------------------------------------------------------------- HTTP

Reply = tuple[int, Mapping[str, str], bytes]


async def serve_http(
    host: str, answer: Callable[[str, Mapping[str, str], bytes], Reply], sent: Callable[[str], None]
) -> tuple[asyncio.Server, int]:
    """Serve on a free port of a loopback address; `sent` hears of every reply that went out."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # the watch is being killed
            while head := await reader.readuntil(b"\r\n\r\n"):
                path, headers = _head(head)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, more, content = answer(path, headers, body)
                writer.write(_reply(status, more, content))
                await writer.drain()
                sent(path)
        writer.close()

    server = await asyncio.start_server(talk, host, 0)
    return server, server.sockets[0].getsockname()[1]


def _head(head: bytes) -> tuple[str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first.split(" ")[1], {name.lower(): value.strip() for name, _, value in pairs}


def _reply(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    if status != 304:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def publisher(world: World) -> Callable[[str, Mapping[str, str], bytes], Reply]:
    """Return what answers for the feeds: `/ID.xml`, with ETag and 304."""

    def answer(path: str, headers: Mapping[str, str], _: bytes) -> Reply:
        feed = world.feeds[path.strip("/").removesuffix(".xml")]
        now = min(world.clock.now(), world.end)
        page = feed.page(now)
        world.requests += 1
        common = {"ETag": page.etag, "Date": format_datetime(world.clock.now())}
        if headers.get("if-none-match") == page.etag:
            world.unchanged += 1
            return 304, common, b""
        world.served[feed.id] |= {entry.identity: entry for entry in page.entries}
        return 200, {**common, "Content-Type": "application/rss+xml"}, page.body

    return answer


def receiver(world: World) -> Callable[[str, Mapping[str, str], bytes], Reply]:
    """Return what answers for the webhook: checks the signature, is unavailable for a while."""

    def answer(_: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if world.is_during(world.unavailable):
            world.refusals["webhook 503"] += 1
            return 503, {}, b""
        if not _is_signed(world.secret, headers, body):
            world.forged += 1
            return 401, {}, b""
        name = headers["webhook-id"]
        world.hooks.append(Received(id=name, recipient="", body=body, at=time.time()))
        world.trap.spring("webhook")
        return 204, {}, b""

    return answer


def _is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether the signature is right (Standard Webhooks 1.0), by our own reckoning."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = f"{headers.get('webhook-id')}.{headers.get('webhook-timestamp')}."
    digest = hmac.new(key, stamp.encode() + body, sha256).digest()
    expected = "v1," + base64.b64encode(digest).decode()
    return expected in headers.get("webhook-signature", "").split(" ")


# ---------------------------------------------------------------- mail


@dataclass
class Mailbox:
    """A mail server that wants STARTTLS and a password, and has its moods."""

    world: World

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        world = self.world
        if address == MOODY and world.is_during(world.refused):
            world.refusals["mail 550"] += 1
            return "550 5.1.1 no such mailbox"
        if address == MOODY and world.is_during(world.greylisted):
            world.refusals["mail 451"] += 1
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        for recipient in envelope.rcpt_tos:
            self.world.mails.append(
                Received(id=_message_id(content), recipient=recipient, body=content, at=time.time())
            )
        self.world.trap.spring("mail")
        return "250 queued"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        given = (data.login, data.password) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == (USER.encode(), PASSWORD.encode()), handled=False)


def _message_id(content: bytes) -> str:
    for line in content.split(b"\r\n\r\n", maxsplit=1)[0].split(b"\r\n"):
        if line.lower().startswith(b"message-id:"):
            return line.partition(b":")[2].strip().strip(b"<>").decode()
    return ""


async def serve_mail(world: World, folder: Path) -> tuple[asyncio.Server, int, Path]:
    """Serve SMTP on loopback; returns the server, its port and the authority's certificate."""
    authority = trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    box = Mailbox(world)

    def session() -> SMTP:
        return SMTP(
            box,
            hostname="localhost",
            tls_context=tls,
            require_starttls=True,
            authenticator=box.authenticate,
            auth_required=True,
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], ca_file
