"""Findings become episodes; what comes back within a day is the same one."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from monitor.alerts.health import (
    LINE,
    MOSTLY,
    OTHER_FEED,
    Episode,
    Finding,
    fails_mostly,
    is_adopted,
    judge,
)
from monitor.model import Health, SourceId
from monitor.testing import NOW

HOUR = timedelta(hours=1)
WIRE = SourceId("wire")


def _finding(state: Health = Health.FAILING, **changes: Any) -> Finding:
    return replace(Finding(state=state, since=NOW - HOUR, detail="HTTP 503"), **changes)


def _after(latest: Episode | None, *steps: tuple[Finding | None, datetime]) -> Episode:
    """Return the latest episode after polls."""
    for found, now in steps:
        is_open = latest is not None and latest.ended_at is None
        known, earlier = (latest, None) if is_open else (None, latest)
        for one in judge(WIRE, known, found, now, earlier=earlier):
            latest = replace(one, number=1)
    assert latest is not None
    return latest


def test_a_well_source_stays_well() -> None:
    """Nothing to store."""
    assert judge(WIRE, None, None, NOW) == ()


def test_a_problem_begins_goes_on_and_ends_with_the_second_good_poll() -> None:
    """One may be luck; it began when the evidence says, and never in the future."""
    [begun] = judge(WIRE, None, _finding(since=NOW + HOUR), NOW)
    luck = _after(begun, (None, NOW + HOUR))
    on = _after(luck, (_finding(detail="HTTP 502"), NOW + 2 * HOUR))
    over = _after(on, (None, NOW + 3 * HOUR), (None, NOW + 4 * HOUR))

    assert (begun.state, begun.since, begun.noticed_at) == (Health.FAILING, NOW, NOW)
    assert (luck.ended_at, luck.well_since) == (None, NOW + HOUR)
    assert (on.detail, on.well_since, on.well_reads) == ("HTTP 502", None, 0)
    assert over.ended_at == NOW + 4 * HOUR


@pytest.mark.parametrize("state", [Health.SILENT, Health.MOVED])
def test_a_sure_sign_ends_it_at_once(state: Health) -> None:
    """A new item after a silence needs no second one."""
    [over] = judge(WIRE, _after(None, (_finding(state), NOW)), None, NOW + HOUR)

    assert over.ended_at == NOW + HOUR


def test_a_gap_stands_in_one_digest_at_least() -> None:
    """A day after the last one, and an hour for the longest day of the year."""
    gap = _after(None, (_finding(Health.GAP), NOW), (None, NOW + HOUR))

    assert _after(gap, (None, NOW + 20 * HOUR)).ended_at is None
    assert _after(gap, (None, NOW + 27 * HOUR)).ended_at == NOW + 27 * HOUR


def test_a_relapse_within_a_day_is_the_same_episode() -> None:
    """It is told again only where its end was told; a later one is new."""
    told = replace(_after(None, (_finding(), NOW)), told_at=NOW)
    over = _after(told, (None, NOW + HOUR), (None, NOW + 2 * HOUR))
    back = _finding(Health.WRONG_CONTENT, cause="host a")

    quiet = _after(over, (back, NOW + 5 * HOUR))
    loud = _after(replace(over, end_told_at=NOW + 4 * HOUR), (back, NOW + 5 * HOUR))
    late = _after(over, (back, NOW + 30 * HOUR))
    new = _after(replace(over, end_told_at=NOW + 4 * HOUR), (back, NOW + 30 * HOUR))

    assert (quiet.since, quiet.relapses, quiet.told_at, quiet.ended_at) == (
        over.since,
        1,
        NOW,
        None,
    )
    assert (quiet.state, quiet.cause) == (Health.WRONG_CONTENT, "host a")
    assert (loud.told_at, loud.end_told_at) == (None, None)
    assert (late.told_at, late.relapses) == (NOW, 1), "nobody was told yet that it is over"
    assert (new.noticed_at, new.relapses) == (NOW + 30 * HOUR, 0)


def test_one_more_silence_within_a_week_is_told_nobody() -> None:
    """A feed that fades is silent again and again; the digest and the list say it."""
    told = replace(_after(None, (_finding(Health.SILENT), NOW)), told_at=NOW)
    over = replace(_after(told, (None, NOW + HOUR)), end_told_at=NOW + 4 * HOUR)

    again = _after(over, (_finding(Health.STALE), NOW + 100 * HOUR))

    assert (again.state, again.told_at, again.relapses) == (Health.STALE, NOW, 1)
    assert again.end_told_at is None


@pytest.mark.parametrize(
    ("kind", "state"), [("dns", Health.WRONG_CONTENT), ("server-error", Health.FAILING)]
)
def test_what_the_server_said_stands_while_it_is_not_reached(kind: str, state: Health) -> None:
    """A login page, then an outage of the line: its end is that of the login page."""
    page = _finding(Health.WRONG_CONTENT, kind="login", detail="a login page")

    after = _after(None, (page, NOW), (_finding(kind=kind), NOW + HOUR))
    read = _after(after, (None, NOW + 2 * HOUR), (_finding(kind="dns"), NOW + 3 * HOUR))

    assert after.state is state
    assert (after.detail == page.detail) == (state is Health.WRONG_CONTENT)
    assert read.state is Health.FAILING, "it was read since: now it is not reached"


@pytest.mark.parametrize("kinds", [(OTHER_FEED, "http"), ("http", OTHER_FEED)])
def test_a_feed_of_something_else_and_a_failure_are_no_relapse_of_each_other(
    kinds: tuple[str, str],
) -> None:
    """The evidence of the one is not written over that of the other."""
    states = {OTHER_FEED: Health.WRONG_CONTENT, "http": Health.FAILING}
    first, second = (replace(_finding(states[kind]), kind=kind) for kind in kinds)
    over = _after(None, (first, NOW), (None, NOW + HOUR), (None, NOW + 2 * HOUR))

    after = _after(over, (second, NOW + 5 * HOUR))

    assert (after.kind, after.noticed_at, after.relapses) == (kinds[1], NOW + 5 * HOUR, 0)


def test_what_another_trouble_hid_is_told_once() -> None:
    """Documents broke off before the line did, and do so after it: nobody heard of an end."""
    cut = replace(_after(None, (_finding(Health.TRUNCATED), NOW)), number=1, told_at=NOW)
    hidden, _ = judge(WIRE, cut, _finding(kind="connect"), NOW + HOUR)
    settled = replace(hidden, end_told_at=NOW + HOUR)

    again = _after(settled, (_finding(Health.TRUNCATED), NOW + 9 * HOUR))

    assert (again.number, again.told_at, again.end_told_at) == (1, NOW, None)


def test_what_follows_a_broken_line_is_no_relapse() -> None:
    """It has its own cause."""
    over = _after(None, (_finding(cause=LINE), NOW), (None, NOW), (None, NOW))

    assert _after(over, (_finding(), NOW + HOUR)).noticed_at == NOW + HOUR


def test_a_silence_that_an_outage_interrupts_is_one_silence() -> None:
    """It goes on when the outage is over."""
    told = replace(_after(None, (_finding(Health.SILENT), NOW)), number=1, told_at=NOW)
    over, outage = judge(WIRE, told, _finding(), NOW + HOUR)
    [once] = judge(WIRE, outage, _finding(Health.SILENT), NOW + 2 * HOUR, earlier=over)

    twice = judge(WIRE, once, _finding(Health.SILENT), NOW + 3 * HOUR, earlier=over)

    assert [one.ended_at for one in twice] == [NOW + 3 * HOUR, None]
    assert (twice[1].number, twice[1].told_at) == (1, NOW)


def test_one_trouble_changes_its_face() -> None:
    """From an error to a page to a 410: no second episode."""
    begun = _after(None, (_finding(), NOW))

    on = _after(begun, (_finding(Health.GONE), NOW + HOUR))

    assert (on.state, on.noticed_at) == (Health.GONE, NOW)


def test_what_is_seen_while_failing_waits_for_its_end() -> None:
    """The first good poll of a failing source ends nothing; the second one begins what it saw."""
    begun = _after(None, (_finding(), NOW))
    moved = _finding(Health.MOVED)

    [once] = judge(WIRE, begun, moved, NOW + HOUR)
    over, new = judge(WIRE, once, moved, NOW + 2 * HOUR)

    assert once.ended_at is None
    assert (over.ended_at, new.state) == (NOW + 2 * HOUR, Health.MOVED)


def test_the_gap_that_a_problem_leaves_is_no_message_of_its_own() -> None:
    """It has one cause with what people were told of."""
    other = _finding(Health.WRONG_CONTENT, kind=OTHER_FEED)
    for problem in (other, _finding(Health.SILENT)):
        known = replace(_after(None, (problem, NOW)), told_at=NOW)

        over, gap = judge(WIRE, known, _finding(Health.GAP), NOW + HOUR)

        assert (over.ended_at, over.well_since) == (NOW + HOUR, NOW + HOUR), "its end is told"
        assert (gap.state, gap.told_at) == (Health.GAP, NOW)


@pytest.mark.parametrize(
    "found",
    [
        _finding(Health.WRONG_CONTENT, kind=OTHER_FEED),
        _finding(Health.FAILING, kind="http", cause="host a"),
    ],
    ids=["another feed", "an error"],
)
def test_what_a_source_has_behind_a_broken_line_is_its_own_trouble(found: Finding) -> None:
    """It was reached: people were told of the line, not of this."""
    line = replace(_after(None, (_finding(kind="connect"), NOW)), told_at=NOW, cause=LINE)

    over, own = judge(WIRE, line, found, NOW + HOUR)
    [on] = judge(WIRE, line, _finding(kind="timeout"), NOW + HOUR)

    assert (over.ended_at, over.well_since) == (NOW + HOUR, None), "its end is no news"
    assert (own.state, own.kind, own.cause) == (found.state, found.kind, found.cause)
    assert (own.noticed_at, own.told_at) == (NOW + HOUR, None)
    assert (on.ended_at, on.told_at) == (None, NOW)


def test_another_problem_takes_the_place_of_a_lighter_one() -> None:
    """Silence ends with a flood; a move does not hide a gap."""
    silent = _after(None, (_finding(Health.SILENT), NOW))
    gap = _after(None, (_finding(Health.GAP), NOW))

    over, new = judge(WIRE, silent, _finding(Health.GAP), NOW + HOUR)
    [on] = judge(WIRE, gap, _finding(Health.MOVED), NOW + HOUR)

    assert (over.ended_at, new.state) == (NOW + HOUR, Health.GAP)
    assert (on.state, on.ended_at) == (Health.GAP, None)


def test_most_polls_failing_is_failing() -> None:
    """Half of sixteen begin it, four end it."""
    known = _after(None, (_finding(kind=MOSTLY), NOW))

    assert fails_mostly(0b0101010101010101, known=None) == 8
    assert fails_mostly(0b1111111, known=None) == 0
    assert fails_mostly(0b11111, known=known) == 5
    assert fails_mostly(0b1111, known=known) == 0
    assert fails_mostly(2**16 * 0b1111111111, known=None) == 0


def test_another_feed_is_the_feed_after_a_fortnight() -> None:
    """It was in fourteen digests."""
    other = _after(None, (_finding(Health.WRONG_CONTENT, kind=OTHER_FEED), NOW))

    assert not is_adopted(other, NOW + timedelta(days=13))
    assert is_adopted(other, NOW + timedelta(days=14))
    assert _after(other, (None, NOW + HOUR)).ended_at == NOW + HOUR
