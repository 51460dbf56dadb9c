"""E-mail over a real SMTP server: TLS, passwords, one mail each, and what each reply means."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from monitor.errors import ChannelPaused, DeliveryError, PermanentDeliveryError
from monitor.model import AlertId
from monitor.notify import CHANNELS, Tools
from monitor.notify.email import EmailChannel, EmailSettings
from monitor.notify.http import post
from monitor.notify.smtp import Deadlines
from monitor.testing import NOW, SUMMARY, TITLE, URL, make_story_alert

Serve = Callable[[Any], contextlib.AbstractAsyncContextManager[int]]
TOOLS = Tools(post=post, public_url="https://monitor.example.org", domain="m.example.org")
DESK, HEAD = "desk@example.org", "head@example.org"


def channel(smtp: str, **settings: Any) -> EmailChannel:
    """Return the channel of two recipients."""
    given = {"to": [DESK, HEAD], "from": "monitor <monitor@example.org>", "smtp": smtp} | settings
    return EmailChannel("desk", EmailSettings.model_validate(given), TOOLS)


def send(desk: EmailChannel, to: str = DESK, **changes: Any) -> None:
    """Compose and send a story to one recipient."""
    message = desk.compose(make_story_alert(**changes), to)
    asyncio.run(desk.send(message, to, NOW))


def test_mail_arrives_over_starttls_with_a_password(mailbox: Any) -> None:
    """The bytes composed are the bytes taken, once for each recipient."""
    desk = channel(mailbox.url, ca_file=mailbox.ca_file)

    for to in desk.recipients():
        send(desk, to)

    assert [(sender, to) for sender, to, _ in mailbox.taken] == [
        ("monitor@example.org", DESK),
        ("monitor@example.org", HEAD),
    ]
    assert mailbox.taken[0][2] == desk.compose(make_story_alert(), DESK).body


def test_mail_arrives_over_implicit_tls(tls_mailbox: Any) -> None:
    """`smtps://` is encrypted from the first byte."""
    desk = channel(tls_mailbox.url.replace("smtp://", "smtps://"), ca_file=tls_mailbox.ca_file)

    send(desk)

    assert len(tls_mailbox.taken) == 1


def test_headers_let_mail_programs_thread_filter_and_stay_silent(mailbox: Any) -> None:
    """Message-ID, Date, List-Id, Auto-Submitted and the story's own headers are there."""
    send(channel(mailbox.url, ca_file=mailbox.ca_file))

    [mail] = mailbox.read()
    assert mail["subject"] == f"[CRITICAL] Veto: {TITLE}"
    assert mail["from"] == "monitor <monitor@example.org>"
    assert mail["to"] == DESK
    assert mail["date"].datetime == NOW
    assert mail["message-id"].startswith("<a-test.")
    assert mail["message-id"].endswith("@m.example.org>")
    assert mail["list-id"] == "<veto.m.example.org>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["x-auto-response-suppress"] == "All"
    assert (mail["x-monitor-story"], mail["x-monitor-rules"]) == ("s-test", "veto")
    assert (mail["in-reply-to"], mail["references"]) == (None, None)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    text, html = (part.get_content() for part in mail.iter_parts())
    assert URL in text
    assert URL in html
    assert SUMMARY.split("vetoed")[0] in html


def test_a_later_alert_answers_the_first_mail_to_the_same_recipient(mailbox: Any) -> None:
    """Mail programs show a story as one thread, whoever reads it."""
    desk = channel(mailbox.url, ca_file=mailbox.ca_file)
    for to in (DESK, HEAD):
        send(desk, to)
        send(desk, to, id="a-later", thread_id=AlertId("a-test"))

    first, later, first_head, later_head = mailbox.read()
    assert later["references"] == later["in-reply-to"] == first["message-id"]
    assert later_head["references"] == first_head["message-id"] != first["message-id"]
    assert later["message-id"] != first["message-id"]
    assert later["subject"] == f"Update: {first['subject']}"


def test_a_refused_recipient_does_not_disturb_the_others(mailbox: Any) -> None:
    """One address is dead, the other's mail arrives."""
    desk = channel(mailbox.url, ca_file=mailbox.ca_file)
    mailbox.rcpt = {DESK: "550 5.1.1 no such user"}

    with pytest.raises(PermanentDeliveryError, match="550"):
        send(desk, DESK)
    send(desk, HEAD)

    assert [to for _, to, _ in mailbox.taken] == [HEAD]


