"""Delta parse: what is left of a document when the known entries are cut out."""

import pytest

from monitor.sources import delta, prescan
from monitor.sources.delta import cut
from monitor.sources.document import entry_hash

BODY = b"<rss><channel><item>1</item>\n<item>2</item>\n<item>3</item><x/></channel></rss>"
NAMES = frozenset({"item"})


def _cut(body: bytes, *known: bytes) -> delta.Cut:
    outline = prescan.outline(body, NAMES)
    assert outline is not None
    return cut(body, outline, frozenset(map(entry_hash, known)))


def test_known_entries_are_cut_and_still_named() -> None:
    """The rest of the document stays byte for byte."""
    part = _cut(BODY, b"<item>2</item>")

    assert part.body == b"<rss><channel><item>1</item>\n\n<item>3</item><x/></channel></rss>"
    assert [(entry.place, entry.raw) for entry in part.entries] == [
        (0, b"<item>1</item>"),
        (2, b"<item>3</item>"),
    ]
    assert part.hashes == tuple(entry_hash(b"<item>%d</item>" % n) for n in (1, 2, 3))
    assert not part.is_partial


def test_nothing_is_left_when_all_is_known() -> None:
    """The shell of the document still says its title."""
    part = _cut(BODY, b"<item>1</item>", b"<item>2</item>", b"<item>3</item>")

    assert part.entries == ()
    assert part.body == b"<rss><channel>\n\n<x/></channel></rss>"


def test_an_entry_that_is_cut_off_is_neither_kept_nor_named() -> None:
    """The next poll must read it whole."""
    part = _cut(b"<rss><channel><item>1</item><item>2", b"<item>1</item>")

    assert part.body == b"<rss><channel></channel></rss>"
    assert part.hashes == (entry_hash(b"<item>1</item>"),)
    assert part.is_partial


def test_too_many_entries_are_read_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read is known next time, so that every entry has its turn."""
    monkeypatch.setattr(delta, "MAX_ENTRIES", 2)

    first = _cut(BODY)
    second = _cut(BODY, *(entry.raw for entry in first.entries))

    assert [entry.place for entry in first.entries] == [0, 1]
    assert first.is_partial
    assert len(first.hashes) == 2
    assert [entry.place for entry in second.entries] == [2]
    assert not second.is_partial


@pytest.mark.parametrize(
    ("one", "two", "shared"),
    [
        pytest.param(b"<guid>a</guid>", b"<guid> a </guid>", True, id="guid"),
        pytest.param(
            b"<guid>a</guid><link>x</link>", b"<guid>b</guid><link>x</link>", False, id="own"
        ),
        pytest.param(b"<link>x</link>", b"<link>x</link>", True, id="link"),
        pytest.param(b'<link href="x"/>', b"<link rel='a' href='x'/>", True, id="atom-link"),
        pytest.param(b"", b"", True, id="nothing"),
    ],
)
def test_entries_that_claim_one_id_are_told(one: bytes, two: bytes, shared: bool) -> None:
    """Also when the other one is known and cut out."""
    body = b"<rss><item>" + one + b"</item><item>" + two + b"<n/></item></rss>"

    part = _cut(body, b"<item>" + two + b"<n/></item>")

    assert [entry.is_repeated for entry in part.entries] == [shared]
