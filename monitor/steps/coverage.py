"""Which sources were read in a period, what ails the others, and what was read late or never."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from monitor.alerts.health import Episode
from monitor.model import Coverage, Gap, Health, NotRead, Recovery, SourceId, SourceProblem
from monitor.steps.health import what_to_do
from monitor.steps.watch import Settings
from monitor.store import SourceState, Transaction
from monitor.store.ledger import Unseen

TOLD_FROM = timedelta(hours=1)  # not read in all: less is the life of the network
_NO_RECOVERY = frozenset({Health.GAP, Health.MOVED})  # their end brings nothing back
_WORST_FIRST = tuple(Health)


def coverage(
    tx: Transaction,
    settings: Settings,
    since: datetime,
    until: datetime,
    *,
    at_least: timedelta = TOLD_FROM,
) -> Coverage:
    """Return what was and was not seen of the enabled sources between two times.

    Sources that were not read for less than `at_least` in all are not named.
    """
    states = [one for one in tx.sources.states() if is_enabled(settings, one.id)]
    spans = [one for one in tx.ledger.unseen(since) if is_enabled(settings, one.source)]
    spans = [one for one in spans if one.since < until]
    not_read = (*_spells(spans), *_going_on(states, until))
    return Coverage(
        sources=len(states),
        read=sum(one.last_ok_at is not None and one.last_ok_at >= since for one in states),
        problems=problems(settings, tx.ledger.open_episodes()),
        not_read=tuple(
            sorted(
                (
                    one
                    for one in _not_read(settings, not_read, since, until)
                    if one.total >= at_least
                ),
                key=lambda one: (-one.total, one.source),
            )
        ),
        gaps=tuple(_gaps(settings, spans)),
        recoveries=tuple(_recoveries(settings, tx.ledger.ended_episodes(since), until)),
    )


def problems(settings: Settings, episodes: Iterable[Episode]) -> tuple[SourceProblem, ...]:
    """Return the problems of today of enabled sources, the worst first."""
    found = [_problem(settings, one) for one in episodes if is_enabled(settings, one.source)]
    return tuple(sorted(found, key=lambda one: (_WORST_FIRST.index(one.state), one.since)))


def is_enabled(settings: Settings, source_id: SourceId) -> bool:
    """Return whether a source is configured and on."""
    source = settings.sources.get(source_id)
    return source is not None and source.enabled


def _problem(settings: Settings, episode: Episode) -> SourceProblem:
    return SourceProblem(
        source=episode.source,
        name=settings.sources[episode.source].label,
        state=episode.state,
        since=episode.since,
        detail=_evidence(episode),
        what_to_do=what_to_do(episode.state, episode.kind, episode.source),
    )


def _evidence(episode: Episode) -> str:
    if episode.well_since is None or episode.state is Health.GAP:
        return episode.detail
    return (
        f"{episode.detail}; well since {episode.well_since:%Y-%m-%d %H:%M}, watched a little longer"
    )


def _spells(spans: Iterable[Unseen]) -> Iterator[tuple[Unseen, bool]]:
    return ((one, True) for one in spans if one.kind == "not-read")


def _going_on(states: Iterable[SourceState], until: datetime) -> Iterator[tuple[Unseen, bool]]:
    """Yield the spells that are not over."""
    for one in states:
        if one.unread_since is not None and one.unread_since < until:
            span = Unseen(source=one.id, kind="not-read", since=one.unread_since, until=until)
            yield span, False


def _not_read(
    settings: Settings,
    spells: Sequence[tuple[Unseen, bool]],
    since: datetime,
    until: datetime,
) -> Iterator[NotRead]:
    by_source: dict[SourceId, list[tuple[Unseen, bool]]] = {}
    for span, is_over in spells:
        by_source.setdefault(span.source, []).append((span, is_over))
    for source, its in by_source.items():
        total = sum((min(one.until, until) - max(one.since, since) for one, _ in its), timedelta(0))
        yield NotRead(
            source=source,
            name=settings.sources[source].label,
            total=total,
            spells=len(its),
            late_items=sum(one.late_items for one, _ in its),
            is_over=all(is_over for _, is_over in its),
        )


def _gaps(settings: Settings, spans: Iterable[Unseen]) -> Iterator[Gap]:
    for one in spans:
        if one.kind == "gap":
            name = settings.sources[one.source].label
            yield Gap(source=one.source, name=name, since=one.since, until=one.until)


def _recoveries(
    settings: Settings, ended: Iterable[Episode], until: datetime
) -> Iterator[Recovery]:
    for one in ended:
        if one.state in _NO_RECOVERY or not is_enabled(settings, one.source):
            continue
        if one.ended_at is not None and one.ended_at <= until and one.well_since is not None:
            yield Recovery(
                source=one.source,
                name=settings.sources[one.source].label,
                state=one.state,
                since=one.since,
                until=one.ended_at,
                late_items=one.late_items,
            )
