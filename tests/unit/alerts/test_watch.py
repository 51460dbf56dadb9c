"""Alarms about sources: one message a root cause, ends when they are sure."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from monitor.alerts.health import LINE, Episode
from monitor.alerts.watch import (
    Ailing,
    Alarm,
    begins,
    ends,
    is_steady,
    line_down,
    line_up,
    words,
)
from monitor.model import Health, SourceId
from monitor.testing import NOW

HOUR = timedelta(hours=1)


def _episode(number: int, **changes: Any) -> Episode:
    plain = Episode(
        source=SourceId(f"s{number}"),
        state=Health.FAILING,
        since=NOW - HOUR,
        noticed_at=NOW - HOUR / 2,
        detail="3 polls in a row failed: HTTP 503",
        number=number,
    )
    return replace(plain, **changes)


def _ailing(*episodes: Episode) -> list[Ailing]:
    return [
        Ailing(
            episode=one,
            label=f"Source {one.number}",
            what_to_do=f"look at {one.source}",
            every=HOUR / 4,
        )
        for one in episodes
    ]


def _begins(
    *episodes: Episode, told: tuple[Episode, ...] = (), waiting_told_at: Any = None
) -> list[Alarm]:
    alarms = begins(_ailing(*episodes), told, total=120, waiting_told_at=waiting_told_at, now=NOW)
    return list(alarms)


def _titles(alarms: list[Alarm]) -> list[str]:
    return [alarm.operations.title for alarm in alarms if alarm.operations is not None]


def _over(number: int, hours: float = 4, **changes: Any) -> Episode:
    at = NOW - hours * HOUR
    plain = _episode(number, ended_at=at, told_at=at - HOUR, well_since=at)
    return replace(plain, **changes)


def test_a_problem_is_told_with_its_evidence_and_what_to_do() -> None:
    """Since when, how it shows, what helps."""
    [alarm] = _begins(_episode(1))

    news = alarm.operations
    assert news is not None
    assert (news.kind, news.title, news.about) == ("feed.failing", "Not read: Source 1", "s1")
    assert news.detail == "Source 1: 3 polls in a row failed: HTTP 503"
    assert (news.since, news.what_to_do) == (NOW - HOUR, "look at s1")
    assert alarm.numbers == (1,)


def test_sources_of_one_host_are_one_message() -> None:
    """The worst state names it, and a source that joins later is told nobody."""
    host = "host wire.test"
    one, two = _episode(1, cause=host), _episode(2, cause=host, state=Health.GONE)

    [alarm] = _begins(one, two)
    [joined] = _begins(_episode(3, cause=host), told=(_episode(9, cause="host b.test"), one))

    assert alarm.operations is not None
    assert (alarm.operations.title, alarm.operations.about) == (
        "2 sources of wire.test are not read",
        "",
    )
    assert alarm.operations.kind == "feed.gone"
    assert (joined.operations, joined.numbers) == (None, (3,))


def test_a_guard_is_one_cause_for_three_days() -> None:
    """Many hosts behind one guard at once are one message; weeks later it is another decision."""
    cause = "challenge Cloudflare"
    both = [_episode(n, cause=cause, state=Health.WRONG_CONTENT) for n in (1, 2)]
    long_ago = _episode(9, cause=cause, noticed_at=NOW - 30 * 24 * HOUR)

    assert _titles(_begins(*both)) == ["2 sources want a browser check (Cloudflare)"]
    assert _titles(_begins(both[0], told=(long_ago,))) == ["Wrong content: Source 1"]
    assert _titles(_begins(both[0], told=(both[1],))) == []


def test_what_outlasts_the_line_is_one_message() -> None:
    """Though others are read."""
    both = [_episode(number, cause="line over") for number in (1, 2)]

    assert _titles(_begins(*both)) == ["2 sources are not read, though others are"]


def test_many_causes_at_once_have_one_that_nobody_knows() -> None:
    """Five messages become one that counts."""
    titles = _titles(_begins(*(_episode(number) for number in range(5))))

    assert titles == ["5 of 120 sources are not read"]


def test_what_can_wait_is_gathered() -> None:
    """A quarter of an hour for its like, an hour after the last such message."""
    silent = _episode(1, state=Health.SILENT)
    gap = _episode(2, state=Health.GAP, noticed_at=NOW)

    assert _titles(_begins(silent)) == ["Silent: Source 1"]
    assert _titles(_begins(gap)) == []
    assert _titles(_begins(silent, waiting_told_at=NOW - HOUR / 2)) == []
    assert _titles(_begins(silent, gap, waiting_told_at=NOW - HOUR)) == [
        "2 sources need a look: 1 gap, 1 silent"
    ]


def test_a_move_is_no_message() -> None:
    """Nothing is lost: the digest and the list say it."""
    [alarm] = _begins(_episode(1, state=Health.MOVED))

    assert (alarm.operations, alarm.numbers) == (None, (1,))


def test_a_long_list_is_cut() -> None:
    """Thirty lines, then a number."""
    host = "host wire.test"
    [alarm] = _begins(*(_episode(number, cause=host) for number in range(33)))

    assert alarm.operations is not None
    assert alarm.operations.detail.splitlines()[-1] == "and 3 more"


def test_an_end_is_told_once_it_is_sure() -> None:
    """After three hours or five polls, and six more for a relapse; what came late is counted."""
    [alarm] = ends(_ailing(_over(1, late_items=4)), (), NOW)

    assert alarm.operations is not None
    assert (alarm.operations.kind, alarm.operations.title) == (
        "feed.recovered",
        "Read again: Source 1",
    )
    assert "4 items came late" in alarm.operations.detail
    assert ends(_ailing(_over(1, hours=2)), (), NOW) == ()
    assert ends(_ailing(_over(1, relapses=1)), (), NOW) == ()
    [slow] = _ailing(_over(1))
    assert ends([replace(slow, every=HOUR)], (), NOW) == ()


def test_five_good_polls_are_steady() -> None:
    """The latest poll is the lowest bit; older failures are forgiven."""
    assert is_steady(0)
    assert is_steady(0b1110_0000)
    assert not any(is_steady(1 << poll) for poll in range(5))


def test_an_end_that_nobody_needs_is_settled() -> None:
    """Never told, a gap, what the line did, what turned into something else."""
    quiet = [
        _episode(1, ended_at=NOW),
        _over(2, state=Health.GAP),
        _over(3, cause=LINE),
        _over(4, well_since=None),
    ]

    [alarm] = ends(_ailing(*quiet), (), NOW)

    assert (alarm.operations, alarm.numbers) == (None, (1, 2, 3, 4))


def test_ends_wait_for_those_that_share_their_cause() -> None:
    """A day at most, counted from the first that could have been told; then all that are sure."""
    host = "host wire.test"
    going_on = (_episode(9, cause=host), _episode(8))
    first, later = _over(1, hours=28, cause=host), _over(2, cause=host)

    assert ends(_ailing(_over(1, cause=host)), going_on, NOW) == ()
    assert ends(_ailing(_over(1, hours=26, cause=host), later), going_on, NOW) == ()
    assert [one.numbers for one in ends(_ailing(first, later), going_on, NOW)] == [(1, 2)]
    assert len(ends(_ailing(_over(1, cause=host)), (), NOW)) == 1


def test_ends_of_one_cause_wait_until_each_of_them_is_sure() -> None:
    """One that is over for an hour, or that still fails now and then, holds the others back."""
    host = "host wire.test"
    sure, fresh = _ailing(_over(1, cause=host), _over(2, hours=1, cause=host))
    shaky = replace(_ailing(_over(3, cause=host))[0], is_steady=False)
    [other] = _ailing(_over(4, cause="host other.test"))

    assert ends([sure, fresh], (), NOW) == ()
    assert ends([sure, shaky], (), NOW) == ()
    assert [one.numbers for one in ends([sure, fresh, other], (), NOW)] == [(4,)]
    assert ends([replace(sure, is_steady=False)], (), NOW) == ()


def test_who_is_over_but_not_sure_is_waited_for_longer_than_who_still_fails() -> None:
    """Else one message after the other would tell of it."""
    host = "host wire.test"
    going_on = (_episode(9, cause=host),)
    [fresh] = _ailing(_over(1, hours=1, cause=host))
    day, two = _ailing(_over(2, hours=30, cause=host), _over(3, hours=52, cause=host))

    assert ends([fresh, day], going_on, NOW) == ()
    assert [one.numbers for one in ends([day], going_on, NOW)] == [(2,)]
    assert [one.numbers for one in ends([fresh, two], going_on, NOW)] == [(3,)]


def test_a_slow_source_joins_a_cause_that_is_over_for_the_others() -> None:
    """It began to fail before they were well; what begins later is another trouble."""
    over = _over(1, hours=2, cause="host wire.test")
    slow = _episode(2, cause="host wire.test", since=NOW - 3 * HOUR)
    later = replace(slow, since=NOW - HOUR)

    assert _titles(_begins(slow, told=(over,))) == []
    assert _titles(_begins(later, told=(over,))) == ["Not read: Source 2"]


def test_many_ends_are_counted() -> None:
    """A silent source is well again, not read again."""
    many = [_over(number, state=Health.SILENT, late_items=1) for number in range(6)]

    [alarm] = ends(_ailing(*many), (), NOW)

    assert alarm.operations is not None
    assert (alarm.operations.title, alarm.operations.about) == ("6 sources well again", "")
    assert "late" not in alarm.operations.detail


def test_the_line_is_told_as_such() -> None:
    """One message when it is down, one when it is up, with what came late."""
    line = _episode(7, source=SourceId(""), cause=LINE, ended_at=NOW)

    down, up = line_down(line), line_up(line, 1)

    assert down.operations is not None
    assert up.operations is not None
    assert down.operations.title == "No source can be reached"
    assert up.operations.title == "Sources can be reached again, after 1 h"
    assert up.operations.detail.startswith("1 item came late")
    assert (down.numbers, up.numbers) == ((7,), (7,))


def test_spans_have_two_units_at_most() -> None:
    """Nobody counts the minutes of days."""
    spans = [timedelta(minutes=m) for m in (-5, 9, 60, 571, 1440, 1500, 20_000)]

    assert [words(span) for span in spans] == [
        *("0 min", "9 min", "1 h", "9 h 31 min", "1 d", "1 d 1 h", "13 d"),
    ]
