"""Channel `email`: one mail for each recipient, text and HTML, over SMTP with TLS."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from monitor.model import Alert, Message
from monitor.notify.base import ChannelSettings, ChannelType, Reach, Tools
from monitor.notify.fields import OneOrMany
from monitor.notify.smtp import Deadlines, Envelope, Server, log_in, submit

_PORTS = {"smtp": 587, "smtps": 465}  # submission, RFC 6409 and RFC 8314
_DEADLINES = Deadlines()
_PROBING = Deadlines(connect_s=10, command_s=15)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")


def _is_address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("is no mail address: write name@example.org")
    return text


def _has_address(text: str) -> str:
    address = parseaddr(text)[1]
    if not _ADDRESS.fullmatch(address) or not text.isprintable():
        raise ValueError('is no sender: write "monitor <monitor@example.org>"')
    return text


def _is_server(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        usable = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(
            "is no mail server: write smtps://user:password@host:465 or smtp://host:587, "
            "with special characters percent-encoded"
        )
    return value


class EmailSettings(ChannelSettings):
    """Who gets the mail, who sends it, and the server that takes it.

    `smtp://host:587` starts in clear text and must offer STARTTLS unless `tls: off`;
    `smtps://host:465` is encrypted from the first byte. User and password stand in the URL
    (percent-encoded) or in their own keys.
    """

    to: Annotated[OneOrMany[Annotated[str, AfterValidator(_is_address)]], Field(min_length=1)]
    smtp: Annotated[SecretStr, AfterValidator(_is_server)]
    from_: Annotated[str, AfterValidator(_has_address)] = Field(default="", alias="from")
    user: str = ""
    password: SecretStr = SecretStr("")
    tls: Literal["required", "off"] = "required"
    ca_file: str | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        server = self.server()
        if self.tls == "off" and server.implicit_tls:
            raise ValueError("smtps:// is always encrypted: leave out tls: off")
        if self.tls == "off" and server.user and server.host not in _LOOPBACK:
            raise ValueError("tls: off would send the password in clear text")
        return self

    def server(self) -> Server:
        """Return the server that the URL and the other keys describe."""
        parts = urlsplit(self.smtp.get_secret_value())
        return Server(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            encrypt=self.tls == "required",
            user=self.user or unquote(parts.username or ""),
            password=self.password.get_secret_value() or _password(parts),
            ca_file=self.ca_file,
        )


@dataclass(frozen=True)
class EmailChannel:
    """Sends each recipient a mail of their own, under an id of its own."""

    name: str
    settings: EmailSettings
    tools: Tools
    kind: str = "email"
    deadlines: Deadlines = _DEADLINES

    def recipients(self) -> Sequence[str]:
        """Return the addresses, each once."""
        return tuple(dict.fromkeys(self.settings.to))

    def compose(self, alert: Alert, recipient: str) -> Message:
        """Return the mail; its Message-ID names the alert and the recipient."""
        from monitor.notify import mail  # jinja2 and email take 60 ms to import

        content = mail.build(
            alert,
            channel=self.name,
            sender=self._sender(),
            recipient=recipient,
            domain=self.tools.domain,
            public_url=self.tools.public_url,
        )
        return Message(id=mail.message_id(alert.id, recipient), body=content)

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Hand the mail to the server for this recipient alone."""
        envelope = Envelope(
            helo=self.tools.domain,
            sender=parseaddr(self._sender())[1],
            recipient=recipient,
            content=message.body,
        )
        await submit(self.settings.server(), envelope, self.deadlines)

    def _sender(self) -> str:
        return self.settings.from_ or f"monitor <monitor@{self.tools.domain}>"


def _password(parts: SplitResult) -> str:
    return unquote(parts.password or "")


async def _reach(settings: EmailSettings, tools: Reach) -> str:
    return await log_in(settings.server(), tools.domain, _PROBING)


EMAIL = ChannelType(settings=EmailSettings, build=EmailChannel, probe=_reach)
