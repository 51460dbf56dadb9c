"""The service: a configuration becomes a running watch, and a changed one is swapped in."""

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import structlog

from monitor import rules
from monitor.alerts.decide import Policy
from monitor.config import (
    WEEKDAYS,
    Config,
    ServiceSettings,
    WeeklySettings,
    fingerprint,
    load_config,
    waiting_settings,
)
from monitor.config import check_change as check_texts
from monitor.engine.clock import utc_now
from monitor.engine.local import LocalEngine, edit_on, sync
from monitor.engine.observer import Observer, Reload
from monitor.errors import ConfigError, MonitorError, StoreBusy, StoreError
from monitor.fetch.articles import Articles
from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.fetch.robots import RobotsFiles
from monitor.fetch.sandbox import Sandbox
from monitor.model import ArticleLimits, Post
from monitor.notify import CHANNELS, Tools
from monitor.notify.base import Channel
from monitor.steps.record import PollReport
from monitor.steps.watch import Canary, RecentStories, Settings, Watch
from monitor.store import SqliteStore, Transaction
from monitor.store.backup import OWNER_ONLY, give_to_owner
from monitor.text.robots import token_of

log = structlog.get_logger()


def read_config(
    directory: Path, environ: Mapping[str, str], *, rules_from: Path | None = None
) -> Config:
    """Return the configuration of a directory, checked whole, the rules' examples included.

    `rules_from` takes rules and watch lists from another directory.

    Raises:
        ConfigError: with every problem of every file.
    """
    models = {kind: channel.settings for kind, channel in CHANNELS.items()}
    now = utc_now()
    load_rules = partial(rules.load, today=now.date())
    return load_config(
        directory, environ, models, load_rules=load_rules, rules_from=rules_from, now=now
    )


def check_change(directory: Path, environ: Mapping[str, str], changed: Mapping[str, str]) -> None:
    """Return when a configuration loads with these texts in place of the files of their names.

    Raises:
        ConfigError: with every problem of every file.
    """
    models = {kind: channel.settings for kind, channel in CHANNELS.items()}
    load_rules = partial(rules.load, today=utc_now().date())
    check_texts(directory, environ, models, load_rules, changed)


def settings_of(config: Config) -> Settings:
    """Return what the lines need of a configuration."""
    service = config.service
    canary = Canary(
        channels=config.canary_channels, at=service.canary.at, within=service.canary.within
    )
    weekly = service.digest.weekly or WeeklySettings()
    return Settings(
        ruleset=config.ruleset,
        sources={source.id: source for source in config.sources},
        routes=config.routes,
        ops_channels=config.ops_channels,
        digest_channels=config.digest_channels,
        silences=config.silences,
        policy=Policy(),
        digest_at=service.digest.at,
        digest_zone=service.digest.zone,
        digest_skip_when_empty=service.digest.skip_when_empty,
        weekly_channels=config.weekly_channels,
        weekly_on=WEEKDAYS.index(weekly.on),
        weekly_at=weekly.at or service.digest.at,
        failing_after=service.self_watch.feed_failing_after,
        canary=canary if canary.channels else None,
        articles=ArticleLimits(at_most=service.full_text.at_most, within=service.full_text.within),
        files=config.files,
        authors=config.authors,
    )


def build_channels(config: Config, tools: Tools) -> Mapping[str, Channel]:
    """Return the configured channels by name."""
    return {
        name: CHANNELS[one.kind].build(name, one.settings, tools)
        for name, one in config.channels.items()
    }