def test_nothing_is_sent_when_starttls_is_missing(open_mailbox: Any) -> None:
    """A stripped STARTTLS stops the channel, not the encryption."""
    with pytest.raises(ChannelPaused, match="no STARTTLS"):
        send(channel(f"smtp://localhost:{open_mailbox.port}"))

    assert open_mailbox.taken == []


def test_clear_text_is_sent_where_the_settings_say_so(open_mailbox: Any) -> None:
    """A relay on the same machine needs no TLS."""
    send(channel(f"smtp://localhost:{open_mailbox.port}", tls="off"))

    assert len(open_mailbox.taken) == 1


def test_a_certificate_of_nobody_known_is_not_accepted(mailbox: Any) -> None:
    """Without the authority's file nothing is sent, and the channel's pause alarms at once."""
    with pytest.raises(ChannelPaused, match=r"(?i)certificate"):
        send(channel(mailbox.url))

    assert mailbox.taken == []


def test_a_wrong_password_pauses_the_channel(mailbox: Any) -> None:
    """535 is the operator's matter; the password is not in the message."""
    mailbox.password = b"changed"

    with pytest.raises(ChannelPaused, match="535") as caught:
        send(channel(mailbox.url, ca_file=mailbox.ca_file))

    assert "s3cret" not in str(caught.value)


def test_a_passing_failure_of_authentication_is_tried_again(mailbox: Any) -> None:
    """454 passes with time."""
    mailbox.auth_failure = "454 4.7.0 Temporary authentication failure"

    with pytest.raises(DeliveryError, match="454") as caught:
        send(channel(mailbox.url, ca_file=mailbox.ca_file))

    assert type(caught.value) is DeliveryError


def test_a_server_without_authentication_pauses_a_channel_with_a_password(
    open_mailbox: Any,
) -> None:
    """A password that nobody asks for is a mistake in the settings."""
    with pytest.raises(ChannelPaused, match="no authentication"):
        send(channel(f"smtp://u:p@localhost:{open_mailbox.port}", tls="off"))


@pytest.mark.parametrize(
    ("where", "reply", "expected"),
    [
        pytest.param("mail", "451 4.3.0 later", DeliveryError, id="sender-later"),
        pytest.param("mail", "550 5.7.1 not you", ChannelPaused, id="sender-refused"),
        pytest.param("mail", "530 5.7.0 log in first", ChannelPaused, id="not-logged-in"),
        pytest.param("rcpt", "450 4.7.1 greylisted", DeliveryError, id="greylisted"),
        pytest.param("rcpt", "421 4.3.2 closing", DeliveryError, id="closing"),
        pytest.param("rcpt", "550 5.1.1 nobody", PermanentDeliveryError, id="nobody"),
        pytest.param("rcpt", "530 5.7.0 log in first", ChannelPaused, id="rcpt-not-logged-in"),
        pytest.param("data", "452 4.3.1 disk full", DeliveryError, id="disk-full"),
        pytest.param("data", "421 4.3.2 closing", DeliveryError, id="closing-after-data"),
        pytest.param("data", "552 5.3.4 too big", PermanentDeliveryError, id="too-big"),
        pytest.param("data", "554 5.7.1 spam", PermanentDeliveryError, id="spam"),
    ],
)
def test_each_reply_has_its_meaning(
    mailbox: Any, where: str, reply: str, expected: type[DeliveryError]
) -> None:
    """4yz is tried again; 5yz kills the recipient or the mail; a refused sender stops all."""
    script: Any = {DESK: reply} if where == "rcpt" else [reply]
    setattr(mailbox, where, script)

    with pytest.raises(DeliveryError, match=reply[:3]) as caught:
        send(channel(mailbox.url, ca_file=mailbox.ca_file))

    assert type(caught.value) is expected
    assert caught.value.code == int(reply[:3])
    assert mailbox.taken == []


def test_a_greylisting_server_is_given_five_minutes(mailbox: Any) -> None:
    """450 at once again would be refused again."""
    mailbox.rcpt = {DESK: "450 4.7.1 greylisted"}

    with pytest.raises(DeliveryError) as caught:
        send(channel(mailbox.url, ca_file=mailbox.ca_file))

    assert caught.value.retry_after == timedelta(minutes=5)


