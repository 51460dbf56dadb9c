"""F10, F11, F30, F36, F37, F41: time and attention, with a virtual clock, over changes of clocks.

Three zones, both changes; Lord Howe's is of half an hour. A tick is a quarter of an hour, as a
sleepy machine may have it, and the watch is restarted in the middle of the night of the change.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor.alerts.cap import Cap
from monitor.alerts.quiet import Quiet, held_until
from monitor.alerts.route import Route
from monitor.alerts.silence import Silence
from monitor.model import Reason, Severity
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Watch
from tests.kit import Kit

SENT = """
  select settled_at, body from outbox join alert on alert.id = outbox.alert_id
  where state = 'sent' and subject = 'story' order by outbox.settled_at"""
TICK = timedelta(minutes=15)
DAY = timedelta(days=1)
VETO = ("Russia vetoes a UN Security Council text", "The vote was thirteen to one.")


@dataclass(frozen=True)
class Night:
    """A night in which clocks change: `at` is a time that is skipped, or that comes twice."""

    zone: str
    day: str
    at: time

    @property
    def here(self) -> ZoneInfo:
        """Return the zone."""
        return ZoneInfo(self.zone)

    def local(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Return a local time so many days after the change, in UTC."""
        date = datetime.fromisoformat(self.day).date() + day * DAY
        return datetime.combine(date, time(hour, minute), tzinfo=self.here).astimezone(UTC)


NIGHTS = [
    Night("Europe/Amsterdam", "2024-03-31", time(2, 30)),
    Night("Europe/Amsterdam", "2024-10-27", time(2, 30)),
    Night("America/New_York", "2024-03-10", time(2, 30)),
    Night("America/New_York", "2024-11-03", time(1, 30)),
    Night("Australia/Lord_Howe", "2024-10-06", time(2, 15)),
    Night("Australia/Lord_Howe", "2024-04-07", time(1, 45)),
]
over_both_changes = pytest.mark.parametrize(
    "night", NIGHTS, ids=lambda night: f"{night.zone.split('/')[1]}-{night.day[5:]}"
)


def _digests(kit: Kit, period: str = "day") -> list[dict[str, Any]]:
    """Return what each digest that arrived says, in order."""
    events = (json.loads(body) for _, body in kit.hook.posts())
    found = [event["data"] for event in events if event["type"] == "monitor.digest.v1"]
    return [data for data in found if data["period"] == period]


def _entry(number: int) -> tuple[str, str]:
    """Return an item on oil that no other one is like."""
    rng = random.Random(number)
    words = " ".join("".join(rng.choices("bcdfglmnprst", k=7)) for _ in range(4))
    return f"North Korea {words} oil {number}", words


async def _tick(kit: Kit, watch: Watch) -> None:
    await decide_due(watch, kit.now)
    for channel in watch.channels.values():
        await deliver_due(watch, channel, kit.clock)


def _live(kit: Kit, until: datetime, *, every: timedelta = TICK, **settings: Any) -> None:
    """Let a watch tick from now until a time; a new process, as after a restart."""

    async def work(watch: Watch) -> None:
        while kit.now < until:
            await _tick(kit, watch)
            kit.now += every

    kit.run([kit.source("a")], work, **settings)


def _poll(kit: Kit, *entries: tuple[str, str], **settings: Any) -> Any:
    """Read a feed that holds these items now."""
    source = kit.source("a")
    kit.feeds.put("/a.xml", kit.rss(*entries))
    return kit.run([source], lambda watch: poll_source(watch, source, kit.now), **settings).told


def _posted_at(kit: Kit) -> list[tuple[datetime, dict[str, Any]]]:
    """Return when each message about a story was sent, by the clock of the test."""

    async def work(watch: Watch) -> Any:
        return await watch.read(lambda tx: list(tx.outbox._db.query(SENT)))

    rows = kit.run([kit.source("a")], work)
    return [(datetime.fromisoformat(row["settled_at"]), json.loads(row["body"])) for row in rows]


