"""The helpers for tests: factories that fit together, a channel that records."""

import asyncio

import pytest

from monitor.errors import DeliveryError
from monitor.testing import (
    NOW,
    RecordingChannel,
    make_article,
    make_hit,
    make_item,
    make_story_alert,
    strange_texts,
)


def test_the_factories_describe_one_event() -> None:
    """Spans of the hit and the article are those of the item's text."""
    item, article = make_item(), make_article()

    spans = [span for clause in make_hit().clauses for span in clause.matched]
    spans += [span for why in article.why for span in why.matched]
    assert all(getattr(item, span.field)[span.start : span.end] == span.text for span in spans)
    assert (item.id, item.title, item.url) == (article.item_id, article.title, article.url)


def test_a_factory_changes_what_it_is_told() -> None:
    """A test names only what it is about."""
    assert make_item(title="x").title == "x"
    assert make_hit(rule="panel").rule == "panel"


def test_the_recording_channel_keeps_what_it_accepts() -> None:
    """Tries and acceptances are told apart; scripted replies come first."""
    channel = RecordingChannel(to=("a", "b"), replies=[DeliveryError("busy"), None])
    message = channel.compose(make_story_alert(), "a")

    with pytest.raises(DeliveryError, match="busy"):
        asyncio.run(channel.send(message, "a", NOW))
    asyncio.run(channel.send(message, "a", NOW))

    assert channel.recipients() == ("a", "b")
    assert channel.sent == [(message, "a", NOW)]
    assert len(channel.tried) == 2


def test_strange_texts_hold_every_kind_of_character() -> None:
    """Controls, surrogates, joiners, private and unassigned characters, the last of all."""
    characters = set("".join(strange_texts()))

    assert {"\x00", "\ud800", "\u200d", "\ue000", "\u0378", "\U0010ffff", "한"} - characters <= {
        "한"
    }
    assert len(characters) > 0x3000
