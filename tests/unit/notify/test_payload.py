"""The document that webhooks send: its schema, its size, its reasons."""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from monitor.model import (
    Alert,
    AlertId,
    Coverage,
    Health,
    NearMisses,
    Reason,
    SourceProblem,
    StoryAlert,
    Waiting,
)
from monitor.notify.payload import MOST_BYTES, event, event_body
from monitor.notify.schema import ALERT_V1, alert_schema
from monitor.testing import (
    NOW,
    TITLE,
    make_article,
    make_digest,
    make_digest_story,
    make_gap,
    make_not_read,
    make_operations,
    make_recovery,
    make_story_alert,
    one_of_each,
    strange_texts,
    with_text,
)

KINDS = [
    *(f"feed.{state}" for state in Health if state not in (Health.MOVED, Health.OK)),
    *("feed.recovered", "channel.paused", "delivery.dead", "service.notice"),
]


def strict(schema: Any) -> Any:
    """Return the schema with unknown keys refused: what we send is described whole."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    return closed | ({"additionalProperties": False} if schema.get("required") is not None else {})


def payload(alert: Alert) -> Any:
    """Return the document of an alert, as a receiver reads it."""
    return json.loads(event_body(alert, domain="m.example.org", public_url="https://m.example"))


def check(document: Any) -> None:
    """Raise unless the document fits the published schema to the letter."""
    jsonschema.Draft202012Validator(
        strict(alert_schema()), format_checker=jsonschema.FormatChecker()
    ).validate(document)


def test_the_schema_is_valid_and_names_itself() -> None:
    """A reader finds the schema by the document's dataschema."""
    jsonschema.Draft202012Validator.check_schema(alert_schema())

    assert alert_schema()["$id"] == ALERT_V1 == payload(make_story_alert())["dataschema"]


@pytest.mark.parametrize("alert", one_of_each(), ids=lambda alert: alert.subject)
def test_every_subject_fits_the_schema(alert: Alert) -> None:
    """Story, digest, operations, test."""
    check(payload(alert))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_operations_fits(kind: str) -> None:
    """Each has its own type."""
    document = payload(make_operations(kind=kind, about=""))

    check(document)
    assert document["type"] == f"monitor.{kind}.v1"
    assert document["subject"] == "service"


def test_a_wrong_document_does_not_fit() -> None:
    """The schema is no rubber stamp: each subject has its own data."""
    story, digest = payload(make_story_alert()), payload(make_digest())
    for wrong in (
        story | {"data": digest["data"]},
        digest | {"data": story["data"]},
        story | {"type": "monitor.story.v2"},
        story | {"data": story["data"] | {"reason": "because"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            check(wrong)


def test_the_reasons_are_the_closed_list_of_what_sends() -> None:
    """The schema and the model name the same reasons."""
    reasons = alert_schema()["$defs"]["story"]["properties"]["reason"]["enum"]

    assert reasons == [reason.value for reason in Reason if reason.sends]


def test_a_later_alert_of_a_story_is_an_update() -> None:
    """It names the first one."""
    document = payload(make_story_alert(thread_id=AlertId("a-first")))

    check(document)
    assert document["type"] == "monitor.story.updated.v1"
    assert document["data"]["thread_id"] == "a-first"


def test_offsets_find_the_words_in_the_title() -> None:
    """Characters, not bytes, also beyond the basic plane."""
    title = "🇰🇵 " + TITLE
    article = make_article(title=title)
    [shifted] = article.why[0].matched[:1]
    moved = replace(shifted, start=shifted.start + 3, end=shifted.end + 3)
    why = replace(article.why[0], matched=(moved,))
    document = payload(make_story_alert(articles=(replace(article, why=(why,)),)))

    [told] = document["data"]["articles"]
    [match] = told["why"][0]["matched"]
    assert told["title"][match["start"] : match["end"]] == match["text"] == "vetoes"


def test_strange_characters_keep_offsets_true() -> None:
    """What JSON readers trip over is replaced one for one."""
    document = payload(make_story_alert(title="a\x00b\ud800c\x85d\uffffe"))

    assert document["data"]["title"] == "a\ufffdb\ufffdc\ufffdd\ufffde"


def long_story(text: str, many: int) -> Alert:
    """Return a story of many long everything."""
    article = make_article(why=make_article().why * many)
    alert = make_story_alert(
        articles=(article,) * many,
        rules=make_story_alert().body.rules * many,  # type: ignore[union-attr]
        listed_names=("n",) * many,
        languages=("en",) * many,
    )
    return with_text(alert, text)


def long_digest(text: str, many: int) -> Alert:
    """Return a digest of many long everything."""
    problem = SourceProblem(source="s", name="n", state=Health.FAILING, since=NOW, detail="d")  # type: ignore[arg-type]
    story = make_digest_story(rules=("r",) * many, sources=("s",) * many)
    coverage = Coverage(
        sources=9,
        read=1,
        problems=(problem,) * many,
        not_read=(make_not_read(),) * many,
        gaps=(make_gap(),) * many,
        recoveries=(make_recovery(),) * many,
    )
    waiting = Waiting(count=many, oldest=NOW, stories=(story,) * many)
    misses = (NearMisses(rule="r", title="t", items=9),) * many
    alert = make_digest(
        stories=(story,) * many, coverage=coverage, waiting=waiting, near_misses=misses
    )
    return with_text(alert, text)


@pytest.mark.parametrize("text", ["x" * 3000, "𐀀" * 3000, '"' * 3000, "한" * 2048, "\x00" * 3000])
@pytest.mark.parametrize("many", [1, 20, 60])
@pytest.mark.parametrize("build", [long_story, long_digest])
def test_every_payload_is_small_enough(build: Any, many: int, text: str) -> None:
    """Standard Webhooks asks for less than 20 kB; whatever comes, it fits and is valid."""
    alert = build(text, many)

    body = event_body(alert, domain="m.example.org", public_url="https://m.example")

    assert len(body) < MOST_BYTES
    check(json.loads(body))


def test_counts_stay_true_when_lists_are_cut() -> None:
    """A reader knows that there is more."""
    document = payload(long_digest("x" * 500, 300))

    assert document["data"]["story_count"] == 300 > len(document["data"]["stories"])
    assert document["data"]["coverage"]["problem_count"] == 300


def test_strange_texts_fit_the_schema() -> None:
    """Characters of every kind in every text."""
    for text in strange_texts():
        check(payload(with_text(make_story_alert(), text)))


def test_an_unlisted_time_zone_is_told_in_utc() -> None:
    """Times are RFC 3339 with a Z."""
    document = event(make_story_alert(), domain="m")

    assert document["time"] == "2024-03-28T21:04:33Z"
    assert document["data"]["links"] == {}


def test_the_same_alert_is_the_same_document() -> None:
    """Also for a deep copy of it: nothing depends on identity or order of sets."""
    alert = make_story_alert()

    assert event_body(deepcopy(alert), domain="m") == event_body(alert, domain="m")
    assert isinstance(alert.body, StoryAlert)
