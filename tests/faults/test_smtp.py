"""Mail servers that refuse, delay, hang up, lie and are not who they say (F12-F23)."""

import asyncio
import email
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from monitor.notify.smtp import Deadlines
from monitor.pipeline import decide_due
from monitor.steps.watch import Watch
from tests.faults.conftest import (
    Lane,
    deliver,
    deliver_for,
    proxied,
    put,
    rows,
    states,
    talking,
)
from tests.integration.notify.conftest import Mailbox, _served


def _at(lane: Lane, box: Any) -> Lane:
    lane.mail_url, lane.ca_file = box.url, box.ca_file
    return lane


def test_f12_greylisting_three_times_is_one_mail(lane: Lane, mailbox: Any) -> None:
    """450 means later, five minutes at least; then exactly one mail arrives."""
    lane = _at(lane, mailbox)
    began = lane.kit.now
    replies = ["450 4.7.1 greylisted"] * 3
    mailbox.rcpt = _Scripted(replies)

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "desk")
        return await deliver_for(watch, lane.kit, "desk")

    assert lane.run(work) == ["retry", "retry", "retry", "sent"]
    assert len(mailbox.taken) == 1
    assert lane.kit.now - began >= timedelta(minutes=15)


class _Scripted(dict[str, str]):
    """Replies to RCPT, consumed one by one, whoever the recipient is."""

    def __init__(self, replies: list[str]) -> None:
        super().__init__()
        self.replies = replies

    def __contains__(self, address: object) -> bool:
        return bool(self.replies)

    def __getitem__(self, address: str) -> str:
        return self.replies.pop(0)


@pytest.mark.parametrize(
    ("reply", "end"),
    [("550 5.1.1 no such user", "dead"), ("450 4.2.0 mailbox busy", "sent")],
    ids=["f13", "f14"],
)
def test_f13_f14_one_of_two_recipients_is_refused(
    lane: Lane, mailbox: Any, reply: str, end: str
) -> None:
    """The other one gets exactly one mail; the refused row dies, the delayed one arrives once."""
    lane = _at(lane, mailbox)
    lane.to = ("good@example.org", "bad@example.org")
    mailbox.rcpt = {"bad@example.org": reply}

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "desk")
        await deliver(watch, lane.kit, "desk")
        mailbox.rcpt = {}
        await deliver_for(watch, lane.kit, "desk")
        return {row["recipient"]: row["state"] for row in await rows(watch)}

    assert lane.run(work) == {"good@example.org": "sent", "bad@example.org": end}
    arrived = [to for _, to, _ in mailbox.taken]
    assert arrived.count("good@example.org") == 1
    assert arrived.count("bad@example.org") == (end == "sent")


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        ("451 4.3.0 later", "sent"),
        ("552 5.3.4 too big", "dead"),
        ("554 5.6.0 refused", "dead"),
        ("421 4.3.2 shutting down", "sent"),
    ],
    ids=["451", "552", "554", "421"],
)
def test_f15_f16_replies_after_the_final_dot(
    lane: Lane, mailbox: Any, reply: str, end: str
) -> None:
    """4yz comes back and arrives once, 5yz is dead at once; 421 rests the whole channel."""
    lane = _at(lane, mailbox)
    mailbox.data = [reply]

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "desk")
        await deliver(watch, lane.kit, "desk")
        circuit = await watch.read(lambda tx: tx.outbox.channel("desk"))
        await deliver_for(watch, lane.kit, "desk")
        return circuit.probe_at is not None, await states(watch)

    rests, found = lane.run(work)

    assert found == {end: 1}
    assert rests == reply.startswith("421")
    assert len(mailbox.taken) == (end == "sent")


def test_f17_a_connection_lost_after_the_final_dot_repeats_the_same_mail(
    lane: Lane, open_mailbox: Any
) -> None:
    """Nobody knows whether it was taken: it goes again, with the same Message-ID and bytes."""
    lane = _at(lane, open_mailbox)
    lane.tls = "off"

    def lose(data: bytes) -> bytes:
        if data.startswith(b"250 queued") and len(open_mailbox.taken) == 1:
            raise ConnectionError  # the server has taken it; its reply is lost
        return data

    with proxied(open_mailbox.port, edit=lose) as proxy:
        lane.mail_url = f"smtp://127.0.0.1:{proxy.port}"

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "desk")
            return await deliver_for(watch, lane.kit, "desk")

        assert lane.run(work) == ["retry", "sent"]
    first, second = (content for *_, content in open_mailbox.taken)
    assert first == second
    assert email.message_from_bytes(first)["message-id"]


