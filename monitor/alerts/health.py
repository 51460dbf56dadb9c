"""What ails a source: what a poll found becomes an episode, which ends when the source is well.

Damped: what comes back soon is the same episode, not a new one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model import Health, SourceId

OTHER_FEED = "other-feed"  # kind of wrong content: a valid feed, but of something else
LINE = "line"  # cause: this machine reaches nobody
# Kinds of failure that a broken line makes; statuses come from a server that was reached.
UNREACHED = frozenset({"connect", "dns", "proxy", "reset", "timeout", "tls"})
RECENT_POLLS = 16  # of which the outcome is remembered
_MOSTLY_FAILED = 8  # of these, half: failing, though never often in a row
_SELDOM_FAILED = 4  # of these: well again
_WELL_READS = 2  # in a row; a single one may be luck
_GAP_TOLD = timedelta(hours=25)  # a digest a day, on the longest day of the year too
_RELAPSE = timedelta(hours=24)  # what comes back within them, or before its end is told, never went
_QUIET_RELAPSE = timedelta(days=7)  # a feed that fades is silent again and again
_ADOPTED_AFTER = timedelta(days=14)  # told in so many digests, another feed is the feed

QUIET = frozenset({Health.SILENT, Health.STALE})
_ONE_TROUBLE = (frozenset({Health.GONE, Health.WRONG_CONTENT, Health.FAILING}), QUIET)


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

    `well_since` is when the polls became good again; a single one does not end it. An episode that
    ended without is one that another took the place of.
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
    source: SourceId,
    known: Episode | None,
    found: Finding | None,
    now: datetime,
    *,
    earlier: Episode | None = None,
) -> tuple[Episode, ...]:
    """Return the episodes to store after a poll: the open one as it goes on or ends, a new one.

    `earlier` is the source's latest episode of the trouble that was found, if it is over.
    """
    if found is None:
        return () if known is None else (_well(known, now),)
    if known is None:
        return (_relapsed(earlier, found, now) or _begun(source, found, now),)
    if found.state in same_trouble(known.state) and not _is_behind_line(known, found):
        return (_goes_on(known, _more_telling(known, found), now),)
    before = _before(known, found, now)
    if before.ended_at is None:
        return (before,)
    begun = _relapsed(earlier, found, now) or _begun(source, found, now)
    if _leaves_gap(known, found):  # of one cause: the message of its end says it
        begun = replace(begun, told_at=known.told_at)
    return before, begun


def _before(known: Episode, found: Finding, now: datetime) -> Episode:
    """Return the open episode after another trouble was found: well, going on, or replaced."""
    if _is_behind_line(known, found):
        return replace(known, ended_at=now, well_since=None)
    if known.state.is_unread or found.state is Health.MOVED or _leaves_gap(known, found):
        return _well(known, now)  # what is worse goes before
    return replace(known, ended_at=now, well_since=None)


def _is_behind_line(known: Episode, found: Finding) -> bool:
    """Return whether a source was reached after an outage of the line, and has its own trouble."""
    return known.cause == LINE and found.state.is_unread and found.kind not in UNREACHED


def _leaves_gap(known: Episode, found: Finding) -> bool:
    return found.state is Health.GAP and (known.state.is_unread or known.state in QUIET)


def same_trouble(state: Health) -> frozenset[Health]:
    """Return the states that tell of one trouble with this one: going between them is no news."""
    return next((one for one in _ONE_TROUBLE if state in one), frozenset({state}))


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
    """Return the latest episode, open again, where its trouble is back before its end was sure.

    People who were told of its end are told again, but not of one more silence, nor of what only
    another trouble hid.
    """
    if latest is None or latest.ended_at is None or latest.cause == LINE:
        return None
    is_quiet = found.state in QUIET
    is_soon = now - latest.ended_at < (_QUIET_RELAPSE if is_quiet else _RELAPSE)
    is_doubted = latest.told_at is not None and latest.end_told_at is None
    is_other = (latest.kind == OTHER_FEED) != (found.kind == OTHER_FEED)
    if is_other or not (is_soon or is_doubted):
        return None
    is_hidden = latest.well_since is None
    is_known = latest.end_told_at is None or is_quiet or is_hidden
    return replace(
        _goes_on(latest, found, now),
        cause=found.cause,
        relapses=latest.relapses + 1,
        ended_at=None,
        told_at=latest.told_at if is_known else None,
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


def _more_telling(known: Episode, found: Finding) -> Finding:
    """Return the finding, or what the server said before where it is just not reached any more."""
    if known.state is Health.WRONG_CONTENT and not known.well_since and found.kind in UNREACHED:
        return replace(found, state=known.state, detail=known.detail, kind=known.kind)
    return found


def _well(known: Episode, now: datetime) -> Episode:
    since = min(known.well_since or now, now)
    after = replace(known, well_since=since, well_reads=known.well_reads + 1)
    watched = _GAP_TOLD if known.state is Health.GAP else timedelta(0)
    is_over = after.well_reads >= _reads_asked(known) and now - since >= watched
    return replace(after, ended_at=now) if is_over else after


def _reads_asked(known: Episode) -> int:
    is_doubted = known.state.is_unread or known.state is Health.TRUNCATED
    return _WELL_READS if is_doubted and known.kind != OTHER_FEED else 1
