"""The three lines of the program; each reads top to bottom. Transactions start and end here.

    poll_source(source)   what came in?            fetch, parse, normalise, match, record
    decide_due(now)       what has time brought?   digests, alarms
    deliver_due(channel)  what must go out?        claim, send, settle

What they work with stands in `Watch`. Clock and loop belong to whoever drives them.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

import structlog

from monitor import rules
from monitor.alerts import timing
from monitor.errors import DeliveryError, FetchError, ParseError, StoreError
from monitor.model import (
    Delivery,
    Fetched,
    Known,
    NotModified,
    Reading,
    Source,
    Validators,
)
from monitor.sources.normalise import normalise_all
from monitor.steps import canary, circuit
from monitor.steps.due import DueReport, tell_due
from monitor.steps.full_text import with_articles
from monitor.steps.record import (
    FAULT,
    Found,
    Poll,
    PollReport,
    Taken,
    portions,
    record,
    record_failure,
    record_unchanged,
    take,
)
from monitor.steps.schedule import asked_source
from monitor.steps.watch import Channel, Watch
from monitor.store import Outcome, SourceState, Transaction

log = structlog.get_logger()

_CHILDREN = 10  # of a sitemap index; publishers put the newest first
_IN_FLIGHT = 1  # messages of one channel at once: so many may repeat after a kill
_MATCHED_AT_ONCE = 50  # items, some 10 ms; a flood of 5,000 must not hold up the loop
_SETTLE_AGAIN_S = 1.0  # while the database refuses: a full disk, somebody else's lock


async def poll_source(watch: Watch, source: Source, now: datetime) -> PollReport:
    """Read a source and store what it brought, whom to tell included; never raises for its faults.

    Nothing of a poll is stored before all of it is: validators, items, hits, stories, messages;
    of a flood nothing of a portion, and the validators with the last one.
    """
    watch = replace(watch)  # a reload swaps settings; this poll ends with those it began with
    seconds: dict[str, float] = {}
    before = await watch.read(lambda tx: tx.sources.state(source.id))
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        with _timed(seconds, "fetch"):
            asked = asked_source(source, before, now)
            fetched = await watch.fetch(asked, _validators(before, now))
        if isinstance(fetched, NotModified):
            answer = fetched
            return await watch.write(lambda tx: record_unchanged(tx, source, answer, now))
        with _timed(seconds, "parse"):
            known = await watch.read(lambda tx: tx.sources.known(source.id))
            reading = await watch.parse(fetched.document, known)
            if reading.children:
                fetched, reading = await _with_children(watch, source, fetched, reading, known)
    except (FetchError, ParseError) as failure:
        error = failure  # the name of an except clause ends with it
        log.warning("source not read", source=source.id, kind=error.kind, error=str(error))
        # What a server asks for counts from its answer, which may have been waited for.
        failed_at = now + timedelta(seconds=loop.time() - began)
        return await watch.write(lambda tx: record_failure(tx, watch, source, error, failed_at))
    with _timed(seconds, "articles"):
        entries = await with_articles(watch, source, normalise_all(reading, source, now))
    with _timed(seconds, "match"):
        found = await _match_all(entries, watch.settings.ruleset, now)
    with _timed(seconds, "record"):
        poll = Poll(source=source, fetched=fetched, reading=reading, found=found, now=now)
        report = await _record_all(watch, poll)
    report.seconds.update(seconds)
    _log_told(report)
    return report


async def _record_all(watch: Watch, poll: Poll) -> PollReport:
    """Store a poll: in one transaction, or a flood in several that others come between."""
    *most, last = portions(poll.found)
    taken = Taken()
    for portion in most:
        taken += await watch.write(partial(take, watch=watch, poll=poll, found=portion))
    return await watch.write(lambda tx: record(tx, watch, poll, last, taken))


async def decide_due(watch: Watch, now: datetime) -> DueReport:
    """Make the alerts that time has brought, in one transaction."""
    song = await _sing(watch, now)
    report = await watch.write(lambda tx: tell_due(tx, watch, now, song))
    for title in report.alarms:
        log.warning("alarm", title=title)
    return report


async def _sing(watch: Watch, now: datetime) -> canary.Song | None:
    """Let the canary that is due go through the line of every source, and leave no trace there."""
    flying = watch.settings.canary
    local_date = await watch.read(lambda tx: canary.due(tx, watch, now)) if flying else None
    if flying is None or local_date is None:
        return None
    stage, source = canary.rehearsal(watch, local_date)
    try:
        report = await poll_source(stage, source, now)
    except Exception as fault:
        log.exception("canary failed", date=local_date)
        return canary.Song(local_date=local_date, fault=f"{type(fault).__name__}: {fault}")
    return canary.song_of(local_date, report, flying)


async def deliver_due(
    watch: Watch,
    channel: Channel,
    clock: Callable[[], datetime],
    on_outcome: Callable[[str, Outcome], None] = lambda _channel, _outcome: None,
) -> list[Outcome]:
    """Send what one channel has due, until nothing is due or the channel rests.

    Channels do not wait for each other: whoever drives this gives each a task of its own.
    `on_outcome` hears of each try when it is settled.
    """
    outcomes: list[Outcome] = []
    while claimed := await watch.write(lambda tx: _claim(tx, channel, clock())):
        tries = (_deliver(watch, channel, delivery, clock) for delivery in claimed)
        settled = await asyncio.gather(*tries)
        for outcome in settled:
            on_outcome(channel.name, outcome)
        outcomes += settled
    return outcomes


def _claim(tx: Transaction, channel: Channel, now: datetime) -> list[Delivery]:
    limit = circuit.may_claim(tx.outbox.channel(channel.name), now, _IN_FLIGHT)
    return tx.outbox.claim(channel.name, now, circuit.LEASE, limit) if limit else []


async def _deliver(
    watch: Watch, channel: Channel, delivery: Delivery, clock: Callable[[], datetime]
) -> Outcome:
    """Send one message and settle its row; a fault of our own is a try that failed."""
    started = perf_counter()
    error: DeliveryError | None = None
    try:
        await channel.send(delivery.message, delivery.recipient, clock())
    except DeliveryError as refused:
        error = refused
    except Exception as fault:  # one poisoned message must not stop its lane
        log.exception("send failed", outbox=delivery.id, channel=channel.name)
        error = DeliveryError(f"{type(fault).__name__}: {fault}")
    took = timedelta(seconds=perf_counter() - started)
    outcome = circuit.outcome_of(delivery, error, clock(), took)
    await _settle(watch, delivery, outcome, clock)
    log.info(
        "delivery",
        outbox=delivery.id,
        message=delivery.message.id,
        channel=channel.name,
        result=outcome.result,
    )
    return outcome


async def _settle(
    watch: Watch, delivery: Delivery, outcome: Outcome, clock: Callable[[], datetime]
) -> None:
    """Store an outcome, while its lease lasts, however the database refuses.

    Forgotten, the message would be sent twice.
    """

    def step(tx: Transaction) -> None:
        tx.outbox.settle(delivery, outcome)
        tx.outbox.put_channel(circuit.after(tx.outbox.channel(delivery.channel), outcome))

    while True:
        try:
            return await watch.write(step)
        except StoreError as refused:
            if clock() >= delivery.leased_until:
                raise
            log.warning("outcome not stored yet", outbox=delivery.id, error=str(refused))
            await asyncio.sleep(_SETTLE_AGAIN_S)


async def _with_children(
    watch: Watch, source: Source, fetched: Fetched, index: Reading, known: Known
) -> tuple[Fetched, Reading]:
    """Read the documents that a sitemap index names, as one; the index itself is never skipped.

    A child that cannot be read leaves the reading partial: it is asked for again.

    Raises:
        FetchError: no child could be read.
        ParseError: likewise.
    """
    readings = [index]
    failures: list[FetchError | ParseError] = []
    for url in index.children[:_CHILDREN]:
        try:
            child = await watch.fetch(replace(source, url=url), Validators())
            assert isinstance(child, Fetched), "an unconditional request brings a document"
            readings.append(await watch.parse(child.document, known))
        except (FetchError, ParseError) as error:
            failures.append(error)
            log.warning("sitemap not read", source=source.id, url=url, error=str(error))
    if failures and len(readings) == 1:
        raise failures[-1]
    if len(index.children) > _CHILDREN:
        log.warning("sitemap index cut", source=source.id, children=len(index.children))
    whole = replace(
        index,
        items=tuple(item for one in readings for item in one.items),
        hashes=tuple(entry for one in readings for entry in one.hashes),
        repeated=frozenset().union(*(one.repeated for one in readings)),
        partial=index.partial or bool(failures),
        cpu_s=sum(one.cpu_s for one in readings),
    )
    return replace(fetched, validators=Validators()), whole


async def _match_all(
    entries: Sequence[Found], ruleset: rules.RuleSet, now: datetime
) -> tuple[Found, ...]:
    """Return what the rules make of each item; a long reading lets others work in between."""
    found = []
    for number, one in enumerate(entries, start=1):
        found.append(_matched(one, ruleset, now))
        if number % _MATCHED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return tuple(found)


def _matched(found: Found, ruleset: rules.RuleSet, now: datetime) -> Found:
    """Return what the rules make of an item; a fault of ours leaves the bare item, flagged."""
    item = found.item
    try:
        hits = rules.match_with_article(item, ruleset, now)
        misses = rules.near_misses(item, ruleset, now)
    except Exception:
        log.exception("item not matched", item=item.id)
        return replace(found, item=replace(item, flags=(*item.flags, FAULT)))
    rules_hit = {hit.rule for hit in hits}
    near = [(one.rule, ", ".join(one.missing)) for one in misses if one.rule not in rules_hit]
    return replace(found, hits=hits, near_misses=tuple(near))


def _validators(before: SourceState, now: datetime) -> Validators:
    """Return what to ask with; now and then nothing, for servers that are stuck on a 304."""
    if timing.wants_whole(before.id, now):
        return Validators(body_hash=before.validators.body_hash)
    return before.validators


def _log_told(report: PollReport) -> None:
    if report.has_gap:
        log.warning("possible gap", source=report.source.id, entries=report.entries)
    for told in report.told:
        log.info(
            "item matched",
            source=report.source.id,
            item=told.item.id,
            story=told.story_id,
            rules=[hit.rule for hit in told.hits],
            reason=told.decision.reason.value,
            alert=told.decision.alert_id,
        )


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    started = perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + perf_counter() - started
