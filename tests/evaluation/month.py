"""A month of 120 scripted feeds in virtual time, through the real lines and a real database.

    month.py [--seeds 1 2 3] [--days 30] [--feeds 120] [--keep DIR]

Played are the clock and what feeds answer; polls, parsing, matching, the record transaction, alarms
and digests are the program's own. For each seed it prints one JSON line: whether every planted
fault got its state in time, false alarms, messages for each root cause, and the ledger of items.
Exit code 1 when one of them is not as promised.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from monitor import rules, sources
from monitor.alerts.health import Episode
from monitor.alerts.route import Route
from monitor.engine.local import spread, start_up
from monitor.model import (
    Alert,
    Document,
    Fetched,
    Health,
    Known,
    Message,
    NotModified,
    Operations,
    Reading,
    Source,
    SourceId,
    Validators,
)
from monitor.pipeline import decide_due, poll_source
from monitor.steps.watch import RecentStories, Settings, Watch
from monitor.store import SqliteStore, Transaction
from monitor.store.ledger import Unseen
from tests.evaluation.month_plan import World, world_of
from tests.evaluation.month_world import DAY, HOUR, START, Feed, Plant

TICK = timedelta(minutes=15)
AFTERWARDS = timedelta(hours=30)  # a fault that is over may be named so long: relapses, digests
END_TOLD_WITHIN = timedelta(days=7)  # six hours more for each relapse
MOST_FALSE = 1.0  # alarms for 1,000 feed-days


@dataclass(frozen=True, kw_only=True)
class Told:
    """A message about sources that was put into the outbox."""

    at: datetime
    news: Operations


@dataclass
class Recorder:
    """A channel that keeps what it is asked to compose."""

    name: str = "desk"
    told: list[Told] = field(default_factory=list)

    def recipients(self) -> Sequence[str]:
        return ("desk",)

    def compose(self, alert: Alert, recipient: str) -> Message:
        if isinstance(alert.body, Operations):
            self.told.append(Told(at=alert.occurred_at, news=alert.body))
        return Message(id=f"{alert.id}-{recipient}", body=b"x")

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        raise AssertionError("nothing is delivered this month")


class Inline(Executor):
    """Runs work at once: in virtual time nobody may wait for another thread."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - it belongs to who asked
            done.set_exception(error)
        return done


@dataclass
class Month:
    """A world that is being watched; `now` is its clock."""

    world: World
    path: Path
    now: datetime = START
    desk: Recorder = field(default_factory=Recorder)
    polls: int = 0
    states: dict[str, list[tuple[datetime, Health]]] = field(
        default_factory=lambda: defaultdict(lambda: [(START, Health.OK)])
    )  # of each feed: from when on it had which

    async def fetch(self, source: Source, known: Validators) -> Fetched | NotModified:
        return self.world.feeds[source.id].answer(known, self.now)

    async def parse(self, document: Document, known: Known) -> Reading:
        return sources.read(document, known)

    async def live(self) -> None:
        """Watch to the end; where our process is down, start again on the same database."""
        for since, until in [*self.world.down, (self.world.end, self.world.end)]:
            with self._watching() as watch:
                await start_up(watch, self.now)
                await watch.write(partial(spread, watch=watch, now=self.now))
                await self._until(watch, since)
            self.now = max(self.now, until)

    async def _until(self, watch: Watch, end: datetime) -> None:
        tick = self.now
        while self.now < end:
            due = await watch.read(lambda tx: tx.sources.next_due())
            self.now = max(self.now, min(due or tick, tick))
            if self.now >= tick:
                await decide_due(watch, self.now)
                tick = self.now + TICK
            for name in await watch.read(partial(_due, now=self.now)):
                await poll_source(watch, watch.settings.sources[name], self.now)
                self.polls += 1
                state = await watch.read(partial(_state, name=name))
                if state is not self.states[name][-1][1]:
                    self.states[name].append((self.now, state))

    @contextmanager
    def _watching(self) -> Iterator[Watch]:
        store = SqliteStore(self.path)
        store.open(self.now)
        channels = {"desk": self.desk}
        settings = Settings(
            ruleset=rules.load([("rules/none.yaml", "version: 1\nrules: []\n")]),
            sources={feed.source.id: feed.source for feed in self.world.feeds.values()},
            routes=(Route(send=("desk",)),),
            ops_channels=("desk",),
            digest_channels=("desk",),
        )
        try:
            yield Watch(
                settings=settings,
                channels=channels,
                store=store,
                fetch=self.fetch,
                parse=self.parse,
                writer=Inline(),
                recent=RecentStories(),
            )
        finally:
            store.close()


