"""How much faster than its interval a source is asked, so that its window never rolls over."""

from datetime import timedelta

from monitor.alerts.timing import SHORTEST

RELAXED_AFTER = timedelta(hours=24)  # of a pace that was faster than needed
_TURNOVER = 0.35  # of the window between two polls: then the next rush still leaves known entries
_TOO_MUCH = 0.5  # of the window was new: the next rush may carry it all away
_FEW_ENTRIES = 4  # a window of fewer is new for the most part with every item


def needed(
    elapsed: timedelta, *, new: int, entries: int, window: timedelta | None
) -> timedelta | None:
    """Return the interval that a document asks for, None where it asks for nothing.

    `elapsed` is the time since the read before, `new` of its `entries` were not known; `window` is
    the time that they span, where their dates say so.
    """
    if entries < _FEW_ENTRIES or not new:
        return None
    if new < entries:
        return elapsed * _TURNOVER * entries / new
    spanned = elapsed if window is None else max(window, elapsed / 10)
    return min(spanned, elapsed) * _TURNOVER


def shortened(
    known: timedelta | None, asked: timedelta, every: timedelta, *, new: int, entries: int
) -> timedelta | None:
    """Return the interval in place of `every` after a document, None for `every` itself.

    A known one is kept; `relaxed` lets go of it.
    """
    if asked >= (known or every) or new < _TOO_MUCH * entries:
        return known
    return max(asked, SHORTEST)


def relaxed(known: timedelta, every: timedelta) -> timedelta | None:
    """Return the next slower interval, None for `every` itself."""
    return None if 2 * known >= every else 2 * known