@pytest.mark.parametrize(
    ("flags", "result", "code"),
    [
        (("-q", "."), "retry", None),
        (("-f", "."), "dead", 500),
        (("-r", "."), "retry", 450),
        (("-r", "RCPT"), "retry", 450),
        (("-f", "RCPT"), "dead", 500),
        (("-q", "RCPT"), "retry", None),
        (("-f", "MAIL"), "paused", 500),
        ((), "sent", None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_f17_postfix_says_the_same(
    lane: Lane, smtp_sink: Any, flags: tuple[str, ...], result: str, code: int | None
) -> None:
    """An independent server with faults switched on: each means what it should."""
    lane.tls = "off"
    lane.mail_url = f"smtp://127.0.0.1:{smtp_sink(*flags)}"

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "desk")
        return await deliver(watch, lane.kit, "desk"), await rows(watch)

    results, [row] = lane.run(work)

    assert results == [result]
    assert row["tries"][0]["code"] == code


def test_f18_a_slow_answer_to_the_final_dot_is_waited_for(lane: Lane) -> None:
    """A server that scans for longer than any command may take still makes one mail."""
    lane.tls = "off"
    lane.deadlines = Deadlines(connect_s=2, command_s=0.5, final_dot_s=30)
    taken: list[bytes] = []

    with slow(taken, 1.5) as port:
        lane.mail_url = f"smtp://127.0.0.1:{port}"

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "desk")
            return await deliver_for(watch, lane.kit, "desk")

        assert lane.run(work) == ["sent"]
    assert len(taken) == 1
    assert Deadlines().final_dot_s == 600  # RFC 5321 section 4.5.3.2.6


@contextmanager
def slow(taken: list[bytes], pause_s: float) -> Iterator[int]:
    """Serve SMTP that takes a mail and says so late; gives the port."""

    class Box(Mailbox):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
            taken.append(envelope.content)
            await asyncio.sleep(pause_s)
            return "250 queued"

    box = Box(ca_file="")
    with _served(box):
        yield box.port


@pytest.mark.long
@pytest.mark.timeout(200)
def test_f18_ninety_seconds_after_the_final_dot(lane: Lane) -> None:
    """With the deadlines that ship: a reply after a minute and a half, one mail."""
    lane.tls = "off"
    lane.deadlines = Deadlines()
    taken: list[bytes] = []

    with slow(taken, 90) as port:
        lane.mail_url = f"smtp://127.0.0.1:{port}"

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "desk")
            return await deliver_for(watch, lane.kit, "desk")

        assert lane.run(work) == ["sent"]
    assert len(taken) == 1


@pytest.mark.parametrize("mode", ["hang", "drip", "reset"])
def test_f19_f20_a_server_that_hangs_or_drips_is_left_at_the_deadline(
    lane: Lane, mode: str
) -> None:
    """The lane is free within the deadline, and the row comes back."""
    lane.deadlines = Deadlines(connect_s=0.5, command_s=0.5, final_dot_s=1)
    with proxied(0, mode=mode) as proxy:
        lane.mail_url = f"smtp://127.0.0.1:{proxy.port}"

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "desk")
            began = time.monotonic()
            return await deliver(watch, lane.kit, "desk"), time.monotonic() - began

        results, took = lane.run(work)

    assert results == ["retry"]
    assert took < 5


@pytest.mark.parametrize("verb", [b"EHLO", b"MAIL", b"RCPT", b"DATA"], ids=bytes.decode)
def test_f20_a_step_without_an_answer_is_left_at_the_deadline(lane: Lane, verb: bytes) -> None:
    """A greeting, and then silence at any step: a try that failed."""
    lane.tls = "off"
    lane.deadlines = Deadlines(connect_s=0.5, command_s=0.3, final_dot_s=0.3)
    with talking(replies={verb: b"..."}) as port:
        lane.mail_url = f"smtp://127.0.0.1:{port}"

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "desk")
            return await deliver(watch, lane.kit, "desk")

        assert lane.run(work) == ["retry"]


