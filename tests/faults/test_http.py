"""Hooks that refuse, delay, redirect, vanish and come back (F19, F20, F24-F29, F38)."""

import asyncio
import base64
import json
import time
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from monitor.alerts.route import Route
from monitor.notify import Tools
from monitor.notify.webhook import WEBHOOK, WebhookSettings
from monitor.pipeline import decide_due, poll_source
from monitor.steps.circuit import LEASE
from monitor.steps.watch import Watch
from tests.faults.conftest import Lane, deliver, deliver_for, proxied, put, rows, states

# What section 2 of the promise says of each status: the row after one try, and after all of them.
_TABLE = {
    **dict.fromkeys((200, 201, 202, 204), ("sent", "sent")),
    **dict.fromkeys((301, 302, 307, 308), ("dead", "dead")),
    **dict.fromkeys((400, 404, 405, 413, 415, 422), ("retry", "dead")),
    **dict.fromkeys((401, 403, 410), ("paused", "pending")),
    **dict.fromkeys((408, 425, 429, 500, 502, 503, 504), ("retry", "dead")),
}


@pytest.mark.parametrize("status", _TABLE)
def test_f24_what_becomes_of_a_row_by_status(lane: Lane, status: int) -> None:
    """Accepted; looked at twice; refused; the channel paused; tried for four days, then dead."""
    lane.kit.hook.status = lambda count: status
    first, last = _TABLE[status]

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "hook")
        results = await deliver(watch, lane.kit, "hook")
        results += await deliver_for(watch, lane.kit, "hook", tries=25)
        return results, await states(watch)

    results, found = lane.run(work)

    assert results[0] == first
    assert found == {last: 1}
    if status >= 500 or status in (408, 425, 429):
        assert len(results) == 13, "twelve waits of about four days, then dead"
    elif status in (400, 404, 405, 413, 415, 422):
        assert results == ["retry", "dead"]
    elif first != "paused":
        assert len(results) == 1


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("120", timedelta(seconds=120), timedelta(seconds=121)),
        ("DATE", timedelta(minutes=9, seconds=58), timedelta(minutes=10, seconds=2)),
        ("1", timedelta(seconds=4), timedelta(seconds=6)),
        ("99999999999999", timedelta(hours=24), timedelta(hours=24)),
        ("-100", timedelta(seconds=4), timedelta(seconds=6)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", timedelta(seconds=4), timedelta(seconds=6)),
        ("soon", timedelta(seconds=4), timedelta(seconds=6)),
    ],
)
def test_f25_retry_after_is_a_floor_of_at_most_a_day(
    lane: Lane, value: str, least: timedelta, most: timedelta
) -> None:
    """Seconds, a date, absurd, negative, garbage: the next try lies where it may."""
    at = lane.kit.now
    header = format_datetime(at + timedelta(minutes=10), usegmt=True) if value == "DATE" else value
    hook = lane.kit.hook

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "hook")
        hook.status = lambda count: 503
        hook.extra = {"retry-after": header}
        await deliver(watch, lane.kit, "hook")
        return await watch.read(lambda tx: tx.outbox.next_due())

    due = lane.run(work)

    assert least <= due - at <= most


def test_f26_a_hook_that_is_gone_disables_its_channel_and_keeps_the_rows(lane: Lane) -> None:
    """410: one try of the lane, one alarm, nothing more for hours, everything replayable."""
    lane.kit.hook.status = lambda count: 410

    async def work(watch: Watch) -> Any:
        await put(watch, 20, "hook")
        await deliver(watch, lane.kit, "hook")
        alarms = (await decide_due(watch, lane.kit.now)).alarms
        lane.kit.now += timedelta(hours=5)
        await deliver(watch, lane.kit, "hook")
        tried = len(lane.kit.hook.posts())
        lane.kit.hook.status = lambda count: 200
        lane.kit.now += timedelta(hours=2)
        await deliver(watch, lane.kit, "hook")
        return alarms, tried, (await states(watch))["sent"]

    alarms, tried, sent = lane.run(work)

    [alarm] = alarms
    assert "hook is refused; 20 messages" in alarm
    assert tried <= 4
    assert sent == 20


