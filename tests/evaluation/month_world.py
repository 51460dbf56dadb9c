"""The feeds of the simulated month: what each publishes, what befalls it, what it answers."""

import hashlib
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cached_property
from html import escape
from typing import Literal

from monitor.errors import FetchError
from monitor.fetch.kinds import kind_of
from monitor.model import Document, Fetched, Health, NotModified, Source, SourceId, Validators

START = datetime(2024, 3, 1, tzinfo=UTC)  # a Friday
HISTORY = timedelta(days=90)  # of items before the watch begins
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHALLENGE = b"<!doctype html><html><head><title>Just a moment...</title></head><body>cf-chl-</body>"
LOGIN = b"<!doctype html><html><head><title>Sign in</title></head><body><form>..</form></body>"
Dates = Literal["dated", "undated", "day", "future"]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One thing that a feed publishes; `at` is when it appears, `said` the date that it claims."""

    at: datetime
    name: str
    said: datetime


@dataclass(frozen=True, kw_only=True)
class Plant:
    """A fault: what it is, the root cause that it shares, and when its state must be known."""

    kind: str
    cause: str
    since: datetime
    until: datetime
    states: frozenset[Health]
    within: timedelta
    also: frozenset[Health] = frozenset()  # true as well, though not what is asked for


@dataclass(kw_only=True)
class Feed:
    """A feed with its life."""

    id: str
    host: str
    rhythm: str
    every: timedelta
    window: int
    pieces: list[Piece]
    dates: Dates = "dated"
    plants: list[Plant] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)
    visible: set[str] = field(default_factory=set)
    first_read: datetime | None = None
    last_read: datetime | None = None

    @property
    def source(self) -> Source:
        url = f"https://{self.host}/{self.id}.xml"
        return Source(id=SourceId(self.id), name=self.id, url=url, every=self.every)

    @cached_property
    def _times(self) -> list[datetime]:
        return [one.at for one in self.pieces]

    def active(self, now: datetime) -> Iterator[Plant]:
        return (one for one in self.plants if one.since <= now < one.until)

    # ------------------------------------------------------------ what it answers

    def answer(self, known: Validators, now: datetime) -> Fetched | NotModified:
        """Return the document of this moment, or that it has not changed."""
        kinds = {one.kind: one for one in self.active(now)}
        shown: list[Piece] = []
        self._refuse(kinds, now)
        if "challenge" in kinds or "login" in kinds:
            body = CHALLENGE if "challenge" in kinds else LOGIN
        elif "other" in kinds:
            body = self._document(self._foreign(now), "Garden notes", "garden.test")
        else:
            shown = self._window(kinds, now)
            body = self._document(shown, f"News of {self.id}", self.host)
        if "cut" in kinds:
            body = body[: len(body) * 2 // 3]
            shown = [one for one in shown if f"<guid>{one.name}</guid>".encode() in body][1:]
        moved_to = f"https://new.{self.host}/{self.id}.xml" if "moved" in kinds else ""
        etag = hashlib.sha256(body).hexdigest()[:16]
        is_feed = not {"challenge", "login", "other"} & set(kinds)
        if is_feed:
            self._was_read(shown, now)
        if etag == known.etag:
            return NotModified(validators=known, moved_to=moved_to)
        return Fetched(
            document=Document(body, {"content-type": "application/xml"}, self.source.url),
            validators=Validators(etag=etag, body_hash=etag.encode()),
            moved_to=moved_to,
        )

    def _refuse(self, kinds: dict[str, Plant], now: datetime) -> None:
        if "gone" in kinds:
            raise _answered(410, "Gone")
        if "line" in kinds:
            raise FetchError(f"{self.host}: no route", kind="connect")
        if "outage" in kinds or "hiccup" in kinds:
            raise _answered(503, "Service Unavailable")
        if "missing" in kinds:
            raise _answered(404, "Not Found")
        if "flapping" in kinds and (now - kinds["flapping"].since) % (4 * HOUR) < 2.5 * HOUR:
            raise _answered(502, "Bad Gateway")
        if "mostly" in kinds and self.chance.random() < 0.8:
            raise FetchError("no answer in 20 s", kind="timeout")

    def _window(self, kinds: dict[str, Plant], now: datetime) -> list[Piece]:
        until = kinds["freeze"].since if "freeze" in kinds else now
        out = self.pieces[: bisect_right(self._times, until)]
        if "archive" in kinds:
            out = self.pieces[: bisect_right(self._times, kinds["archive"].since)]
            steps = int((now - kinds["archive"].since) / (6 * HOUR))
            old = [
                Piece(at=now, name=f"{self.id}-old-{n}", said=START - 900 * DAY + n * HOUR)
                for n in range(steps)
            ]
            out += old
        return out[-self.window :]

    def _foreign(self, now: datetime) -> list[Piece]:
        day = int((now - START) / DAY)
        return [
            Piece(at=now, name=f"garden-{self.id}-{day - n}", said=START + (day - n) * DAY)
            for n in range(8)
        ]

    def _was_read(self, shown: Sequence[Piece], now: datetime) -> None:
        self.first_read = self.first_read or now
        self.last_read = now
        self.visible.update(one.name for one in shown)

    def _document(self, pieces: Sequence[Piece], title: str, host: str) -> bytes:
        entries = "".join(
            f"<item><title>{escape(one.name)}</title><link>https://{host}/{one.name}</link>"
            f"<guid>{one.name}</guid>{self._date(one)}</item>"
            for one in reversed(pieces)
        )
        return (
            f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>'
            f"<language>en</language>{entries}</channel></rss>"
        ).encode()

    def _date(self, piece: Piece) -> str:
        if self.dates == "undated":
            return ""
        said = piece.said
        if self.dates == "day":
            said = said.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.dates == "future":
            said += 200 * DAY
        return f"<pubDate>{format_datetime(said)}</pubDate>"


# ---------------------------------------------------------------- what they publish


def publishes(rhythm: str, rng: random.Random, until: datetime) -> list[datetime]:
    """Return the times of a rhythm from the history to the end."""
    zone = timedelta(hours=rng.choice([-5, 0, 1, 9]))
    start = START - (900 * DAY if rhythm == "monthly" else HISTORY)
    steps: dict[str, Callable[[datetime], datetime]] = {
        "wire": lambda at: at + HOUR * rng.expovariate(5),
        "steady": lambda at: at + HOUR * rng.expovariate(0.5),
        "office": lambda at: at + HOUR * rng.expovariate(1.2),
        "few": lambda at: at + HOUR * rng.expovariate(0.3),
        "waking": lambda at: at + HOUR * rng.expovariate(0.7),
        "daily": lambda at: _next_day(at, rng),
        "weekly": lambda at: at + 7 * DAY + HOUR * rng.uniform(-4, 4),
        "monthly": lambda at: at + 30 * DAY + DAY * rng.uniform(-2, 2),
        "seldom": lambda at: at + DAY * rng.expovariate(0.25),
    }
    keeps: dict[str, Callable[[datetime], bool]] = {
        "office": lambda at: at.weekday() < 5 and 8 <= at.hour < 19,
        "few": lambda at: at.weekday() < 5 and 8 <= at.hour < 19,
        "daily": lambda at: at.weekday() < 5,
        "waking": lambda at: 6 <= at.hour < 23,
    }
    times, at = [], start + HOUR * rng.uniform(0, 24)
    while (at := steps[rhythm](at)) < until:
        local = at + zone
        if rhythm not in keeps or keeps[rhythm](local):
            times.append(at)
    return times


def _next_day(at: datetime, rng: random.Random) -> datetime:
    return (at + DAY).replace(hour=9, minute=rng.randrange(60), second=rng.randrange(60))


def pieces_of(feed_id: str, times: Sequence[datetime]) -> list[Piece]:
    return [Piece(at=at, name=f"{feed_id}-{n}", said=at) for n, at in enumerate(times)]


# How long after its last item a feed of this rhythm is known to be silent or stale.
QUIET_WITHIN = {
    "wire": DAY,
    "steady": 2 * DAY,
    "waking": 3 * DAY,
    "office": 7 * DAY,
    "few": 13 * DAY,
    "daily": 8 * DAY,
    "weekly": 24 * DAY,
    "seldom": 60 * DAY,
}


def failing_within(every: timedelta) -> timedelta:
    """Return when three polls in a row have failed: the wait doubles after the first of them."""
    return every * 4.5 + timedelta(minutes=15)


def _answered(status: int, phrase: str) -> FetchError:
    return FetchError(f"HTTP {status} {phrase}", kind=kind_of(status), status=status)
