"""Pages made to hurt, read as articles by a real child: time, memory, and the next page."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.errors import ParseError
from monitor.fetch.sandbox import DEADLINE, Sandbox
from monitor.model import Document
from tests.data.articles import PAGES, html

PAGE = Document(html(PAGES[0]).encode(), {}, "https://news.example.org/a")
_P = b"<p>The ship left at night, said the harbour master, and nobody saw it leave.</p>"


def _hostile() -> dict[str, bytes]:
    rows = b"<tr><td>a<td>b" * 100_000
    attributes = b" ".join(b'a%d="1"' % number for number in range(100_000))
    return {
        "nested": b"<html><body>" + b"<div>" * 200_000 + _P * 20,
        "tables-in-tables": b"<html><body>" + b"<table><tr><td>" * 20_000 + _P * 20,
        "rows": b"<html><body><table>" + rows + b"</table>",
        "paragraphs": b"<html><body><article>" + _P * 35_000,
        "links": b"<html><body>" + b'<li><a href="/x">word word word</a>' * 70_000,
        "attributes": b"<html><body><p " + attributes + b">" + _P * 20,
        "one-word": b"<html><body><p>" + b"A" * 2_900_000,
        "one-line": b"<html><body><p>" + b"word. " * 480_000,
        "wide": b"<html><body><p>&" + "\U0001f600".encode() * 700_000,
        "comments": b"<html><body>" + b"<!--" * 500_000,
        "brackets": b"<html><body>" + b"<" * 2_000_000,
        "formatting": b"<html><body><article><p>" + b"<b><i>word " * 200_000,
        "lists": b"<html><body><article>" + b"<ul><li>word" * 100_000,
        "json": b'<html><script type="application/ld+json">' + b'{"a":[' * 400_000,
        "entities": b"<html><body><p>" + b"&amp;lt;p&gt;" * 200_000,
        "zero-bytes": b"<html><body><p>\x00" * 200_000,
        "meta": b"<meta " + b"charset " * 300_000,
        "subscribe": b"<html><body><p>" + b"subscribe now " * 200_000,
    }


@pytest.fixture(scope="module")
def pages() -> Iterator[Sandbox]:
    """Return one sandbox for all of them, as the service has."""
    made = Sandbox(reader="article")
    yield made
    made.close_now()


@pytest.mark.parametrize("name", list(_hostile()))
def test_a_hostile_page_ends_in_time_and_memory_and_costs_itself_alone(
    pages: Sandbox, name: str
) -> None:
    """The deadline and 300 MB, whatever comes of it; the next page is read."""
    pages.read_now(PAGE)
    started = time.monotonic()

    with contextlib.suppress(ParseError):
        pages.read_now(Document(_hostile()[name], {}, "https://h.example/"))

    assert time.monotonic() - started < DEADLINE.total_seconds() + 10
    for pid in pages.pids:
        assert _memory_bytes(pid) < 320_000_000
    assert pages.read_now(PAGE).items[0].text


def _memory_bytes(pid: int) -> int:
    with contextlib.suppress(OSError, StopIteration):
        status = Path(f"/proc/{pid}/status").read_text()
        peak = next(line for line in status.splitlines() if "VmHWM" in line)
        return int(peak.split()[1]) * 1024
    return 0  # it has ended meanwhile
