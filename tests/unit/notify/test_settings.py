"""Settings of channels: what is wrong is said, what is secret is not."""

import base64
from collections.abc import Mapping
from typing import Any

import pydantic
import pytest

from monitor.notify import CHANNELS
from monitor.notify.email import EmailSettings

TO = {"to": "desk@example.org"}
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


def settings(kind: str, given: Mapping[str, Any]) -> Any:
    """Return the settings of a kind of channel."""
    return CHANNELS[kind].settings.model_validate(given)


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        ("console", {"colour": "yes"}, "Extra inputs"),
        ("webhook", {}, "Field required"),
        ("webhook", {"url": "ftp://CANARY"}, "no web address"),
        ("webhook", {"url": "https://"}, "no web address"),
        ("webhook", {"url": "https://[CANARY"}, "no web address"),
        ("webhook", {"url": "https://h:99999/CANARY"}, "no web address"),
        ("webhook", {"url": "https://h", "secret": "CANARY!"}, "no signing secret"),
        ("webhook", {"url": "https://h", "secret": "whsec_CANARY"}, "no signing secret"),
        ("webhook", {"url": "https://h", "secret": [SECRET, "CANARY"]}, "no signing secret"),
        ("webhook", {"url": "https://h", "secret": "whsec_" + "A" * 88}, "no signing secret"),
        ("webhook", {"url": "https://h", "format": "CANARY"}, "Input should be 'cloudevents'"),
        ("slack", {"url": "CANARY"}, "no web address"),
        ("teams", {"url": "CANARY"}, "no web address"),
        ("discord", {"url": "CANARY"}, "no web address"),
        ("file", {}, "Field required"),
        ("email", TO, "Field required"),
        ("email", TO | {"smtp": "CANARY"}, "no mail server"),
        ("email", TO | {"smtp": "smtp://u:CANARY/x@h"}, "no mail server"),
        ("email", TO | {"smtp": "smtp://h:0"}, "no mail server"),
        ("email", {"to": [], "smtp": "smtp://h"}, "at least 1 item"),
        ("email", {"to": ["a@b.example", "nobody"], "smtp": "smtp://h"}, "no mail address"),
        ("email", {"to": "a@b.example>\r\nRCPT TO:<x@y", "smtp": "smtp://h"}, "no mail address"),
        ("email", {"to": "böse@b.example", "smtp": "smtp://h"}, "no mail address"),
        ("email", TO | {"smtp": "smtp://h", "from": "nobody"}, "no sender"),
        ("email", TO | {"smtp": "smtp://h", "from": "a\nBcc: x <a@b.example>"}, "no sender"),
        ("email", TO | {"smtp": "smtps://h", "tls": "off"}, "always encrypted"),
        ("email", TO | {"smtp": "smtp://u:CANARY@h", "tls": "off"}, "in clear text"),
        ("email", TO | {"smtp": "smtp://h", "tls": "maybe"}, "Input should be"),
    ],
)
def test_what_is_wrong_is_said_without_the_value(
    kind: str, given: Mapping[str, Any], says: str
) -> None:
    """An operator can mend it; a log reader learns no secret."""
    with pytest.raises(pydantic.ValidationError, match=says) as caught:
        settings(kind, given)

    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "host", "port", "user", "password"),
    [
        ({"smtp": "smtps://u:p%40%2F@h"}, "h", 465, "u", "p@/"),
        ({"smtp": "smtp://h"}, "h", 587, "", ""),
        ({"smtp": "smtp://h:25"}, "h", 25, "", ""),
        ({"smtp": "smtp://h", "user": "u@d", "password": "p:/@"}, "h", 587, "u@d", "p:/@"),
        ({"smtp": "smtp://x:y@[::1]:2525", "password": "z"}, "::1", 2525, "x", "z"),
    ],
)
def test_the_mail_server_is_read_from_the_url(
    given: dict[str, str], host: str, port: int, user: str, password: str
) -> None:
    """Percent-encoding is undone, ports have their defaults, own keys win."""
    server = EmailSettings.model_validate(TO | given).server()

    assert (server.host, server.port, server.user, server.password) == (host, port, user, password)
    assert server.encrypt
    assert not password or password not in repr(server)


def test_a_password_may_travel_in_clear_to_this_machine() -> None:
    """A relay on loopback needs no TLS."""
    assert settings("email", TO | {"smtp": "smtp://u:p@localhost", "tls": "off"})


def test_every_channel_prints_its_schema() -> None:
    """Editors complete settings; one text or a list are both fine where many are allowed."""
    for kind in CHANNELS.values():
        assert kind.settings.model_json_schema()["additionalProperties"] is False
    to = EmailSettings.model_json_schema()["properties"]["to"]
    assert {each["type"] for each in to["anyOf"]} == {"string", "array"}
