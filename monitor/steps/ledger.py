"""What a poll adds to the ledger: counts of the day, hours with items, spans that were not read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from monitor.alerts import pace
from monitor.alerts.health import RECENT_POLLS
from monitor.alerts.rhythm import KEPT_DAYS, rhythm
from monitor.model import Item, Reading, Source
from monitor.steps.schedule import interval_of
from monitor.store import SourceState, Transaction
from monitor.store.ledger import Day, Unseen, hours_of

KEPT_SPANS = timedelta(days=400)  # a year and a bit: what was not seen is asked for at its end
_BITS = 2**RECENT_POLLS - 1
_PINNED = 2  # entries at the top, at most, that stay while all below them roll over
_BELOW_PINNED = 8  # entries, at least: fewer below them say nothing
_TELLING = 3  # different dates; a feed that gives all its items one says nothing of each
_MENDED = frozenset({"date-missing", "date-future", "date-ancient"})


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A document that was read: what was new in it, and which entries were edited."""

    source: Source
    reading: Reading
    new: Sequence[Item]
    edited: Sequence[Item]
    now: datetime

    @property
    def is_all_new(self) -> bool:
        """Return whether nothing in it was known."""
        return len(self.new) == len(self.reading.hashes) > 1

    @property
    def is_all_new_below_pinned(self) -> bool:
        """Return whether all is new but one or two entries that stand above newer ones.

        A feed that shows its oldest entry first has known ones above new ones too, but there the
        dates rise.
        """
        pinned = len(self.reading.hashes) - len(self.new)
        below = [raw for raw in self.reading.items if raw.index >= pinned]
        if not 0 < pinned <= _PINNED or len(self.new) < _BELOW_PINNED:
            return False
        dates = [raw.when for raw in below if raw.when is not None]
        falls = len(dates) == len(self.new) == len(below) and dates[0] > dates[-1]
        return falls and bool(dates_of(self.new))


def count_poll(tx: Transaction, state: SourceState, now: datetime, *, is_read: bool) -> SourceState:
    """Return the state with one poll more on its day; a day that is over goes to the ledger."""
    date_ = now.astimezone(UTC).date()
    today = state.today
    if today.date != date_.isoformat():
        if today.date:
            tx.ledger.add_day(state.id, today)
            kept_since = date_ - timedelta(days=KEPT_DAYS)
            tx.ledger.forget(state.id, days=kept_since, spans=now - KEPT_SPANS)
        today = Day(date=date_.isoformat())
    today = replace(today, polls=today.polls + 1, reads=today.reads + is_read)
    return replace(state, today=today, outcomes=(state.outcomes << 1 | (not is_read)) & _BITS)


def end_spell(tx: Transaction, state: SourceState, now: datetime, late_items: int) -> SourceState:
    """Return the state of a source that is read again; the span that was not goes to the ledger."""
    if state.unread_since is None:
        return state
    since = min(state.unread_since, now)  # the clock may have gone back
    span = Unseen(source=state.id, kind="not-read", since=since, until=now, late_items=late_items)
    tx.ledger.put_unseen(span)
    today = replace(state.today, late_items=state.today.late_items + late_items)
    return replace(state, unread_since=None, today=today)


def late_items(state: SourceState, source: Source, new: Sequence[Item], now: datetime) -> int:
    """Return how many items would have been taken in before, had the source been read."""
    if state.unread_since is None or state.last_ok_at is None:
        return 0
    on_time = now - interval_of(source, state, now)
    return sum(not item.published or item.when <= on_time for item in new)


def learn(
    tx: Transaction, state: SourceState, source: Source, arrivals: Sequence[datetime], now: datetime
) -> SourceState:
    """Return the state after items of these times: its newest one, its rhythm.

    The rhythm is learnt anew with the first item of an hour only.
    """
    if not arrivals:
        return state
    new_hours = _new_hours(tx, state, arrivals, now)
    today = replace(
        state.today,
        items=state.today.items + len(arrivals),
        hours=state.today.hours | new_hours.get(state.today.date, 0),
    )
    newest = max((*arrivals, state.newest_at) if state.newest_at else arrivals)
    state = replace(state, today=today, newest_at=newest)
    is_due = bool(new_hours) or state.silent_after is None
    return _with_rhythm(tx, state, source, now) if is_due else state


