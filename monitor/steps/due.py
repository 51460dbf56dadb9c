"""What time has brought: digests, repeats, roll-ups, alarms about sources and deliveries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model import Operations
from monitor.steps.canary import Song, look_after
from monitor.steps.digest import close_digests, log_evidence
from monitor.steps.repeats import repeat_due
from monitor.steps.rollup import roll_up
from monitor.steps.tell import tell_operations
from monitor.steps.vigil import source_alarms
from monitor.steps.watch import Watch
from monitor.store import ChannelState, Transaction
from monitor.store.codec import to_time

_DEAD_APART = timedelta(hours=1)  # a mailbox that is refused makes a dead letter for every story
_TAKES_NOTHING = timedelta(minutes=15)  # then somebody is told; restarts take less
_DEAD_SHOWN = 20  # rows named in one alarm


@dataclass(frozen=True, kw_only=True)
class DueReport:
    """The alerts that time brought, by kind."""

    digests: int = 0
    repeated: int = 0  # messages about stories that nobody acknowledged
    rolled_up: int = 0  # messages that tell of what was over a cap
    alarms: tuple[str, ...] = ()


def tell_due(tx: Transaction, watch: Watch, now: datetime, song: Song | None = None) -> DueReport:
    """Make the alerts that are due now; calling it again makes none twice.

    `song` tells how the canary that was due went through the lines.
    """
    alarms = [
        *look_after(tx, watch, now, song),
        *source_alarms(tx, watch, now),
        *_channel_alarms(tx, watch, now),
        *_dead_letter_alarm(tx, watch, now),
    ]
    repeated = repeat_due(tx, watch, now)
    rolled_up = roll_up(tx, watch, now)
    log_evidence(tx, now)
    digests = close_digests(tx, watch, now)
    return DueReport(digests=digests, rolled_up=rolled_up, repeated=repeated, alarms=tuple(alarms))


# ---------------------------------------------------------------- alarms


def _channel_alarms(tx: Transaction, watch: Watch, now: datetime) -> list[str]:
    """Tell of channels that refuse us, or that take nothing for a while, each once."""
    titles = []
    for circuit in tx.outbox.channels():
        operations = None if circuit.alarmed_at else _channel_alarm(tx, circuit, now)
        if operations is None:
            continue
        key = f"{circuit.name} {operations.since.isoformat()}"
        tell_operations(tx, watch, operations, now, key=key)
        tx.outbox.mark_channel_alarmed(circuit.name, now)
        titles.append(operations.title)
    return titles


def _channel_alarm(tx: Transaction, circuit: ChannelState, now: datetime) -> Operations | None:
    waiting = f"{_counted(tx.outbox.open_rows(circuit.name), 'message')} waiting"
    if circuit.paused_at is not None:
        return Operations(
            kind="channel.paused",
            title=f"Channel {circuit.name} is refused; {waiting}",
            detail=circuit.paused_why,
            since=circuit.paused_at,
            about=circuit.name,
            what_to_do="Mend its settings in routes.yaml; nothing is lost meanwhile.",
        )
    oldest = tx.outbox.oldest_tried(circuit.name) if circuit.probe_at else None
    if oldest is None or now - oldest.first_try_at < _TAKES_NOTHING:
        return None
    return Operations(
        kind="channel.paused",
        title=f"Channel {circuit.name} takes nothing; {waiting}",
        detail=oldest.error,
        since=oldest.first_try_at,
        about=circuit.name,
        what_to_do="Is its receiver up? It is tried again by itself; nothing is lost meanwhile.",
    )


def _dead_letter_alarm(tx: Transaction, watch: Watch, now: datetime) -> list[str]:
    """Tell of messages that could not be delivered, each once, all of a moment in one message."""
    dead = tx.outbox.unalarmed_dead()
    told_at = tx.stories.last_alert_of("delivery.dead")
    if not dead or (told_at is not None and now - told_at < _DEAD_APART):
        return []
    tx.outbox.mark_alarmed(row["id"] for row in dead)
    channels = sorted({row["channel"] for row in dead})
    lines = [
        f"{row['id']} {row['channel']} {row['recipient']}: {row['error']}"
        for row in dead[:_DEAD_SHOWN]
    ]
    operations = Operations(
        kind="delivery.dead",
        title=f"{_counted(len(dead), 'message')} not delivered by {', '.join(channels)}",
        detail="\n".join(lines),
        since=to_time(dead[0]["settled_at"]),
        about=channels[0] if len(channels) == 1 else "",
        what_to_do="monitor outbox list --state dead; monitor outbox retry ID",
    )
    tell_operations(tx, watch, operations, now, key=" ".join(str(row["id"]) for row in dead))
    return [operations.title]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
