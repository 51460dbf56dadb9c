"""Caps on real messages: the first ones go out, the others are told together, none is lost."""

import json
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.cap import Cap
from monitor.alerts.quiet import Quiet
from monitor.alerts.route import Route
from monitor.model import Reason
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Watch

HEADLINES = [
    "Harbour master of Lagos resigns over oil ledger",
    "Violinists recall how winter coal ran out in Zagreb",
    "Court in Lima fines dentist who hoarded silver",
    "Sixteen goats found beside spilled acid near Riga",
    "Museum shows paintings made with honey and ash",
    "Minister Okafor promises cheaper bread by spring",
    "Football club burns alcohol to dry its pitch",
]
HOUR = timedelta(hours=1)
AT = datetime(2024, 3, 28, 21, 10, tzinfo=UTC)


def _rules(severity: str) -> str:
    """Return a rule for each thing, so that stories do not merge."""
    lines = (
        f"  - {{id: {name}, title: {name}, theme: t, severity: {severity}, when: {{any: [{name}]}},"
        f" match: [{name} came], no_match: [none]}}\n"
        for name in ("oil", "coal", "silver", "acid", "honey", "bread", "alcohol", "wool")
    )
    return "version: 1\nrules:\n" + "".join(lines)


def _news(kit: Any, severity: str = "high") -> Any:
    kit.rules = _rules(severity)
    kit.feeds.put("/a.xml", kit.rss(*((line, "") for line in HEADLINES)))
    return kit.source("a")


async def _step(watch: Watch, kit: Any, at: datetime) -> int:
    kit.now = at
    await decide_due(watch, at)
    [channel] = watch.channels.values()
    return sum(outcome.result == "sent" for outcome in await deliver_due(watch, channel, kit.clock))


def _routes(**changes: Any) -> dict[str, Any]:
    cap = Cap(count=3, per=HOUR)
    return {
        "routes": (Route(send=("hook",), at_most=cap, **changes),),
        "digest_at": time(12),
        "ops_channels": (),
    }


@pytest.mark.parametrize("severity", ["high", "critical"])
def test_what_is_over_the_cap_is_told_together_at_the_end_of_the_hour(
    kit: Any, severity: str
) -> None:
    """Seven stories, three at most: three messages, then one with the other four; once."""
    source = _news(kit, severity)

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, AT)
        sent = [await _step(watch, kit, AT + timedelta(minutes=10 * step)) for step in range(12)]
        return report, sent

    report, sent = kit.run([source], work, **_routes())

    told = Counter(one.decision.reason for one in report.told)
    assert told == {Reason.NEW_STORY: 3, Reason.ROLLED_UP: 4}
    late = [one for one in report.told if one.decision.reason is Reason.ROLLED_UP]
    assert late[0].decision.detail == "new story; hook gets it at 2024-03-28 22:00 UTC"
    assert sent == [3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    rolled = json.loads(kit.hook.posts()[-1][1])["data"]
    assert {line["story_id"] for line in rolled["stories"]} == {one.story_id for one in late}
    assert {line["title"] for line in rolled["stories"]} == {one.item.title for one in late}


def test_the_next_hour_has_a_cap_of_its_own(kit: Any) -> None:
    """The message that told the others together does not count."""
    source = _news(kit)
    other = kit.source("b")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, AT)
        await _step(watch, kit, AT)
        kit.feeds.put(
            "/b.xml", kit.rss(("Students of Padua sing about wool", ""), base="https://b.x")
        )
        await _step(watch, kit, AT + HOUR)
        report = await poll_source(watch, other, AT + HOUR)
        return report, await _step(watch, kit, AT + HOUR)

    report, sent = kit.run([source, other], work, **_routes())

    assert report.told[0].decision.reason is Reason.NEW_STORY
    assert sent == 1


def test_the_morning_after_a_quiet_night_is_capped_too(kit: Any) -> None:
    """Three held messages at seven, the other four together an hour later."""
    source = _news(kit)
    quiet = Quiet(start=time(19), end=time(7), zone=ZoneInfo("UTC"))

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, AT)
        start = datetime(2024, 3, 28, 22, 0, tzinfo=UTC)
        sent = {hour: await _step(watch, kit, start + HOUR * hour) for hour in range(12)}
        return report, {(22 + hour) % 24: count for hour, count in sent.items() if count}

    report, sent = kit.run([source], work, **_routes(quiet=quiet))

    told = Counter(one.decision.reason for one in report.told)
    assert told == {Reason.HELD: 3, Reason.ROLLED_UP: 4}
    assert sent == {7: 3, 8: 1}


def test_a_channel_that_is_removed_takes_what_waits_with_it(kit: Any) -> None:
    """What was over its cap is marked, and not looked at again."""
    source = _news(kit)

    async def late(watch: Watch) -> Any:
        report = await decide_due(watch, AT + HOUR)
        return report, await watch.read(lambda tx: tx.attention.over_cap(AT + HOUR))

    kit.run([source], lambda watch: poll_source(watch, source, AT), **_routes())
    quiet = {"routes": (), "digest_at": time(12), "ops_channels": (), "digest_channels": ()}
    report, left = kit.run([source], late, channels=lambda tools: {}, **quiet)

    assert report.rolled_up == 0
    assert left == {}
