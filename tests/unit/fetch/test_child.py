"""The child of the sandbox, run here without its limits."""

import io
from typing import Any, cast

import pytest

from monitor import sources
from monitor.errors import NotAFeed, ParseError
from monitor.fetch import child, frames
from monitor.model import Document

FEED = b"<rss version='2.0'><channel><item><title>one</title></item></channel></rss>"


def _answers(*bodies: bytes) -> list[tuple[frames.Head, bytes]]:
    sent: list[bytes] = []
    questions = io.BytesIO(b"".join(frames.question(Document(body), ()) for body in bodies))
    child.serve(questions, sent.append, 60, sources.READERS["feed"])
    stream = io.BytesIO(b"".join(sent))
    return [found for _ in bodies if (found := frames.receive(stream.read))]


def test_questions_are_answered_in_order_until_they_end() -> None:
    """A refusal does not end the service."""
    first, second, third = _answers(FEED, b"<html>", FEED)

    assert [item.title for item in frames.reading(*first).items] == ["one"]
    with pytest.raises(NotAFeed):
        frames.reading(*second)
    assert frames.reading(*third) == frames.reading(*first)
    assert first[0]["held"] > 1_000_000
    assert 0 < frames.reading(*first).cpu_s < 60


@pytest.mark.parametrize(
    ("fault", "kind"), [(MemoryError(), "heavy-document"), (IndexError("parser bug"), "unreadable")]
)
def test_a_fault_of_a_parser_costs_its_document_alone(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, kind: str
) -> None:
    """It is said, not raised."""

    def broken(*_question: object) -> None:
        raise fault

    monkeypatch.setitem(cast(dict[str, Any], sources.READERS), "feed", broken)

    (answer,) = _answers(FEED)

    with pytest.raises(ParseError) as raised:
        frames.reading(*answer)
    assert raised.value.kind == kind
