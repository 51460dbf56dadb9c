"""Judges the watch: configuration, database, the worker, messages, sources, channels."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from monitor.doctor.facts import Facts, FeedAnswer
from monitor.doctor.findings import Finding, fault, note, ok, warning
from monitor.engine.vitals import Heard, Life, heard_of
from monitor.notify.words import count
from monitor.store.survey import Survey

_LARGE_WAL = 64_000_000  # bytes; SQLite folds it back at 4 MB unless somebody keeps it from it
_HOUR = timedelta(hours=1)
_BLIND = 6 * _HOUR  # many feeds are read every quarter of an hour, few less than every few hours
_COPIES = timedelta(days=8)  # somebody who makes copies makes one a week
_REPLICA = timedelta(days=1)  # the watch writes several times a minute
_FEW = 3  # sources that are told one by one
_INSIDE = "if that server is yours, name its network in polling.allow_networks (monitor.yaml)"


def configuration(facts: Facts) -> Iterator[Finding]:
    """Judge the files."""
    one = facts.files
    for error in one.errors:
        yield fault(
            "configuration",
            error,
            "the watch does not start; one that runs keeps the last good set",
            "mend the place that is named, then: monitor check",
        )
    if one.errors:
        return
    channels = count(len(one.channels), "channel")
    yield ok(
        "configuration",
        f"{one.directory}: {one.enabled} of {one.sources} sources on, {one.rules} rules, "
        f"{channels}",
    )
    if one.warnings:
        yield note("configuration", f"{count(one.warnings, 'warning')}: see monitor check")


def database(facts: Facts) -> Iterator[Finding]:
    """Judge the database file."""
    one = facts.survey
    if one is None:
        if facts.volume and facts.volume.is_known and not facts.volume.is_emptied:
            yield note("database", f"{facts.volume.database} does not exist yet: nothing ran here")
        return
    if one.faults:
        yield fault(
            "database",
            f"it is damaged: {'; '.join(one.faults)}",
            "what it holds cannot be trusted; a watch does not start on it",
            "stop the watch, look with monitor db check, put a copy back with monitor db restore "
            "COPY; look for the cause: disk, memory, a copy made with cp beside a running watch",
        )
    elif one.newer or one.lacking:
        yield _version(one)
    else:
        yield ok("database", f"{one.size_bytes:,} bytes, whole")
    if one.wal_bytes > _LARGE_WAL:
        yield warning(
            "database",
            f"its log (-wal) has {one.wal_bytes:,} bytes",
            "a program that reads keeps it from being folded back; it grows until the disk is full",
            "find who holds the file: fuser -v monitor.db, and end what only looks",
        )


def _version(one: Survey) -> Finding:
    if one.newer:
        return fault(
            "database",
            one.newer,
            "this version cannot read it",
            "install the newer version again, or restore the copy made before the migration",
        )
    return warning(
        "database",
        f"it was written by an older version: it lacks {', '.join(one.lacking)}",
        "commands of this version cannot read it until it is migrated",
        "try it: monitor db migrate --dry-run; then restart the watch, which migrates it",
    )


def backup(facts: Facts) -> Iterator[Finding]:
    """Judge the age of the copies that are known here; others may be made without our knowledge."""
    one = facts.survey
    if one is None or not one.is_read:
        return
    if one.litestream_at is None and one.backed_up_at is None:
        yield note("backup", "monitor db backup never made a copy, and there is no Litestream")
        return
    if one.litestream_at is not None:
        yield _copied("Litestream last took changes", one.litestream_at, facts.at, _REPLICA)
    if one.backed_up_at is not None:
        yield _copied("monitor db backup last made a copy", one.backed_up_at, facts.at, _COPIES)


def _copied(what: str, at: datetime, now: datetime, longest: timedelta) -> Finding:
    said = f"{what} {at:%Y-%m-%d %H:%M} UTC"
    if now - at <= longest:
        return ok("backup", said)
    return warning(
        "backup",
        said,
        "what came since is lost with the disk",
        "look at what starts it (a timer, a unit); by hand: monitor db backup COPY",
    )


def worker(facts: Facts) -> Iterator[Finding]:
    """Judge whether a watch is at work: the lock says who, its own judgement says how."""
    held = f"process {facts.holder.pid} ({facts.holder.command})" if facts.holder else ""
    if facts.volume and not facts.volume.is_known:
        return
    if facts.survey and not facts.survey.is_read:
        if held:
            yield note("watch", f"{held} holds the lock; what it says of itself cannot be read")
        return
    judged = facts.survey.judged if facts.survey else None
    if judged is None:
        yield from _unheard(held)
    else:
        yield _heard(held, heard_of(judged, facts.at))


def _heard(held: str, heard: Heard) -> Finding:
    if not held:
        return _stopped(heard)
    if heard.life is Life.READY:
        return ok("watch", f"{held}: {heard.said}")
    if heard.life is Life.ENDED:
        return note("watch", f"{held} holds the lock: it is starting")
    if heard.life is not Life.UNREADY:
        return fault(
            "watch",
            f"{held} holds the lock and does not get on: {heard.said}",
            "nothing is polled, or nobody is told of anything",
            "look at its log; restart it: systemctl restart sanctions-monitor. Nothing is lost",
        )
    return warning(
        "watch",
        f"{held}: {heard.said}",
        "it works, and something is not as it should be",
        "the words after the colon say what; monitor health --ready --json says all",
    )


def _stopped(heard: Heard) -> Finding:
    if heard.is_fresh and heard.life in {Life.READY, Life.ENDED}:
        return note("watch", f"{heard.said}; nobody holds the lock: it has just stopped")
    return fault(
        "watch",
        f"no watch is running ({heard.said})",
        "nothing is polled and nobody is told of anything",
        "start it: systemctl start sanctions-monitor, or monitor run; its log says why it ended",
    )


def _unheard(held: str) -> Iterator[Finding]:
    if held:
        yield fault(
            "watch",
            f"{held} holds the lock, and no watch was ever heard of",
            "no watch can start while it does",
            "if it starts up or is monitor once, wait for it; else end it",
        )
    else:
        yield note("watch", "no watch has run on this database yet")


def _last_read(facts: Facts, one: Survey) -> Iterator[Finding]:
    """Judge the last good poll: a watch that works and reads nothing is blind."""
    if one.last_read_at is None:
        return
    age = facts.at - one.last_read_at
    said = f"a source was last read {one.last_read_at:%Y-%m-%d %H:%M} UTC"
    if facts.holder and age > _BLIND:
        yield warning(
            "polling",
            said,
            f"the watch runs, and has seen nothing for {age // _HOUR} hours",
            "monitor feeds list --problems says why; then the network, DNS, a proxy, the clock",
        )
    else:
        yield ok("polling", said)


def messages(facts: Facts) -> Iterator[Finding]:
    """Judge when something was last read, and what could not be delivered."""
    one = facts.survey
    if one is None or one.outbox is None:
        return
    yield from _last_read(facts, one)
    dead, waiting = one.outbox.get("dead", 0), one.outbox.get("pending", 0)
    if dead:
        since = f" since {one.oldest_dead_at:%Y-%m-%d}" if one.oldest_dead_at else ""
        yield warning(
            "messages",
            f"{dead} could not be delivered{since}",
            "their recipients were not told",
            "monitor outbox list --state dead says why; monitor outbox retry NUMBER sends one "
            "again with the same id, monitor outbox cancel NUMBER lets it be",
        )
    for channel in one.paused:
        yield warning(
            "messages",
            f'channel "{channel.name}" is paused since {channel.paused_at:%Y-%m-%d %H:%M} UTC: '
            f"{channel.paused_why}",
            "its messages wait; it is tried again every six hours",
            "mend what it says, then reload: SIGHUP, systemctl reload sanctions-monitor",
        )
    if not dead and not one.paused:
        yield ok("messages", f"{one.outbox.get('sent', 0)} sent, {waiting} waiting, none dead")


def sources(facts: Facts) -> Iterator[Finding]:
    """Judge the sources that were asked."""
    if facts.feeds is None:
        yield note("sources", "not asked")
        return
    failed = [one for one in facts.feeds if one.error]
    if facts.feeds and len(failed) == len(facts.feeds):
        yield fault(
            "sources",
            f"none of {len(failed)} could be reached, first: {failed[0].id}: {failed[0].error}",
            "the watch is blind",
            _INSIDE
            if failed[0].kind == "refused-address"
            else "is there a network, a DNS server, a proxy (polling.proxy), an open firewall?",
        )
        return
    yield from map(_failed, failed[:_FEW])
    if len(failed) > _FEW:
        yield warning(
            "sources",
            f"{len(failed) - _FEW} more do not answer: "
            f"{', '.join(one.id for one in failed[_FEW:])}",
            "they are not watched",
            "monitor feeds list --problems",
        )
    if facts.feeds and not failed:
        yield ok("sources", f"all {len(facts.feeds)} that were asked answer")


def _failed(one: FeedAnswer) -> Finding:
    return warning(
        "sources",
        f"{one.id}: {one.error}",
        "it is not watched while this lasts",
        _INSIDE
        if one.kind == "refused-address"
        else f"look at it: monitor feeds test {one.id}; a new address: monitor feeds discover "
        "HOMEPAGE; or enabled: false",
    )


def channels(facts: Facts) -> Iterator[Finding]:
    """Judge the receivers that were asked; no message was sent."""
    if facts.channels is None:
        yield note("channels", "not asked")
        return
    for one in facts.channels:
        if one.refusal:
            yield fault(
                "channels",
                f'"{one.name}" ({one.kind}): {one.refusal}',
                "alerts on this channel wait, and die after four days",
                f"mend the address or the password in routes.yaml or its secret; is the receiver "
                f"up? Then: monitor notify test {one.name}",
            )
        else:
            yield ok("channels", f'"{one.name}" ({one.kind}): {one.said}')