def _due(tx: Transaction, now: datetime) -> tuple[SourceId, ...]:
    return tx.sources.due(now)


def _state(tx: Transaction, name: SourceId) -> Health:
    problem = tx.sources.state(name).problem
    return Health.OK if problem is None else tx.ledger.episode(problem).state


# ---------------------------------------------------------------- what is checked


@dataclass(kw_only=True)
class Verdict:
    """What a month came to."""

    faults: int = 0
    late: list[str] = field(default_factory=list)  # not known in time, or never
    false: list[str] = field(default_factory=list)  # said, and not so
    repeated: list[str] = field(default_factory=list)  # root causes with several messages
    lost: list[str] = field(default_factory=list)  # items that the ledger cannot account for
    delays: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # hours
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_kept(self) -> bool:
        false = 1000 * len(self.false) / max(self.counts["feed_days"], 1)
        return not (self.late or self.repeated or self.lost) and false <= MOST_FALSE


def judge(month: Month) -> Verdict:
    """Return whether the month kept what is promised."""
    store = SqliteStore(month.path)
    store.open(month.world.end)
    with store.read() as tx:
        episodes = (*tx.ledger.ended_episodes(START - DAY), *tx.ledger.open_episodes())
        spans = tx.ledger.unseen(START - DAY)
        states = {one.id: one for one in tx.sources.states()}
        rows = tx._db.query("select source_id, url, count(*) as times from item group by 1, 2")
        stored = {(row["source_id"], row["url"].rpartition("/")[2]): row["times"] for row in rows}
    store.close()
    verdict = Verdict()
    verdict.counts["feed_days"] = round(len(month.world.feeds) * (month.world.end - START) / DAY)
    verdict.counts["polls"] = month.polls
    verdict.counts["messages"] = len(month.desk.told)
    for feed in month.world.feeds.values():
        gaps = [one for one in spans if one.source == feed.id and one.kind == "gap"]
        unread_since = states[feed.source.id].unread_since
        _check_states(verdict, month.world, feed, month.states[feed.id])
        _check_false(verdict, month.world, feed, month.states[feed.id], gaps)
        _check_items(verdict, month.world, feed, gaps, stored, unread_since)
    _check_line(verdict, month.world, episodes)
    _check_messages(verdict, month)
    return verdict


def _check_states(
    verdict: Verdict, world: World, feed: Feed, states: Sequence[tuple[datetime, Health]]
) -> None:
    for plant in feed.plants:
        due = plant.since + plant.within
        if not plant.states or due > min(plant.until, world.end) or _is_hidden(world, feed, plant):
            continue
        verdict.faults += 1
        noticed = _noticed(states, plant)
        due = _when_watched(world, plant.since, plant.within)
        if noticed is None or noticed > due:
            verdict.late.append(f"{plant.kind} {feed.id} {feed.rhythm}: {noticed} > {due}")
        if noticed is not None:
            delay = max((noticed - plant.since) / HOUR, 0)
            verdict.delays[plant.kind].append(delay)


def _noticed(states: Sequence[tuple[datetime, Health]], plant: Plant) -> datetime | None:
    """Return when a feed had a state of the fault first, while it lasted."""
    ends = [*(since for since, _ in states[1:]), plant.until]
    return next(
        (
            max(since, plant.since)
            for (since, state), end in zip(states, ends, strict=True)
            if state in plant.states and since < plant.until and end > plant.since
        ),
        None,
    )


def _is_hidden(world: World, feed: Feed, plant: Plant) -> bool:
    """Return whether another fault of the same feed lies over this one."""
    del world
    due = plant.since + plant.within
    return any(
        one is not plant and one.kind != "line" and one.since < due and one.until > plant.since
        for one in feed.plants
    )


def _when_watched(world: World, since: datetime, within: timedelta) -> datetime:
    """Return when so much time has passed in which somebody could look."""
    due = since + within
    for begin, end in _blind(world):
        if begin < due and end > since:
            due += end - max(begin, since)
    return due


