"""The values that pass between the stages: ids, and what they say about themselves."""

import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import model
from monitor.model import (
    Alert,
    AlertId,
    Coverage,
    Digest,
    Operations,
    Probe,
    RawItem,
    Reason,
    Severity,
    Source,
    SourceId,
    StoryAlert,
    StoryId,
    stable_id,
)

NOW = datetime(2024, 3, 28, 15, tzinfo=UTC)
LATER = datetime(2024, 3, 29, tzinfo=UTC)


def test_an_id_depends_on_its_parts_alone() -> None:
    """The same parts give the same id in every process: this one was written down."""
    assert stable_id("sty_", "a", "b") == "sty_lgzhdlq3xsy5ghkb"
    assert len(stable_id("", "a", length=52)) == 52


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_different_parts_give_different_ids(one: list[str], other: list[str]) -> None:
    """Where a part ends counts, unless a part holds the separator itself."""
    if "\x00".join(one) != "\x00".join(other):
        assert stable_id("x", *one) != stable_id("x", *other)


def test_an_id_can_be_made_of_any_text() -> None:
    """Publishers' ids hold anything, lone surrogates included."""
    assert len(stable_id("itm_", "\ud800")) == 20


def test_severities_are_ordered_and_have_names() -> None:
    """Higher is worse; names are those of files and payloads."""
    assert sorted(Severity) == [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]
    assert [severity.label for severity in Severity] == ["low", "medium", "high", "critical"]


def test_a_source_is_called_by_its_name_or_its_id() -> None:
    """Its secrets are in no repr."""
    source = Source(
        id=SourceId("un"),
        url="https://example.org",
        user="who",
        password="word",
        headers={"X-Key": "token"},
    )

    assert source.label == "un"
    assert dataclasses.replace(source, name="UN press").label == "UN press"
    assert not [secret for secret in ("who", "word", "token") if secret in repr(source)]


def test_a_raw_item_is_dated_by_its_publication_else_by_its_update() -> None:
    """Never by anything else."""
    assert RawItem(published=NOW, updated=LATER).when == NOW
    assert RawItem(updated=LATER).when == LATER
    assert RawItem().when is None


def test_the_reasons_that_send_are_a_closed_list() -> None:
    """Everything else is a reason why nothing is sent."""
    assert {reason.name for reason in Reason if reason.sends} == {
        "NEW_STORY",
        "SEVERITY_ROSE",
        "ANOTHER_RULE",
        "LISTED_NAME",
        "QUIET_THEN_BACK",
        "NOT_ACKNOWLEDGED",
        "DENIED",
    }


def _story(severity: Severity) -> StoryAlert:
    return StoryAlert(
        story_id=StoryId("s"),
        title="t",
        severity=severity,
        theme="x",
        reason=Reason.NEW_STORY,
        detail="",
        rules=(),
        articles=(),
        first_seen=NOW,
        last_seen=NOW,
    )


_DIGEST = Digest(
    date="2024-03-28",
    zone="UTC",
    since=NOW,
    until=LATER,
    stories=(),
    coverage=Coverage(sources=1, read=1),
)
_OPERATIONS = Operations(kind="feed.failing", title="t", detail="d", since=NOW)


@pytest.mark.parametrize(
    ("body", "subject", "severity"),
    [
        (_story(Severity.CRITICAL), "story", Severity.CRITICAL),
        (_story(Severity.LOW), "story", Severity.LOW),
        (_DIGEST, "digest", Severity.LOW),
        (_OPERATIONS, "operations", Severity.MEDIUM),
        (Probe(channel="desk"), "test", Severity.LOW),
    ],
)
def test_an_alert_knows_its_subject_and_its_severity(
    body: StoryAlert | Digest | Operations | Probe, subject: str, severity: Severity
) -> None:
    """A story has its own severity; the others have one each."""
    alert = Alert(id=AlertId("a"), occurred_at=NOW, body=body)

    assert (alert.subject, alert.severity) == (subject, severity)


def test_the_values_are_frozen() -> None:
    """A stage never changes what it gets."""
    values = [
        value
        for value in vars(model).values()
        if dataclasses.is_dataclass(value) and isinstance(value, type)
    ]

    assert len(values) > 20
    assert all(value.__dataclass_params__.frozen for value in values)  # type: ignore[attr-defined]