def count_strangers(state: SourceState, before: SourceState, seen: Seen) -> SourceState:
    """Return the state after items of another feed: counted, but no sign of how the source is."""
    today = replace(state.today, items=state.today.items + len(seen.new))
    return replace(state, today=today, recent_when=before.recent_when)


def _new_hours(
    tx: Transaction, state: SourceState, arrivals: Sequence[datetime], now: datetime
) -> dict[str, int]:
    """Return the hours of each day that had no item yet; those of earlier days are stored."""
    oldest = now.astimezone(UTC).date() - timedelta(days=KEPT_DAYS)
    bits: dict[str, int] = {}
    for at in {one.astimezone(UTC).replace(minute=0, second=0, microsecond=0) for one in arrivals}:
        if at.date() >= oldest:
            bits[at.date().isoformat()] = bits.get(at.date().isoformat(), 0) | 1 << at.hour
    if bits.get(state.today.date, 0) | state.today.hours == state.today.hours:
        bits.pop(state.today.date, None)
    for day, hours in bits.items():
        if day != state.today.date:
            tx.ledger.add_day(state.id, Day(date=day, hours=hours))
    return bits


def _with_rhythm(tx: Transaction, state: SourceState, source: Source, now: datetime) -> SourceState:
    days = tx.ledger.days(state.id, now.astimezone(UTC).date() - timedelta(days=KEPT_DAYS))
    learnt = rhythm(
        (*hours_of((*days, state.today)), *state.recent_when),
        every=interval_of(source, state, now),
        problems=tx.ledger.silences(state.id),
    )
    if learnt is None:  # all items are older than what is kept
        return state
    return replace(state, silent_after=learnt.silent_after, usual_pause=learnt.pause)


def keep_pace(state: SourceState, seen: Seen) -> SourceState:
    """Return the state with the interval that the turnover of the source's window asks for."""
    if state.last_ok_at is None or state.last_new_at is None:
        return state
    now, new, entries = seen.now, len(seen.new), len(seen.reading.hashes)
    every = interval_of(seen.source, replace(state, shortened=None), now)
    window = window_of(seen.new)
    asked = pace.needed(now - state.last_ok_at, new=new, entries=entries, window=window)
    if asked is not None:
        shorter = pace.shortened(state.shortened, asked, every, new=new, entries=entries)
        if shorter != state.shortened or (shorter is not None and asked < 2 * shorter):
            return replace(state, shortened=shorter, shortened_at=now)
    return relax(state, seen.source, now)


def relax(state: SourceState, source: Source, now: datetime) -> SourceState:
    """Return the state asked more slowly again where the faster pace was not needed for a day."""
    if state.shortened is None or state.shortened_at is None:
        return state
    if now - state.shortened_at < pace.RELAXED_AFTER:
        return state
    every = interval_of(source, replace(state, shortened=None), now)
    return replace(state, shortened=pace.relaxed(state.shortened, every), shortened_at=now)


def window_of(items: Sequence[Item]) -> timedelta | None:
    """Return the time that the dates of items span; None where they say too little."""
    dates = dates_of(items)
    return max(dates) - min(dates) if dates else None


def dates_of(items: Sequence[Item]) -> list[datetime]:
    """Return the believable times of items, none where fewer than three differ.

    A midnight is a date without a time, and says nothing.
    """
    dates = [
        item.when
        for item in items
        if (item.published or item.updated)
        and not _MENDED.intersection(item.flags)
        and item.when.time() != time()
    ]
    return dates if len(set(dates)) >= _TELLING else []
