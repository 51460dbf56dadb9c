"""What ails a source: what a poll found becomes an episode, which ends when the source is well.

Damped: what comes back within a day is the same episode, not a new one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model import Health, SourceId

OTHER_FEED = "other-feed"  # kind of wrong content: a valid feed, but of something else
LINE = "line"  # cause: this machine reaches nobody
RECENT_POLLS = 16  # of which the outcome is remembered
_MOSTLY_FAILED = 10  # of these: failing, though never often in a row
_SELDOM_FAILED = 4  # of these: well again
_WELL_READS = 2  # in a row; a single one may be luck
_GAP_TOLD = timedelta(hours=25)  # a digest a day, on the longest day of the year too
_RELAPSE = timedelta(hours=24)  # what comes back within them never quite went
_ADOPTED_AFTER = timedelta(days=14)  # told in so many digests, another feed is the feed

# States that tell of one trouble: going from one to another is no news.
_ONE_TROUBLE = (
    frozenset({Health.GONE, Health.WRONG_CONTENT, Health.FAILING}),
    frozenset({Health.SILENT, Health.STALE}),
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a poll says is wrong with a source.

    `kind` is that of the error, if any; `cause` names what it may share with other sources
    (`host example.org`, `challenge Cloudflare`), empty for a trouble of its own.
    """

    state: Health
    since: datetime
    detail: str
    kind: str = ""
    cause: str = ""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A problem of a source from its begin to its end; `number` None is not stored yet.

    `well_since` is when the polls became good again; a single one does not end it.
    """

    source: SourceId
    state: Health
    since: datetime
    noticed_at: datetime
    detail: str
    kind: str = ""
    cause: str = ""
    number: int | None = None
    well_since: datetime | None = None
    well_reads: int = 0
    relapses: int = 0
    late_items: int = 0
    ended_at: datetime | None = None
    told_at: datetime | None = None
    end_told_at: datetime | None = None


def judge(
    source: SourceId, latest: Episode | None, found: Finding | None, now: datetime
) -> tuple[Episode, ...]:
    """Return the episodes to store after a poll: the open one as it goes on or ends, a new one.

    `latest` is the source's latest episode, over or not.
    """
    known = latest if latest is not None and latest.ended_at is None else None
    if found is None:
        return () if known is None else (_well(known, now),)
    if known is None:
        return (_relapsed(latest, found, now) or _begun(source, found, now),)
    if _is_same(known.state, found.state):
        return (_goes_on(known, found, now),)
    if known.state.is_unread or found.state is Health.MOVED:
        before = _well(known, now)  # what is worse goes before
    else:
        before = replace(known, ended_at=now)
    return (before,) if before.ended_at is None else (before, _begun(source, found, now))


def fails_mostly(outcomes: int, *, known: Episode | None) -> int:
    """Return how many of the latest polls failed where that alone makes a source failing, else 0.

    `outcomes` has a bit for each of them, set where it failed.
    """
    failed = (outcomes & (2**RECENT_POLLS - 1)).bit_count()
    is_known = known is not None and known.state is Health.FAILING and known.kind == MOSTLY
    return failed if failed >= (_SELDOM_FAILED + 1 if is_known else _MOSTLY_FAILED) else 0


MOSTLY = "mostly"  # kind of failing: most polls, never enough in a row


def is_adopted(known: Episode, now: datetime) -> bool:
    """Return whether another feed was told long enough to be the feed from now on."""
    return now - known.noticed_at >= _ADOPTED_AFTER


def _begun(source: SourceId, found: Finding, now: datetime) -> Episode:
    return Episode(
        source=source,
        state=found.state,
        since=min(found.since, now),
        noticed_at=now,
        detail=found.detail,
        kind=found.kind,
        cause=found.cause,
        well_since=_well_from(found, now),
    )


def _relapsed(latest: Episode | None, found: Finding, now: datetime) -> Episode | None:
    """Return the latest episode, open again, where its trouble is back within a day.

    People who were told of its end are told again.
    """
    if latest is None or latest.ended_at is None or now - latest.ended_at >= _RELAPSE:
        return None
    if latest.cause == LINE or not _is_same(latest.state, found.state):
        return None
    return replace(
        _goes_on(latest, found, now),
        cause=found.cause,
        relapses=latest.relapses + 1,
        ended_at=None,
        told_at=None if latest.end_told_at is not None else latest.told_at,
        end_told_at=None,
    )


def _well_from(found: Finding, now: datetime) -> datetime | None:
    """Return when a problem is over by itself: the poll that finds a gap is good already."""
    return now if found.state is Health.GAP else None


def _goes_on(known: Episode, found: Finding, now: datetime) -> Episode:
    return replace(
        known,
        state=found.state,
        detail=found.detail,
        kind=found.kind,
        well_since=_well_from(found, now),
        well_reads=0,
    )


def _well(known: Episode, now: datetime) -> Episode:
    since = min(known.well_since or now, now)
    after = replace(known, well_since=since, well_reads=known.well_reads + 1)
    watched = _GAP_TOLD if known.state is Health.GAP else timedelta(0)
    is_over = after.well_reads >= _reads_asked(known) and now - since >= watched
    return replace(after, ended_at=now) if is_over else after


def _reads_asked(known: Episode) -> int:
    is_doubted = known.state.is_unread or known.state is Health.TRUNCATED
    return _WELL_READS if is_doubted and known.kind != OTHER_FEED else 1


def _is_same(one: Health, other: Health) -> bool:
    return one is other or any(one in trouble and other in trouble for trouble in _ONE_TROUBLE)
