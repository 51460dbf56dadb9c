"""The sandbox with real children: time, memory, crashes, many polls at once."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor import sources
from monitor.errors import NotAFeed, ParseError
from monitor.fetch.sandbox import Sandbox
from monitor.model import Document

FEEDS = Path(__file__).parents[1] / "data" / "feeds"
FEED = Document(
    (FEEDS / "rss20.xml").read_bytes(), {"content-type": "text/xml"}, "https://w.example/"
)
# Not well-formed, so that no cap of the pre-scan applies: feedparser takes 20 s and more.
SLOW = Document(b"<rss><item>&" + b"<a>" * 1_500_000)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Return a sandbox that is closed after the test."""
    made = Sandbox()
    yield made
    made.close_now()


@pytest.fixture(scope="module")
def shared_sandbox() -> Iterator[Sandbox]:
    """Return a sandbox that goes on from one hostile document to the next, as the service's."""
    made = Sandbox()
    yield made
    made.close_now()


def _memory_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if "VmHWM" in line).split()[1]) * 1024


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_document_reads_as_it_does_without_a_sandbox(sandbox: Sandbox) -> None:
    """Every field, whole and in part."""
    full = sources.read(FEED)

    assert sandbox.read_now(FEED) == full
    assert sandbox.read_now(FEED, full.hashes[:1]) == sources.read(FEED, full.hashes[:1])


def test_a_child_starts_with_the_first_document_and_stays(sandbox: Sandbox) -> None:
    """Importing the parsers costs more than most documents."""
    assert sandbox.pids == ()

    sandbox.read_now(FEED)
    first = sandbox.pids
    with pytest.raises(NotAFeed):
        sandbox.read_now(Document(b"<html>"))
    sandbox.read_now(FEED)

    assert len(first) == 1
    assert sandbox.pids == first


def _hostile() -> dict[str, bytes]:
    """Return documents made to hurt, after the list of `bench/hostile.py` and worse."""
    attributes = b" ".join(b'a%d="1"' % n for n in range(100_000))
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))

    def item(inner: bytes) -> bytes:
        return b"<rss version='2.0'><channel><item>" + inner + b"</item></channel></rss>"

    def cdata(inner: bytes) -> bytes:
        return item(b"<title>x</title><description><![CDATA[" + inner + b"]]></description>")

    return {
        "entities": f'<!DOCTYPE r [<!ENTITY a0 "ha">{laughs}]><rss><item>&a9;'.encode(),
        "large-entity": b'<!DOCTYPE rss [<!ENTITY a "' + b"A" * 60_000 + b'">]><rss><item><title>'
        + b"&a;" * 20_000 + b"</title></item></rss>",
        "external-entity": b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        + item(b"<title>T&x;T</title>"),
        "elements": item(b"<a>" * 100_000 + b"</a>" * 100_000),
        "elements-malformed": item(b"&" + b"<a>" * 100_000),
        "html-elements": cdata(b"<div>" * 20_000 + b"</div>" * 20_000),
        "html-elements-under-the-limit": cdata(b"<div>" * 9_900),
        "html-attributes": cdata(b"<p " + attributes + b">"),
        "html-brackets": cdata(b"<" * 200_000),
        "html-comments": cdata(b"<!--" * 50_000),
        "html-escaped-comments": item(b"<description>" + b"&lt;!--" * 100_000 + b"</description>"),
        "ampersands": item(b"<description>" + b"&" * 200_000 + b"</description>"),
        "entries": item(b"</item><item>".join(b"<guid>%d</guid>" % n for n in range(20_000))),
        "a-long-title": item(b"<title>" + b"A" * 9_900_000 + b"</title>"),
        "a-long-wide-title": item(b"<title>&" + "\U0001f600".encode() * 2_400_000 + b"</title>"),
        "attributes": item(b"<title " + attributes + b">x</title>"),
        "attributes-malformed": item(b"&<title " + attributes + b">x</title>"),
        "json": b"[" * 1_000_000,
        "json-object": b'{"items":' + b'[{"a":' * 500_000,
        "html-page": b"<html>" + b"<div>" * 1_000_000,
        "nothing-but-tags": b"<a>" * 3_000_000,
        "binary": bytes(range(256)) * 20_000,
    }  # fmt: skip


@pytest.mark.parametrize("name", list(_hostile()))
def test_hostile_documents_end_in_time_and_memory(shared_sandbox: Sandbox, name: str) -> None:
    """5 s and 300 MB, whatever comes of it; the next document is read."""
    sandbox = shared_sandbox
    sandbox.read_now(FEED)
    (pid,) = sandbox.pids
    started = time.monotonic()

    with contextlib.suppress(ParseError):
        sandbox.read_now(Document(_hostile()[name], url="https://h.example/"))

    assert time.monotonic() - started < 5.5
    if _is_alive(pid):
        assert _memory_bytes(pid) < 300_000_000
    assert sandbox.read_now(FEED).items


def test_a_document_that_takes_too_long_costs_itself_alone() -> None:
    """Its child is killed; the others are served by the next one."""
    sandbox = Sandbox(deadline=timedelta(seconds=0.3))
    sandbox.read_now(FEED)
    before = sandbox.pids

    with pytest.raises(ParseError) as raised:
        sandbox.read_now(SLOW)
    reading = sandbox.read_now(FEED)

    assert (raised.value.kind, raised.value.cpu_s) == ("slow-document", 0.3)
    assert reading == sources.read(FEED)
    assert sandbox.pids != before
    assert not _is_alive(before[0])
    sandbox.close_now()


