"""Channel `slack`: incoming webhooks, rich text blocks (no markup that a title could break)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.model import Alert, Message
from monitor.notify.base import ChannelSettings, ChannelType, Tools
from monitor.notify.card import Card, Line, fitting
from monitor.notify.fields import SecretUrl
from monitor.notify.replies import PAUSING, hand_over, reach
from monitor.notify.words import shorten, utf16_units

MOST_BLOCKS = 12_000  # UTF-16 units of JSON; msg_blocks_too_long comes near 13,200 (bolt-js #2509)
_MOST_TEXT = 1000  # of the fallback text that notifications show

Data = dict[str, Any]  # JSON


class SlackSettings(ChannelSettings):
    """The URL of an incoming webhook."""

    url: SecretUrl


@dataclass(frozen=True)
class SlackChannel:
    """Posts into the one room that the webhook belongs to."""

    name: str
    settings: SlackSettings
    tools: Tools
    kind: str = "slack"

    def recipients(self) -> Sequence[str]:
        """Return the one room."""
        return ("",)

    def compose(self, alert: Alert, recipient: str) -> Message:  # noqa: ARG002
        """Return the alert as Block Kit, within Slack's limits."""
        body = fitting(alert, self.tools.public_url, _written, _fits)
        return Message(id=alert.id, body=body, headers={"content-type": "application/json"})

    async def send(self, message: Message, recipient: str, now: datetime) -> None:  # noqa: ARG002
        """Post the message; 404 means that the webhook was removed."""
        await hand_over(
            self.tools.post,
            self.settings.url,
            message.body,
            message.headers,
            now,
            pausing=PAUSING | {404},
        )


def _fits(body: bytes) -> bool:
    return utf16_units(body.decode()) <= MOST_BLOCKS


def _written(card: Card) -> bytes:
    elements = [
        _section(*_heading(card)),
        *([_section(_run(card.byline))] if card.byline else []),
        *([_quote(card)] if card.quote else []),
        *(_section(*runs) for runs in _sections(card)),
        *([_section(_run(card.footer, italic=True))] if card.footer else []),
    ]
    message = {
        "text": shorten(_escaped(f"[{card.tag}] {card.title}"), _MOST_TEXT, utf16_units),
        "blocks": [{"type": "rich_text", "elements": elements}],
        "unfurl_links": False,
        "unfurl_media": False,
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def _heading(card: Card) -> Iterator[Data]:
    yield _run(f"[{card.tag}] ", bold=True)
    yield from _line(Line(card.title or "(no title)", card.url), bold=True)
    if card.url:
        yield _run("\n")


def _quote(card: Card) -> Data:
    runs = [_run(piece.text, bold=bool(piece.clause)) for piece in card.quote]
    return {"type": "rich_text_quote", "elements": runs}


def _sections(card: Card) -> Iterator[list[Data]]:
    for section in card.sections:
        heading = [_run(f"{section.heading}\n", bold=True)] if section.heading else []
        yield heading + [run for line in section.lines for run in (*_line(line), _run("\n"))]


def _line(line: Line, *, bold: bool = False) -> Iterator[Data]:
    if not line.url:
        yield _run(line.text or "-", bold=bold)
        return
    link: Data = {"type": "link", "url": line.url, "text": line.text or line.url}
    yield link | ({"style": {"bold": True}} if bold else {})


def _section(*runs: Data) -> Data:
    return {"type": "rich_text_section", "elements": list(runs)}


def _run(text: str, *, bold: bool = False, italic: bool = False) -> Data:
    style = {name: True for name, on in (("bold", bold), ("italic", italic)) if on}
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def _escaped(text: str) -> str:
    """Return the text so that it mentions nobody: the fallback is still read as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SLACK = ChannelType(settings=SlackSettings, build=SlackChannel, probe=reach)
