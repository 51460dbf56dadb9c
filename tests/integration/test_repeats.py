"""Stories that nobody acknowledged are told again, so often and no more."""

from datetime import timedelta
from typing import Any

import pytest

from monitor import rules
from monitor.alerts.cap import Cap
from monitor.alerts.repeat import Repeat
from monitor.alerts.route import Route
from monitor.alerts.silence import Silence
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Watch
from tests.kit import NOW

VETO = ("Russia vetoes UN Security Council text", "The vote was thirteen to one.")
REPEAT = Repeat(every=timedelta(minutes=30), times=3)
ROUTES = (Route(send=("hook",), repeat=REPEAT),)


async def _sent_in(watch: Watch, kit: Any, start: int, end: int) -> dict[int, int]:
    """Tick every ten minutes; return how many messages went out at which minute."""
    sent = {}
    for minute in range(start, end, 10):
        kit.now = NOW + timedelta(minutes=minute)
        await decide_due(watch, kit.now)
        [channel] = watch.channels.values()
        sent[minute] = len(await deliver_due(watch, channel, kit.clock))
    return {minute: count for minute, count in sent.items() if count}


def _veto(kit: Any, name: str = "a") -> Any:
    kit.feeds.put(f"/{name}.xml", kit.rss(VETO, base=f"https://{name}.example.org"))
    return kit.source(name)


def _mute(tx: Any, story_id: Any) -> None:
    tx.stories.set_muted(story_id, muted=True)


def _silence(tx: Any, story_id: Any) -> None:
    silence = Silence(
        name="q",
        until=NOW + timedelta(days=1),
        by=str(story_id),
        reason="x",
        themes=frozenset({"monitoring"}),
    )
    tx.attention.put_silence(silence, NOW)


def test_a_new_story_is_told_three_times_again(kit: Any) -> None:
    """Every half hour, with the reason; then no more."""
    source = _veto(kit)

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, NOW)
        return await _sent_in(watch, kit, 0, 300)

    sent = kit.run([source], work, routes=ROUTES)

    assert sent == {0: 1, 30: 1, 60: 1, 90: 1}
    bodies = [body for _, body in kit.hook.posts()]
    assert [b"not acknowledged" in body for body in bodies] == [False, True, True, True]


@pytest.mark.parametrize(
    "ends",
    [
        lambda tx, story_id: tx.stories.set_state(story_id, "acknowledged"),
        lambda tx, story_id: tx.stories.set_state(story_id, "dismissed"),
        _mute,
        _silence,
    ],
    ids=["acknowledged", "dismissed", "muted", "silenced"],
)
def test_a_story_that_is_dealt_with_is_not_told_again(kit: Any, ends: Any) -> None:
    """From that moment on."""
    source = _veto(kit)

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, NOW)
        before = await _sent_in(watch, kit, 0, 40)
        await watch.write(lambda tx: ends(tx, report.told[0].story_id))
        return before, await _sent_in(watch, kit, 40, 200)

    assert kit.run([source], work, routes=ROUTES) == ({0: 1, 30: 1}, {})


@pytest.mark.parametrize("gone", ["rule", "route"])
def test_what_no_rule_or_route_knows_any_more_is_not_told_again(kit: Any, gone: str) -> None:
    """The configuration changed meanwhile; nothing fails."""
    source = _veto(kit)
    other = rules.load([("rules/test.yaml", kit.rules.replace("id: veto", "id: other"))])

    async def start(watch: Watch) -> Any:
        await poll_source(watch, source, NOW)
        return await _sent_in(watch, kit, 0, 10)

    async def later(watch: Watch) -> Any:
        return await _sent_in(watch, kit, 30, 80)

    kit.run([source], start, routes=ROUTES)
    nowhere = (Route(send=("hook",), langs=frozenset({"xx"})),)
    changed: Any = {"routes": ROUTES, "ruleset": other} if gone == "rule" else {"routes": nowhere}

    assert kit.run([source], later, **changed) == {}


def test_repeats_stand_under_the_cap_too(kit: Any) -> None:
    """Over the cap they become part of one message at the end of the hour."""
    source = _veto(kit)
    cap = Cap(count=1, per=timedelta(hours=1))
    routes = (Route(send=("hook",), repeat=REPEAT, at_most=cap),)

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, NOW)
        return await _sent_in(watch, kit, 0, 300)

    assert kit.run([source], work, routes=routes) == {0: 1, 60: 2, 120: 1}
