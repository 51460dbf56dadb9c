"""What parent and child of the sandbox say to each other."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import NotAFeed, ParseError
from monitor.fetch import frames
from monitor.model import Document, RawItem, Reading

_TIMES = st.none() | st.datetimes(datetime(1800, 1, 1), timezones=st.just(UTC))
_ITEMS = st.builds(
    RawItem,
    id=st.text(),
    title=st.text(),
    link=st.text(),
    text=st.text(),
    published=_TIMES,
    updated=_TIMES,
    lang=st.text(max_size=5),
    hash=st.binary(max_size=12),
    raw=st.binary(max_size=50),
    index=st.integers(0, 9),
)
_READINGS = st.builds(
    Reading,
    items=st.lists(_ITEMS, max_size=3).map(tuple),
    hashes=st.lists(st.binary(max_size=12), max_size=3).map(tuple),
    format=st.text(max_size=9),
    title=st.text(),
    lang=st.text(max_size=5),
    ttl=st.none() | st.integers(1, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
    partial=st.booleans(),
    children=st.lists(st.text(), max_size=3).map(tuple),
    repeated=st.frozensets(st.text(), max_size=3),
)


def _received(data: bytes) -> tuple[frames.Head, bytes]:
    found = frames.receive(io.BytesIO(data).read)
    assert found is not None
    return found


@given(_READINGS)
def test_a_reading_arrives_as_it_was(reading: Reading) -> None:
    """Every field, lone surrogates and empty hashes too."""
    assert frames.reading(*_received(frames.answer(reading))) == reading


@given(st.binary(max_size=99), st.frozensets(st.binary(max_size=12)), st.text())
def test_a_question_arrives_as_it_was(body: bytes, known: frozenset[bytes], url: str) -> None:
    """The document and what is known of it."""
    document = Document(body, {"content-type": "text/xml"}, url, 203)

    assert frames.asked(*_received(frames.question(document, known))) == (document, known)


@pytest.mark.parametrize("error", [ParseError("x", kind="too-deep"), NotAFeed("y", kind="html")])
def test_a_refusal_is_raised_as_it_was(error: ParseError) -> None:
    """Class, kind and text."""
    with pytest.raises(ParseError) as raised:
        frames.reading(*_received(frames.refusal(error)))

    assert type(raised.value) is type(error)
    assert (raised.value.kind, str(raised.value)) == (error.kind, str(error))


def test_frames_follow_each_other_until_the_end() -> None:
    """Nothing is read beyond a frame."""
    stream = io.BytesIO(frames.frame({"a": 1}, b"x") + frames.frame({"b": 2}))

    assert frames.receive(stream.read) == ({"a": 1}, b"x")
    assert frames.receive(stream.read) == ({"b": 2}, b"")
    assert frames.receive(stream.read) is None


@pytest.mark.parametrize("size", [3, 9, 14])
def test_half_a_frame_is_none(size: int) -> None:
    """The child died while it spoke."""
    assert frames.receive(io.BytesIO(frames.frame({"a": 1}, b"xyz")[:size]).read) is None


def test_a_frame_that_is_no_mapping_is_none() -> None:
    """JSON of another kind says nothing."""
    text = b"[1]"

    assert frames.receive(io.BytesIO(frames.LENGTHS.pack(len(text), 0) + text).read) is None


def _answer(**changes: Any) -> dict[str, Any]:
    item = RawItem(title="x", published=datetime(2024, 3, 28, tzinfo=UTC))
    head = dict(_received(frames.answer(Reading(items=(item,), hashes=(), format="rss20")))[0])
    return {**head, **changes}


@pytest.mark.parametrize(
    "head",
    [
        pytest.param({}, id="empty"),
        pytest.param({"error": "x"}, id="half-a-refusal"),
        pytest.param(_answer(title=7), id="a-number-for-a-text"),
        pytest.param(_answer(children=[None]), id="nothing-for-a-text"),
        pytest.param(_answer(items=[{}]), id="an-item-without-fields"),
        pytest.param(_answer(items=7), id="a-number-for-items"),
        pytest.param(_answer(hashes=["zz"]), id="no-hash"),
        pytest.param(_answer(ttl="long"), id="no-duration"),
        pytest.param(_answer(ttl=1e300), id="a-duration-beyond-time"),
        pytest.param(_answer(items=[{**_answer()["items"][0], "published": "soon"}]), id="no-time"),
        pytest.param(_answer(items=[{**_answer()["items"][0], "raw": "much"}]), id="no-length"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_failed_child(head: dict[str, Any]) -> None:
    """The child has read hostile bytes: nothing that it says is taken on trust."""
    with pytest.raises(ParseError) as raised:
        frames.reading(json.loads(json.dumps(head)), b"")

    assert raised.value.kind == "crashed"
