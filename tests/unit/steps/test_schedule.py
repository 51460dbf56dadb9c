"""When a source is polled next, and at which address."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.errors import FetchError, ParseError
from monitor.model import Document, Fetched, NotModified, Reading, Source, SourceId, Validators
from monitor.steps.schedule import (
    after_failure,
    after_read,
    after_unchanged,
    asked_source,
    host_of,
    interval_of,
    is_moved,
    neighbours,
)
from monitor.store import SourceState

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW = "https://old.example.org/feed", "https://new.example.org/feed"


def _source(**changes: Any) -> Source:
    return replace(Source(id=SourceId("a"), url=OLD, every=timedelta(minutes=15)), **changes)


def _state(**changes: Any) -> SourceState:
    return replace(SourceState(id=SourceId("a"), url=OLD, next_poll_at=NOW), **changes)


def _moving(state: SourceState, target: str, now: datetime) -> SourceState:
    answer = NotModified(validators=Validators(etag="x"), moved_to=target)
    return after_unchanged(state, _source(), answer, now)


def _moved() -> SourceState:
    state = _state()
    for passed in (0, 12, 24):
        state = _moving(state, NEW, NOW + passed * HOUR)
    return state


def test_a_pinned_source_keeps_its_interval() -> None:
    """What the operator wrote holds, whatever the source's pace."""
    dates = tuple(NOW - n * timedelta(minutes=10) for n in range(20))

    assert interval_of(_source(), _state(recent_when=dates), NOW) == timedelta(minutes=15)


def test_a_source_that_nobody_pinned_follows_its_own_pace() -> None:
    """Half the gap between its items; before two dates are known, the default."""
    source = _source(is_pinned=False)
    dates = tuple(NOW - n * HOUR for n in range(20))

    assert interval_of(source, _state(), NOW) == timedelta(minutes=15)
    assert interval_of(source, _state(recent_when=dates), NOW) == HOUR / 2


def test_the_pace_is_used_for_the_next_poll() -> None:
    """The poll after an unchanged one comes at the learnt interval, give or take the jitter."""
    dates = tuple(NOW - n * 4 * HOUR for n in range(20))
    state = _state(recent_when=dates)

    after = after_unchanged(
        state, _source(is_pinned=False), NotModified(validators=Validators()), NOW
    )

    assert 1.8 * HOUR <= after.next_poll_at - NOW <= 2.2 * HOUR


def test_dates_of_new_items_teach_the_pace() -> None:
    """Twenty are kept; a read document without new items changes none."""
    reading = Reading(items=(), hashes=(), format="rss20")
    fetched = Fetched(document=Document(b""), validators=Validators(etag="new"))
    state = _state(recent_when=(NOW - HOUR,))

    after = after_read(state, _source(), fetched, reading, (), NOW)

    assert after.recent_when == (NOW - HOUR,)
    assert after.last_new_at is None
    assert after.validators.etag == "new"


def test_a_document_that_broke_off_brings_no_validators() -> None:
    """It is asked for again, whole."""
    reading = Reading(items=(), hashes=(), format="rss20", partial=True)
    fetched = Fetched(document=Document(b""), validators=Validators(etag="new"))

    after = after_read(_state(), _source(), fetched, reading, (), NOW)

    assert after.validators.etag == ""


def test_a_move_is_believed_after_three_sightings_over_a_day() -> None:
    """Two are not enough, nor are many within an hour."""
    state = _state()
    for minutes in range(0, 60, 10):
        state = _moving(state, NEW, NOW + timedelta(minutes=minutes))
    assert not is_moved(state, NOW + HOUR)

    assert is_moved(_moved(), NOW + 24 * HOUR)
    assert asked_source(_source(), _moved(), NOW + 24 * HOUR).url == NEW
    assert asked_source(_source(), _state(), NOW).url == OLD


def test_another_target_or_none_begins_the_count_anew() -> None:
    """A redirect that comes and goes is not believed."""
    state = _moving(_moving(_state(), NEW, NOW), NEW + "2", NOW + HOUR)
    assert (state.permanent_url, state.permanent_seen) == (NEW + "2", 1)

    state = _moving(state, "", NOW + 2 * HOUR)
    assert (state.permanent_url, state.permanent_seen, state.permanent_since) == ("", 0, None)


