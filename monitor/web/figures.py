"""What the database says at one moment, for the metrics: one short read beside the writer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from monitor.model import Health
from monitor.store import SourceState, Transaction

NEW = "new"  # never read yet
FEED_STATES = (*(state.value for state in Health), NEW)
FEEDS_SHOWN = 2_000  # by name, the worst first: a series each, whatever the configuration holds


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed: its state, when it was last read, and when it last brought something new."""

    name: str
    state: str
    failures: int
    read_at: datetime | None
    new_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Figures:
    """The state of feeds, outbox and channels; `waits_since` per channel, of what is due."""

    at: datetime
    feeds: tuple[Feed, ...]
    outbox: Mapping[tuple[str, str], int]
    waits_since: Mapping[str, datetime]
    paused: frozenset[str]
    digest_at: datetime | None
    canary_at: datetime | None


def read_figures(tx: Transaction, now: datetime) -> Figures:
    """Return the figures of now."""
    states: dict[str, str] = {}
    for episode in tx.ledger.open_episodes():
        states[episode.source] = _worse(states.get(episode.source, ""), episode.state.value)
    feeds = [_feed(one, states.get(one.id, "")) for one in tx.sources.states()]
    feeds.sort(key=lambda one: (-one.failures, one.state == Health.OK, one.name))
    digest = tx.log.last_digest("day", now)
    return Figures(
        at=now,
        feeds=tuple(feeds),
        outbox=tx.outbox.counts_by_channel(),
        waits_since=tx.outbox.waits_since(now),
        paused=frozenset(one.name for one in tx.outbox.channels() if one.paused_at),
        digest_at=digest[1] if digest else None,
        canary_at=tx.canary.delivered_at(),
    )


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def _feed(state: SourceState, problem: str) -> Feed:
    return Feed(
        name=state.id,
        state=problem or (Health.OK.value if state.last_ok_at else NEW),
        failures=state.failures,
        read_at=state.last_ok_at,
        new_at=state.last_new_at,
    )


def _worse(one: str, other: str) -> str:
    """Return the worse of two states; `Health` has the worst first, "" is none."""
    known = [state for state in FEED_STATES if state in (one, other)]
    return known[0]
