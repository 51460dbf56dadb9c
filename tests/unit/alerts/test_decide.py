"""Whether people are told of an arrival, and why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerts.decide import Arrival, Policy, decide, returned_at
from monitor.model import Reason, Severity, Story, StoryId
from monitor.testing import NOW, make_hit

TOLD = Story(
    id=StoryId("s-1"),
    title="Veto",
    opened_at=NOW,
    latest_at=NOW,
    severity=Severity.HIGH,
    rules=frozenset({"veto"}),
    alerted_rules=frozenset({"veto"}),
    alerted_severity=Severity.HIGH,
    last_alert_at=NOW,
)
SAME = make_hit(rule="veto", severity=Severity.HIGH)


def _reason(story: Story, arrival: Arrival) -> tuple[Reason, str]:
    return decide(story, arrival, Policy())


@pytest.mark.parametrize(
    ("story", "arrival", "expected"),
    [
        (replace(TOLD, alerted_severity=None), Arrival(hits=[SAME]), Reason.NEW_STORY),
        (TOLD, Arrival(hits=[SAME]), Reason.JOINED),
        (TOLD, Arrival(hits=[SAME], is_edit=True), Reason.EDITED),
        (TOLD, Arrival(hits=[SAME], is_backlog=True), Reason.BACKLOG),
        (TOLD, Arrival(hits=[SAME], is_denial=True), Reason.DENIED),
        (replace(TOLD, muted=True), Arrival(hits=[make_hit(rule="oil")]), Reason.MUTED),
        (TOLD, Arrival(hits=[make_hit(severity=Severity.CRITICAL)]), Reason.SEVERITY_ROSE),
        (TOLD, Arrival(hits=[make_hit(rule="oil", severity=Severity.LOW)]), Reason.ANOTHER_RULE),
        (TOLD, Arrival(hits=[replace(SAME, listed_names=("Kim",))]), Reason.LISTED_NAME),
        (
            replace(TOLD, alerted_names=frozenset({"Kim"})),
            Arrival(hits=[replace(SAME, listed_names=("Kim",))]),
            Reason.JOINED,
        ),
        (
            replace(TOLD, returned_at=NOW + timedelta(days=2), sources_since_return=3),
            Arrival(hits=[SAME]),
            Reason.QUIET_THEN_BACK,
        ),
        (
            replace(
                TOLD, returned_at=NOW, sources_since_return=3, last_alert_at=NOW + timedelta(1)
            ),
            Arrival(hits=[SAME]),
            Reason.JOINED,
        ),
        (
            replace(TOLD, returned_at=NOW + timedelta(days=2), sources_since_return=2),
            Arrival(hits=[SAME]),
            Reason.JOINED,
        ),
    ],
)
def test_each_arrival_has_one_reason(story: Story, arrival: Arrival, expected: Reason) -> None:
    """The closed list of reasons, each by the state that brings it."""
    assert _reason(story, arrival)[0] is expected


def test_the_detail_names_what_is_new() -> None:
    """The reader sees what rose and from where, and which rule or name came."""
    rose = Arrival(hits=[make_hit(severity=Severity.CRITICAL)])
    named = Arrival(hits=[replace(SAME, listed_names=("Kim", "An"))])

    assert _reason(TOLD, rose)[1] == "critical, was high"
    assert (
        _reason(TOLD, Arrival(hits=[SAME, make_hit(rule="oil", severity=Severity.LOW)]))[1] == "oil"
    )
    assert _reason(TOLD, named)[1] == "An, Kim"


def test_a_story_returns_after_a_day_of_quiet() -> None:
    """An item within a day continues the story; one after it returns."""
    day = timedelta(days=1)

    assert returned_at(NOW, NOW + day - timedelta(seconds=1), Policy()) is None
    assert returned_at(NOW, NOW + day, Policy()) == NOW + day


def test_only_the_closed_list_sends() -> None:
    """Every reason either sends or says why not."""
    quiet = {reason for reason in Reason if not reason.sends}

    assert quiet == {
        Reason.JOINED,
        Reason.BACKLOG,
        Reason.MUTED,
        Reason.SILENCED,
        Reason.EDITED,
        Reason.DIGESTED,
        Reason.ROLLED_UP,
        Reason.HELD,  # made, and sent later
    }


def test_an_arrival_of_which_every_hit_is_silenced_is_silenced() -> None:
    """With the silence; a backlog and a muted story say so first."""
    story = replace(TOLD, alerted_severity=None)
    arrival = Arrival(hits=(), silenced="q-1 by jansen")

    assert decide(story, arrival, Policy()) == (Reason.SILENCED, "q-1 by jansen")
    assert decide(story, replace(arrival, is_backlog=True), Policy())[0] is Reason.BACKLOG
    assert decide(replace(story, muted=True), arrival, Policy())[0] is Reason.MUTED
