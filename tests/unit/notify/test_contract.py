"""Every channel keeps the contract of monitor.testing."""

import email
import email.policy
import json
from collections.abc import Mapping
from email.message import EmailMessage
from typing import ClassVar

import pytest

from monitor.errors import FetchError
from monitor.model import Message, Reply
from monitor.notify import CHANNELS, Channel, Tools
from monitor.testing import (
    ChannelContract,
    make_story_alert,
    one_of_each,
    texts_of,
    with_text,
)

_CANARY = "CANARY5ecret"


async def _no_post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
    raise FetchError("no network in unit tests", kind="connect")


def _open(kind: str, settings: Mapping[str, object]) -> Channel:
    tools = Tools(post=_no_post, public_url="https://monitor.example.org", domain="m.example.org")
    channel_type = CHANNELS[kind]
    return channel_type.build("desk", channel_type.settings.model_validate(settings), tools)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []


class _Json:
    """Receivers that read JSON: every text in it, in order, joined."""

    def decoded(self, message: Message) -> str:
        return "".join(_texts(json.loads(message.body.decode())))


class TestConsole(ChannelContract):
    def channel(self) -> Channel:
        return _open("console", {})

    def decoded(self, message: Message) -> str:
        return message.body.decode()


class TestWebhook(_Json, ChannelContract):
    secrets = (_CANARY, "bnVsbCBzZWNyZXQgb2YgMjQgYnl0ZXMh")

    def channel(self) -> Channel:
        return _open(
            "webhook",
            {
                "url": f"https://u:{_CANARY}@hook.example.org/{_CANARY}?t={_CANARY}",
                "secret": "whsec_bnVsbCBzZWNyZXQgb2YgMjQgYnl0ZXMh",
            },
        )


class TestEmail(ChannelContract):
    secrets = (_CANARY,)

    def channel(self) -> Channel:
        to = ["desk@example.org", "head@example.org"]
        return _open("email", {"to": to, "smtp": f"smtps://u:{_CANARY}@smtp.example.org"})

    def decoded(self, message: Message) -> str:
        mail = email.message_from_bytes(message.body, policy=email.policy.SMTP)
        assert isinstance(mail, EmailMessage)
        assert mail.defects == []
        parts = [part.get_content() for part in mail.walk() if not part.is_multipart()]
        return "\n".join([str(mail["subject"]), *parts])


class TestSlack(_Json, ChannelContract):
    secrets = (_CANARY,)

    def channel(self) -> Channel:
        return _open("slack", {"url": f"https://hooks.slack.example/services/{_CANARY}"})


class TestTeams(_Json, ChannelContract):
    secrets = (_CANARY,)

    def channel(self) -> Channel:
        return _open("teams", {"url": f"https://teams.example/workflows/{_CANARY}?sig={_CANARY}"})


class TestDiscord(_Json, ChannelContract):
    secrets = (_CANARY,)

    def channel(self) -> Channel:
        return _open("discord", {"url": f"https://discord.example/api/webhooks/1/{_CANARY}"})


class TestFile(_Json, ChannelContract):
    def channel(self) -> Channel:
        return _open("file", {"path": "alerts.jsonl"})


class TestApprise(_Json, ChannelContract):
    secrets = (_CANARY,)

    def channel(self) -> Channel:
        return _open("apprise", {"url": f"json://u:{_CANARY}@hook.example.org/{_CANARY}"})


_CONTRACTS: list[type[ChannelContract]] = [
    TestConsole,
    TestWebhook,
    TestEmail,
    TestSlack,
    TestTeams,
    TestDiscord,
    TestFile,
    TestApprise,
]


def test_every_channel_has_its_contract_test() -> None:
    """A channel cannot be registered without passing the contract."""
    tested = {contract().channel().kind for contract in _CONTRACTS}

    assert tested == set(CHANNELS)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("contract", _CONTRACTS)
def test_every_code_point_in_every_text_field(contract: type[ChannelContract]) -> None:
    """All 1,114,112 code points: every message is built and can be read back."""
    suite = contract()
    channel = suite.channel()
    for chunk in texts_of(range(0x110000)):
        suite.decoded(channel.compose(with_text(make_story_alert(), chunk), suite.recipient()))


class TestOneOfEach:
    """The factories themselves."""

    subjects: ClassVar = {"story", "digest", "operations", "test"}

    def test_there_is_one_alert_of_each_subject(self) -> None:
        """The contract looks at all four subjects."""
        assert {alert.subject for alert in one_of_each()} == self.subjects