# ---------------------------------------------------------------- F11


@over_both_changes
def test_f11_there_is_one_digest_for_each_local_date(kit: Kit, night: Night) -> None:
    """Daily and weekly, at a time that is skipped or comes twice; each story is new in one."""
    settings: dict[str, Any] = {
        "digest_at": night.at,
        "digest_zone": night.here,
        "weekly_channels": ("hook",),
        "weekly_on": 6,  # the Sunday of the change itself
        "weekly_at": night.at,
        "routes": (),
    }
    kit.now = night.local(-2, 12)
    for number in range(6):
        _poll(kit, _entry(number), **settings)
        _live(kit, kit.now + timedelta(hours=14), **settings)  # ends in every hour of the night

    days, weeks = _digests(kit), _digests(kit, "week")
    dates = [datetime.fromisoformat(one["date"]) for one in days]
    assert all(after - before == DAY for before, after in pairwise(dates))
    assert night.day in {one["date"] for one in days}
    assert [one["date"] for one in weeks] == [night.day]
    for before, after in pairwise(days):
        assert after["since"] == before["until"]
    for told in (days, weeks):
        stories = Counter(story["story_id"] for one in told for story in one["stories"])
        assert set(stories.values()) <= {1}
    assert sum(len(one["stories"]) for one in days) >= 5
    for one in days:
        late = datetime.fromisoformat(one["until"]) - _first(night, one["date"])
        assert timedelta(0) <= late <= TICK


def _first(night: Night, day: str) -> datetime:
    date = datetime.fromisoformat(day).date()
    return datetime.combine(date, night.at, tzinfo=night.here).astimezone(UTC)


# ---------------------------------------------------------------- F10, F41


@pytest.mark.parametrize(
    "jump", [-timedelta(hours=1), timedelta(hours=1), 30 * DAY, -3650 * DAY], ids=str
)
def test_f10_a_clock_that_jumps_doubles_no_digest_and_stops_none(kit: Kit, jump: timedelta) -> None:
    """It jumps just after a digest, stays wrong for three hours, and comes back."""
    settings: dict[str, Any] = {"routes": ()}
    kit.now = datetime(2024, 3, 28, 6, 0, tzinfo=UTC)
    _live(kit, kit.now + timedelta(hours=1, minutes=20), **settings)
    kit.now += jump
    _live(kit, kit.now + timedelta(hours=3), **settings)
    kit.now -= jump
    _live(kit, kit.now + 4 * DAY, every=timedelta(minutes=30), **settings)

    dates = Counter(one["date"] for one in _digests(kit))
    assert set(dates.values()) == {1}
    assert {"2024-03-28", "2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01"} <= set(dates)


@over_both_changes
def test_f41_after_a_standstill_one_digest_covers_it(kit: Kit, night: Night) -> None:
    """A machine that slept over the change, and over two digests, sends one, and then daily."""
    settings: dict[str, Any] = {"digest_at": night.at, "digest_zone": night.here, "routes": ()}
    kit.now = night.local(-2, 12)
    _poll(kit, _entry(1), **settings)
    _live(kit, night.local(-2, 13), **settings)
    kit.now = night.local(1, 12)
    _live(kit, night.local(2, 12), every=timedelta(minutes=30), **settings)

    told = _digests(kit)
    assert [one["story_count"] for one in told] == [1, 0]
    assert [one["since"] for one in told][1] == told[0]["until"]
    dates = [datetime.fromisoformat(one["date"]) for one in told]
    assert dates == [datetime.fromisoformat(night.day) + DAY * number for number in (1, 2)]


# ---------------------------------------------------------------- F36


