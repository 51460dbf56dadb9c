"""The background service: the watch, and everything around it that lets others see and steer it.

Around the engine run the service manager's notifications, signals, health and metrics over HTTP,
and the dead-man ping; each only where it is configured, and none of them can end the watch.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from monitor.config import Config
from monitor.engine.deadman import DeadMan, broken_lines, broken_promises
from monitor.engine.dump import dump
from monitor.engine.local import LocalEngine
from monitor.engine.look import Look, looking
from monitor.engine.observer import Observer, Reload
from monitor.engine.signals import Signals, Work, survived
from monitor.engine.systemd import Notifier
from monitor.engine.vitals import Judgement
from monitor.errors import ConfigError, StoreError
from monitor.service import Opened, Place, Reloader, engine_of, opened
from monitor.steps.record import PollReport

if TYPE_CHECKING:
    from monitor.web.metrics import Meters

log = structlog.get_logger()


@dataclass(kw_only=True)
class Talk:
    """What the daemon says to whoever started it."""

    on_start: Callable[[Config], None]
    on_report: Callable[[PollReport], None]
    on_refused: Callable[[ConfigError], None]
    on_read: Callable[[Config], None] = lambda _: None  # a changed configuration, before it is used


async def run(config: Config, environ: Mapping[str, str], place: Place, talk: Talk) -> None:
    """Watch until a signal ends it; what is under way ends first."""
    notifier = Notifier.from_environ(environ)
    async with AsyncExitStack() as stack:
        stack.callback(notifier.close)
        async with notifier.starting("opening the database"):
            open_ = await stack.enter_async_context(opened(config, place))
        look = stack.enter_context(looking(open_.watch.store))
        daemon = Daemon(config=config, place=place, notifier=notifier, opened=open_, look=look)
        if config.service.http.listen is not None:
            daemon.serve_metrics()
        reloader = Reloader(
            directory=config.directory,
            started=config.service,
            environ=environ,
            opened=open_,
            clock=place.clock,
            on_refused=talk.on_refused,
            on_read=talk.on_read,
            on_reload=daemon.saw_reload,
        )
        daemon.engine = engine_of(config, open_, place, talk.on_report, reloader, daemon.observer)
        daemon.engine.on_start = daemon.started
        stack.enter_context(daemon.signals(reloader).handled())
        await stack.enter_async_context(daemon.beside())
        talk.on_start(config)
        await daemon.engine.run()


@dataclass(kw_only=True)
class Daemon:
    """A running watch with what stands around it."""

    config: Config
    place: Place
    notifier: Notifier
    opened: Opened
    look: Look
    engine: LocalEngine = field(init=False)
    observer: Observer = field(default_factory=Observer)
    _meters: "Meters | None" = None
    _reload_began_s: float = 0.0
    _has_started: asyncio.Event = field(default_factory=asyncio.Event)

    def judge(self) -> Judgement:
        """Return the judgement as of now."""
        return self.engine.vitals.judge(self.place.clock())

    def status(self) -> str:
        """Return one line on how the watch fares."""
        judged = self.judge()
        settings = self.opened.watch.settings
        enabled = sum(one.enabled for one in settings.sources.values())
        counts = f"{enabled} sources, {len(settings.ruleset.rules)} rules"
        return f"{'; '.join(judged.problems) or 'all lines get on'}; {counts}"

    def started(self) -> None:
        """Say that the start is complete: database open, configuration in force."""
        self.notifier.ready(self.status())
        self._has_started.set()

    def saw_reload(self, reload: Reload) -> None:
        """Pass a reload on to whoever waits for it."""
        now_s = asyncio.get_running_loop().time()
        if reload == "begun":
            self._reload_began_s = now_s
            self.notifier.reloading()
        else:
            faults = {"refused": "the files are refused, the last good ones are in force"}
            self.engine.vitals.configuration_fault = faults.get(reload, "")
            self.notifier.ready(self.status())
        self.observer.saw_reload(reload, now_s - self._reload_began_s)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Run what runs beside the engine from its start; a fault there is logged."""
        tasks = [
            asyncio.create_task(self._from_start(name, work), name=name)
            for name, work in self._beside().items()
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _beside(self) -> Mapping[str, Work]:
        pulse = self.engine.vitals.pulse
        works: dict[str, Work] = {
            "keep alive": lambda: self.notifier.keep_alive(pulse.is_alive, self.status)
        }
        if self._meters is not None:
            works["http"] = partial(self._serve, self._meters)
        if self.config.service.health.dead_man.url.get_secret_value():
            works["dead-man"] = self._ping_dead_man
        return works

    # ------------------------------------------------------------ http

    def serve_metrics(self) -> None:
        """Count from the start what the metrics show; the library is imported here alone."""
        from monitor.web.metrics import Meters

        self.observer = self._meters = Meters(self.place.database)

    async def _serve(self, meters: "Meters") -> None:
        from monitor.web.app import HEALTH_PATHS, build_app
        from monitor.web.figures import read_figures
        from monitor.web.guard import Access
        from monitor.web.metrics import Known
        from monitor.web.server import serve

        http = self.config.service.http
        assert http.listen is not None, "there are meters only where there is an address"

        async def expose(accept: str) -> tuple[bytes, str]:
            now = self.place.clock()
            figures = None
            try:
                figures = await self.look(lambda tx: read_figures(tx, now))
            except (StoreError, TimeoutError) as refused:
                log.warning("metrics without the database", error=str(refused))
            settings = self.opened.watch.settings
            known = Known(
                rules=tuple(settings.ruleset.rules),
                channels=tuple(self.opened.watch.channels),
                sources=sum(one.enabled for one in settings.sources.values()),
            )
            return await asyncio.to_thread(meters.expose, accept, known, self.judge(), figures)

        access = Access(
            hosts=tuple(name.lower() for name in http.hosts),
            token=http.token.get_secret_value(),
            open_paths=HEALTH_PATHS,
        )
        await serve(build_app(self.judge, expose, access), http.listen)

    # ------------------------------------------------------------ dead-man

    async def _ping_dead_man(self) -> None:
        settings = self.config.service.health.dead_man
        dead_man = DeadMan(
            post=self.opened.post,
            url=settings.url.get_secret_value(),
            every=settings.every,
            start_and_fail=settings.start_and_fail,
            on_ping=lambda signal, is_taken: self.observer.saw_ping(signal, is_taken=is_taken),
        )
        await dead_man.run(self._broken)

    async def _broken(self) -> tuple[str, ...] | None:
        """Return the promises that are seen broken; None before the first cycle."""
        now = self.place.clock()
        judged = self.judge()
        broken = broken_lines(judged)
        if not broken and not all(one.has_moved for one in judged.lines):
            return None
        dead_after = self.config.service.health.dead_man.channel_dead_after
        try:
            return (*broken, *await self.look(lambda tx: broken_promises(tx, now, dead_after)))
        except (StoreError, TimeoutError) as refused:
            return (*broken, f"the database cannot be read: {refused}")

    async def _from_start(self, name: str, work: Work) -> None:
        await self._has_started.wait()
        await survived(name, work)

    # ------------------------------------------------------------ signals

    def signals(self, reloader: Reloader) -> Signals:
        """Return what is done on each signal."""
        return Signals(
            end=self._end,
            reload=partial(reloader.look, force=True),
            dump=self._dump,
            threads=self._beside_database("threads.txt"),
        )

    def _end(self) -> None:
        self.notifier.stopping()
        self.engine.vitals.is_ending = True
        self.engine.stop.set()

    async def _dump(self) -> None:
        """Write the state dump beside the database."""
        path = self._beside_database("state.json")
        await dump(self.engine, self.look, path, self.place.clock())
        log.warning("state written", path=str(path))

    def _beside_database(self, ending: str) -> Path:
        database = self.place.database
        return database.with_name(f"{database.name}.{ending}")
