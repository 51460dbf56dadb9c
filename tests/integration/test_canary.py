"""The canary on a real database and real receivers: what it tries, leaves, and tells."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from monitor import rules
from monitor.alerts.route import Route
from monitor.errors import DeliveryError, ParseError
from monitor.model import Alert, Message
from monitor.notify import Tools
from monitor.notify.webhook import WEBHOOK, WebhookSettings
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Canary, Watch
from monitor.testing import RecordingChannel

MORNING = datetime(2024, 3, 28, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CANARY = Canary(channels=("perch",), at=time(6, 30), within=timedelta(minutes=30))
_COUNTED = (
    "item",
    "evidence",
    "hit",
    "story",
    "member",
    "decision",
    "near_miss",
    "source",
    "entry",
)


def _channels(perch: RecordingChannel, ops: RecordingChannel) -> Any:
    return lambda tools: {"perch": perch, "ops": ops}


class _Stage:
    """A watch with the channels `perch`, where the canary goes, and `ops`."""

    def __init__(self, kit: Any) -> None:
        self.kit = kit
        self.perch, self.ops = RecordingChannel("perch"), RecordingChannel("ops")

    def run(self, work: Any, **settings: Any) -> Any:
        known = {
            "canary": CANARY,
            "routes": (Route(send=("ops",)),),
            "ops_channels": ("perch", "ops"),
            "digest_channels": ("ops",),
        }
        return self.kit.run(
            settings.pop("sources", []),
            work,
            channels=_channels(self.perch, self.ops),
            **{**known, **settings},
        )

    async def pass_(self, watch: Watch, now: datetime) -> tuple[str, ...]:
        """Let the time come: decide and deliver; returns the alarms."""
        report = await decide_due(watch, now)
        for channel in watch.channels.values():
            await deliver_due(watch, channel, lambda: now)
        return report.alarms


def _rows(watch: Watch, table: str) -> list[tuple[Any, ...]]:
    with watch.store.read() as tx:
        found = tx._db.execute(f"select * from {table} order by 1").fetchall()
    return [tuple(row) for row in found]


def test_it_goes_the_whole_way_once_a_day_and_leaves_no_trace(kit: Any) -> None:
    """A message a date to its own channel; every table that anybody counts is as it was."""
    stage = _Stage(kit)
    kit.feeds.put("/a.xml", kit.rss(("Russia vetoes a Security Council text", "")))
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, MORNING - timedelta(hours=1))
        before = {table: _rows(watch, table) for table in _COUNTED}
        for minutes in range(0, 3 * 24 * 60, 45):
            await stage.pass_(watch, MORNING - timedelta(hours=2) + timedelta(minutes=minutes))
        return before, {table: _rows(watch, table) for table in _COUNTED}

    before, after = stage.run(work, sources=[source], digest_at=time(23))

    assert after == before
    assert len(before["hit"]) == 1
    bodies = [message.body.decode() for message, _, _ in stage.perch.sent]
    canaries = [body for body in bodies if "canary=" in body and "canary=''" not in body]
    assert len(canaries) == 3
    assert len(stage.perch.sent) == 3
    assert not [m for m, _, _ in stage.ops.sent if b"Canary" in m.body or b"canary" in m.body]


def test_every_stage_is_gone_through(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser of the sandbox, the matcher, the channel's composing of a story."""
    stage = _Stage(kit)
    composed: list[str] = []
    compose = stage.perch.compose

    def noted(alert: Alert, recipient: str) -> Message:
        composed.append(alert.subject)
        return compose(alert, recipient)

    monkeypatch.setattr(stage.perch, "compose", noted)
    parsed: list[str] = []

    async def work(watch: Watch) -> None:
        parse = watch.parse

        async def and_note(document: Any, known: Any) -> Any:
            parsed.append(document.url)
            return await parse(document, known)

        watch.parse = and_note
        await stage.pass_(watch, MORNING)

    stage.run(work)

    assert parsed == ["canary:2024-03-28"]
    assert composed == ["story", "test"]


def test_a_restart_flies_no_second_one(kit: Any) -> None:
    """Nor does a clock that goes back."""
    stage = _Stage(kit)

    for now in (MORNING, MORNING + timedelta(hours=1), MORNING - DAY, MORNING):
        stage.run(lambda watch, now=now: stage.pass_(watch, now))

    assert len(stage.perch.sent) == 1


def test_its_absence_is_told_once_on_another_channel_and_its_return_too(kit: Any) -> None:
    """The receiver is down for two days; on the third the canary arrives."""
    stage = _Stage(kit)
    stage.perch.replies = [DeliveryError("HTTP 503")] * 1000

    async def work(watch: Watch) -> Any:
        early = await stage.pass_(watch, MORNING)
        early += await stage.pass_(watch, MORNING + timedelta(minutes=29))
        told = await stage.pass_(watch, MORNING + timedelta(minutes=31))
        later: tuple[str, ...] = ()
        for hours in (2, 24, 25, 47):
            later += await stage.pass_(watch, MORNING + timedelta(hours=hours))
        stage.perch.replies.clear()
        back = await stage.pass_(watch, MORNING + 2 * DAY + timedelta(hours=2))
        back += await stage.pass_(watch, MORNING + 2 * DAY + timedelta(hours=3))
        return early, told, [one for one in later if "anary" in one], back

    early, told, later, back = stage.run(work)

    assert early == ()
    assert told[0] == "The canary of 2024-03-28 has not arrived at perch"
    assert later == []
    assert "The canary arrives again" in back
    bodies = [message.body.decode() for message, _, _ in stage.ops.sent]
    (alarm,) = [body for body in bodies if "canary.missing" in body]
    assert "HTTP 503" in alarm
    assert sum("canary.back" in body for body in bodies) == 1