QUICK = Deadlines(connect_s=0.3, command_s=0.3, final_dot_s=0.3)


@pytest.mark.parametrize(
    ("script", "expected", "says"),
    [
        pytest.param({"greeting": b"..."}, DeliveryError, "connect", id="never-greets"),
        pytest.param({"greeting": b""}, DeliveryError, "connect", id="hangs-up-at-once"),
        pytest.param({"greeting": b"421 busy"}, DeliveryError, "421", id="busy"),
        pytest.param({"greeting": b"554 not you"}, ChannelPaused, "554", id="unwelcome"),
        pytest.param(
            {"replies": {b"MAIL": b"..."}}, DeliveryError, "MAIL FROM", id="never-answers-a-command"
        ),
        pytest.param({"replies": {b"DATA": b"451 no"}}, DeliveryError, "DATA: 451", id="no-data"),
        pytest.param(
            {"replies": {b"DATA": b"554 no"}}, PermanentDeliveryError, "554", id="data-refused"
        ),
        pytest.param({"end": b""}, DeliveryError, "final dot", id="lost-after-the-final-dot"),
        pytest.param({"end": b"..."}, DeliveryError, "final dot", id="silent-after-the-final-dot"),
        pytest.param({"end": b"354 what"}, DeliveryError, "354", id="nonsense-after-the-final-dot"),
        pytest.param({"end": b"hello"}, DeliveryError, "final dot", id="no-smtp-at-all"),
    ],
)
def test_a_server_that_misbehaves_is_tried_again(
    serve_raw: Serve,
    smtp_script: Callable[..., Any],
    script: dict[str, Any],
    expected: type[DeliveryError],
    says: str,
) -> None:
    """Every step has its deadline; where the outcome is unknown the same mail is tried again."""

    async def attempt() -> None:
        async with serve_raw(smtp_script(**script)) as port:
            settings = EmailSettings.model_validate(
                {"to": DESK, "smtp": f"smtp://127.0.0.1:{port}", "tls": "off"}
            )
            desk = EmailChannel("desk", settings, TOOLS, deadlines=QUICK)
            await desk.send(desk.compose(make_story_alert(), DESK), DESK, NOW)

    with pytest.raises(DeliveryError, match=says) as caught:
        asyncio.run(attempt())

    assert type(caught.value) is expected


def test_a_server_that_drops_the_line_after_accepting_has_accepted(
    serve_raw: Serve, smtp_script: Callable[..., Any]
) -> None:
    """How the server says goodbye does not matter once the mail is taken."""

    async def attempt() -> None:
        async with serve_raw(smtp_script(replies={b"QUIT": b""})) as port:
            desk = channel(f"smtp://127.0.0.1:{port}", tls="off")
            await desk.send(desk.compose(make_story_alert(), DESK), DESK, NOW)

    asyncio.run(attempt())


def test_nobody_listens() -> None:
    """A refused connection is tried again."""
    with pytest.raises(DeliveryError, match="connect"):
        send(channel("smtp://127.0.0.1:1", tls="off"))


def test_lines_that_begin_with_a_dot_arrive_whole(open_mailbox: Any) -> None:
    """SMTP's dot stuffing loses nothing."""
    desk = channel(f"smtp://localhost:{open_mailbox.port}", tls="off")
    message = desk.compose(make_story_alert(title=".\n..a"), DESK)
    dotted = type(message)(id=message.id, body=message.body + b".\r\n..x\r\n.y\r\n")

    asyncio.run(desk.send(dotted, DESK, NOW))

    assert open_mailbox.taken[0][2] == dotted.body


def test_the_registry_opens_the_same_channel(mailbox: Any) -> None:
    """What the service builds from settings sends as well."""
    kind = CHANNELS["email"]
    settings = kind.settings.model_validate(
        {"to": DESK, "smtp": mailbox.url, "ca_file": mailbox.ca_file}
    )
    desk = kind.build("desk", settings, TOOLS)

    asyncio.run(desk.send(desk.compose(make_story_alert(), DESK), DESK, NOW))

    assert mailbox.taken[0][0] == "monitor@m.example.org"
