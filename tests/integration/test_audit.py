"""The whole catalogue looked at: real servers, the real command, the file on disk."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any

import pytest

from monitor.audit import Eyes, look
from monitor.errors import ParseError
from monitor.model import Document, Fetched, Source, SourceId, Validators
from monitor.testing import NOW

LIST = """\
# Feeds of this desk.
version: 1
defaults:
  lang: en
  every: 1h
feeds:
  - id: well
    url: {url}/well.xml
  - id: moved          # keep an eye on it
    url: {url}/old.xml
    note: >-
      A text of
      two lines.
  - id: gone
    url: {url}/gone.xml
    tags: [official]
  - {{id: page, url: "{url}/page.xml"}}
  - id: korean
    url: {url}/korean.xml
  - id: fast
    url: {url}/fast.xml
    every: 2h
  - id: down
    url: {url}/down.xml
  - id: dead
    url: {url}/gone.xml
    enabled: false
  - id: back
    url: {url}/well.xml
    enabled: false
"""


def _feed(title: str, apart: timedelta = timedelta(hours=2), lang: str = "en") -> str:
    now = datetime.now(UTC)  # the command reads the clock
    entries = "".join(
        f"<item><title>{escape(title)} {number}</title><guid>{number}</guid>"
        f"<pubDate>{format_datetime(now - apart * number)}</pubDate></item>"
        for number in range(20)
    )
    head = f"<title>Feed</title><language>{lang}</language>"
    return f'<rss version="2.0"><channel>{head}{entries}</channel></rss>'


@pytest.fixture
def desk(kit: Any) -> Path:
    """Return a configuration whose feeds are served on loopback."""
    put = kit.feeds.put
    put("/well.xml", _feed("The council has voted for a bridge over the river"))
    put("/old.xml", "", status=301, location="/new.xml")
    put("/new.xml", _feed("The council has voted for a bridge over the river"))
    put("/gone.xml", "", status=410)
    put("/page.xml", "<html><title>Our new site</title></html>")
    put("/korean.xml", _feed("안보리 결의안 표결", lang="ko"))
    put("/fast.xml", _feed("The council votes", timedelta(minutes=2)))
    put("/down.xml", "", status=503)
    folder: Path = kit.folder / "config"
    folder.mkdir()
    (folder / "feeds.yaml").write_text(LIST.format(url=kit.feeds.url))
    (folder / "monitor.yaml").write_text(
        'polling: {allow_networks: ["127.0.0.0/8"], host_gap: 0s, timeout: 5s}'
    )
    return folder


def _audit(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", "feeds", "audit", *options, "--config", folder],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
    )


def test_an_audit_prints_what_to_change_and_writes_nothing(desk: Path) -> None:
    """A unified diff on stdout, what was found on stderr, exit code 1."""
    before = (desk / "feeds.yaml").read_text()

    done = _audit(desk)

    assert done.returncode == 1, done.stderr
    assert (desk / "feeds.yaml").read_text() == before
    added = [line[1:].strip() for line in done.stdout.splitlines() if line.startswith("+ ")]
    values = [line for line in added if not line.startswith("# audit")]
    assert len([line for line in added if line.startswith("# audit")]) == 5
    assert [line for line in values if "new.xml" in line]
    assert values.count("enabled: false") == 1
    assert "lang: ko" in values
    assert "every: 10m" in values
    assert any("page.xml" in line and "enabled: false" in line for line in values)
    states = {line.split()[1]: line.split()[0] for line in done.stderr.splitlines()[:-1]}
    assert states == {
        "moved": "moved",
        "gone": "gone",
        "page": "wrong-content",
        "korean": "language",
        "fast": "cadence",
        "down": "failing",
        "back": "reads-again",
    }


def test_the_diff_is_one_that_patch_takes(desk: Path) -> None:
    """And the list then loads; the next audit of it finds the feed that is down, code 4."""
    diff = _audit(desk).stdout
    subprocess.run(["patch", "-p1"], input=diff, text=True, cwd=desk.parent, check=True)

    again = _audit(desk, "--json")

    assert again.returncode == 4, again.stderr
    found = json.loads(again.stdout)
    assert found["diff"] == ""
    assert found["states"]["failing"] == 1
    assert found["states"]["off"] == 3


def test_what_is_written_is_whole_and_said(desk: Path) -> None:
    """Comments, order and the texts beside stay; a second run changes nothing."""
    done = _audit(desk, "--write", "--json")
    text = (desk / "feeds.yaml").read_text()

    assert done.returncode == 4, done.stderr
    assert "5 changes to 5 feeds written" in done.stderr
    assert "# keep an eye on it" in text
    assert "      A text of\n      two lines.\n" in text
    assert "# audit" in text
    assert json.loads(done.stdout)["findings"][1]["change"]["url"].endswith("/new.xml")
    _audit(desk, "--write")
    assert (desk / "feeds.yaml").read_text() == text


def test_some_feeds_can_be_chosen(desk: Path) -> None:
    """By their ids; an unknown one is an error."""
    done = _audit(desk, "well", "--json")

    assert done.returncode == 0, done.stderr
    assert [one["id"] for one in json.loads(done.stdout)["findings"]] == ["well"]
    unknown = _audit(desk, "wel")
    assert unknown.returncode == 1
    assert "has no feed wel" in unknown.stderr


def test_a_machine_without_a_network_empties_no_list(desk: Path) -> None:
    """When nothing is read the fault is here."""
    text = (desk / "feeds.yaml").read_text()
    (desk / "feeds.yaml").write_text(text.replace("http://127.0.0.1", "http://no-name.invalid"))

    done = _audit(desk, "--write")

    assert done.returncode == 1
    assert "is this machine offline?" in done.stderr
    assert done.stdout == ""
    assert "audit" not in (desk / "feeds.yaml").read_text()


def test_one_feed_that_we_fail_on_does_not_end_the_others() -> None:
    """A fault of ours is told as one."""
    sources = [Source(id=SourceId(name), url=f"https://{name}.example/f") for name in "ab"]

    async def fetch(source: Source, _: Validators) -> Fetched:
        if source.id == "a":
            raise ZeroDivisionError
        return Fetched(document=Document(b"x"), validators=Validators())

    async def read(_: Document) -> Any:
        raise ParseError("damaged")

    async def work() -> Any:
        eyes = Eyes(fetch=fetch, read=read, at_once=2)
        return [one async for one in look(sources, eyes, NOW)]

    found = [one for (one,) in asyncio.run(work())]

    details = {one.source.id: one.detail for one in found}
    assert details == {"a": "fault: ZeroDivisionError: ", "b": "damaged"}
    assert {one.state for one in found} == {"failing"}