def test_f27_a_redirect_to_a_metadata_address_is_not_followed(lane: Lane) -> None:
    """302 elsewhere, and inwards: one POST, no GET, the row is dead and says why."""
    for target in ("http://169.254.169.254/latest/meta-data", f"{lane.kit.feeds.url}/inside"):
        lane.kit.hook.status = lambda count: 302
        lane.kit.hook.extra = {"location": target}

        async def work(watch: Watch) -> Any:
            await put(watch, 1, "hook", first=len(lane.kit.hook.posts()))
            await deliver(watch, lane.kit, "hook")
            return (await rows(watch))[-1]

        row = lane.run(work)

        assert row["state"] == "dead"
        assert "redirects are not followed" in row["error"]
    assert lane.kit.feeds.requests == []
    assert len(lane.kit.hook.posts()) == 2


def test_f28_signatures_hold_and_tampering_is_noticed(lane: Lane) -> None:
    """The independent verifier takes either secret of a rotation, and no changed body or id."""
    old, new = ("whsec_" + base64.b64encode(bytes([letter]) * 32).decode() for letter in b"on")

    def channels(tools: Tools) -> Any:
        settings = WebhookSettings(
            url=SecretStr(f"{lane.kit.hook.url}/hook"), secret=(SecretStr(new), SecretStr(old))
        )
        return {"hook": WEBHOOK.build("hook", settings, tools)}

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "hook")
        lane.kit.now = _real_now()
        return await deliver(watch, lane.kit, "hook")

    assert lane.kit.run([], work, channels=channels, ops_channels=(), digest_channels=()) == [
        "sent"
    ]
    [(headers, body)] = lane.kit.hook.posts()
    for secret in (old, new):
        Webhook(secret).verify(body, headers)
        for broken in (
            (body + b" ", headers),
            (body, {**headers, "webhook-id": "a-other"}),
            (body, {**headers, "webhook-timestamp": "1000000000"}),
        ):
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(*broken)


def _real_now() -> Any:
    from monitor.engine.clock import utc_now

    return utc_now()


