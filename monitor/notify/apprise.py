"""Channel `apprise`: a short text through one of the hundred services that Apprise speaks to.

The library is an extra; it brings its own HTTP client, so that neither our check of addresses nor
Retry-After reaches these services.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, SecretStr

from monitor.errors import DeliveryError
from monitor.model import Alert, Message, Reply
from monitor.notify.base import ChannelSettings, ChannelType, Tools
from monitor.notify.card import Card, Line, fitting
from monitor.notify.replies import PAUSING, judge
from monitor.notify.words import shorten

if TYPE_CHECKING:
    import apprise

LONGEST = 1500  # characters of a text: more is read in the mail, not on a telephone
_WITHIN_S = 120.0  # of all requests of one message; each has deadlines of its own in the library
_TYPES = {"CRITICAL": "failure", "HIGH": "failure", "MEDIUM": "warning"}
_STATUS = re.compile(r"error=(\d{3})\b")
_BETWEEN = re.compile(r"[/?&=:@#;,]+")
_SHORTEST_SECRET = 4  # characters; shorter parts of an address are words
_MISSING = "needs an extra: pip install 'sanctions-monitor[apprise]'"


def _plugin(url: SecretStr) -> "apprise.NotifyBase":
    """Return the library's object for one service.

    Raises:
        ValueError: the library is not installed, or the address is none that it knows.
    """
    try:
        import apprise  # 0.3 s of CPU, and as much again for its services
    except ImportError:
        raise ValueError(_MISSING) from None
    for name in ("apprise", "urllib3"):
        logging.getLogger(name).propagate = False  # their lines hold addresses, all secret here
    # A redirect could lead anywhere, and would take the message along.
    asset = apprise.AppriseAsset(async_mode=False, secure_logging=True, http_redirects=False)
    plugin = apprise.Apprise.instantiate(url.get_secret_value(), asset=asset)
    if plugin is None:
        raise ValueError("is no address that Apprise knows: see its list of services")
    return plugin


def _has_one_receiver(url: SecretStr) -> SecretStr:
    receivers = len(_plugin(url))
    if receivers != 1:
        raise ValueError(
            f"makes {receivers} requests for one message: give each receiver a channel of its own, "
            "without retry=, so that what failed is repeated alone"
        )
    return url


class AppriseSettings(ChannelSettings):
    """The address of one receiver, in the way that Apprise writes it: all of it is a secret."""

    url: Annotated[SecretStr, AfterValidator(_has_one_receiver)]


@dataclass(frozen=True)
class AppriseChannel:
    """Tells one receiver; the id stands in the last line, since not every service takes headers."""

    name: str
    settings: AppriseSettings
    tools: Tools
    kind: str = "apprise"

    @cached_property
    def _service(self) -> "apprise.NotifyBase":
        return _plugin(self.settings.url)

    def recipients(self) -> Sequence[str]:
        """Return the one receiver."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as title, text and type, within what the service takes."""
        room = min(self._service.body_maxlen, LONGEST)
        tail = f"\nid: {alert.id}"

        def written(card: Card) -> dict[str, str]:
            text = "\n".join(_lines(card))
            return {"title": f"[{card.tag}] {card.title}", "body": text, "tag": card.tag}

        def fits(parts: dict[str, str]) -> bool:
            return len(parts["title"]) + len(parts["body"]) + len(tail) < room

        parts = fitting(alert, self.tools.public_url, written, fits)
        # A service without titles gets the title as the first line: it takes room too.
        title = shorten(parts["title"], self._service.title_maxlen or room // 2)
        text = shorten(parts["body"], max(room - len(title) - len(tail) - 2, 0))
        content = {"title": title, "body": text + tail, "type": _TYPES.get(parts["tag"], "info")}
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        return Message(id=alert.id, body=body)

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Hand the text to the library and read from its log what became of it."""
        where = f"{self.settings.url.get_secret_value().partition(':')[0]}://***"
        try:
            async with asyncio.timeout(_WITHIN_S):
                is_sent, said = await asyncio.to_thread(_told, self._service, message.body)
        except TimeoutError:
            raise DeliveryError(f"{where}: no answer within {_WITHIN_S:.0f} s") from None
        if is_sent:
            return
        text = _without(said, self.settings.url.get_secret_value())
        if status := _STATUS.search(said):
            reply = Reply(status=int(status[1]), body=text.encode())
            judge(reply, where, now, pausing=PAUSING | {404})
        raise DeliveryError(f"{where}: not sent ({text or 'the library does not say why'})")


class _Listener(logging.Handler):
    """Keeps what the library logs in one thread: its only word on why it failed."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.said.append(record.getMessage())


def _told(service: "apprise.NotifyBase", body: bytes) -> tuple[bool, str]:
    """Return whether the library says that the message went, and its last words otherwise."""
    content: dict[str, Any] = json.loads(body)
    listener = _Listener()
    log = logging.getLogger("apprise")
    log.addHandler(listener)
    try:
        is_sent = service.notify(
            title=content["title"],
            body=content["body"],
            notify_type=content["type"],
            body_format="text",
        )
    finally:
        log.removeHandler(listener)
    return bool(is_sent), listener.said[-1] if listener.said else ""


def _without(text: str, url: str) -> str:
    """Return a text without any part of an address but its scheme."""
    parts = set(_BETWEEN.split(url.partition(":")[2]))
    parts |= {unquote(part) for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET:
            text = text.replace(part, "***")
    return text


def _lines(card: Card) -> Iterator[str]:
    if card.byline:
        yield card.byline
    if card.url:
        yield card.url
    if card.quote:
        yield "“" + "".join(piece.text for piece in card.quote) + "”"
    for section in card.sections:
        if section.heading:
            yield f"{section.heading}:"
        yield from map(_line, section.lines)


def _line(line: Line) -> str:
    return f"{line.text} {line.url}".rstrip()


APPRISE = ChannelType(settings=AppriseSettings, build=AppriseChannel)
