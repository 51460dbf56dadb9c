"""The digests of a day and of a week: what the period brought, what waits, what was not seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import structlog

from monitor.alerts.digest import Schedule, Window, due_window
from monitor.model import (
    Alert,
    AlertId,
    Digest,
    DigestStory,
    NearMisses,
    Severity,
    SourceId,
    StoryId,
    Waiting,
    stable_id,
)
from monitor.steps.coverage import coverage
from monitor.steps.tell import enqueue
from monitor.steps.watch import Settings, Watch
from monitor.store import Transaction
from monitor.store.codec import to_time, to_time_or_none
from monitor.store.log import DigestKind

log = structlog.get_logger()

_STARTED = "started_at"
_LOGGED = "evidence_logged"  # the UTC day whose head was logged last
_STORIES_IN_DIGEST = 5_000
_PERIODS = 14  # in the trend
_WAITING_SHOWN = 20
_WAITS_AT_MOST = timedelta(days=30)  # what nobody touched for longer is not looked at any more
_NAMES: Mapping[DigestKind, str] = {"day": "digest", "week": "weekly digest"}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A kind of digest: when it is due and who gets it."""

    kind: DigestKind
    schedule: Schedule
    channels: Sequence[str]


def plans(settings: Settings) -> Iterator[Plan]:
    """Return the daily and the weekly digest; one that nobody gets is closed all the same.

    So a weekly digest that is switched on one day begins with the week, not with the database.
    """
    zone = settings.digest_zone
    daily = Schedule(at=settings.digest_at, zone=zone)
    yield Plan(kind="day", schedule=daily, channels=settings.digest_channels)
    weekly = Schedule(at=settings.weekly_at, zone=zone, weekday=settings.weekly_on)
    yield Plan(kind="week", schedule=weekly, channels=settings.weekly_channels)


def close_digests(tx: Transaction, watch: Watch, now: datetime) -> int:
    """Close the windows that are due, each once, and tell what they hold; return how many do."""
    started_at = _started_at(tx, now)
    return sum(_close(tx, watch, plan, started_at, now) for plan in plans(watch.settings))


def log_evidence(tx: Transaction, now: datetime) -> None:
    """Log the head of the evidence of each UTC day that is over, once it is.

    Before the commit: a log that says it twice is better than one that never does.
    """
    yesterday = (now.astimezone(UTC) - timedelta(days=1)).date().isoformat()
    if (tx.log.meta(_LOGGED) or "") >= yesterday:
        return
    head = tx.chain.head_of(yesterday)
    if head is not None and head.day > (tx.log.meta(_LOGGED) or ""):
        log.info("evidence of a day", day=head.day, records=head.records, head=head.hash)
    tx.log.set_meta(_LOGGED, yesterday)


def _started_at(tx: Transaction, now: datetime) -> datetime:
    """Return when this database was first watched with; the first digest begins there."""
    known = tx.log.meta(_STARTED)
    if known is None:
        tx.log.set_meta(_STARTED, now.isoformat())
    return now if known is None else to_time(known)


def _close(tx: Transaction, watch: Watch, plan: Plan, started_at: datetime, now: datetime) -> bool:
    """Close a window that is due and put its digest into the outbox; return whether one is sent."""
    window = due_window(
        now=now,
        schedule=plan.schedule,
        started_at=started_at,
        last=tx.log.last_digest(plan.kind, now),
    )
    if window is None or tx.log.has_digest(plan.kind, window.local_date):
        return False
    digest = digest_of(tx, watch.settings, plan, window) if plan.channels else None
    name = _NAMES[plan.kind]
    alert_id = AlertId(stable_id("a-", name, window.local_date)) if digest else AlertId("")
    tx.log.put_digest(plan.kind, window.local_date, window.until, alert_id)
    if digest is None or (_is_empty(digest) and watch.settings.digest_skip_when_empty):
        return False
    alert = Alert(id=alert_id, occurred_at=window.until, body=digest)
    title = f"{name.capitalize()} {window.local_date}"
    tx.stories.put_alert(alert, story_id=None, reason="digest", title=title)
    enqueue(tx, watch, alert, plan.channels)
    return True


def begun_at(tx: Transaction, plan: Plan, now: datetime) -> datetime:
    """Return when the period began that is not closed yet."""
    last = tx.log.last_digest(plan.kind, now)
    started = tx.log.meta(_STARTED)
    return last[1] if last else to_time(started) if started else now


