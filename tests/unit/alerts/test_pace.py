"""A window that rolls over is asked more often, and less again when it calms down."""

from datetime import timedelta

from monitor.alerts.pace import needed, relaxed, shortened
from monitor.alerts.timing import SHORTEST

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_a_document_asks_for_what_leaves_known_entries() -> None:
    """A third of the window between two polls."""
    assert needed(HOUR, new=10, entries=20, window=None) == 42 * MINUTE
    assert needed(HOUR, new=0, entries=20, window=None) is None
    assert needed(HOUR, new=3, entries=3, window=None) is None


def test_a_window_that_rolled_over_says_how_fast_by_its_dates() -> None:
    """Without dates the time since the last poll is all that is known; one date is a bulk."""
    assert needed(HOUR, new=20, entries=20, window=20 * MINUTE) == 7 * MINUTE
    assert needed(HOUR, new=20, entries=20, window=None) == 21 * MINUTE
    assert needed(HOUR, new=20, entries=20, window=timedelta(0)) == 2.1 * MINUTE
    assert needed(HOUR, new=20, entries=20, window=5 * HOUR) == 21 * MINUTE


def test_the_interval_is_shortened_where_half_the_window_was_new() -> None:
    """Never below two minutes; a calm document keeps what is known."""
    assert shortened(None, 20 * MINUTE, HOUR, new=20, entries=20) == 20 * MINUTE
    assert shortened(None, MINUTE, HOUR, new=20, entries=20) == SHORTEST
    assert shortened(20 * MINUTE, 15 * MINUTE, HOUR, new=5, entries=20) == 20 * MINUTE
    assert shortened(None, 2 * HOUR, HOUR, new=20, entries=20) is None


def test_it_is_let_go_in_steps() -> None:
    """Twice as slow, until its own interval is reached."""
    assert relaxed(10 * MINUTE, HOUR) == 20 * MINUTE
    assert relaxed(30 * MINUTE, HOUR) is None
