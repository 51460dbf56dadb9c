"""Which sources were read in a period, and what ails the others."""

from collections.abc import Sequence
from datetime import datetime

from monitor.fetch.kinds import WHAT_TO_DO
from monitor.model import Coverage, Health, SourceId, SourceProblem
from monitor.steps.schedule import GAP, TRUNCATED
from monitor.steps.watch import Settings
from monitor.store import SourceState


def coverage(settings: Settings, states: Sequence[SourceState], since: datetime) -> Coverage:
    """Return which of the enabled sources were read since a time, and what ails the others."""
    enabled = [one for one in states if is_enabled(settings, one.id)]
    read = sum(one.last_ok_at is not None and one.last_ok_at >= since for one in enabled)
    problems = tuple(_problem(settings, one) for one in enabled if health_of(one) is not Health.OK)
    return Coverage(sources=len(enabled), read=read, problems=problems)


def health_of(state: SourceState) -> Health:
    """Return how a source fares: ok, failing, truncated, gap or gone."""
    if state.is_suspended:
        return Health.GONE
    if not state.failures:
        return Health.GAP if state.error_kind == GAP else Health.OK
    return Health.TRUNCATED if state.error_kind == TRUNCATED else Health.FAILING


def is_enabled(settings: Settings, source_id: SourceId) -> bool:
    """Return whether a source is configured and on."""
    source = settings.sources.get(source_id)
    return source is not None and source.enabled


def _problem(settings: Settings, state: SourceState) -> SourceProblem:
    return SourceProblem(
        source=state.id,
        name=settings.sources[state.id].label,
        state=health_of(state),
        since=state.failing_since or state.next_poll_at,
        detail=state.error,
        what_to_do=WHAT_TO_DO.get(state.error_kind, f"monitor feeds test {state.id}"),
    )
