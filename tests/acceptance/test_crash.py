"""kill -9 between any two steps of any line: nothing lost, repeats carry the same id and bytes."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.data.articles import PAGES, html
from tests.kit import hash_of

_DRIVER = Path(__file__).with_name("crash_driver.py")
_PAGES = {
    "one": [
        ("Russia vetoes UN Security Council text", "Thirteen voted for it."),
        ("North Korea buys oil at sea", "Tankers met at night."),
    ],
    "two": [
        ("Russia vetoes UN Security Council text", "The vote was thirteen to one."),
        ("Weather stays fine", ""),
    ],
    "three": [("Security Council: a veto again", "The vetoed text was on oil in North Korea.")],
}


_ARTICLES = [page for page in PAGES if page.lang == "en"][:2]


def _kill_everywhere(
    kit: Any, first: int, step: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    for name, items in _PAGES.items():
        kit.feeds.put(f"/{name}.xml", kit.rss(*items, base=f"https://{name}.example.org"))
    items = [(page.title, page.summary) for page in _ARTICLES]
    kit.feeds.put("/full.xml", kit.rss(*items, base=kit.feeds.url))
    for page in _ARTICLES[1:]:  # the first one is missing
        kit.feeds.put(f"/{hash_of(page.title)}", html(page), **{"content-type": "text/html"})
    done = subprocess.run(
        [sys.executable, _DRIVER, kit.feeds.url, kit.hook.url, kit.folder, str(first), str(step)],
        capture_output=True,
        text=True,
        timeout=1800,
        env={**os.environ, "CRASH_RULES": kit.rules},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    reference, *kills = map(json.loads, done.stdout.splitlines())
    return reference, kills


def _deliveries(kit: Any) -> dict[str, dict[str, list[bytes]]]:
    """Return run -> channel and id -> bodies as they came."""
    found: dict[str, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for method, path, headers, body in kit.hook.requests:
        assert method == "POST"
        _, run, channel = path.split("/")
        found[run][f"{channel} {headers['webhook-id']}"].append(body)
    return found


def _check(kit: Any, reference: dict[str, Any], kills: list[dict[str, Any]]) -> None:
    sent = _deliveries(kit)
    expected = {key: set(bodies) for key, bodies in sent["reference"].items()}
    # Stories and updates, to two channels; the digest and the canary to one.
    assert reference["counts"]["outbox"] == len(expected) > 4
    for kill in kills:
        run = sent[f"kill-{kill['kill']}"]
        assert kill["digest"] == reference["digest"], kill
        assert {key: set(bodies) for key, bodies in run.items()} == expected
        repeats = sum(len(bodies) - 1 for bodies in run.values())
        assert repeats <= 1  # one channel was sending, one message at a time


@pytest.mark.timeout(600)  # 43 s of CPU; on a busy machine minutes
def test_a_kill_before_any_statement_loses_nothing_and_doubles_nothing_silently(kit: Any) -> None:
    """A sample of all statements; which one comes first changes with the process."""
    reference, kills = _kill_everywhere(kit, first=1 + os.getpid() % 17, step=17)

    assert len(kills) >= 20
    _check(kit, reference, kills)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_kill_before_every_statement(kit: Any) -> None:
    """Every statement of the cycle."""
    reference, kills = _kill_everywhere(kit, first=1, step=1)

    assert len(kills) == reference["statements"]
    _check(kit, reference, kills)