def _blind(world: World) -> list[tuple[datetime, datetime]]:
    """Return the spans in which nobody could look: our process or line was down.

    In order, and apart: what overlaps is one.
    """
    spans = list(world.down)
    if world.line is not None:
        spans.append((world.line.since, world.line.until + HOUR))
    apart: list[tuple[datetime, datetime]] = []
    for begin, end in sorted(spans):
        if apart and begin <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(apart[-1][1], end))
        else:
            apart.append((begin, end))
    return apart


def _overlaps(episode: Episode, since: datetime, until: datetime) -> bool:
    ended = episode.ended_at
    return episode.noticed_at < until and (ended is None or ended > since)


def _check_false(
    verdict: Verdict,
    world: World,
    feed: Feed,
    states: Sequence[tuple[datetime, Health]],
    gaps: Sequence[Unseen],
) -> None:
    for at, state in states:
        if state is Health.OK or any(_explains(plant, state, at) for plant in feed.plants):
            continue
        its_gaps = sorted((one for one in gaps if one.until <= at), key=lambda one: one.until)
        if state is Health.GAP and any(_is_true(feed, gap) for gap in its_gaps[-1:]):
            continue
        is_blind = state.is_unread or state is Health.GAP  # a whole window was not seen
        next_polls = 2 * feed.every + HOUR
        if is_blind and any(one[0] <= at <= one[1] + next_polls for one in _blind(world)):
            continue
        verdict.false.append(f"{feed.id} {feed.dates} every {feed.every}: {state} {at:%m-%d %H:%M}")


def _explains(plant: Plant, state: Health, at: datetime) -> bool:
    return state in plant.states | plant.also and plant.since <= at <= plant.until + AFTERWARDS


def _is_true(feed: Feed, gap: Unseen) -> bool:
    return any(
        gap.since <= one.at <= gap.until and one.name not in feed.visible for one in feed.pieces
    )


def _check_items(
    verdict: Verdict,
    world: World,
    feed: Feed,
    gaps: Sequence[Unseen],
    stored: dict[tuple[str, str], int],
    unread_since: datetime | None,
) -> None:
    for name in feed.visible:
        verdict.counts["visible"] += 1
        times = stored.get((feed.id, name), 0)
        if times != 1:
            verdict.lost.append(f"{feed.id} {name}: visible, stored {times} times")
    verdict.counts["gaps"] += len(gaps)
    verdict.counts["gaps_with_losses"] += sum(_is_true(feed, gap) for gap in gaps)
    if feed.first_read is None:
        return
    for one in feed.pieces:
        if one.name in feed.visible or not feed.first_read < one.at < world.end:
            continue
        if feed.last_read is not None and one.at > feed.last_read:
            continue  # not yet
        is_told = any(gap.since <= one.at <= gap.until for gap in gaps)
        is_open = unread_since is not None and one.at >= unread_since
        verdict.counts["never_visible"] += 1
        if not (is_told or is_open or _is_hidden_still(feed, one.at, world.end)):
            verdict.lost.append(f"{feed.id} {one.name} {one.at:%m-%d %H:%M}: never visible, no gap")


def _is_hidden_still(feed: Feed, at: datetime, end: datetime) -> bool:
    """Return whether the feed shows to its end nothing of what it published then."""
    hides = [one for one in feed.plants if one.kind in ("freeze", "archive")]
    return any(one.since <= at and one.until >= end for one in hides)


def _check_line(verdict: Verdict, world: World, episodes: Sequence[Episode]) -> None:
    its = [one for one in episodes if not one.source]
    line = world.line
    verdict.faults += line is not None
    if line is not None and not any(_overlaps(one, line.since, line.until) for one in its):
        verdict.late.append("line: never")
    for one in its:
        if line is None or not _overlaps(one, line.since, line.until):
            verdict.false.append(f"line {one.noticed_at}")


def _check_messages(verdict: Verdict, month: Month) -> None:
    """Count the messages for each root cause: one when it begins, one when it is over."""
    begins: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for told in month.desk.told:
        if told.news.kind == "feed.recovered":
            ends.update(set(_causes(month.world, told)))
        elif told.news.kind.startswith("feed."):
            begins.update(set(_causes(month.world, told)))
    verdict.counts["causes"] = len(begins)
    for what, counts in (("messages", begins), ("ends", ends)):
        for cause, times in counts.items():
            if times > 1:
                verdict.repeated.append(f"{cause}: {times} {what}")