def test_one_that_gets_stuck_on_the_way_says_where(kit: Any) -> None:
    """The parser fails for an hour: alarm with the reason to every channel of the watch itself."""
    stage = _Stage(kit)

    async def work(watch: Watch) -> Any:
        parse = watch.parse

        async def broken(*_: Any) -> Any:
            raise ParseError("the parser died", kind="crashed")

        watch.parse = broken
        alarms: tuple[str, ...] = ()
        for minutes in range(0, 45, 5):
            alarms += await stage.pass_(watch, MORNING + timedelta(minutes=minutes))
        watch.parse = parse
        back = await stage.pass_(watch, MORNING + timedelta(hours=1))
        back += await stage.pass_(watch, MORNING + timedelta(hours=1, minutes=1))
        return alarms, back, _rows(watch, "canary")

    alarms, back, [(date, begun_at, _, alert_id, error, delivered_at)] = stage.run(work)

    assert alarms == ("The canary of 2024-03-28 has not arrived",)
    assert back == ("The canary arrives again",)
    assert (date, error) == ("2024-03-28", "")
    assert begun_at.startswith("2024-03-28T06:30")
    assert alert_id
    assert delivered_at
    (alarm,) = [m.body.decode() for m, _, _ in stage.ops.sent if b"canary.missing" in m.body]
    assert "the parser died" in alarm


@pytest.mark.parametrize("broken", ["rule", "compose", "fault"])
def test_a_fault_of_ours_is_an_absence_too(
    kit: Any, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Its rule does not hit; its channel composes no story; something raises."""
    stage = _Stage(kit)
    if broken == "rule":
        monkeypatch.setattr(rules, "match_with_article", lambda *_: ())
    elif broken == "compose":
        monkeypatch.setattr(stage.perch, "compose", lambda *_: 1 / 0)
    else:
        monkeypatch.setattr("monitor.pipeline.normalise_all", lambda *_: 1 / 0)

    async def work(watch: Watch) -> Any:
        await stage.pass_(watch, MORNING)
        return _rows(watch, "canary")

    [(_, _, _, alert_id, error, _)] = stage.run(work)

    assert alert_id is None
    assert {"rule": "hit 0 items", "compose": "0 messages", "fault": "ZeroDivisionError"}[
        broken
    ] in error


def test_where_no_other_channel_is_left_the_log_says_so(kit: Any) -> None:
    """Nobody could be told."""
    stage = _Stage(kit)
    stage.perch.replies = [DeliveryError("HTTP 503")] * 100
    both = Canary(channels=("perch", "ops"), at=time(6, 30), within=timedelta(minutes=30))
    stage.ops.replies = [DeliveryError("HTTP 503")] * 100

    async def work(watch: Watch) -> Any:
        await stage.pass_(watch, MORNING)
        return await stage.pass_(watch, MORNING + timedelta(hours=1))

    with capture_logs() as lines:
        alarms = stage.run(work, canary=both)

    assert "The canary of 2024-03-28 has not arrived at perch, ops" in alarms
    [line] = [one for one in lines if one["log_level"] == "error"]
    assert line["event"].startswith("no other channel is left")
    assert line["missing"] == ["perch", "ops"]


def test_a_webhook_can_tell_it_from_news(kit: Any) -> None:
    """It is a test by its type, and says of which date."""

    def channels(tools: Tools) -> Any:
        url = SecretStr(f"{kit.hook.url}/hook")
        return {"perch": WEBHOOK.build("perch", WebhookSettings(url=url), tools)}

    async def work(watch: Watch) -> None:
        await decide_due(watch, MORNING)
        for channel in watch.channels.values():
            await deliver_due(watch, channel, lambda: MORNING)

    kit.run([], work, channels=channels, canary=CANARY, ops_channels=("perch",), digest_channels=())

    [(_, body)] = kit.hook.posts()
    event = json.loads(body)
    assert event["type"] == "monitor.test.v1"
    assert event["data"]["canary"] == "2024-03-28"


def test_when_it_last_arrived_is_known(kit: Any) -> None:
    """For those who measure: in the table of facts, and asked of the store."""
    stage = _Stage(kit)

    async def work(watch: Watch) -> Any:
        await stage.pass_(watch, MORNING)
        before = await watch.read(lambda tx: tx.canary.delivered_at())
        await stage.pass_(watch, MORNING + timedelta(seconds=15))
        meta = await watch.read(lambda tx: tx.log.meta("canary_delivered_at"))
        return before, meta, await watch.read(lambda tx: tx.canary.delivered_at())

    before, meta, at = stage.run(work)

    assert before is None
    assert datetime.fromisoformat(meta) == at == MORNING