def test_an_address_that_may_hold_a_key_is_not_kept() -> None:
    """The redirect is followed at each poll instead."""
    assert _moving(_state(), NEW + "?key=k", NOW).permanent_url == ""


def test_an_answer_at_the_new_address_confirms_the_move() -> None:
    """Nothing redirects there any more: the poll after goes there too."""
    at = NOW + 25 * HOUR
    state = _moving(_moved(), "", at)

    assert asked_source(_source(), state, at).url == NEW


@pytest.mark.parametrize("error", [FetchError("x", kind="dns"), ParseError("x", kind="html")])
def test_a_failure_at_the_new_address_goes_back_to_the_configured_one(
    error: FetchError | ParseError,
) -> None:
    """It may lead elsewhere by now."""
    at = NOW + 25 * HOUR
    state = after_failure(_moved(), _source(), error, at)

    assert asked_source(_source(), state, at).url == OLD
    assert state.failures == 1


def test_a_move_outlives_a_failure() -> None:
    """Where the configured address leads there still, no second day is waited for."""
    at = NOW + 25 * HOUR
    down = after_failure(_moved(), _source(), FetchError("x", kind="connect"), at)
    down = after_failure(down, _source(), FetchError("x", kind="connect"), at + HOUR)
    again = _moving(down, NEW, at + 2 * HOUR)
    back = _moving(down, "", at + 2 * HOUR)

    assert not is_moved(down, at + 2 * HOUR)
    assert is_moved(again, at + 2 * HOUR)
    assert (back.permanent_url, back.permanent_seen) == ("", 0)


def test_documents_that_broke_off_are_no_failures_nor_failures_such_documents() -> None:
    """They were read: an outage begins with its own first poll, and so do they."""
    part = Reading(items=(), hashes=(), format="rss20", partial=True)
    fetched = Fetched(document=Document(b""), validators=Validators())
    error = FetchError("x", kind="connect")
    cut = _state(last_ok_at=NOW)
    for hours in range(5):
        cut = after_read(cut, _source(), fetched, part, (), NOW + hours * HOUR)

    down = after_failure(cut, _source(), error, NOW + 5 * HOUR)
    again = after_read(down, _source(), fetched, part, (), NOW + 6 * HOUR)

    assert (cut.failures, cut.failing_since) == (5, NOW)
    assert (down.failures, down.failing_since) == (1, NOW + 5 * HOUR)
    assert (again.failures, again.failing_since) == (1, NOW + 6 * HOUR)


def test_secrets_stay_with_the_host_they_were_written_for() -> None:
    """A new address on another host is asked without them, one on the same host with them."""
    at = NOW + 24 * HOUR
    source = _source(user="u", password="p", headers={"x-key": "k"})

    away = asked_source(source, _moved(), at)
    near = asked_source(replace(source, url="https://new.example.org/old"), _moved(), at)
    held = asked_source(replace(source, url="https://u:p@old.example.org/feed"), _moved(), at)

    assert (away.user, away.password, away.headers) == ("", "", {})
    assert (near.url, near.user, near.headers) == (NEW, "u", {"x-key": "k"})
    assert held.url == "https://u:p@old.example.org/feed"


def test_failures_double_the_wait_and_a_410_suspends() -> None:
    """The number of failures is counted; the state says since when."""
    error = FetchError("x", kind="http", status=500)
    one = after_failure(_state(), _source(), error, NOW)
    two = after_failure(one, _source(), error, NOW + HOUR)
    gone = after_failure(two, _source(), FetchError("x", kind="gone", status=410), NOW + HOUR)

    assert two.next_poll_at - NOW - HOUR > 1.7 * timedelta(minutes=15)
    assert (two.failures, two.failing_since) == (2, NOW)
    assert gone.is_suspended
    assert gone.next_poll_at - NOW > timedelta(days=6)


def test_neighbours_share_the_host() -> None:
    """Other ports and paths of a host are neighbours, other names are not, nor is the source."""
    here = _source()
    others = [
        here,
        _source(id=SourceId("b"), url="http://OLD.example.org:8080/x"),
        _source(id=SourceId("c"), url=NEW),
        _source(id=SourceId("d"), url="https://[bad/x"),
    ]

    assert neighbours(here, others) == ["b"]
    assert host_of("https://[bad/x") == "https://[bad/x"
