"""Which feeds the simulated month has, and which faults are planted in it: all from one seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.model import Health
from tests.evaluation.month_world import (
    DAY,
    HOUR,
    QUIET_WITHIN,
    START,
    Feed,
    Piece,
    Plant,
    failing_within,
    pieces_of,
    publishes,
)

MINUTE = timedelta(minutes=1)
# (rhythm, how many of 120, interval, entries in the window)
KINDS = (
    ("wire", 10, 30 * MINUTE, 40),
    ("steady", 20, HOUR, 25),
    ("office", 34, 1.5 * HOUR, 20),
    ("few", 14, 2 * HOUR, 15),
    ("waking", 16, HOUR, 20),
    ("daily", 10, 3 * HOUR, 20),
    ("weekly", 6, 6 * HOUR, 10),
    ("monthly", 3, 6 * HOUR, 12),
    ("seldom", 7, 3 * HOUR, 10),
)
FREQUENT = ("wire", "steady", "office", "waking", "few")  # polled often enough to see it flap
LIVELY = ("wire", "steady", "office", "few", "waking", "daily")  # quiet within the month
FAILING = frozenset({Health.FAILING})
WRONG = frozenset({Health.WRONG_CONTENT})
QUIET = frozenset({Health.SILENT, Health.STALE})
AFTER = frozenset({Health.GAP})  # what a fault leaves behind when it ends


@dataclass(kw_only=True)
class World:
    """All feeds, the end of the time, and when our own process is down."""

    feeds: dict[str, Feed]
    end: datetime
    down: list[tuple[datetime, datetime]] = field(default_factory=list)
    line: Plant | None = None


def world_of(seed: int, *, days: int, feeds: int) -> World:
    """Return the world of a seed."""
    rng = random.Random(seed)
    end = START + days * DAY
    made = _feeds(rng, end, feeds)
    world = World(feeds={one.id: one for one in made}, end=end)
    free = [one for one in made if not one.host.startswith("crowd")]
    rng.shuffle(free)
    _odd(free, rng)
    _plant_all(world, free, rng)
    return world


def _feeds(rng: random.Random, end: datetime, count: int) -> list[Feed]:
    feeds = []
    for rhythm, share, every, window in KINDS:
        for number in range(max(1, round(share * count / 120))):
            name = f"{rhythm}-{number}"
            crowded = rhythm == "office" and number < 8
            pace = timedelta(days=1) if rhythm == "daily" and number == 0 else every
            feeds.append(
                Feed(
                    id=name,
                    host="crowd.test" if crowded else f"{name}.test",
                    rhythm=rhythm,
                    every=pace,
                    window=window,
                    pieces=pieces_of(name, publishes(rhythm, rng, end)),
                    chance=random.Random(rng.random()),
                )
            )
    return feeds


def _odd(free: Sequence[Feed], rng: random.Random) -> None:
    """Make some feeds of the odd kinds that exist: no dates, dates alone, dates ahead, no past."""
    usual = [one for one in free if one.rhythm in ("office", "steady", "waking")]
    for feed, dates in zip(
        usual[-8:], ["undated"] * 4 + ["day"] * 2 + ["future"] * 2, strict=False
    ):
        feed.dates = dates  # type: ignore[assignment]
    for feed in usual[-10:-8]:  # began with the watch
        feed.pieces = [one for one in feed.pieces if one.at >= START - HOUR * rng.uniform(0, 30)]


# ---------------------------------------------------------------- faults


def _plant_all(world: World, free: list[Feed], rng: random.Random) -> None:
    days = (world.end - START) / DAY
    queue = [one for one in free if one.rhythm != "monthly"]

    def take(*rhythms: str, but: str = "") -> Feed | None:
        wanted = [one for one in queue if not rhythms or one.rhythm in rhythms]
        wanted = [one for one in wanted if one.dates != but]
        if not wanted:
            return None
        queue.remove(wanted[0])
        return wanted[0]

    def moment(first: float = 3, margin: float = 3) -> datetime:
        return START + DAY * rng.uniform(first, max(days - margin, first))

    share = len(world.feeds) / 120
    for kind, count in (
        *(("outage", 6), ("missing", 3), ("login", 2), ("cut", 2), ("gone", 2), ("moved", 2)),
        *(("flapping", 3), ("mostly", 2), ("other", 2), ("hiccup", 10)),
    ):
        for _ in range(max(1, round(count * share))):
            feed = take(*FREQUENT) if kind == "flapping" else take()
            if feed is not None:
                _fault(feed, kind, moment(), rng)
    quiet_at = max(days * 0.4, 3)
    for kind, count in (("freeze", 6), ("fade", 2), ("archive", 2)):
        for _ in range(max(1, round(count * share))):
            # Never seen and without dates: nothing would say that what an archive shows is old.
            feed = take(*LIVELY, but="undated" if kind == "archive" else "")
            if feed is not None and feed.dates != "future":
                _quiet(feed, kind, moment(quiet_at, 9), world.end)
    feed = take("office")
    if feed is not None:
        _dead(feed)
    for feed in [take("office", "few", "daily", "waking") for _ in range(max(1, round(4 * share)))]:
        if feed is not None:
            _flood(feed, moment(), rng)
    _shared(world, queue, moment, rng)


def _fault(feed: Feed, kind: str, since: datetime, rng: random.Random) -> None:
    lasts = HOUR * rng.uniform(10, 60) + 6 * feed.every
    within = failing_within(feed.every)
    states, also = FAILING, AFTER
    match kind:
        case "hiccup":  # two failed polls are no problem
            lasts, states, within = feed.every * 1.3, frozenset(), timedelta(0)
        case "login":
            states = WRONG
        case "other":
            lasts, states, within = lasts + DAY, WRONG, feed.every * 1.2 + MINUTE
        case "cut":
            states = frozenset({Health.TRUNCATED})
        case "gone":
            lasts, states = 60 * DAY, frozenset({Health.GONE})
        case "moved":
            lasts, states = 60 * DAY, frozenset({Health.MOVED})
            within = DAY + 2 * feed.every * 1.2 + MINUTE
        case "flapping":
            lasts = 3 * DAY
            within = 6 * HOUR + failing_within(feed.every) if feed.every <= HOUR / 2 else lasts
        case "mostly":
            lasts, within = 4 * DAY + 20 * feed.every, 40 * feed.every
    name = f"{kind} {feed.id}"
    feed.plants.append(
        Plant(
            kind=kind, cause=name, since=since, until=since + lasts,
            states=states, within=within, also=also,
        )
    )  # fmt: skip


def _quiet(feed: Feed, kind: str, since: datetime, end: datetime) -> None:
    if kind == "fade":  # ever fewer for a week, then nothing
        feed.pieces = _faded(feed.pieces, since - 7 * DAY, since)
    last = max((one.at for one in feed.pieces if one.at <= since), default=since)
    since = since - 7 * DAY if kind == "fade" else since
    within = (last - since) + QUIET_WITHIN[feed.rhythm]
    feed.plants.append(
        Plant(
            kind=kind, cause=f"{kind} {feed.id}", since=since,
            until=min(since + 14 * DAY, end) if kind == "freeze" else end,
            states=QUIET if kind != "archive" else frozenset({Health.STALE, Health.SILENT}),
            within=within + timedelta(hours=1), also=AFTER,
        )
    )  # fmt: skip


def _faded(pieces: Sequence[Piece], first: datetime, last: datetime) -> list[Piece]:
    kept, skip = [], 0.0
    for number, one in enumerate(pieces):
        if one.at > last:
            break
        if one.at > first:
            skip = 1 + 5 * ((one.at - first) / (last - first))
        if not skip or number % int(skip) == 0:
            kept.append(one)
    return kept


def _dead(feed: Feed) -> None:
    """Let a feed have ended long before the watch began."""
    shift = 400 * DAY
    feed.pieces = [
        replace(one, at=one.at - shift, said=one.said - shift)
        for one in feed.pieces
        if one.at < START
    ]
    feed.dates = "dated"
    feed.plants.append(
        Plant(
            kind="dead", cause=f"dead {feed.id}", since=START, until=START + 400 * DAY,
            states=frozenset({Health.STALE}), within=2 * feed.every,
        )
    )  # fmt: skip


def _flood(feed: Feed, since: datetime, rng: random.Random) -> None:
    """Let a feed publish several windows at once: what it shows rolls over between two polls."""
    lasts = feed.every * 0.9
    since = since.replace(hour=12)
    count = feed.window * 4
    burst = [
        Piece(at=at, name=f"{feed.id}-burst-{n}", said=at)
        for n, at in enumerate(sorted(since + lasts * rng.random() for _ in range(count)))
    ]
    feed.pieces = sorted([*feed.pieces, *burst], key=lambda one: one.at)
    feed.plants.append(
        Plant(
            kind="flood", cause=f"flood {feed.id}", since=since, until=since + 2 * DAY,
            states=frozenset({Health.GAP}), within=lasts + feed.every * 1.2 + MINUTE,
        )
    )  # fmt: skip


def _shared(world: World, queue: list[Feed], moment, rng: random.Random) -> None:  # type: ignore[no-untyped-def]
    crowd = [one for one in world.feeds.values() if one.host == "crowd.test"]
    at = moment()
    for feed in crowd:
        _join(feed, "outage", "host crowd.test", at, at + 20 * HOUR, FAILING)
    at = moment()
    guarded = queue[: max(2, round(5 * len(world.feeds) / 120))]
    for feed in guarded:
        queue.remove(feed)
        _join(feed, "challenge", "challenge Cloudflare", at, at + 40 * HOUR + 6 * feed.every, WRONG)
    at = moment()
    until = at + HOUR * rng.uniform(2, 7)
    for feed in world.feeds.values():
        _join(feed, "line", "line", at, until, frozenset())
    world.line = next(iter(world.feeds.values())).plants[-1]
    down = moment()
    world.down.append((down, down + HOUR * rng.uniform(4, 9)))


def _join(
    feed: Feed, kind: str, cause: str, since: datetime, until: datetime, states: frozenset[Health]
) -> None:
    feed.plants.append(
        Plant(
            kind=kind, cause=cause, since=since, until=until, states=states,
            within=failing_within(feed.every), also=FAILING | AFTER,
        )
    )  # fmt: skip