@pytest.mark.parametrize(
    "count", [60, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
def test_f29_a_hook_that_is_down_for_a_day_is_not_hammered_and_then_gets_all(
    lane: Lane, count: int
) -> None:
    """Tries are few however many rows wait; afterwards all arrive once, the untried in order."""
    hook = lane.kit.hook
    hook.status = lambda number: 503

    async def work(watch: Watch) -> Any:
        await put(watch, count, "hook")
        ends = lane.kit.now + timedelta(days=1)
        while lane.kit.now < ends:
            await deliver(watch, lane.kit, "hook")
            lane.kit.now += timedelta(minutes=1)
        tried = len(hook.posts())
        hook.status = lambda number: 200
        lane.kit.now += timedelta(hours=1)
        began = time.monotonic()
        await deliver_for(watch, lane.kit, "hook", tries=40)
        return tried, time.monotonic() - began, await rows(watch)

    tried, took, found = lane.run(work)

    print(f"F29: {count} rows, {tried} tries in a day, drained in {took:.1f} s")
    assert tried <= 70
    assert {row["state"] for row in found} == {"sent"}
    posts = [headers["webhook-id"] for headers, _ in hook.posts()[tried:]]
    assert len(posts) == len(set(posts)) == count
    untried = [row["message_id"] for row in found if len(row["tries"]) == 1]
    order = [posts.index(name) for name in untried] if count < 1000 else []
    assert all(later > earlier - 4 for earlier, later in pairwise(order))
    assert len(untried) >= count - tried


@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_f19_f20_a_hook_that_hangs_delays_no_other_channel(
    lane: Lane, open_mailbox: Any, mode: str
) -> None:
    """Five hundred mails are gone before the hung hook's first time-out."""
    timeout_s = 20.0
    count = 500
    lane.mail_url, lane.tls = f"smtp://127.0.0.1:{open_mailbox.port}", "off"
    with proxied(0, mode=mode) as proxy:
        lane.kit.hook.url = f"http://127.0.0.1:{proxy.port}"

        async def work(watch: Watch) -> Any:
            await put(watch, count, "desk", "hook")
            hung = asyncio.create_task(deliver(watch, lane.kit, "hook"))
            began = time.monotonic()
            sent = await deliver(watch, lane.kit, "desk")
            took = time.monotonic() - began
            still = not hung.done()
            hung.cancel()
            await asyncio.gather(hung, return_exceptions=True)
            return sent, took, still

        sent, took, still = lane.run(work)

    print(f"isolation: {count} mails in {took:.1f} s beside a channel that {mode}s")
    assert sent == ["sent"] * count
    assert len(open_mailbox.taken) == count
    assert still, "the other channel's first try has not even timed out"
    assert took < timeout_s


def test_f38_a_dead_letter_is_told_on_another_channel_and_replayed_with_its_id(
    lane: Lane, mailbox: Any
) -> None:
    """550 kills the mail, the hook hears of it; `retry` sends the same id and bytes."""
    lane.mail_url, lane.ca_file = mailbox.url, mailbox.ca_file
    mailbox.rcpt = {"desk@example.org": "550 5.1.1 no such user"}

    async def work(watch: Watch) -> Any:
        await put(watch, 1, "desk")
        await deliver(watch, lane.kit, "desk")
        await decide_due(watch, lane.kit.now)
        await deliver(watch, lane.kit, "hook")
        before = (await rows(watch))[0]
        mailbox.rcpt = {}
        await watch.write(lambda tx: tx.outbox.retry([before["id"]], lane.kit.now))
        await deliver(watch, lane.kit, "desk")
        return before, (await rows(watch))[0]

    before, after = lane.run(work)

    assert (before["state"], after["state"]) == ("dead", "sent")
    [(_, told)] = lane.kit.hook.posts()
    assert "delivery.dead" in json.loads(told)["type"]
    [(_, _, content)] = mailbox.taken
    assert (
        content.replace(b"\r\n", b"\n").rstrip() == before["body"].replace(b"\r\n", b"\n").rstrip()
    )
    assert before["message_id"].encode() in content


def test_f35_a_rule_that_is_edited_between_tries_changes_no_byte(kit: Any) -> None:
    """Bytes are frozen when the alert is made; neither rules nor routes reach them later."""
    kit.feeds.put("/a.xml", kit.rss(("Russia vetoes UN Security Council text", "Thirteen.")))
    source = kit.source("a")
    kit.hook.status = lambda count: 503 if count == 1 else 200

    async def first(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        return await deliver(watch, kit, "hook")

    async def second(watch: Watch) -> Any:
        kit.now += timedelta(hours=1)
        return await deliver(watch, kit, "hook")

    assert kit.run([source], first) == ["retry"]
    kit.rules = kit.rules.replace("title: Veto", "title: Another title").replace("critical", "low")
    assert kit.run([source], second, routes=(Route(send=("hook",)),)) == ["sent"]

    (headers_1, body_1), (headers_2, body_2) = kit.hook.posts()
    assert body_1 == body_2
    assert headers_1["webhook-id"] == headers_2["webhook-id"]


def test_f29_a_channel_that_takes_nothing_is_told_on_another_one_once(
    lane: Lane, open_mailbox: Any
) -> None:
    """After a quarter of an hour of failures the mailbox hears of the hook; rows die much later."""
    lane.mail_url, lane.tls = f"smtp://127.0.0.1:{open_mailbox.port}", "off"
    lane.kit.hook.status = lambda count: 503

    async def work(watch: Watch) -> Any:
        await put(watch, 30, "hook")
        alarms = []
        for minute in range(60):
            await deliver(watch, lane.kit, "hook")
            for title in (await decide_due(watch, lane.kit.now)).alarms:
                alarms.append((minute, title))
            lane.kit.now += timedelta(minutes=1)
        await deliver(watch, lane.kit, "desk")
        return alarms

    [(minute, title)] = lane.run(work)

    assert 14 <= minute <= 20
    assert "hook takes nothing; 30 messages" in title
    [(_, _, mail)] = open_mailbox.taken
    assert b"503" in mail


def test_a_channel_that_was_removed_after_a_crash_leaves_no_row_behind(lane: Lane) -> None:
    """What its sender held when it died ends as dead with the reason, at the next start."""
    now = lane.kit.now

    async def first(watch: Watch) -> Any:
        await put(watch, 1, "hook")
        return await watch.write(lambda tx: tx.outbox.claim("hook", now, LEASE, 1))

    async def second(watch: Watch) -> Any:
        return await rows(watch)

    lane.run(first)
    [row] = lane.kit.run(
        [], second, channels=lambda tools: {}, routes=(), ops_channels=(), digest_channels=()
    )

    assert (row["state"], row["error"]) == ("dead", "channel was removed")
