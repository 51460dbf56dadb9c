"""Channel `webhook`: CloudEvents 1.0 bodies under Standard Webhooks 1.0 headers and signatures."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, SecretStr

from monitor import __version__
from monitor.model import Alert, Message
from monitor.notify.base import ChannelSettings, ChannelType, Tools
from monitor.notify.fields import OneOrMany, SecretUrl
from monitor.notify.payload import event_body
from monitor.notify.replies import hand_over, reach

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64  # bytes of key, Standard Webhooks 1.0


def _are_keys(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        signing_key(secret)
    return secrets


class WebhookSettings(ChannelSettings):
    """Where to post, and the secret that signs; two secrets while one replaces the other."""

    url: SecretUrl
    secret: Annotated[OneOrMany[SecretStr], AfterValidator(_are_keys)] = ()
    format: Literal["cloudevents"] = "cloudevents"


@dataclass(frozen=True)
class WebhookChannel:
    """Posts each alert to one URL; only the timestamp and signature differ between tries."""

    name: str
    settings: WebhookSettings
    tools: Tools
    kind: str = "webhook"

    def recipients(self) -> Sequence[str]:
        """Return the one receiver."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as a CloudEvents document of less than 20,000 bytes."""
        body = event_body(alert, domain=self.tools.domain, public_url=self.tools.public_url)
        headers = {
            "content-type": "application/cloudevents+json; charset=utf-8",
            "user-agent": f"sanctions-monitor/{__version__}",
            "webhook-id": alert.id,
        }
        return Message(id=alert.id, body=body, headers=headers)

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Sign the frozen body for this attempt and post it."""
        timestamp = str(int(now.timestamp()))
        headers = {**message.headers, "webhook-timestamp": timestamp}
        if self.settings.secret:
            headers["webhook-signature"] = " ".join(
                sign(secret, message, timestamp) for secret in self.settings.secret
            )
        await hand_over(self.tools.post, self.settings.url, message.body, headers, now)


def sign(secret: SecretStr, message: Message, timestamp: str) -> str:
    """Return `v1,` and the HMAC-SHA256 of id, timestamp and body (Standard Webhooks 1.0)."""
    signed = f"{message.id}.{timestamp}.".encode() + message.body
    digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode("ascii")


def signing_key(secret: SecretStr) -> bytes:
    """Return the bytes of a `whsec_...` secret.

    Raises:
        ValueError: no base64 of 24 to 64 bytes; the text does not show the secret.
    """
    text = secret.get_secret_value().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(
            "is no signing secret: write whsec_ and 24 to 64 bytes in base64; "
            "make one with: echo whsec_$(openssl rand -base64 32)"
        )
    return key


WEBHOOK = ChannelType(settings=WebhookSettings, build=WebhookChannel, probe=reach)
