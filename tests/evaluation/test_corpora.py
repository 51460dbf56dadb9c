"""Every document of the shared corpora: agreement with feedparser, delta and truncation."""

import itertools
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor import sources
from monitor.errors import ParseError
from monitor.model import Document, Reading
from tests.evaluation import conformance

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not conformance.ARCHIVE.exists(), reason="the shared data is not beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked conformance corpus."""
    return conformance.unpack(tmp_path_factory.mktemp("conformance"))


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the captured feed documents."""
    folder = tmp_path_factory.mktemp("feeds")
    with tarfile.open(conformance.ARCHIVE.with_name("feeds.tgz")) as archive:
        archive.extractall(folder, filter="data")
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name != "INDEX.json"
    )


def test_feedparser_agrees_on_what_matters(corpus: Path) -> None:
    """99.5 % on each field, every difference named, no feed with entries refused."""
    result = conformance.compare(corpus)

    assert result.documents == 2455
    assert set(result.differences) <= set(conformance.REASONS)
    assert {name: result.agreement(name) >= 99.5 for name in conformance.FIELDS} == dict.fromkeys(
        conformance.FIELDS, True
    )


def test_every_json_feed_is_read(corpus: Path) -> None:
    """Version 6 of feedparser reads none of them."""
    feeds = [path for path in (corpus / "raw").rglob("*.json") if b'"items"' in path.read_bytes()]

    read = [_read(Document(path.read_bytes())) for path in feeds]

    assert len(feeds) > 30
    assert [path.name for path, reading in zip(feeds, read, strict=True) if reading is None] == []


def test_captured_feeds_with_entries_are_read(feeds: list[Path]) -> None:
    """The others have a named reason."""
    kinds = {path.name: _kind(Document(path.read_bytes())) for path in feeds}

    assert len(kinds) == 228
    assert {name: kind for name, kind in kinds.items() if kind not in ("read", "no entries")} == {
        "046_feed-rs_jsonfeed_spec_1.serde.json": "json"  # the expectation of a test, not a feed
    }


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.long), 10])
def test_delta_and_truncation_lose_nothing(corpus: Path, feeds: list[Path], every: int) -> None:
    """With a random part known: the same items; cut at a random byte: all whole entries."""
    chance = random.Random(2024)
    checked = 0
    for document in itertools.islice(_all_documents(corpus, feeds), 0, None, every):
        full = _read(document)
        if full is not None:
            known = frozenset(name for name in full.hashes if chance.random() < 0.5)
            _check_delta(document, full, known)
            _check_cut(document, full, known, chance.randrange(len(document.body)))
            checked += 1

    assert checked > 2_500 // every


def _all_documents(corpus: Path, feeds: list[Path]) -> Iterator[Document]:
    yield from (document for _, document, _ in conformance.documents(corpus))
    yield from (Document(path.read_bytes(), url="https://feeds.example/") for path in feeds)


def _check_delta(document: Document, full: Reading, known: frozenset[bytes]) -> None:
    part = sources.read(document, known)

    assert part.items == tuple(item for item in full.items if item.hash not in known)
    assert part.hashes == full.hashes


def _check_cut(document: Document, full: Reading, known: frozenset[bytes], at: int) -> None:
    if not full.items or not all(item.raw for item in full.items):
        return  # no byte ranges: what is whole cannot be told from outside
    whole, end = [], 0
    for item in full.items:
        end = document.body.index(item.raw, end) + len(item.raw)
        if end <= at:
            whole.append(item)

    part = _read(Document(document.body[:at], document.headers, document.url), known)

    if part is None:
        assert not whole
        return
    assert part.hashes == tuple(item.hash for item in whole)
    assert part.items == tuple(item for item in whole if item.hash not in known)


def _read(document: Document, known: frozenset[bytes] = frozenset()) -> Reading | None:
    try:
        return sources.read(document, known)
    except ParseError:
        return None


def _kind(document: Document) -> str:
    try:
        return "read" if sources.read(document).items else "no entries"
    except ParseError as error:
        return error.kind
