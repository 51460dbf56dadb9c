"""How a source fares after a poll: the evidence, and the problem that begins, goes on or ends."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from monitor.alerts.health import (
    MOSTLY,
    OTHER_FEED,
    QUIET,
    RECENT_POLLS,
    Episode,
    Finding,
    fails_mostly,
    is_adopted,
    judge,
    same_trouble,
)
from monitor.alerts.watch import words
from monitor.errors import FetchError, ParseError
from monitor.fetch.kinds import WHAT_TO_DO
from monitor.model import Health, Reading, Source
from monitor.steps import ledger
from monitor.steps.ledger import Seen
from monitor.steps.schedule import TRUNCATED, host_of, is_moved
from monitor.store import SourceState, Transaction
from monitor.store.ledger import Unseen

_WRONG = frozenset({"challenge", "html", "empty", "binary", "unknown", "login"})  # kinds of error
_OWN = frozenset(  # kinds that are a source's alone
    {"gone", "not-found", "too-large", "url", "request", "decompress", "truncated", "redirect"}
)
_PROVIDER = re.compile(r"\(([^()]+?)(?: challenge)?\)")  # as sources/sniff.py and fetch name it
_NEWER = 0.8  # of the dated entries: a feed may carry an old one over

STATE_TO_DO: Mapping[Health, str] = {
    Health.GONE: WHAT_TO_DO["gone"],
    Health.WRONG_CONTENT: "Open the address in a browser: has it moved, or does it want a login?",
    Health.TRUNCATED: "Wait; if it stays so, tell the publisher.",
    Health.GAP: "Nothing: it is asked more often. Still lost? Look for feeds of its sections.",
    Health.STALE: "Is there newer news on its site? Then look for the feed that has it.",
    Health.SILENT: "Is there news on its site? Then look for the feed that has it.",
    Health.MOVED: "Enter the new address in feeds.yaml.",
}


def what_to_do(state: Health, kind: str, source_id: str) -> str:
    """Return what an operator can do about a problem."""
    by_kind = "" if state in (Health.SILENT, Health.STALE, Health.GAP) else WHAT_TO_DO.get(kind, "")
    return by_kind or STATE_TO_DO.get(state, "") or f"monitor feeds test {source_id}"


def note_read(
    tx: Transaction, seen: Seen, before: SourceState, after: SourceState, failing_after: int
) -> tuple[SourceState, Unseen | None]:
    """Return the state after a document was read, and the gap before it, if any."""
    now = seen.now
    late = ledger.late_items(before, seen.source, seen.new, now)
    episode = _open(tx, before)
    other = _other_feed(seen, before, episode)
    gap = None if other else gap_of(tx, seen, _gap_since(before, episode))
    after = ledger.count_poll(tx, after, now, is_read=True)
    after = ledger.end_spell(tx, after, now, late)
    if other:
        after = ledger.count_strangers(after, before, seen)
    else:
        after = ledger.learn(tx, after, seen.source, _arrivals(seen), now)
        after = _with_identity(after, seen)
    found = (
        other
        or _gap(gap, seen, before, after)
        or _truncated(after, episode, failing_after)
        or _quiet(after, len(seen.reading.hashes), now)
        or _less(after, episode, now)
    )
    if gap is not None:
        tx.ledger.put_unseen(gap)
    episode = episode and replace(episode, late_items=episode.late_items + late)
    return _judged(tx, after, episode, found, now), gap


def note_unchanged(
    tx: Transaction, before: SourceState, after: SourceState, now: datetime
) -> SourceState:
    """Return the state after an answer that nothing is new."""
    episode = _open(tx, before)
    after = ledger.count_poll(tx, after, now, is_read=True)
    after = ledger.end_spell(tx, after, now, 0)
    found = _still_other(episode, now) or _quiet(after, None, now) or _less(after, episode, now)
    return _judged(tx, after, episode, found, now)


def note_failure(
    tx: Transaction,
    source: Source,
    error: FetchError | ParseError,
    before: SourceState,
    after: SourceState,
    failing_after: int,
) -> SourceState:
    """Return the state after a failed poll."""
    now = after.last_poll_at
    assert now is not None, "it was polled"
    episode = _open(tx, before)
    after = ledger.count_poll(tx, after, now, is_read=False)
    after = replace(after, unread_since=before.unread_since or before.last_ok_at or now)
    found = _failing(source, error, after, episode, failing_after)
    return after if found is None else _judged(tx, after, episode, found, now)


# ---------------------------------------------------------------- evidence


def _failing(
    source: Source,
    error: FetchError | ParseError,
    after: SourceState,
    episode: Episode | None,
    failing_after: int,
) -> Finding | None:
    """Return that a source cannot be read, once that is believed."""
    if episode is not None and episode.kind == OTHER_FEED:
        return None  # it stays what it is until the feed itself is read again
    state, detail, kind = Health.FAILING, f"{_polls(after.failures)} failed: {error}", error.kind
    is_known = episode is not None and episode.state.is_unread
    if after.is_suspended:
        state = Health.GONE
    elif error.kind in _WRONG:
        state = Health.WRONG_CONTENT
    elif after.failures < failing_after and not is_known:
        mostly = fails_mostly(after.outcomes, known=episode)
        if not mostly:
            return None
        detail, kind = f"{mostly} of the last {RECENT_POLLS} polls failed: {error}", MOSTLY
    if after.failures < failing_after and not is_known and state is Health.WRONG_CONTENT:
        return None
    return Finding(
        state=state,
        since=after.failing_since or after.next_poll_at,
        detail=detail,
        kind=kind,
        cause=cause_of(source, error),
    )


def cause_of(source: Source, error: FetchError | ParseError) -> str:
    """Return what a failure may share with other sources: their host, who guards them; or ""."""
    if error.kind == "challenge":
        provider = _PROVIDER.search(str(error))
        return f"challenge {provider[1]}" if provider else ""
    if not isinstance(error, FetchError) or error.kind in _OWN:
        return ""
    return f"host {host_of(source.url)}"


def gap_of(tx: Transaction, seen: Seen, since: datetime | None) -> Unseen | None:
    """Return the span since the read before in which items may have come and gone, if any.

    Nothing in the window was known, pinned entries aside. One that reaches back to the read before
    hides nothing all the same, whatever its ids; nor does one whose addresses are known: its ids
    change at every fetch.
    """
    if since is None or not (seen.is_all_new or seen.is_all_new_below_pinned):
        return None
    dates = ledger.dates_of(seen.new)
    newer = sorted(at for at in dates if at > since)
    until = seen.now
    if dates:
        if len(newer) < _NEWER * len(dates):
            return None
        until = min(newer[0], seen.now)
    elif tx.items.knew_addresses(seen.new):
        return None
    return Unseen(source=seen.source.id, kind="gap", since=since, until=until)


def _gap_since(before: SourceState, episode: Episode | None) -> datetime | None:
    """Return when the feed itself was last read, None for one without a past.

    A silence that ends with a window of which nothing is known was none: an old state was shown.
    """
    if before.last_new_at is None or before.last_ok_at is None:
        return None
    if episode is not None and episode.kind == OTHER_FEED:
        return episode.since
    if episode is not None and episode.state in QUIET and before.newest_at is not None:
        return min(before.newest_at, before.last_ok_at)
    return before.last_ok_at


def _gap(gap: Unseen | None, seen: Seen, before: SourceState, after: SourceState) -> Finding | None:
    if gap is None:
        return None
    which = "" if seen.is_all_new else " below the pinned"
    detail = (
        f"all {len(seen.new)} entries{which} were new: what came and went from "
        f"{_time(gap.since)} to {_time(gap.until)} was not seen"
    )
    if after.shortened is not None and after.shortened != before.shortened:
        detail += f"; asked every {words(after.shortened)} from now on"
    return Finding(state=Health.GAP, since=gap.since, detail=detail, kind="gap")


def _other_feed(seen: Seen, before: SourceState, episode: Episode | None) -> Finding | None:
    """Return that a valid feed came, but of something else: nothing known is left in it."""
    if episode is not None and episode.kind == OTHER_FEED:
        return None if seen.reading.title == before.title else _still_other(episode, seen.now)
    title, host = seen.reading.title, _host(seen.reading)
    is_other = (
        bool(before.title and title)
        and title.casefold() != before.title.casefold()
        and seen.is_all_new
        and (
            host != before.host
            or seen.reading.lang != before.lang
            or _shares_no_word(title, before.title)
        )
    )
    if not is_other:
        return None
    detail = f'was "{before.title}" ({before.host}), is now "{title}" ({host})'
    since = before.last_ok_at or seen.now  # when the feed itself was last read
    return Finding(state=Health.WRONG_CONTENT, since=since, detail=detail, kind=OTHER_FEED)


def _still_other(episode: Episode | None, now: datetime) -> Finding | None:
    if episode is None or episode.kind != OTHER_FEED or is_adopted(episode, now):
        return None
    return Finding(state=episode.state, since=episode.since, detail=episode.detail, kind=OTHER_FEED)


def _truncated(after: SourceState, episode: Episode | None, failing_after: int) -> Finding | None:
    is_known = episode is not None and episode.state is Health.TRUNCATED
    if after.error_kind != TRUNCATED or (after.failures < failing_after and not is_known):
        return None
    since = after.failing_since or after.next_poll_at
    detail = f"{_polls(after.failures)} brought a document that breaks off; what it holds was read"
    return Finding(state=Health.TRUNCATED, since=since, detail=detail, kind=TRUNCATED)


def _quiet(after: SourceState, entries: int | None, now: datetime) -> Finding | None:
    """Return that nothing new came for longer than usual, or that all that comes is old."""
    newest = after.newest_at
    if after.silent_after is None or newest is None or now < after.silent_after:
        return None
    usual = f"; its longest usual pause is {words(after.usual_pause)}" if after.usual_pause else ""
    empty = "; the feed holds no entry" if entries == 0 else ""
    is_stale = after.last_new_at is not None and after.last_new_at >= after.silent_after
    if is_stale:
        detail = f"it answers, but its newest item is {words(now - newest)} old{usual}{empty}"
        return Finding(state=Health.STALE, since=newest, detail=detail)
    detail = f"it answers, but brought nothing new for {words(now - newest)}{usual}{empty}"
    return Finding(state=Health.SILENT, since=newest, detail=detail)


def _less(after: SourceState, episode: Episode | None, now: datetime) -> Finding | None:
    """Return what is worth a word where the poll was good: it fails mostly, or it moved."""
    mostly = fails_mostly(after.outcomes, known=episode)
    if mostly and episode is not None and episode.kind == MOSTLY:
        detail = f"{mostly} of the last {RECENT_POLLS} polls failed"
        return Finding(
            state=Health.FAILING,
            since=episode.since,
            detail=detail,
            kind=MOSTLY,
            cause=episode.cause,
        )
    if not is_moved(after, now):
        return None
    return Finding(
        state=Health.MOVED,
        since=after.permanent_since or now,
        detail=f"moved for good, asked at {after.permanent_url}",
        kind="moved",
    )


# ---------------------------------------------------------------- the rest


def _open(tx: Transaction, before: SourceState) -> Episode | None:
    return None if before.problem is None else tx.ledger.episode(before.problem)


def _judged(
    tx: Transaction,
    after: SourceState,
    episode: Episode | None,
    found: Finding | None,
    now: datetime,
) -> SourceState:
    if episode is None and found is None:
        return after
    trouble = same_trouble(found.state) if found else frozenset()
    earlier = tx.ledger.latest_ended(after.id, trouble)
    problem = after.problem
    for one in judge(after.id, episode, found, now, earlier=earlier):
        number = tx.ledger.put_episode(one)
        problem = number if one.ended_at is None else None
        if one.ended_at is not None and one.state.is_unread:
            after = replace(after, outcomes=0)  # what is over does not count again
    return replace(after, problem=problem)


def _arrivals(seen: Seen) -> list[datetime]:
    """Return when there was a sign of life: items by their time, edits now."""
    now = seen.now
    return [min(item.when, now) for item in seen.new] + [now] * bool(seen.edited)


def _with_identity(after: SourceState, seen: Seen) -> SourceState:
    reading = seen.reading
    return replace(
        after,
        title=reading.title or after.title,
        lang=reading.lang or after.lang,
        host=_host(reading) or after.host,
    )


def _host(reading: Reading) -> str:
    """Return the host that most entries lead to."""
    hosts = Counter(_host_of(item.link) for item in reading.items if item.link)
    return max(hosts, key=lambda host: (hosts[host], host), default="")


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _shares_no_word(one: str, other: str) -> bool:
    return not set(one.casefold().split()) & set(other.casefold().split())


def _polls(number: int) -> str:
    return "1 poll" if number == 1 else f"{number} polls in a row"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