def _causes(world: World, told: Told) -> Iterator[str]:
    """Yield the root causes that a message tells of."""
    if told.news.title == "No source can be reached" or "can be reached again" in told.news.title:
        yield "line"
        return
    for line in told.news.detail.splitlines():
        name, _, text = line.partition(": ")
        feed = world.feeds.get(name)
        blind = [one for one in _blind(world) if one[0] <= told.at <= one[1] + AFTERWARDS]
        if feed is None:
            continue  # the last line says how many more there are
        is_end = told.news.kind == "feed.recovered"
        planted = _planted(feed, told.at, _said(text), is_end=is_end)
        if "were new: what came and went" in text and blind and not planted:
            yield f"not watched from {blind[-1][0]:%m-%d %H:%M}"
        else:
            yield from planted or _of_line(world, told.at, _said(text))


def _planted(feed: Feed, at: datetime, said: frozenset[Health], *, is_end: bool) -> list[str]:
    """Return the planted causes that explain these states of a feed, the line aside.

    What ends at one moment is one end: a guard lets some in days after others.
    """
    since = at - (END_TOLD_WITHIN if is_end else AFTERWARDS)
    its = [one for one in feed.plants if one.since <= at and one.until >= since]
    its = [one for one in its if one.kind != "line" and said & (one.states | one.also)]
    return [f"{one.cause} until {one.until:%m-%d %H:%M}" if is_end else one.cause for one in its]


def _of_line(world: World, at: datetime, said: frozenset[Health]) -> list[str]:
    """Return that a message is about the line, where nothing else explains what it says."""
    line = world.line
    if line is None or not line.since <= at <= line.until + AFTERWARDS:
        return []  # then it is a false alarm, and counted as one
    return [line.cause] if said & line.also else []


def _said(text: str) -> frozenset[Health]:
    """Return the states that the text of a message may mean."""
    for words, states in _WORDS.items():
        if words in text:
            return states
    return frozenset({Health(text.partition(" for ")[0])})  # an end


_WORDS = {
    "were new: what came and went": frozenset({Health.GAP}),
    "it answers, but": frozenset({Health.SILENT, Health.STALE}),
    "breaks off": frozenset({Health.TRUNCATED}),
    "failed": frozenset({Health.FAILING, Health.WRONG_CONTENT, Health.GONE}),
    "is now": frozenset({Health.WRONG_CONTENT}),
}


# ---------------------------------------------------------------- the program


def run(seed: int, folder: Path, *, days: int, feeds: int) -> tuple[Month, Verdict]:
    """Live through the month of a seed and judge it."""
    path = folder / f"month-{seed}.db"
    for kept in folder.glob(f"{path.name}*"):  # of a run before
        kept.unlink()
    month = Month(world=world_of(seed, days=days, feeds=feeds), path=path)
    asyncio.run(month.live())
    return month, judge(month)


def figures(seed: int, verdict: Verdict, seconds: float) -> dict[str, Any]:
    return {
        "seed": seed,
        **verdict.counts,
        "faults": verdict.faults,
        "late": verdict.late,
        "false_per_1000": round(1000 * len(verdict.false) / verdict.counts["feed_days"], 2),
        "false": verdict.false,
        "repeated": verdict.repeated,
        "lost": len(verdict.lost),
        "lost_first": verdict.lost[:5],
        "delay_h": {
            kind: [round(statistics.median(hours), 1), round(max(hours), 1)]
            for kind, hours in sorted(verdict.delays.items())
        },
        "seconds": round(seconds),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--feeds", type=int, default=120)
    parser.add_argument("--keep", type=Path, help="leave the databases here")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    are_kept = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        for seed in options.seeds:
            began = time.monotonic()
            _, verdict = run(seed, folder, days=options.days, feeds=options.feeds)
            are_kept = are_kept and verdict.is_kept
            line = figures(seed, verdict, time.monotonic() - began)
            print(json.dumps(line, ensure_ascii=False), flush=True)
    return int(not are_kept)


if __name__ == "__main__":
    sys.exit(main())
