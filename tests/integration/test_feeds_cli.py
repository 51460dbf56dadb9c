"""The commands around feeds as a user gives them: real servers, real output."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.data.articles import PAGES, html
from tests.kit import hash_of

_ROOT = Path(__file__).parents[2]
VETO = next(page for page in PAGES if page.rule == "veto")


@pytest.fixture
def folder(kit: Any) -> Path:
    """Return a folder with a configuration that may reach loopback."""
    config: Path = kit.folder / "config"
    config.mkdir()
    (config / "monitor.yaml").write_text(
        'polling: {allow_networks: ["127.0.0.0/8"], host_gap: 0s, timeout: 5s}\n'
        f"storage: {{database: {kit.folder}/monitor.db}}"
    )
    (config / "rules").mkdir()
    (config / "rules" / "test.yaml").write_text(kit.rules)
    return kit.folder  # type: ignore[no-any-return]


def _monitor(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "monitor", *words],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_ROOT), "COLUMNS": "200"},
        check=False,
    )


def test_a_document_is_shown_as_it_parses(folder: Path) -> None:
    """One JSON line an item, times in UTC or null, the feed's language where an entry has none."""
    (folder / "feed.xml").write_text(
        '<rss version="2.0"><channel><title>F</title><language>ko</language>'
        "<item><guid>1</guid><title>안보리</title><link>https://x.example/1</link>"
        "<description>&lt;b&gt;거부권&lt;/b&gt;</description>"
        "<pubDate>Thu, 28 Mar 2024 23:00:00 +0900</pubDate></item>"
        "<item><title>second</title></item></channel></rss>"
    )

    done = _monitor(folder, "feeds", "test", "feed.xml", "--json")

    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {
        "id": "1",
        "title": "안보리",
        "link": "https://x.example/1",
        "text": "거부권",
        "published": "2024-03-28T14:00:00+00:00",
        "updated": None,
        "lang": "ko",
    }
    assert (second["title"], second["published"], second["lang"]) == ("second", None, "ko")
    table = _monitor(folder, "feeds", "test", "feed.xml")
    assert "2024-03-28 14:00" in table.stdout


def test_a_document_that_cannot_be_read_says_why(folder: Path, kit: Any) -> None:
    """Exit code 1, the reason on stderr."""
    (folder / "page.html").write_text("<html><title>Hello</title></html>")

    page = _monitor(folder, "feeds", "test", "page.html", "--json")
    absent = _monitor(folder, "feeds", "test", f"{kit.feeds.url}/absent.xml", "--json")

    assert (page.returncode, page.stdout) == (1, "")
    assert "a web page instead of a feed" in page.stderr
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "HTTP 404" in absent.stderr


def test_the_feeds_of_a_page_are_found(folder: Path, kit: Any) -> None:
    """Those that it names and that can be read."""
    kit.feeds.put("/a.xml", kit.rss(("One", "")))
    link = '<link rel="alternate" type="application/rss+xml" href="{}">'
    kit.feeds.put("/", f"<html>{link.format('/a.xml')}{link.format('/b.xml')}</html>")

    done = _monitor(folder, "feeds", "discover", f"{kit.feeds.url}/", "--json")

    assert done.returncode == 0, done.stderr
    assert [row["url"] for row in json.loads(done.stdout)] == [f"{kit.feeds.url}/a.xml"]


def test_what_came_of_articles_is_told_everywhere(folder: Path, kit: Any) -> None:
    """By the cycle, for each feed, for one item."""
    pages = [VETO, *(page for page in PAGES if not page.rule)]
    kit.feeds.put("/a.xml", kit.rss(*((p.title, p.summary) for p in pages), base=kit.feeds.url))
    kit.feeds.put(f"/{hash_of(VETO.title)}", html(VETO), **{"content-type": "text/html"})
    (folder / "config" / "feeds.yaml").write_text(
        f"defaults: {{full_text: true}}\nfeeds:\n  - {{id: a, url: {kit.feeds.url}/a.xml}}"
    )

    cycle = _monitor(folder, "once", "--json")
    tally = _monitor(folder, "feeds", "articles", "--json")
    listed = _monitor(folder, "hits", "--json")
    assert listed.returncode == 0, (listed.stderr, cycle.stderr, tally.stderr)
    (hit,) = json.loads(listed.stdout)
    shown = _monitor(folder, "show", hit["id"])
    trial = _monitor(folder, "feeds", "test", "a", "--articles", "5", "--json")
    again = _monitor(folder, "once")

    assert cycle.returncode == 0, cycle.stderr
    assert cycle.stdout, cycle.stderr
    found = json.loads(cycle.stdout)
    assert found["articles"] == {"read": 1, "failed": {"not-found": len(pages) - 1}}
    assert found["hits"] == 1
    assert tally.returncode == 0, tally.stderr
    (row,) = json.loads(tally.stdout)
    assert (row["id"], row["read"], row["kinds"]) == ("a", 1, {"not-found": len(pages) - 1})
    results = [json.loads(line)["article"]["result"] for line in trial.stdout.splitlines()]
    assert sorted(results) == ["not-found", "not-found", "read"]
    assert "article read" in shown.stdout
    assert '"vetoed" in content' in shown.stdout
    assert "Articles:" not in again.stdout
