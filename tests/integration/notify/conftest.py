"""Real receivers on loopback: SMTP with TLS and AUTH, HTTP, and raw SMTP conversations."""

import asyncio
import contextlib
import email
import email.policy
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

# ---------------------------------------------------------------- mail


@dataclass
class Mailbox:
    """What an SMTP server took, and what it shall say instead: the next reply of each command."""

    ca_file: str
    port: int = 0
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)  # sender, recipient, bytes
    mail: list[str] = field(default_factory=list)
    rcpt: Mapping[str, str] = field(default_factory=dict)  # by recipient
    data: list[str] = field(default_factory=list)
    password: bytes = b"s3cret"
    auth_failure: str = ""

    @property
    def url(self) -> str:
        """Return the address that settings name."""
        return f"smtp://desk:s3cret@localhost:{self.port}"

    def read(self) -> list[EmailMessage]:
        """Return the mails that were taken, parsed."""
        policy = email.policy.SMTP
        return [email.message_from_bytes(content, policy=policy) for *_, content in self.taken]

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Accept the sender unless scripted."""
        if self.mail:
            return self.mail.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Accept the recipient unless scripted."""
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take the mail unless scripted."""
        if self.data:
            return self.data.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append((str(envelope.mail_from), ",".join(envelope.rcpt_tos), content))
        return "250 queued"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Check the password, or fail as scripted."""
        if self.auth_failure:
            return AuthResult(success=False, handled=False, message=self.auth_failure)
        right = isinstance(data, LoginPassword) and data.password == self.password
        return AuthResult(success=right, handled=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return the authority that signs for localhost."""
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the authority's certificate as a file."""
    path: Path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS of a server called localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@contextlib.contextmanager
def _served(box: Mailbox, **options: Any) -> Iterator[Mailbox]:
    controller = _Controller(box, hostname="127.0.0.1", port=0, **options)
    controller.start()
    try:
        box.port = controller.bound_port
        yield box
    finally:
        controller.stop()


class _Controller(Controller):
    """A controller that can bind port 0: aiosmtpd itself connects to the port it was given."""

    bound_port = 0

    def _trigger_server(self) -> None:
        sockets: list[socket.socket] = getattr(self.server, "sockets", [])
        self.bound_port = self.port = sockets[0].getsockname()[1]
        if self.ssl_context is None:
            super()._trigger_server()  # type: ignore[no-untyped-call]
            return
        trust = ssl.create_default_context(cafile=self.handler.ca_file)  # aiosmtpd brings none
        with (
            socket.create_connection(("127.0.0.1", self.port), 5) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.recv(1024)


@pytest.fixture
def mailbox(ca_file: str, server_tls: ssl.SSLContext) -> Iterator[Mailbox]:
    """Return a server that demands STARTTLS and a password."""
    box = Mailbox(ca_file=ca_file)
    with _served(
        box,
        tls_context=server_tls,
        require_starttls=True,
        authenticator=box.authenticate,
        auth_required=True,
    ):
        yield box


@pytest.fixture
def open_mailbox(ca_file: str) -> Iterator[Mailbox]:
    """Return a server without TLS and passwords."""
    with _served(Mailbox(ca_file=ca_file)) as box:
        yield box


@pytest.fixture
def tls_mailbox(ca_file: str, server_tls: ssl.SSLContext) -> Iterator[Mailbox]:
    """Return a server that is encrypted from the first byte."""
    box = Mailbox(ca_file=ca_file)
    with _served(
        box, ssl_context=server_tls, authenticator=box.authenticate, auth_require_tls=False
    ):
        yield box


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw_server(talk: Talk) -> AsyncIterator[int]:
    """Serve each connection with `talk` and yield the port."""
    talks: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.ensure_future(talk(reader, writer)))
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await talks[-1]
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        server.close()
        await server.wait_closed()


def script(
    greeting: bytes = b"220 x", replies: Mapping[bytes, bytes] | None = None, end: bytes = b"250 ok"
) -> Talk:
    """Return a conversation: the reply to each verb, then `end` to the final dot.

    An empty reply hangs up; `...` never answers.
    """
    said = {b"EHLO": b"250 x", b"DATA": b"354 go", b"QUIT": b"221 bye"} | dict(replies or {})

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _converse(reader, writer, greeting, said, end)

    return talk


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    greeting: bytes,
    said: Mapping[bytes, bytes],
    end: bytes,
) -> None:
    reply = greeting
    while reply:
        if reply == b"...":
            await reader.read()
            return
        writer.write(reply + b"\r\n")
        await writer.drain()
        if reply.startswith(b"354"):
            await reader.readuntil(b"\r\n.\r\n")
            reply = end
            continue
        line = await reader.readline()
        reply = said.get(line[:4].upper(), b"250 ok") if line else b""


# ---------------------------------------------------------------- web


@dataclass
class Receiver:
    """What an HTTP server was sent, and the replies it gives first: status, headers, body."""

    url: str = ""
    got: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    replies: list[tuple[int, Mapping[str, str], bytes]] = field(default_factory=list)

    @property
    def bodies(self) -> Sequence[bytes]:
        """Return the bodies in order of arrival."""
        return [body for *_, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a real HTTP server that records and answers as scripted, 204 by default."""
    record = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            record.got.append((self.path, headers, body))
            status, extra, text = record.replies.pop(0) if record.replies else (204, {}, b"")
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    record.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield record
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def serve_raw() -> Callable[[Talk], contextlib.AbstractAsyncContextManager[int]]:
    """Return what serves a raw conversation."""
    return raw_server


@pytest.fixture
def smtp_script() -> Callable[..., Talk]:
    """Return what makes a raw SMTP conversation."""
    return script
