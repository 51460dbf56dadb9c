"""When a source is polled next, at which address, and what a poll leaves in its state."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import structlog

from monitor.alerts import timing
from monitor.errors import FetchError, ParseError
from monitor.model import Fetched, Item, NotModified, Reading, Source, SourceId
from monitor.store import SourceState

log = structlog.get_logger()

TRUNCATED = "truncated"  # kind of problem: documents that break off
_CUT_BELIEVED = 3  # documents in a row
_GONE = 410  # HTTP: the publisher says that the feed will not come back


def interval_of(source: Source, state: SourceState, now: datetime) -> timedelta:
    """Return how often a source is polled: as the operator wrote, else by its own pace.

    A window that would roll over in that time shortens it, whoever wrote it.
    """
    every = source.every
    if not source.is_pinned:
        every = timing.learnt_interval(state.recent_when, now, default=source.every)
    return every if state.shortened is None else min(every, state.shortened)


def asked_source(source: Source, state: SourceState, now: datetime) -> Source:
    """Return the source at the address to ask: the new one once a permanent move is believed.

    Secrets go to the host they were written for only.
    """
    old, new = urlsplit(source.url), urlsplit(state.permanent_url)
    if not is_moved(state, now) or old.username is not None:
        return source
    moved = replace(source, url=state.permanent_url)
    if (old.scheme, old.netloc) == (new.scheme, new.netloc):
        return moved
    return replace(moved, user="", password="", headers={})


def is_moved(state: SourceState, now: datetime) -> bool:
    """Return whether a permanent redirect was seen often and long enough to be believed."""
    if not state.permanent_url or state.permanent_since is None:
        return False
    return timing.believes_move(state.permanent_seen, now - state.permanent_since)


def neighbours(source: Source, others: Iterable[Source]) -> list[SourceId]:
    """Return the other sources on the host of one."""
    host = host_of(source.url)
    return [one.id for one in others if one.id != source.id and host_of(one.url) == host]


def host_of(url: str) -> str:
    """Return the host that an address names, the address itself where it is none."""
    try:
        return (urlsplit(url).hostname or url).rstrip(".")
    except ValueError:
        return url


def after_read(
    before: SourceState,
    source: Source,
    fetched: Fetched,
    reading: Reading,
    fresh: Sequence[Item],
    now: datetime,
) -> SourceState:
    """Return the state after a document was read and `fresh` items were taken in."""
    dated = [item.when for item in fresh if item.published]
    recent = sorted({*before.recent_when, *dated})[-timing.RECENT_ITEMS :]
    before = replace(
        before,
        # A document that broke off is asked for again, whole.
        validators=before.validators if reading.partial else fetched.validators,
        last_new_at=now if fresh else before.last_new_at,
        recent_when=tuple(recent),
    )
    floor = timing.poll_floor(fresh_for=fetched.fresh_for, ttl=reading.ttl)
    after = _read_well(before, source, floor, fetched.moved_to, now)
    return _broke_off(before, after, now) if reading.partial else after


def _broke_off(before: SourceState, after: SourceState, now: datetime) -> SourceState:
    """Note that a document broke off, since when, and how often in a row.

    The first polls count as read only when a document comes whole, so that the rest of a backlog
    is no news; a feed that is always cut is believed after a few.
    """
    goes_on = before.error_kind == TRUNCATED
    in_a_row = before.failures + 1 if goes_on else 1
    is_first = before.last_ok_at is None and in_a_row < _CUT_BELIEVED
    return replace(
        after,
        failures=in_a_row,
        failing_since=before.failing_since if goes_on else now,
        error="the document breaks off; what it holds was read",
        error_kind=TRUNCATED,
        last_ok_at=None if is_first else after.last_ok_at,
    )


def after_unchanged(
    before: SourceState, source: Source, answer: NotModified, now: datetime
) -> SourceState:
    """Return the state after an answer that nothing is new."""
    floor = timing.poll_floor(fresh_for=answer.fresh_for)
    before = replace(before, validators=answer.validators)
    return _read_well(before, source, floor, answer.moved_to, now)


def after_failure(
    before: SourceState, source: Source, error: FetchError | ParseError, now: datetime
) -> SourceState:
    """Return the state after a failed poll; neither validators nor known entries change.

    A failure at a new address goes back to the configured one, which may lead elsewhere by now;
    where it leads there still, that was a failure like others. Documents that broke off were read:
    they are no failures before this one.
    """
    was_read = before.error_kind == TRUNCATED
    failures = 1 if was_read else before.failures + 1
    status, retry_after = None, None
    if isinstance(error, FetchError):
        status, retry_after = error.status, error.retry_after
    due = timing.next_poll(
        source.id,
        now,
        every=interval_of(source, before, now),
        failures=failures,
        floor=timing.poll_floor(retry_after=retry_after),
        gone=status == _GONE,
    )
    if is_moved(before, now):
        before = replace(before, permanent_seen=timing.MOVE_SIGHTINGS - 1)
    return replace(
        before,
        next_poll_at=due.at,
        last_poll_at=now,
        failures=failures,
        failing_since=now if was_read else before.failing_since or now,
        error=str(error),
        error_kind=error.kind,
        is_suspended=due.suspended,
        polls=before.polls + 1,
    )


def _read_well(
    before: SourceState, source: Source, floor: timedelta, moved_to: str, now: datetime
) -> SourceState:
    every = interval_of(source, before, now)
    due = timing.next_poll(source.id, now, every=every, floor=floor)
    after = replace(
        before,
        next_poll_at=due.at,
        last_poll_at=now,
        last_ok_at=now,
        failures=0,
        failing_since=None,
        error="",
        error_kind="",
        is_suspended=False,
        polls=before.polls + 1,
    )
    return _with_move(after, moved_to, now)


def _with_move(state: SourceState, target: str, now: datetime) -> SourceState:
    """Note a permanent redirect: where it leads, how often it was seen in a row, since when.

    An answer without one from the address that was moved to confirms the move. An address with a
    query is not kept: that may be a key.
    """
    was_moved = is_moved(state, now)
    if not target or urlsplit(target).query:
        return state if was_moved or not state.permanent_url else _settled(state)
    if target != state.permanent_url:
        return replace(state, permanent_url=target, permanent_seen=1, permanent_since=now)
    state = replace(state, permanent_seen=state.permanent_seen + 1)
    if is_moved(state, now) and not was_moved:
        log.warning("source moved for good", source=state.id, host=urlsplit(target).hostname)
    return state


def _settled(state: SourceState) -> SourceState:
    return replace(state, permanent_url="", permanent_seen=0, permanent_since=None)