def test_f21_no_byte_of_a_message_goes_out_when_starttls_is_stripped(
    lane: Lane, mailbox: Any
) -> None:
    """A man in the middle takes STARTTLS from the list: the channel pauses, nothing was said."""
    lane = _at(lane, mailbox)

    def strip(data: bytes) -> bytes:
        return data.replace(b"STARTTLS", b"XXXXXXXX")

    with proxied(mailbox.port, edit=strip) as proxy:
        lane.mail_url = f"smtp://desk:s3cret@localhost:{proxy.port}"

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "desk")
            results = await deliver(watch, lane.kit, "desk")
            return results, (await decide_due(watch, lane.kit.now)).alarms, await states(watch)

        results, alarms, found = lane.run(work)

    assert results == ["paused"]
    [alarm] = alarms
    assert "desk is refused; 1 message" in alarm
    assert found["pending"] >= 1
    said = bytes(proxy.seen)
    assert said.upper().startswith(b"EHLO")
    for part in (b"s3cret", b"AUTH", b"MAIL", b"RCPT", b"DATA", b"Subject", b"desk@"):
        assert part not in said


@pytest.mark.parametrize("fault", ["expired", "untrusted", "wrong name"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_f22_a_certificate_that_is_wrong_stops_the_channel_and_alarms(
    lane: Lane, ca_file: str, authority: trustme.CA, fault: str, scheme: str
) -> None:
    """No mail, one alarm on another channel at once; the row waits."""
    signer = trustme.CA() if fault == "untrusted" else authority
    past = datetime(2020, 1, 1, tzinfo=UTC)
    cert = signer.issue_cert(
        "elsewhere.example.org" if fault == "wrong name" else "localhost",
        not_after=past if fault == "expired" else None,
        not_before=past - timedelta(days=9) if fault == "expired" else None,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    box = Mailbox(ca_file=ca_file)

    with _served(box, tls_context=context, require_starttls=scheme == "smtp"):
        port = box.port
        lane.ca_file = ca_file
        with proxied(port, tls=context if scheme == "smtps" else None) as proxy:
            lane.mail_url = f"{scheme}://localhost:{proxy.port}"

            async def work(watch: Watch) -> Any:
                await put(watch, 1, "desk")
                results = await deliver(watch, lane.kit, "desk")
                alarms = (await decide_due(watch, lane.kit.now)).alarms
                await deliver(watch, lane.kit, "hook")
                return results, alarms, [row["state"] for row in await rows(watch)]

            results, alarms, found = lane.run(work)

    assert results == ["paused"]
    [alarm] = alarms
    assert "desk is refused; 1 message" in alarm
    assert found == ["pending", "sent"]
    assert len(lane.kit.hook.posts()) == 1
    assert b"ertificate" in lane.kit.hook.posts()[0][1]
    assert box.taken == []


def test_f23_a_wrong_password_pauses_with_one_alarm_and_loses_nothing(
    lane: Lane, mailbox: Any
) -> None:
    """535: one try for all rows, one alarm; when the password is right all arrive once."""
    lane = _at(lane, mailbox)
    mailbox.password = b"changed"

    async def work(watch: Watch) -> Any:
        await put(watch, 5, "desk")
        first = await deliver(watch, lane.kit, "desk")
        alarms = [*(await decide_due(watch, lane.kit.now)).alarms]
        lane.kit.now += timedelta(hours=1)
        again = await deliver(watch, lane.kit, "desk")
        alarms += (await decide_due(watch, lane.kit.now)).alarms
        mailbox.password = b"s3cret"
        await watch.write(lambda tx: tx.outbox.reopen_channels())
        return first, again, alarms, await deliver_for(watch, lane.kit, "desk")

    first, again, alarms, sent = lane.run(work)

    assert set(first) == {"paused"}
    assert len(first) <= 4
    assert again == []
    assert len(alarms) == 1
    assert sent.count("sent") == len(mailbox.taken) == 5
