"""What people are told of sources: their problems and recoveries, one message a root cause."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerts.health import LINE, UNREACHED, Episode
from monitor.alerts.watch import (
    LINE_TOLD_AFTER,
    Ailing,
    Alarm,
    begins,
    ends,
    is_steady,
    line_down,
    line_up,
)
from monitor.model import Health, SourceId
from monitor.steps.coverage import is_enabled
from monitor.steps.health import what_to_do
from monitor.steps.schedule import host_of
from monitor.steps.tell import tell_operations
from monitor.steps.watch import Settings, Watch
from monitor.store import SourceState, Transaction

_HOSTS = 3  # that newly fail while none is read: no chance, but the line
_TWO = 2  # with a single host nobody can tell the line from the host
_LINE_UP_TOLD_AFTER = timedelta(minutes=15)  # then most sources were asked again
_AGAIN_WITHIN = timedelta(minutes=5)
_LINE_BLAMED = timedelta(hours=1)  # after the line is back; what fails then has its own cause
_SHARED_FOR = timedelta(days=7)  # the slowest sources have failed three times by then
_SLACK = timedelta(minutes=30)  # polls under way end in their own order
_NOBODY = SourceId("")


def source_alarms(tx: Transaction, watch: Watch, now: datetime) -> list[str]:
    """Tell of problems and recoveries that nobody was told of; return the titles."""
    line = _watch_line(tx, watch.settings, now)
    known = [one for one in tx.ledger.open_episodes() if one.told_at is not None]
    _blame_line(tx, line, known, tx.ledger.untold(), now)
    untold = tx.ledger.untold()
    if not untold:
        return []
    return [
        *_line_news(tx, watch, untold, now),
        *_begins(tx, watch, untold, known, now),
        *_ends(tx, watch, untold, now),
    ]


# ---------------------------------------------------------------- the line


def _watch_line(tx: Transaction, settings: Settings, now: datetime) -> Episode | None:
    """Return the latest trouble of the line, begun or ended by what was read and what was not."""
    line = tx.ledger.latest_of(_NOBODY)
    if line is None or line.ended_at is not None:
        return _begun(tx, settings, now) or line
    read_at = tx.sources.last_read_at()
    if read_at is None or read_at < line.since:
        return line
    tx.sources.hasten(tx.sources.failing_since(line.since - _SLACK), now, now + _AGAIN_WITHIN)
    line = replace(line, ended_at=now)
    tx.ledger.put_episode(line)
    return line


def _begun(tx: Transaction, settings: Settings, now: datetime) -> Episode | None:
    failed = {
        name: since
        for name, since in tx.sources.newly_failed(UNREACHED).items()
        if is_enabled(settings, name)
    }
    if len(failed) < _TWO:
        return None
    hosts = {host_of(settings.sources[name].url) for name in failed}
    all_hosts = {host_of(one.url) for one in settings.sources.values() if one.enabled}
    if len(hosts) < min(_HOSTS, len(all_hosts)) or len(all_hosts) < _TWO:
        return None
    line = Episode(
        source=_NOBODY,
        state=Health.FAILING,
        since=min(*failed.values(), now),
        noticed_at=now,
        detail="since then no source was read, whatever its host",
        cause=LINE,
    )
    return replace(line, number=tx.ledger.put_episode(line))


def _blame_line(
    tx: Transaction,
    line: Episode | None,
    known: Sequence[Episode],
    untold: Sequence[Episode],
    now: datetime,
) -> None:
    """Put down to the line what began with it; what outlasts it by an hour has its own cause.

    What was read since is well, though one good poll does not end it.
    """
    if line is None:
        return
    is_blamed = line.ended_at is None or now - line.ended_at < _LINE_BLAMED
    if is_blamed:
        its = [
            one.number
            for one in untold
            if one.source
            and one.kind in UNREACHED
            and _failing_since(tx, one) >= line.since - _SLACK
        ]
        tx.ledger.mark_told([number for number in its if number is not None], now, cause=LINE)
    else:
        late = [
            one.number
            for one in known
            if one.source and one.cause == LINE and one.well_since is None
        ]
        tx.ledger.mark_told(
            [number for number in late if number is not None],
            None,
            cause=f"{LINE} {line.number} over",
        )


def _failing_since(tx: Transaction, episode: Episode) -> datetime:
    """Return since when a source fails: an episode that relapsed began long before."""
    return tx.sources.state(episode.source).failing_since or episode.since


def _line_news(
    tx: Transaction, watch: Watch, untold: Sequence[Episode], now: datetime
) -> list[str]:
    titles = []
    for line in untold:
        if line.source:
            continue
        if line.ended_at is None:
            if now - line.noticed_at >= LINE_TOLD_AFTER:
                titles += _tell(tx, watch, [line_down(line)], now)
        elif line.told_at is None:
            _mark(tx, [line.number], now, is_end=True)
        elif now - line.ended_at >= _LINE_UP_TOLD_AFTER:
            spans = tx.ledger.unseen(line.since)
            late = sum(one.late_items for one in spans)
            titles += _tell(tx, watch, [line_up(line, late)], now, is_end=True)
    return titles


# ---------------------------------------------------------------- sources


def _begins(
    tx: Transaction,
    watch: Watch,
    untold: Sequence[Episode],
    known: Sequence[Episode],
    now: datetime,
) -> list[str]:
    news = [one for one in untold if one.told_at is None and one.ended_at is None and one.source]
    if not news:
        return []
    alarms = begins(
        _ailing(tx, watch.settings, news),
        [*known, *_shared_causes(tx, now)],
        total=sum(one.enabled for one in watch.settings.sources.values()),
        waiting_told_at=tx.ledger.last_told(_WAITING),
        now=now,
    )
    return _tell(tx, watch, alarms, now)


def _shared_causes(tx: Transaction, now: datetime) -> list[Episode]:
    """Return the problems of late that people know, that are over and that others may share."""
    over = tx.ledger.ended_episodes(now - _SHARED_FOR)
    return [one for one in over if one.cause and one.told_at is not None]


_WAITING = tuple(one for one in Health if not one.is_unread and one is not Health.MOVED)


def _ends(tx: Transaction, watch: Watch, untold: Sequence[Episode], now: datetime) -> list[str]:
    over = [one for one in untold if one.ended_at is not None and one.source]
    ailing = _with_gaps(tx, _ailing(tx, watch.settings, over))
    alarms = ends(ailing, tx.ledger.open_episodes(), now)
    return _tell(tx, watch, alarms, now, is_end=True)


def _with_gaps(tx: Transaction, over: Sequence[Ailing]) -> list[Ailing]:
    """Return the problems with the latest span in which each may have lost items."""
    if not over:
        return []
    first = min(one.episode.since for one in over)
    spans = [one for one in tx.ledger.unseen(first) if one.kind == "gap"]
    gaps = {one.source: (one.since, one.until) for one in spans}
    return [
        replace(one, gap=gap) if _reaches(gap := gaps.get(one.episode.source), one) else one
        for one in over
    ]


def _reaches(gap: tuple[datetime, datetime] | None, one: Ailing) -> bool:
    return gap is not None and gap[1] > one.episode.since


def _is_well(state: SourceState) -> bool:
    return not state.failures and is_steady(state.outcomes)


def _ailing(tx: Transaction, settings: Settings, episodes: Iterable[Episode]) -> list[Ailing]:
    return [
        Ailing(
            episode=one,
            label=settings.sources[one.source].label,
            what_to_do=what_to_do(one.state, one.kind, one.source),
            every=settings.sources[one.source].every,
            is_steady=_is_well(tx.sources.state(one.source)),
        )
        for one in episodes
        if is_enabled(settings, one.source)
    ]


def _tell(
    tx: Transaction, watch: Watch, alarms: Iterable[Alarm], now: datetime, *, is_end: bool = False
) -> list[str]:
    titles = []
    for alarm in alarms:
        _mark(tx, alarm.numbers, now, is_end=is_end)
        if alarm.operations is not None:
            key = " ".join((now.isoformat(), str(is_end), *map(str, alarm.numbers)))
            tell_operations(tx, watch, alarm.operations, now, key=key)
            titles.append(alarm.operations.title)
    return titles


def _mark(tx: Transaction, numbers: Iterable[int | None], now: datetime, *, is_end: bool) -> None:
    stored = [number for number in numbers if number is not None]
    if is_end:
        tx.ledger.mark_end_told(stored, now)
    else:
        tx.ledger.mark_told(stored, now)