@over_both_changes
def test_f36_held_messages_are_sent_once_at_the_end_and_critical_ones_pass(
    kit: Kit, night: Night
) -> None:
    """Quiet from 22:00 to 07:00 by the clock on the wall, around midnight and the change."""
    quiet = Quiet(start=time(22), end=time(7), zone=night.here)
    settings: dict[str, Any] = {
        "routes": (Route(send=("hook",), quiet=quiet),),
        "digest_channels": (),
        "ops_channels": (),
    }
    kit.now = night.local(-1, 21, 30)
    told = _poll(kit, _entry(1), **settings)  # before: at once
    _live(kit, night.local(-1, 23), **settings)
    told += _poll(kit, _entry(2), **settings)
    _live(kit, night.local(0, 1, 50), **settings)
    told += _poll(kit, _entry(3), **settings)
    told += _poll(kit, VETO, **settings)
    critical_at = kit.now
    _live(kit, night.local(1, 12), **settings)

    sent = _posted_at(kit)
    assert [one.decision.reason for one in told] == [
        Reason.NEW_STORY, Reason.HELD, Reason.HELD, Reason.NEW_STORY
    ]  # fmt: skip
    assert len(sent) == 4
    end = night.local(0, 7)
    for at, event in sent:
        if event["data"]["severity"] == Severity.CRITICAL.label:
            assert critical_at <= at <= critical_at + TICK
        else:
            assert held_until(quiet, at) is None
    assert [at for at, _ in sent[2:] if end <= at <= end + TICK] == [at for at, _ in sent[2:]]
    titles = Counter(event["data"]["title"] for _, event in sent)
    assert set(titles.values()) == {1}


# ---------------------------------------------------------------- F37


@over_both_changes
def test_f37_a_silence_ends_when_it_said(kit: Kit, night: Night) -> None:
    """What it covers is kept quiet until then and told after it, as new; nothing is lost."""
    until = night.local(0, 3, 30)  # after the change, by the clock on the wall
    silence = Silence(name="q-1", until=until, by="meier", reason="drill", rules=frozenset({"oil"}))
    settings: dict[str, Any] = {"silences": (silence,), "digest_channels": ()}
    kit.now = until - timedelta(seconds=1)
    [before] = _poll(kit, _entry(1), **settings)
    kit.now = until
    [after] = _poll(kit, _entry(2), **settings)
    [again] = _poll(kit, (_entry(1)[0] + "!", _entry(1)[1]), **settings)

    assert before.decision.reason is Reason.SILENCED
    assert "q-1 by meier" in before.decision.detail
    assert after.decision.reason is Reason.NEW_STORY
    assert again.story_id == before.story_id
    assert again.decision.reason is Reason.NEW_STORY


# ---------------------------------------------------------------- F30


def test_f30_a_storm_collapses_into_a_page_and_drops_nothing(kit: Kit) -> None:
    """Four hundred stories at once: ten messages, one with the rest, and a digest of a page."""
    route = Route(send=("hook",), at_most=Cap(count=10, per=timedelta(hours=1)))
    settings: dict[str, Any] = {"routes": (route,), "ops_channels": ()}
    kit.now = datetime(2024, 3, 28, 6, 20, tzinfo=UTC)
    _live(kit, kit.now + TICK, **settings)
    told = _poll(kit, *map(_entry, range(400)), **settings)
    _live(kit, kit.now + timedelta(hours=1), **settings)

    kinds = Counter(json.loads(body)["type"] for _, body in kit.hook.posts())
    [over] = _digests(kit, "over-cap")
    [day] = _digests(kit)
    stories = {one.story_id for one in told}
    alerted = Counter(one.decision.reason for one in told)
    assert len(told) == 400
    assert kinds == {"monitor.story.opened.v1": 10, "monitor.digest.v1": 2}
    assert over["story_count"] == alerted[Reason.ROLLED_UP]
    assert over["story_count"] + 10 == len(stories) == day["story_count"]
    assert day["hits"] == 400
    assert all(len(body) < 20_000 for _, body in kit.hook.posts())