def test_a_document_that_takes_too_much_memory_costs_itself_alone() -> None:
    """The limit is on the child, not on hope."""
    sandbox = Sandbox(memory_bytes=60_000_000)
    wide = Document(
        b"<rss><item><title>&" + "\U0001f600".encode() * 1_500_000 + b"</title></item></rss>"
    )
    sandbox.read_now(FEED)

    with pytest.raises(ParseError) as raised:
        sandbox.read_now(wide)

    assert raised.value.kind == "heavy-document"
    assert sandbox.read_now(FEED).items
    sandbox.close_now()


def _kill_while_busy(pid: int, signum: int) -> threading.Timer:
    timer = threading.Timer(0.3, os.kill, (pid, signum))
    timer.start()
    return timer


def test_a_child_that_is_killed_costs_one_document(sandbox: Sandbox) -> None:
    """By the system, for want of memory, say."""
    sandbox.read_now(FEED)
    timer = _kill_while_busy(sandbox.pids[0], signal.SIGKILL)

    with pytest.raises(ParseError) as raised:
        sandbox.read_now(SLOW)
    timer.join()

    assert raised.value.kind == "crashed"
    assert sandbox.read_now(FEED).items


def test_a_child_that_is_killed_while_idle_costs_none(sandbox: Sandbox) -> None:
    """It is replaced before it is asked."""
    sandbox.read_now(FEED)
    (pid,) = sandbox.pids
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert sandbox.read_now(FEED).items
    assert pid not in sandbox.pids


def test_a_child_that_is_stopped_is_given_up() -> None:
    """It would not hear its own alarm."""
    sandbox = Sandbox(deadline=timedelta(seconds=0.5))
    sandbox.read_now(FEED)
    os.kill(sandbox.pids[0], signal.SIGSTOP)

    with pytest.raises(ParseError) as raised:
        sandbox.read_now(FEED)

    assert raised.value.kind == "slow-document"
    assert sandbox.read_now(FEED).items
    sandbox.close_now()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_child_leaves_stopping_to_its_parent(sandbox: Sandbox, signum: int) -> None:
    """Control-C reaches every process of a terminal; what is being read is still read."""
    sandbox.read_now(FEED)
    before = sandbox.pids

    os.kill(before[0], signum)

    assert sandbox.read_now(FEED).items
    assert sandbox.pids == before


def test_the_child_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment of the service holds is not for a process that reads hostile bytes."""
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    sandbox = Sandbox()
    sandbox.read_now(FEED)

    environment = Path(f"/proc/{sandbox.pids[0]}/environ").read_bytes()

    assert b"hunter2" not in environment
    sandbox.close_now()


def _documents(text: bytes, *hosts: str) -> list[Document]:
    return [Document(text, url=f"https://{host}.example/") for host in hosts]


def test_nobody_waits_for_a_document_that_takes_long(sandbox: Sandbox) -> None:
    """It gives up its turn: the others are read by a spare child, which ends afterwards."""

    async def polls() -> list[str]:
        ended: list[str] = []

        async def read(name: str, document: Document) -> None:
            with contextlib.suppress(ParseError):
                await sandbox.read(document)
            ended.append(name)

        slow = (read("slow", one) for one in _documents(SLOW.body, "a", "b"))
        good = (read("good", FEED) for _ in range(20))
        await asyncio.gather(*slow, *good)
        return ended

    ended = asyncio.run(polls())

    assert ended == ["good"] * 20 + ["slow"] * 2
    assert len(sandbox.pids) == 1


def test_many_polls_share_few_children() -> None:
    """None waits for a document that hurts longer than its deadline; order does not matter."""
    sandbox = Sandbox(children=2, deadline=timedelta(seconds=1))

    async def polls() -> list[object]:
        documents = [FEED] * 20 + [SLOW] + [FEED] * 20
        reads = (sandbox.read(document) for document in documents)
        found = await asyncio.gather(*reads, return_exceptions=True)
        assert len(sandbox.pids) <= 3  # one beside the slow one's
        await sandbox.close()
        return list(found)

    found = asyncio.run(polls())

    failed = [place for place, reading in enumerate(found) if isinstance(reading, BaseException)]
    assert failed == [20]
    assert all(reading == sources.read(FEED) for reading in found if reading is not found[20])


def test_a_closed_sandbox_leaves_no_process_and_reads_no_more() -> None:
    """What is being read when it closes fails."""
    sandbox = Sandbox()
    sandbox.read_now(FEED)
    (pid,) = sandbox.pids
    failures: list[ParseError] = []

    def read() -> None:
        try:
            sandbox.read_now(SLOW)
        except ParseError as error:
            failures.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join(0.3)
    sandbox.close_now()
    thread.join()

    assert not _is_alive(pid)
    assert [error.kind for error in failures] == ["crashed"]
    with pytest.raises(ParseError):
        sandbox.read_now(FEED)


def test_a_worn_child_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """What leaks in C is bounded."""
    monkeypatch.setattr("monitor.fetch.sandbox._RECYCLE_AFTER", 2)
    sandbox = Sandbox()

    seen: set[int] = set()
    for _ in range(4):
        sandbox.read_now(FEED)
        seen.update(sandbox.pids)

    assert len(seen) == 2
    sandbox.close_now()
