"""One mail to one recipient over SMTP, with a deadline for each step and a meaning for each reply.

Connections are not kept: a mail every few minutes does not pay for the state.
"""

import asyncio
import re
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TypeVar

import aiosmtplib

from monitor.errors import ChannelPaused, DeliveryError, PermanentDeliveryError
from monitor.notify.trust import is_untrusted
from monitor.notify.words import shorten
from monitor.text.clean import one_line

GREYLISTED = frozenset({450, 451})  # RFC 6647: come back, but not at once
GREYLIST_WAIT = timedelta(minutes=5)
UNAUTHENTICATED = frozenset({530, 534, 535, 538})  # RFC 4954 section 6: wrong at any step
_REFUSED = 500
_MOST_SAID = 200  # characters of a reply that an error tells
_GOODBYE_S = 5  # the mail is taken by then
_DOT = re.compile(rb"^\.", re.MULTILINE)
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """Seconds for each step; the last is long, since a server may scan before it answers.

    A sender that gives up before the reply to the final dot makes duplicates: RFC 5321 section
    4.5.3.2.6 asks for ten minutes.
    """

    connect_s: float = 15
    command_s: float = 60
    final_dot_s: float = 600


@dataclass(frozen=True, kw_only=True)
class Server:
    """A mail server and how to speak to it; `encrypt` False sends in clear text."""

    host: str
    port: int
    implicit_tls: bool = False
    encrypt: bool = True
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None

    @property
    def label(self) -> str:
        """Return `host:port`, for messages."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What the server is told: who sends (EHLO name and address), to whom, and the bytes."""

    helo: str
    sender: str
    recipient: str
    content: bytes


async def submit(server: Server, envelope: Envelope, deadlines: Deadlines) -> None:
    """Return when the server has taken the mail.

    Raises:
        DeliveryError: 4yz, no connection, or the reply to the final dot is lost (the mail may have
            been taken: the next try carries the same Message-ID).
        PermanentDeliveryError: 5yz for the recipient or for the content.
        ChannelPaused: the server refuses us: no STARTTLS, no or wrong credentials, our sender; or
            its certificate is not to be trusted.
    """
    client = await _client(server, envelope.helo, deadlines)
    try:
        await _greet(client, server, deadlines)
        await _secure(client, server)
        await _log_in(client, server)
        await _address(client, server, envelope)
        await _content(client, server, envelope.content, deadlines)
        await _say_goodbye(client)
    finally:
        client.close()


async def log_in(server: Server, helo: str, deadlines: Deadlines) -> str:
    """Return how far it went: connect, EHLO, STARTTLS, AUTH. No mail is named, none is sent.

    Raises:
        DeliveryError, ChannelPaused: as `submit` would, for these steps.
    """
    client = await _client(server, helo, deadlines)
    try:
        await _greet(client, server, deadlines)
        await _secure(client, server)
        await _log_in(client, server)
        await _say_goodbye(client)
    finally:
        client.close()
    encrypted = "TLS" if server.implicit_tls or server.encrypt else "clear text"
    return f"{server.label} answers, {encrypted}" + (", logged in" if server.user else "")


class _Client(aiosmtplib.SMTP):
    """A client that hangs up at once, also where the library does so by itself (a reply of 421).

    Over TLS it would wait half a minute for the server's own goodbye.
    """

    def close(self) -> None:
        """Close the connection now."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()
        super().close()


async def _client(server: Server, helo: str, deadlines: Deadlines) -> _Client:
    context = await asyncio.to_thread(_trust, server.ca_file)
    return _Client(
        hostname=server.host,
        port=server.port,
        local_hostname=helo,
        timeout=deadlines.command_s,
        use_tls=server.implicit_tls,
        start_tls=False,  # done below: a step of its own, with an error of its own
        tls_context=context,
    )


@cache
def _trust(ca_file: str | None) -> ssl.SSLContext:
    """Return whom to trust; reading the system's certificates takes 20 ms, so once."""
    return ssl.create_default_context(cafile=ca_file)


