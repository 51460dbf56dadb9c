"""What the lines work with: settings, connections to the outside, the stories in mind."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from monitor.alerts.decide import Policy
from monitor.alerts.route import Route
from monitor.alerts.silence import Silence
from monitor.model import (
    Alert,
    ArticleLimits,
    Document,
    Fetched,
    FullText,
    Item,
    ItemId,
    Known,
    Message,
    NotModified,
    Reading,
    Source,
    SourceId,
    StoryId,
    Validators,
)
from monitor.rules import RuleSet
from monitor.store import SqliteStore, Transaction
from monitor.stories import KEEP, Fingerprint, Window

_Result = TypeVar("_Result")


class Channel(Protocol):
    """What the lines need of a channel; see `monitor.notify`."""

    @property
    def name(self) -> str:
        """Return its name in the configuration."""
        ...

    def recipients(self) -> Sequence[str]:
        """Return whom it reaches; each gets a row of its own."""
        ...

    def compose(self, alert: Alert, recipient: str) -> Message:
        """Return the bytes to freeze."""
        ...

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        """Deliver, or raise a `DeliveryError`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Canary:
    """When the daily canary flies (in the zone of the digest), where to, and how long it may take.

    There is at least one channel.
    """

    channels: tuple[str, ...]
    at: time
    within: timedelta


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the configuration says to the lines; one snapshot, swapped whole by a reload."""

    ruleset: RuleSet
    sources: Mapping[SourceId, Source]
    routes: Sequence[Route]
    ops_channels: Sequence[str]
    digest_channels: Sequence[str]
    silences: Sequence[Silence] = ()
    policy: Policy = field(default_factory=Policy)
    digest_at: time = time(7)
    digest_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    digest_skip_when_empty: bool = False
    weekly_channels: Sequence[str] = ()  # nobody: there is no weekly digest
    weekly_on: int = 0  # Monday
    weekly_at: time = time(7)
    failing_after: int = 3  # polls in a row
    articles: ArticleLimits = field(default_factory=ArticleLimits)
    canary: Canary | None = None  # None: it does not fly
    files: Mapping[str, str] = field(default_factory=dict)  # as read, for the history
    authors: Mapping[str, str] = field(default_factory=dict)  # who saved each of them last


# What came of the articles of these items, newest first; see `monitor.fetch.articles`.
ReadArticles = Callable[
    [Source, Sequence[Item], ArticleLimits], Awaitable[Mapping[ItemId, FullText]]
]


@dataclass(kw_only=True)
class Watch:
    """The lines' view of the world; `write` and `read` run on the store's own threads."""

    settings: Settings
    channels: Mapping[str, Channel]
    store: SqliteStore
    fetch: Callable[[Source, Validators], Awaitable[Fetched | NotModified]]
    parse: Callable[[Document, Known], Awaitable[Reading]]
    writer: Executor
    recent: "RecentStories"
    articles: ReadArticles | None = None  # None: no feed has full_text

    async def write(self, step: Callable[[Transaction], _Result]) -> _Result:
        """Run a step as one write transaction; a failed one leaves no trace, in memory neither."""
        return await self._on_writer(lambda: self.write_now(step))

    async def read(self, step: Callable[[Transaction], _Result]) -> _Result:
        """Run a step on a consistent view."""

        def run() -> _Result:
            with self.store.read() as tx:
                return step(tx)

        return await self._on_writer(run)

    def write_now(self, step: Callable[[Transaction], _Result]) -> _Result:
        """Run a step as one write transaction in the calling thread."""
        try:
            with self.store.write() as tx:
                return step(tx)
        except BaseException:
            self.recent.forget_all()
            raise

    async def _on_writer(self, run: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self.writer, run)


class RecentStories:
    """The members of stories that an arriving item may join, kept in step with the store.

    What arrived more than `KEEP` ago cannot matter; forgetting by arrival gives the same window
    before and after a restart.

    Other processes add members too: `sync` takes in what was committed since.
    """

    def __init__(self) -> None:
        self.forget_all()

    def forget_all(self) -> None:
        """Start again from the store at the next `sync`."""
        self.window = Window()
        self._number = 0
        self._mended = 0
        self._arrivals: deque[tuple[datetime, ItemId]] = deque()

    def sync(self, tx: Transaction, now: datetime) -> None:
        """Bring the window up to what is committed; a split or merge rebuilds it."""
        mended = tx.log.last_mend()
        if mended != self._mended:
            self.forget_all()
            self._mended = mended
        for member in tx.stories.members_after(self._number, now - KEEP):
            fingerprint = Fingerprint.from_json(member.fingerprint)
            self.add(member.number, member.story_id, fingerprint, member.joined_at)
        while self._arrivals and self._arrivals[0][0] < now - KEEP:
            self.window.forget(self._arrivals.popleft()[1])

    def add(
        self, number: int, story_id: StoryId, fingerprint: Fingerprint, joined_at: datetime
    ) -> None:
        """Take in one member."""
        self._number = number
        self._arrivals.append((joined_at, fingerprint.item_id))
        self.window.add(story_id, fingerprint)
