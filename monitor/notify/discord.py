"""Channel `discord`: one embed through a Discord webhook; mentions nobody."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from monitor.model import Alert, Message
from monitor.notify.base import ChannelSettings, ChannelType, Tools
from monitor.notify.card import Card, Line, fitting
from monitor.notify.fields import SecretUrl
from monitor.notify.replies import PAUSING, hand_over, reach
from monitor.notify.words import iso, shorten, utf16_units

MOST_TITLE, MOST_DESCRIPTION, MOST_FOOTER = 256, 4096, 2048  # of an embed, in UTF-16 units
_COLOURS = {"CRITICAL": 0xB3261E, "HIGH": 0xB54708, "MEDIUM": 0x8A6100}
_GREY = 0x51606F
_MARKUP = re.compile(r"([\\*_~`|>#\[\]()<:@-])")

Data = dict[str, Any]  # JSON


class DiscordSettings(ChannelSettings):
    """The URL of a channel's webhook."""

    url: SecretUrl


@dataclass(frozen=True)
class DiscordChannel:
    """Posts into the one channel that the webhook belongs to."""

    name: str
    settings: DiscordSettings
    tools: Tools
    kind: str = "discord"

    def recipients(self) -> Sequence[str]:
        """Return the one room."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as a message with one embed, within Discord's limits."""
        embed = fitting(alert, self.tools.public_url, _written, _fits)
        embed["timestamp"] = iso(alert.occurred_at)
        message = {"embeds": [embed], "allowed_mentions": {"parse": []}}
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        return Message(id=alert.id, body=body, headers={"content-type": "application/json"})

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Post the message; 404 means that the webhook was removed."""
        await hand_over(
            self.tools.post,
            _waiting(self.settings.url),
            message.body,
            message.headers,
            now,
            pausing=PAUSING | {404},
        )


def _waiting(url: SecretStr) -> SecretStr:
    """Return the URL with `wait=true`: without it Discord accepts what it then fails to store."""
    parts = urlsplit(url.get_secret_value())
    query = f"{parts.query}&wait=true" if parts.query else "wait=true"
    return SecretStr(urlunsplit(parts._replace(query=query)))


def _fits(embed: Data) -> bool:
    return utf16_units(embed["description"]) <= MOST_DESCRIPTION


def _written(card: Card) -> Data:
    # Titles know no markup, descriptions do.
    embed: Data = {
        "title": shorten(f"[{card.tag}] {card.title}", MOST_TITLE, utf16_units),
        "description": "\n".join(_lines(card)),
        "color": _COLOURS.get(card.tag, _GREY),
    }
    if card.url:
        embed["url"] = card.url
    if card.footer:
        embed["footer"] = {"text": shorten(card.footer, MOST_FOOTER, utf16_units)}
    return embed


def _lines(card: Card) -> Iterator[str]:
    if card.byline:
        yield _plain(card.byline)
    if card.quote:
        yield "> " + "".join(
            f"**{_plain(piece.text)}**" if piece.clause else _plain(piece.text)
            for piece in card.quote
        )
    for section in card.sections:
        yield ""
        if section.heading:
            yield f"**{_plain(section.heading)}**"
        yield from map(_line, section.lines)


def _line(line: Line) -> str:
    if not line.url:
        return _plain(line.text)
    url = line.url.replace("(", "%28").replace(")", "%29")
    return f"[{_plain(line.text)}]({url})"


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)


DISCORD = ChannelType(settings=DiscordSettings, build=DiscordChannel, probe=reach)
