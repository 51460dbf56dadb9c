"""Quiet hours on real messages: held, told once at the end, and not for what is critical."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.quiet import Quiet
from monitor.alerts.route import Route
from monitor.model import Reason
from monitor.pipeline import deliver_due, poll_source
from monitor.steps.watch import Watch

RULES = """
version: 1
rules:
  - {id: veto, title: Veto, theme: council, severity: high, when: {any: [veto*]},
     match: [Russia vetoes], no_match: [Rain]}
  - {id: oil, title: Oil, theme: oil, severity: medium, when: {any: [oil]},
     match: [Oil], no_match: [Rain]}
  - {id: war, title: War, theme: war, severity: critical, when: {any: [nuclear]},
     match: [Nuclear], no_match: [Rain]}
"""
TITLE = "Russia vetoes UN Security Council text"
ZONES = ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"]
EVENINGS = ["2024-03-30", "2024-10-26", "2024-03-09", "2024-11-02", "2024-10-05", "2024-04-06"]


def _routes(zone: str) -> tuple[Route, ...]:
    return (Route(send=("hook",), quiet=Quiet(start=time(19), end=time(7), zone=ZoneInfo(zone))),)


def _put(kit: Any, name: str, text: str, title: str = TITLE) -> Any:
    kit.rules = RULES
    kit.feeds.put(f"/{name}.xml", kit.rss((title, text), base=f"https://{name}.example.org"))
    return kit.source(name)


async def _sent(watch: Watch, kit: Any, at: datetime) -> int:
    kit.now = at
    [channel] = watch.channels.values()
    return sum(outcome.result == "sent" for outcome in await deliver_due(watch, channel, kit.clock))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("evening", EVENINGS)
def test_a_message_of_the_night_goes_out_once_in_the_morning(
    kit: Any, zone: str, evening: str
) -> None:
    """Asked every half hour of a night in which clocks change: once, at seven on the wall."""
    source = _put(kit, "one", "A vote.")
    start = datetime.fromisoformat(f"{evening}T21:00").replace(tzinfo=ZoneInfo(zone))
    start = start.astimezone(UTC)

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, start)
        half_hours = (start + timedelta(minutes=30 * step) for step in range(24 * 2))
        return report, [at for at in half_hours if await _sent(watch, kit, at)]

    report, sent_at = kit.run([source], work, routes=_routes(zone))

    [told] = report.told
    assert told.decision.reason is Reason.HELD
    assert told.decision.detail.startswith("new story; hook gets it at ")
    assert [at.astimezone(ZoneInfo(zone)).strftime("%H:%M") for at in sent_at] == ["07:00"]
    assert len(kit.hook.posts()) == 1


def test_what_a_story_gains_in_the_night_is_told_in_one_message(kit: Any) -> None:
    """It is a new story to its readers, as bad as it ever was, with both articles in it."""
    one, two = _put(kit, "one", "A vote."), _put(kit, "two", "It is about oil.")
    night = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
    morning = datetime(2024, 3, 29, 7, 0, tzinfo=UTC)

    async def work(watch: Watch) -> Any:
        await poll_source(watch, one, night)
        report = await poll_source(watch, two, night + timedelta(hours=1))
        early = await _sent(watch, kit, morning - timedelta(seconds=1))
        sent = await _sent(watch, kit, morning)
        return report, early, sent, await watch.read(lambda tx: tx.outbox.counts())

    report, early, sent, counts = kit.run([one, two], work, routes=_routes("UTC"))

    [told] = report.told
    assert told.decision.reason is Reason.HELD
    assert told.decision.detail.startswith("another rule; oil; hook gets it at 2024-03-29 07:00")
    assert (early, sent) == (0, 1)
    assert counts == {"cancelled": 1, "sent": 1}
    data = json.loads(kit.hook.posts()[0][1])["data"]
    assert data["reason"] == "new story"
    assert data["severity"] == "high"
    assert len(data["articles"]) == 2


def test_what_becomes_critical_is_told_at_once_and_nothing_in_the_morning(kit: Any) -> None:
    """The critical message takes the place of the held one."""
    one, two = _put(kit, "one", "A vote."), _put(kit, "two", "It is about nuclear arms.")
    night = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)

    async def work(watch: Watch) -> Any:
        await poll_source(watch, one, night)
        report = await poll_source(watch, two, night + timedelta(hours=1))
        at_once = await _sent(watch, kit, night + timedelta(hours=1))
        return report, at_once, await _sent(watch, kit, night + timedelta(hours=12))

    report, at_once, later = kit.run([one, two], work, routes=_routes("UTC"))

    assert report.told[0].decision.reason is Reason.SEVERITY_ROSE
    assert (at_once, later) == (1, 0)


def test_a_story_told_by_day_keeps_its_reason_at_night(kit: Any) -> None:
    """Readers who know it are told what is new; two such messages become one."""
    one = _put(kit, "one", "A vote.")
    two = _put(kit, "two", "It is about oil.")
    day = datetime(2024, 3, 28, 18, 0, tzinfo=UTC)

    async def work(watch: Watch) -> Any:
        await poll_source(watch, one, day)
        first = await _sent(watch, kit, day)
        await poll_source(watch, two, day + timedelta(hours=2))
        return first, await _sent(watch, kit, day + timedelta(hours=13))

    first, second = kit.run([one, two], work, routes=_routes("UTC"))

    assert (first, second) == (1, 1)
    assert b"another rule" in kit.hook.posts()[1][1]


def test_another_channel_is_not_held(kit: Any) -> None:
    """A route without quiet hours tells at once, and the decision says who waits."""
    source = _put(kit, "one", "A vote.")
    night = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
    routes = (*_routes("UTC"), Route(send=("other",)))

    def channels(tools: Any) -> Any:
        [hook] = kit.channels(tools).values()
        return {"hook": hook, "other": replace(hook, name="other")}

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, night)
        rows = await watch.read(lambda tx: tx.outbox.rows(None, 9))
        return report, {row["channel"]: row["next_at"][:16] for row in rows}

    report, due = kit.run([source], work, routes=routes, channels=channels)

    assert report.told[0].decision.reason is Reason.NEW_STORY
    assert report.told[0].decision.detail == "hook gets it at 2024-03-29 07:00 UTC"
    assert due == {"hook": "2024-03-29T07:00", "other": "2024-03-28T21:00"}
