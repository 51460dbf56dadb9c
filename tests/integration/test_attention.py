"""Random routes, quiet hours, caps, repeats, silences and arrivals: every hit ends somewhere."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.cap import Cap
from monitor.alerts.quiet import Quiet, held_until
from monitor.alerts.repeat import Repeat
from monitor.alerts.route import Route
from monitor.alerts.silence import Silence
from monitor.model import Reason, Severity
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Watch

ZONES = ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"]
DAYS = ["2024-03-30", "2024-10-26", "2024-03-09", "2024-11-02", "2024-10-05", "2024-04-06"]
THINGS = ["oil", "coal", "silver", "acid", "honey", "bread"]
TICK = timedelta(minutes=10)
ALONE = 2  # routes, the one for the digest counted
UNLIKE = 0.7
SECOND = 0.4  # how often there is a second route
RULES = "version: 1\nrules:\n" + "".join(
    f"  - {{id: {thing}, title: {thing}, theme: {'ab'[number % 2]}, when: {{any: [{thing}]}},"
    f" severity: {list(Severity)[number % 4].label}, match: [{thing} came], no_match: [none]}}\n"
    for number, thing in enumerate(THINGS)
)


def _quiet(rng: random.Random) -> Quiet:
    start, end = rng.sample([time(hour, half) for hour in range(24) for half in (0, 30)], 2)
    return Quiet(start=start, end=end, zone=ZoneInfo(rng.choice(ZONES)))


def _routes(rng: random.Random) -> tuple[Route, ...]:
    """Return a route, perhaps another one for the same themes with hours and a cap of its own.

    The last one leaves to the digest what they do not take.
    """
    quiet = rng.choice([None, _quiet(rng)])
    cap = rng.choice([None, Cap(count=rng.randint(1, 3), per=timedelta(hours=rng.randint(1, 3)))])
    repeat = rng.choice([None, Repeat(every=timedelta(hours=1), times=2)])
    themes = rng.choice([frozenset[str](), frozenset({"a"})])
    first = Route(send=("hook",), themes=themes, quiet=quiet, at_most=cap, repeat=repeat)
    others = [replace(first, quiet=_quiet(rng), at_most=None)] if rng.random() < SECOND else []
    return (first, *others, Route(send=("hook",), send_as="digest"))


def _unlike(rng: random.Random) -> str:
    """Return words that no other article has; now and then some that one had, which joins it."""
    words = rng if rng.random() < UNLIKE else random.Random(rng.randrange(3))
    return " ".join("".join(words.choices("bcdfglmnprst", k=7)) for _ in range(6))


def _silence(rng: random.Random, start: datetime) -> Silence:
    until = start + timedelta(hours=rng.randint(0, 30))
    rules = frozenset({rng.choice(THINGS)})
    return Silence(name="q-1", until=until, by="x", reason="y", rules=rules)


@pytest.mark.parametrize("seed", range(10))
def test_every_hit_ends_in_one_place_and_nothing_is_sent_out_of_its_hours(
    kit: Any, seed: int
) -> None:
    """Two days of arrivals in which clocks change, then two days in which all goes out."""
    rng = random.Random(seed)
    kit.rules = RULES
    start = datetime.fromisoformat(rng.choice(DAYS)).replace(tzinfo=UTC)
    routes, silences = _routes(rng), (_silence(rng, start),)
    source = kit.source("a", first_poll=rng.choice(["alert", "digest"]))
    arrivals = {rng.randrange(288): rng.sample(THINGS, rng.randint(1, 3)) for _ in range(40)}

    async def work(watch: Watch) -> Any:
        told: list[Any] = []
        sent: list[datetime] = []
        [channel] = watch.channels.values()
        for step in range(576):
            kit.now = start + TICK * step
            if step in arrivals:
                entry = (f"{_unlike(rng)} on {' and '.join(arrivals[step])}", "")
                kit.feeds.put("/a.xml", kit.rss(entry))
                told += (await poll_source(watch, source, kit.now)).told
            await decide_due(watch, kit.now)
            before = len(kit.hook.posts())
            await deliver_due(watch, channel, kit.clock)
            sent += [kit.now] * (len(kit.hook.posts()) - before)
        return told, await watch.read(_left), len(sent)

    told, (alerts, outbox, over_cap), count = kit.run(
        [source], work, routes=routes, silences=silences, ops_channels=()
    )

    assert len(told) <= len(arrivals)  # one may come twice
    assert count == sum(row["state"] == "sent" for row in outbox)
    assert all(one.decision.detail for one in told if one.decision.reason is Reason.SILENCED)
    _assert_all_told(told, alerts, outbox, over_cap)
    _assert_in_hours(alerts, outbox, over_cap, routes[:-1])
    _assert_capped(alerts, outbox, routes[0].at_most if len(routes) == ALONE else None)


def _left(tx: Any) -> Any:
    """Return the alerts of stories, the messages, and what was over a cap, as rows."""
    query = tx._db.query
    alerts = {row["id"]: row for row in query("select * from alert where subject = 'story'")}
    return alerts, list(query("select * from outbox")), list(query("select * from over_cap"))


def _assert_all_told(told: Any, alerts: Any, outbox: Any, over_cap: Any) -> None:
    """Each alert went out, or is in a message that did; each other hit says why it has none."""
    quiet = {Reason.JOINED, Reason.BACKLOG, Reason.SILENCED, Reason.DIGESTED, Reason.EDITED}
    for one in told:
        assert (one.decision.alert_id is None) == (one.decision.reason in quiet)
    states = {row["alert_id"]: row["state"] for row in outbox}
    told_in = {row["alert_id"]: row["told_in"] for row in over_cap}
    assert set(states.values()) <= {"sent", "cancelled"}
    for alert_id, alert in alerts.items():
        assert (alert_id in states) != (alert_id in told_in)
        if alert_id in told_in:
            assert states[told_in[alert_id]] == "sent"
        elif states[alert_id] == "cancelled":
            later = (other for other in alerts.values() if other["story_id"] == alert["story_id"])
            assert any(other["occurred_at"] > alert["occurred_at"] for other in later)


def _assert_in_hours(alerts: Any, outbox: Any, over_cap: Any, routes: Sequence[Route]) -> None:
    """Hold what is not critical to the hours in which a route is not quiet, roll-ups too."""
    sent_at = {row["alert_id"]: row["settled_at"] for row in outbox if row["state"] == "sent"}
    told_in = {row["alert_id"]: row["told_in"] for row in over_cap}
    for alert_id, alert in alerts.items():
        settled_at = sent_at.get(told_in.get(alert_id, alert_id))
        if settled_at is None or alert["severity"] == Severity.CRITICAL:
            continue
        at = datetime.fromisoformat(settled_at).replace(second=0)
        assert any(one.quiet is None or held_until(one.quiet, at) is None for one in routes)


def _assert_capped(alerts: Any, outbox: Any, cap: Cap | None) -> None:
    sent = [row for row in outbox if row["state"] == "sent" and row["alert_id"] in alerts]
    for row in sent if cap else ():
        assert cap is not None
        window = cap.window(datetime.fromisoformat(row["settled_at"]))
        inside = [
            x for x in sent if window[0] <= datetime.fromisoformat(x["settled_at"]) < window[1]
        ]
        assert len(inside) <= cap.count