async def _greet(client: aiosmtplib.SMTP, server: Server, deadlines: Deadlines) -> None:
    where = f"{server.label}: connect"
    await _step(client.connect(timeout=deadlines.connect_s), where, refused=ChannelPaused)
    await _step(client.ehlo(), f"{server.label}: EHLO", refused=ChannelPaused)


async def _secure(client: aiosmtplib.SMTP, server: Server) -> None:
    if server.implicit_tls or not server.encrypt:
        return
    if not client.supports_extension("starttls"):
        raise ChannelPaused(
            f"{server.label}: offers no STARTTLS; nothing is sent in clear text "
            "(tls: off allows it, smtps:// is another way)"
        )
    await _step(client.starttls(), f"{server.label}: STARTTLS", refused=ChannelPaused)
    await _step(client.ehlo(), f"{server.label}: EHLO", refused=ChannelPaused)


async def _log_in(client: aiosmtplib.SMTP, server: Server) -> None:
    if not server.user:
        return
    where = f"{server.label}: AUTH as {server.user}"
    if not client.supports_extension("auth"):
        raise ChannelPaused(f"{where}: the server offers no authentication")
    await _step(client.login(server.user, server.password), where, refused=ChannelPaused)


async def _address(client: aiosmtplib.SMTP, server: Server, envelope: Envelope) -> None:
    where = f"{server.label}: MAIL FROM {envelope.sender}"
    await _step(client.mail(envelope.sender), where, refused=ChannelPaused)
    where = f"{server.label}: RCPT TO {envelope.recipient}"
    await _step(client.rcpt(envelope.recipient), where, refused=PermanentDeliveryError)


async def _content(
    client: aiosmtplib.SMTP, server: Server, content: bytes, deadlines: Deadlines
) -> None:
    """Send DATA and the mail as two steps, since the second may take longer than any other."""
    where = f"{server.label}: DATA"
    await _step(_start_data(client), where, refused=PermanentDeliveryError)
    protocol = client.protocol
    assert protocol is not None, "a lost connection has raised in the step before"
    protocol.write(_DOT.sub(b"..", content) + b".\r\n")
    where = f"{server.label}: after the final dot"
    waiting = protocol.read_response(timeout=deadlines.final_dot_s)
    code, text = await _step(waiting, where, refused=PermanentDeliveryError)
    if code // 100 != 2:  # noqa: PLR2004 - the class of success, RFC 5321 section 4.2.1
        raise _meaning(code, text, where, PermanentDeliveryError)


async def _start_data(client: aiosmtplib.SMTP) -> None:
    reply = await client.execute_command(b"DATA")
    if reply.code != aiosmtplib.SMTPStatus.start_input:
        raise aiosmtplib.SMTPDataError(reply.code, reply.message)


async def _say_goodbye(client: aiosmtplib.SMTP) -> None:
    try:
        await client.execute_command(b"QUIT", timeout=_GOODBYE_S)
    except (aiosmtplib.SMTPException, OSError):
        return  # how the server hangs up does not matter


async def _step(doing: Awaitable[_T], where: str, *, refused: type[DeliveryError]) -> _T:
    try:
        return await doing
    except aiosmtplib.SMTPResponseException as error:
        raise _meaning(error.code, error.message, where, refused) from error
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        said = shorten(one_line(str(error)), _MOST_SAID)
        kind = ChannelPaused if is_untrusted(error) else DeliveryError
        raise kind(f"{where}: {said or type(error).__name__}") from error


def _meaning(code: int, text: str, where: str, refused: type[DeliveryError]) -> DeliveryError:
    said = f"{where}: {code} {shorten(one_line(text), _MOST_SAID)}".rstrip()
    if code in UNAUTHENTICATED:
        return ChannelPaused(said, code=code)
    if code >= _REFUSED:
        return refused(said, code=code)
    wait = GREYLIST_WAIT if code in GREYLISTED else None
    return DeliveryError(said, code=code, retry_after=wait)
