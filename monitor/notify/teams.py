"""Channel `teams`: an Adaptive Card for a Teams workflow webhook; runs of text, no markdown."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.model import Alert, Message
from monitor.notify.base import ChannelSettings, ChannelType, Tools
from monitor.notify.card import Card, Line, fitting
from monitor.notify.fields import SecretUrl
from monitor.notify.replies import hand_over, reach

MOST_BYTES = 24_000  # Teams refuses 28 kB, some tenants 25 kB, their own envelope included
_COLOURS = {"CRITICAL": "Attention", "HIGH": "Warning"}  # names of Adaptive Cards 1.4

Data = dict[str, Any]  # JSON


class TeamsSettings(ChannelSettings):
    """The URL of a workflow ("Post to a channel when a webhook request is received")."""

    url: SecretUrl


@dataclass(frozen=True)
class TeamsChannel:
    """Posts into the one channel that the workflow belongs to."""

    name: str
    settings: TeamsSettings
    tools: Tools
    kind: str = "teams"

    def recipients(self) -> Sequence[str]:
        """Return the one room."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as a message with one Adaptive Card, within Teams' limit."""
        body = fitting(alert, self.tools.public_url, _written, _fits)
        return Message(id=alert.id, body=body, headers={"content-type": "application/json"})

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Post the message; Teams answers 202 when the workflow has taken it."""
        await hand_over(self.tools.post, self.settings.url, message.body, message.headers, now)


def _fits(body: bytes) -> bool:
    return len(body) <= MOST_BYTES


def _written(card: Card) -> bytes:
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "fallbackText": f"[{card.tag}] {card.title}",
        "body": list(_blocks(card)),
    }
    if card.url:
        content["actions"] = [{"type": "Action.OpenUrl", "title": "Read", "url": card.url}]
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": content,
    }
    message = {"type": "message", "attachments": [attachment]}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _blocks(card: Card) -> Iterator[Data]:
    tag = _run(f"[{card.tag}] ", weight="Bolder", color=_COLOURS.get(card.tag, "Default"))
    yield _block(tag, _run(card.title or "(no title)", weight="Bolder", size="Large"))
    if card.byline:
        yield _block(_run(card.byline, isSubtle=True))
    if card.quote:
        runs = [_run(piece.text, highlight=bool(piece.clause)) for piece in card.quote]
        yield _block(*runs) | {"separator": True}
    for section in card.sections:
        if section.heading:
            yield _block(_run(section.heading, weight="Bolder"))
        for line in section.lines:
            yield _block(_line(line)) | {"spacing": "Small"}
    if card.footer:
        yield _block(_run(card.footer, isSubtle=True, size="Small"))


def _block(*runs: Data) -> Data:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _line(line: Line) -> Data:
    run = _run(line.text or line.url or "-")
    return run | ({"selectAction": {"type": "Action.OpenUrl", "url": line.url}} if line.url else {})


def _run(text: str, **style: object) -> Data:
    run: Data = {"type": "TextRun", "text": text}
    return run | {name: value for name, value in style.items() if value}


TEAMS = ChannelType(settings=TeamsSettings, build=TeamsChannel, probe=reach)