@dataclass(kw_only=True)
class Opened:
    """A watch with everything open; `channels_for` builds the channels of a configuration.

    `post` sends within the bounds of the HTTP client; `is_locked` says whether the instance lock
    is still the one on disk.
    """

    watch: Watch
    channels_for: Callable[[Config], Mapping[str, Channel]]
    post: Post
    is_locked: Callable[[], bool] = lambda: True


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a watch runs: its clock, its database, and where the console channel prints."""

    database: Path
    clock: Callable[[], datetime] = utc_now
    console: TextIO = field(default_factory=lambda: sys.stdout)


@asynccontextmanager
async def fetching(config: Config, clock: Callable[[], datetime]) -> AsyncIterator[Fetcher]:
    """Open the HTTP client that a configuration describes."""
    polling = config.service.polling
    fetcher = Fetcher(
        FetchSettings(
            user_agent=polling.user_agent,
            allow_networks=polling.allow_networks,
            proxy=polling.proxy.get_secret_value(),
        ),
        gate=Gate(monotonic=time.monotonic, gap=polling.host_gap, limit=polling.at_once),
        clock=clock,
    )
    try:
        yield fetcher
    finally:
        await fetcher.aclose()


def tools_of(config: Config, fetcher: Fetcher, console: TextIO) -> Tools:
    """Return what channels are lent."""
    return Tools(
        post=fetcher.post,
        public_url=str(config.service.web.public_url or ""),
        domain=config.service.instance.domain,
        console=console,
    )


@asynccontextmanager
async def opened(config: Config, place: Place) -> AsyncIterator[Opened]:
    """Open the database under its lock, the client and the parser; close them all at the end.

    Raises:
        StoreBusy: another process watches with this database.
    """
    loop = asyncio.get_running_loop()
    with single_instance(place.database) as is_locked, ThreadPoolExecutor(1, "store") as writer:
        store = SqliteStore(place.database)
        await loop.run_in_executor(writer, store.open, place.clock())
        await loop.run_in_executor(writer, store.verify)
        async with fetching(config, place.clock) as fetcher:

            def channels_for(one: Config) -> Mapping[str, Channel]:
                return build_channels(one, tools_of(one, fetcher, place.console))

            sandbox, pages = Sandbox(), Sandbox(reader="article")
            token = token_of(config.service.polling.user_agent)
            robots = RobotsFiles(fetcher.get, token, place.clock)
            watch = Watch(
                settings=settings_of(config),
                channels=channels_for(config),
                store=store,
                fetch=fetcher.fetch,
                parse=sandbox.read,
                writer=writer,
                recent=RecentStories(),
                articles=Articles(fetcher, robots, pages.read, place.clock).of,
            )
            try:
                yield Opened(
                    watch=watch,
                    channels_for=channels_for,
                    post=fetcher.post,
                    is_locked=is_locked,
                )
            finally:
                await sandbox.close()
                await pages.close()
                await loop.run_in_executor(writer, store.close)


def _opened_lock(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=OWNER_ONLY)
        give_to_owner(path)
        return path.open("a", encoding="utf-8")
    except OSError as error:
        hint = "set storage.database in monitor.yaml"
        raise StoreError(f"{path}: {error.strerror}; {hint}") from error


@contextmanager
def single_instance(database: Path) -> Iterator[Callable[[], bool]]:
    """Hold the lock beside a database file; it is free again when the process ends, however.

    Gives a question: is the file that is locked still the one that others would lock?

    Raises:
        StoreBusy: another process holds it.
    """
    path = database.with_name(f"{database.name}.lock")
    with _opened_lock(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreBusy(f"another monitor works on {database} (lock {path})") from error

        def is_locked() -> bool:
            return path.exists() and path.stat().st_ino == os.fstat(lock.fileno()).st_ino

        yield is_locked


def changed_rules(old: rules.RuleSet, new: rules.RuleSet) -> list[str]:
    """Return the rules that are new, or not what they were, in order of their ids."""
    before = {name: info.version for name, info in old.rules.items()}
    return sorted(n for n, info in new.rules.items() if before.get(n) != info.version)


@dataclass(kw_only=True)
class Reloader:
    """Looks whether the configuration's files changed; swaps the whole new set in, or refuses it.

    A refused set changes nothing: the last good one keeps running, and the problems are told.
    `started` are the settings that the watch was started with.
    """

    directory: Path
    started: ServiceSettings
    environ: Mapping[str, str]
    opened: Opened
    clock: Callable[[], datetime]
    on_refused: Callable[[ConfigError], None]
    on_read: Callable[[Config], None] = lambda _: None
    on_reload: Callable[[Reload], None] = lambda _: None
    _seen: bytes = b""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self._seen = fingerprint(self.directory)

    async def look(self, *, force: bool = False) -> None:
        """Reload if a file changed since the last look, or in any case."""
        async with self._lock:
            seen = await asyncio.to_thread(fingerprint, self.directory)
            if seen == self._seen and not force:
                return
            self.on_reload("begun")
            outcome: Reload = "postponed"
            try:
                outcome = await self._reload(seen)
            finally:
                self.on_reload(outcome)

    async def _reload(self, seen: bytes) -> Reload:
        try:
            config = await asyncio.to_thread(read_config, self.directory, self.environ)
        except ConfigError as error:
            self._seen = seen
            log.warning("configuration refused, the last good stays", errors=len(error.problems))
            self.on_refused(error)
            return "refused"
        self.on_read(config)
        try:
            await self._swap(config)
        except MonitorError as error:
            log.warning("configuration not taken over, tried again", error=str(error))
            return "postponed"
        self._seen = seen
        return "loaded"

    async def _swap(self, config: Config) -> None:
        """Store what is in force, then work with it: a refused transaction leaves all as it was."""
        watch = self.opened.watch
        now = self.clock()
        new = replace(
            watch, settings=settings_of(config), channels=self.opened.channels_for(config)
        )

        edit = await edit_on(new)

        def step(tx: Transaction) -> None:
            sync(tx, new, edit, now)
            tx.outbox.reopen_channels()

        await watch.write(step)
        changed = changed_rules(watch.settings.ruleset, new.settings.ruleset)
        watch.settings, watch.channels = new.settings, new.channels
        if changed:
            hint = "they see new items only; monitor replay shows what they make of stored ones"
            log.warning("rules changed", rules=changed, hint=hint)
        waiting = waiting_settings(self.started, config.service)
        if waiting:
            log.warning("settings wait for the next start", settings=waiting)
        log.info("configuration loaded", hash=config.hash[:12], rules=len(config.ruleset.rules))


def engine_of(
    config: Config,
    opened: Opened,
    place: Place,
    on_report: Callable[[PollReport], None],
    reloader: Reloader | None,
    observer: Observer | None = None,
) -> LocalEngine:
    """Return the engine that drives a watch in this process."""
    return LocalEngine(
        watch=opened.watch,
        at_once=config.service.polling.at_once,
        clock=place.clock,
        on_report=on_report,
        on_reload=reloader.look if reloader else None,
        observer=observer or Observer(),
        stalled_after=config.service.health.stalled_after,
        is_locked=opened.is_locked,
    )
