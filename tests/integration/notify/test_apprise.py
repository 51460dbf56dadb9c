"""The channel that hands over to Apprise, against a real HTTP server: what arrives, what fails."""

import asyncio
import builtins
import io
import json
import logging
import socket
from typing import Any

import pytest
from pydantic import ValidationError

from monitor.errors import ChannelPaused, DeliveryError, PermanentDeliveryError
from monitor.notify import CHANNELS, Channel, Tools
from monitor.notify.apprise import LONGEST, _without
from monitor.notify.http import post
from monitor.testing import NOW, make_story_alert, one_of_each

KEY = "k3y-of-the-receiver"


def channel(url: str) -> Channel:
    """Return a channel as the service builds it."""
    kind = CHANNELS["apprise"]
    tools = Tools(post=post, domain="m.example.org")
    return kind.build("phone", kind.settings.model_validate({"url": url}), tools)


def address(receiver: Any) -> str:
    """Return the receiver's address as Apprise's JSON service writes it, with a key."""
    return str(receiver.url.replace("http://", "json://")) + f"/{KEY}"


def send(phone: Channel) -> None:
    """Send the alert of a story."""
    asyncio.run(phone.send(phone.compose(make_story_alert(), ""), "", NOW))


def test_a_story_arrives_with_its_id(receiver: Any) -> None:
    """Title, text and type; the last line is the alert's id, the same in every repeat."""
    phone = channel(address(receiver))
    send(phone)
    send(phone)

    [(path, _, first), (_, _, second)] = receiver.got
    told = json.loads(first)
    assert path == f"/{KEY}"
    assert told["type"] == "failure"
    assert told["title"].startswith("[CRITICAL] ")
    assert told["message"].splitlines()[-1] == "id: a-test"
    assert first == second


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, ChannelPaused),
        (403, ChannelPaused),
        (404, ChannelPaused),
        (400, PermanentDeliveryError),
        (302, PermanentDeliveryError),
        (429, DeliveryError),
        (500, DeliveryError),
    ],
)
def test_what_a_status_means(receiver: Any, status: int, error: type[DeliveryError]) -> None:
    """As for every channel that posts; no error holds the address, redirects are not taken."""
    receiver.replies = [(status, {"location": f"{receiver.url}/elsewhere"}, KEY.encode())]

    with pytest.raises(error) as caught:
        send(channel(address(receiver)))

    assert type(caught.value) is error
    assert KEY not in str(caught.value)
    assert str(status) in str(caught.value)
    assert len(receiver.got) == 1


def test_nobody_there_is_tried_again() -> None:
    """A refused connection; the library's own log lines, which hold the address, stay with us."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)

    with pytest.raises(DeliveryError, match="not sent") as caught:
        send(channel(f"json://127.0.0.1:{port}/{KEY}"))

    logging.getLogger().removeHandler(handler)
    assert type(caught.value) is DeliveryError
    assert KEY not in str(caught.value) + heard.getvalue()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("bogus://x", "no address that Apprise knows"),
        ("ntfys://ntfy.sh/a,b", "2 requests"),
        ("json://h/x?retry=2", "3 requests"),
    ],
    ids=["unknown", "two-receivers", "retries"],
)
def test_an_address_that_cannot_work_is_refused(url: str, said: str) -> None:
    """One channel is one receiver: what failed is repeated alone."""
    with pytest.raises(ValidationError, match=said):
        channel(url)


def test_a_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As an error of the configuration, with the command."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(ValidationError, match=r"pip install 'sanctions-monitor\[apprise\]'"):
        channel("json://h/x")


@pytest.mark.parametrize(
    ("url", "most"),
    [("json://h/x", LONGEST), ("pover://user@token", 1024), ("bulksms://u:pass@+15551234567", 160)],
    ids=["any", "pushover", "sms"],
)  # fmt: skip
def test_every_alert_fits_the_service(url: str, most: int) -> None:
    """Shortened by us, the id kept: the library would split it or cut the end."""
    phone = channel(url)
    for alert in one_of_each():
        told = json.loads(phone.compose(alert, "").body)

        assert len(told["title"]) + 1 + len(told["body"]) <= most
        assert told["body"].endswith(f"id: {alert.id}")


def test_no_part_of_an_address_is_told() -> None:
    """A bot's token stands where others have a host."""
    text = _without("Failed at 123456:abcdef for %40room", "tgram://123456:abcdef/%40room/?x=1")

    assert text == "Failed at ***:*** for ***"