def _is_empty(digest: Digest) -> bool:
    return not digest.stories and not digest.coverage.problems


def digest_of(tx: Transaction, settings: Settings, plan: Plan, window: Window) -> Digest:
    """Return what a period brought, what waits for a decision, and what was not seen in it."""
    marks = tx.log.marks(plan.kind)
    rows = tx.stories.news(marks, _STORIES_IN_DIGEST)
    silent = tx.stories.silent(marks)
    items, hits = tx.items.count_after(marks)
    decided = tx.log.last_decisions()
    return Digest(
        date=window.local_date,
        zone=settings.digest_zone.key,
        since=window.since,
        until=window.until,
        stories=tuple(
            digest_story(settings, row, decided) for row in rows if row["id"] not in silent
        ),
        coverage=coverage(tx, settings, window.since, window.until),
        items=items,
        hits=hits,
        period=plan.kind,
        trend=_trend(tx, plan.schedule, window, hits),
        waiting=_waiting(tx, settings, plan, window, decided),
        near_misses=_near_misses(tx, settings, window),
        silenced=tx.stories.kept_quiet(marks),
        evidence_head=tx.chain.head(),
    )


def _trend(tx: Transaction, schedule: Schedule, window: Window, hits: int) -> tuple[int, ...]:
    """Return the hits of the periods before, by the clock, and those of this one, by arrival."""
    bounds = schedule.bounds(date.fromisoformat(window.local_date), _PERIODS)[:-1]
    return (*tx.items.hits_between(bounds), hits)


def _waiting(
    tx: Transaction, settings: Settings, plan: Plan, window: Window, decided: Mapping[str, Any]
) -> Waiting:
    since = window.until - _WAITS_AT_MOST
    count, oldest, rows = tx.stories.waiting(tx.log.marks(plan.kind), since, _WAITING_SHOWN)
    stories = tuple(digest_story(settings, row, decided) for row in rows)
    return Waiting(count=count, oldest=oldest, stories=stories)


def _near_misses(tx: Transaction, settings: Settings, window: Window) -> tuple[NearMisses, ...]:
    counts = tx.items.near_miss_counts(window.since, window.until)
    return tuple(
        NearMisses(rule=rule, title=_title(settings, rule), items=items)
        for rule, items in counts.items()
    )


def digest_story(
    settings: Settings, row: Mapping[str, Any], decided: Mapping[str, Any]
) -> DigestStory:
    """Return a row of a listing as a line of a digest; `decided` says who decided what, when."""
    rules = _worst_first(settings, row["rules"])
    known = settings.ruleset.rules
    sources = tuple(row["source_ids"])
    story = DigestStory(
        story_id=StoryId(row["id"]),
        title=row["title"],
        severity=Severity[row["severity"].upper()],
        rules=rules,
        is_new=row["added"] == row["items"],
        articles_added=row["added"],
        articles_total=row["items"],
        sources=sources,
        url=row["url"],
        latest_at=to_time(row["latest_at"]),
        state=row["state"],
        was_alerted=bool(row["alerted"]),
        theme=known[rules[0]].theme if rules and rules[0] in known else "",
        rule_titles=tuple(_title(settings, rule) for rule in rules),
        source_names=tuple(_source_name(settings, source) for source in sources),
        languages=tuple(row["languages"]),
        listed_names=tuple(row["listed_names"]),
        opened_at=to_time(row["opened_at"]),
        told_at=to_time_or_none(row["last_alert_at"]),
        assignee=row["assignee"],
    )
    last = decided.get(row["id"])
    if last is None or last["action"] != story.state:
        return story
    return replace(story, decided_by=last["who"], decided_at=to_time(last["at"]))


def _worst_first(settings: Settings, rules: Sequence[str]) -> tuple[str, ...]:
    """Return rules in order of their severity; those that are gone come last."""
    known = settings.ruleset.rules
    return tuple(sorted(rules, key=lambda name: -known[name].severity if name in known else 0))


def _title(settings: Settings, rule: str) -> str:
    info = settings.ruleset.rules.get(rule)
    return info.title if info and info.title else rule


def _source_name(settings: Settings, source_id: str) -> str:
    source = settings.sources.get(SourceId(source_id))
    return source.label if source else source_id
