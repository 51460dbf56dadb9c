"""Metrics for Prometheus: what happens is counted as it happens, what stands is read when asked.

A registry of our own. Labels are names of the configuration and words of closed lists, never a
text from outside, so that nobody can make series without end. docs/service.md describes each
metric; a test compares.
"""

import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor import __version__
from monitor.engine.observer import Observer, Reload
from monitor.engine.pulse import Motion
from monitor.engine.vitals import Judgement
from monitor.model import Reason
from monitor.steps.due import DueReport
from monitor.steps.record import PollReport
from monitor.store import Outcome
from monitor.web.figures import FEED_STATES, FEEDS_SHOWN, Figures, size_of

PREFIX = "sanctions_monitor"
_PLAIN = "text/plain; version=0.0.4; charset=utf-8"
_POLLS = ("read", "unchanged", "failed")
_OUTCOMES = ("sent", "retry", "dead", "paused")
_OPEN = ("pending", "sending", "dead")
_STAGE_S = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 20, 60)
_DELIVERY_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The names of the configuration in force: their series stand from the start, at nought."""

    rules: tuple[str, ...]
    channels: tuple[str, ...]
    sources: int


class Meters(Observer):
    """Counts what it hears; `expose` adds what stands and writes all of it down."""

    def __init__(self, database: Path) -> None:
        # Else a second series for each counter, of no use here.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._standing = _Standing(database)
        _Process(registry=self.registry)
        self.registry.register(self._standing)
        self._polls = self._counter("polls", "Polls by what they came to.", "result")
        self._failures = self._counter("poll_failures", "Failed polls by kind of failure.", "kind")
        self._stages = self._histogram(
            "poll_stage_duration_seconds", "Seconds of each stage of a poll.", _STAGE_S, "stage"
        )
        self._items = self._counter("items", "Items taken in: new ones and edited ones.", "change")
        self._hits = self._counter("hits", "Hits of each rule.", "rule")
        self._decisions = self._counter(
            "decisions", "Why people were told of a hit, or not.", "reason"
        )
        self._stories = self._counter("stories_opened", "Stories opened.")
        self._gaps = self._counter(
            "feed_gaps", "Polls that may have missed items: the feed moved on entirely."
        )
        self._articles = self._counter("articles", "Articles that were asked for.", "result")
        self._digests = self._counter("digests", "Digests made.")
        self._alarms = self._counter("alarms", "Alarms of the watch about itself.")
        self._deliveries = self._counter(
            "deliveries", "Tries of messages by what they came to.", "channel", "result"
        )
        self._delivery_s = self._histogram(
            "delivery_duration_seconds", "Seconds of each try.", _DELIVERY_S, "channel"
        )
        self._reloads = self._counter(
            "config_reloads", "Looks at a changed configuration.", "result"
        )
        self._reload_ok = self._gauge(
            "config_last_reload_successful", "1 while the files are those in force, 0 if refused."
        )
        self._reloaded_at = self._gauge(
            "config_last_reload_success_timestamp_seconds", "When files last came into force."
        )
        self._reload_s = self._gauge(
            "config_last_reload_duration_seconds", "How long the last look took."
        )
        self._jumps = self._counter("clock_jumps", "Jumps of the wall clock by a minute or more.")
        self._jump_s = self._gauge("clock_last_jump_seconds", "By how much it last jumped.")
        self._pings = self._counter("dead_man_pings", "Dead-man pings.", "signal", "result")
        self._reload_ok.set(1)

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", says, labels, registry=self.registry)

    def _gauge(self, name: str, says: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", says, registry=self.registry)

    def _histogram(self, name: str, says: str, buckets: Iterable[float], label: str) -> Histogram:
        bounds = tuple(buckets)
        return Histogram(f"{PREFIX}_{name}", says, (label,), buckets=bounds, registry=self.registry)

    # ------------------------------------------------------------ what happens

    def saw_poll(self, report: PollReport) -> None:
        """Count a poll and what it brought."""
        self._polls.labels(report.result).inc()
        if report.error_kind:
            self._failures.labels(report.error_kind).inc()
        for stage, seconds in report.seconds.items():
            self._stages.labels(stage).observe(seconds)
        self._items.labels("new").inc(report.new_items)
        self._items.labels("edited").inc(report.changed_items)
        self._gaps.inc(report.has_gap)
        for result, count in report.articles.items():
            self._articles.labels("read" if result == "read" else "failed").inc(count)
        for told in report.told:
            self._stories.inc(told.opened)
            self._decisions.labels(told.decision.reason.value).inc()
            for hit in told.hits:
                self._hits.labels(hit.rule).inc()

    def saw_due(self, report: DueReport) -> None:
        """Count what time brought."""
        self._digests.inc(report.digests)
        self._alarms.inc(len(report.alarms))

    def saw_outcome(self, channel: str, outcome: Outcome) -> None:
        """Count a try."""
        self._deliveries.labels(channel, outcome.result).inc()
        self._delivery_s.labels(channel).observe(outcome.took.total_seconds())

    def saw_reload(self, reload: Reload, took_s: float) -> None:
        """Take note of a reload."""
        if reload == "begun":
            return
        self._reloads.labels(reload).inc()
        self._reload_s.set(took_s)
        self._reload_ok.set(reload == "loaded")
        if reload == "loaded":
            self._reloaded_at.set_to_current_time()

    def saw_jump(self, jump: timedelta) -> None:
        """Count a jump of some length."""
        self._jumps.inc()
        self._jump_s.set(jump.total_seconds())

    def saw_ping(self, signal: str, *, is_taken: bool) -> None:
        """Count a dead-man ping."""
        self._pings.labels(signal, "taken" if is_taken else "failed").inc()

    # ------------------------------------------------------------ what stands

    def expose(
        self, accept: str, known: Known, judged: Judgement, figures: Figures | None
    ) -> tuple[bytes, str]:
        """Return every metric, and its content type; without `figures` the database's lack.

        The format is OpenMetrics where that is asked for, else Prometheus's text.
        """
        self._known(known)
        self._standing.take(known, judged, figures)
        try:
            encode, kind = choose_encoder(accept)
        except (ValueError, TypeError):  # an Accept header without sense
            encode, kind = generate_latest, _PLAIN
        return encode(self.registry), kind

    def _known(self, known: Known) -> None:
        """Let series stand at nought: a rate needs a value before the first event."""
        for rule in known.rules:
            self._hits.labels(rule)
        for channel in known.channels:
            for outcome in _OUTCOMES:
                self._deliveries.labels(channel, outcome)
        for result in _POLLS:
            self._polls.labels(result)
        for reason in Reason:
            self._decisions.labels(reason.value)


class _Process(ProcessCollector):
    """The process's own figures; under systemd's `ProcSubset=pid` /proc/stat is not there.

    Without the time of boot the library would date the start of the process to 1970.
    """

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


class _Standing:
    """Turns what stands into gauges."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._known = Known(rules=(), channels=(), sources=0)
        self._judged: Judgement | None = None
        self._figures: Figures | None = None

    def take(self, known: Known, judged: Judgement, figures: Figures | None) -> None:
        """Take what the next collection shows."""
        self._known, self._judged, self._figures = known, judged, figures

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge (the library's name)."""
        yield _one(
            "build_info",
            "Always 1; the versions.",
            1,
            version=__version__,
            python=platform.python_version(),
            sqlite=sqlite3.sqlite_version,
        )
        yield _one("rules", "Rules in force.", len(self._known.rules))
        yield _one("sources", "Sources that are on.", self._known.sources)
        yield _one("database_size_bytes", "Size of the database.", size_of(self._database))
        wal = self._database.with_name(f"{self._database.name}-wal")
        yield _one("database_wal_size_bytes", "Size of its write-ahead log.", size_of(wal))
        if self._judged is not None:
            yield from _judgement(self._judged)
        yield _one(
            "database_readable", "1 if this scrape could read it.", self._figures is not None
        )
        if self._figures is not None:
            yield from _feeds(self._figures)
            yield from _outbox(self._figures, self._known)


def _judgement(judged: Judgement) -> Iterator[Metric]:
    yield _one("alive", "1 while no line stands still, as /healthz.", judged.is_alive)
    yield _one("ready", "1 while every check holds too, as /readyz.", judged.is_ready)
    up = _family("line_up", "1 while a line makes progress or the database refuses it.", "line")
    silent = _family("line_silent_seconds", "Seconds since a line made progress.", "line")
    for one in judged.lines:
        up.add_metric([one.line.value], one.motion is not Motion.STALLED)
        silent.add_metric([one.line.value], one.silent_s)
    checks = _family("check_up", "1 while a check of readiness holds.", "check")
    for check in judged.checks:
        checks.add_metric([check.name], check.is_ok)
    yield from (up, silent, checks)


def _feeds(figures: Figures) -> Iterator[Metric]:
    counts = _family("feeds", "Feeds by state.", "state")
    for state in FEED_STATES:
        counts.add_metric([state], sum(one.state == state for one in figures.feeds))
    states = _family("feed_state", "1 for the state that a feed is in.", "feed", "state")
    failures = _family("feed_failures", "Failed polls in a row.", "feed")
    read = _family("feed_last_success_timestamp_seconds", "When it was last read.", "feed")
    new = _family("feed_last_new_item_timestamp_seconds", "When it last brought news.", "feed")
    for one in figures.feeds[:FEEDS_SHOWN]:
        states.add_metric([one.name, one.state], 1)
        failures.add_metric([one.name], one.failures)
        if one.read_at:
            read.add_metric([one.name], one.read_at.timestamp())
        if one.new_at:
            new.add_metric([one.name], one.new_at.timestamp())
    yield from (counts, states, failures, read, new)


def _outbox(figures: Figures, known: Known) -> Iterator[Metric]:
    messages = _family("outbox_messages", "Messages by state.", "channel", "state")
    oldest = _family(
        "outbox_oldest_seconds", "How long the oldest message waits that is due.", "channel"
    )
    paused = _family("channel_paused", "1 while a channel is refused.", "channel")
    standing = {(channel, state): 0 for channel in known.channels for state in _OPEN}
    for (channel, state), count in {**standing, **figures.outbox}.items():
        messages.add_metric([channel, state], count)
    for channel in known.channels:
        since = figures.waits_since.get(channel, figures.at)
        oldest.add_metric([channel], max((figures.at - since).total_seconds(), 0))
        paused.add_metric([channel], channel in figures.paused)
    yield from (messages, oldest, paused)
    yield from _moments(figures)


def _moments(figures: Figures) -> Iterator[Metric]:
    digest = _family("last_digest_timestamp_seconds", "When the last digest was made.")
    canary = _family(
        "last_canary_timestamp_seconds", "When a canary last arrived at every channel of its own."
    )
    for family, at in ((digest, figures.digest_at), (canary, figures.canary_at)):
        if at:
            family.add_metric([], at.timestamp())
        yield family


def _family(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", says, labels=labels)


def _one(name: str, says: str, value: float, **labels: str) -> GaugeMetricFamily:
    family = _family(name, says, *labels)
    family.add_metric(list(labels.values()), value)
    return family
