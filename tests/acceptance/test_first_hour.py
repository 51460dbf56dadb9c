"""An analyst's first hour, with the commands that README.md and docs/attention.md name.

Edit a rule, test it, replay it, let the running worker load it, receive the alert, acknowledge it,
silence what is known, read the digest, prove the evidence.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.acceptance.test_worker import OIL, VETO, Program, until

README = Path(__file__).parents[2] / "README.md"
DRILL = ("North Korea trades oil for rice in yearly drill", "The exercise Ulchi began.")
RICE = ("North Korea hides rice at sea", "Ships turned their beacons off near Nampo.")


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with one feed that holds the veto."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    program = Program(kit)
    program.env |= {"USER": "meier", "MONITOR_AUTHOR": "meier"}
    return program


def _good(program: Program, *words: str) -> str:
    """Run a command that must succeed; returns what it printed."""
    assert _is_in_the_manual(words[0]), f"README.md does not name monitor {words[0]}"
    done = program.on_config(*words) if "--config" not in words else program.run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _is_in_the_manual(command: str) -> bool:
    """Return whether the README names a command, alone or as one of several (`a|b|c`)."""
    text = README.read_text(encoding="utf-8")
    named = "|".join(re.findall(r"`monitor ([a-z|]+)", text))
    return command in named.split("|")


def test_a_first_hour(program: Program) -> None:
    """From the first alert to the proof, beside a worker that runs all the time."""
    kit = program.kit
    assert "1 of 1 sources enabled, 2 rules" in _good(program, "check")
    with program.running():
        until(lambda: len(kit.hook.posts()) == 1, "the alert of the veto", 90)
        kit.feeds.put("/wire.xml", kit.rss(VETO, RICE))
        until(lambda: "2 items" in _good(program, "replay"), "the item on rice", 90)
        _rehearse_and_load_an_edit(program)
        oil = _receive(program)
        _triage(program, oil)
        digest = _good(program, "digest")
        proof = _good(program, "verify")

    assert len(kit.hook.posts()) == 2, "nobody was told of the drill"
    said = " ".join(digest.split())
    for part in (VETO[0], OIL[0], DRILL[0], "acknowledged by meier", "escalated by meier",
                 "with jansen", "Kept quiet by a silence or a mute: 1 story",
                 "1 of 1 feeds were read"):  # fmt: skip
        assert part in said
    assert re.search(r"\b[0-9a-f]{64}\b", digest) is not None
    assert "each is what it was" in proof
    activity = json.loads(_good(program, "activity", "--json"))
    done = [(row["who"], row["action"]) for row in activity]
    assert done[-1] == ("meier", "configuration")
    for action in ("rule changed", "acknowledged", "escalated", "assigned", "note", "silence"):
        assert ("meier", action) in done
    [last, _] = json.loads(_good(program, "history", "--json"))
    assert (last["who"], last["changes"]) == ("meier", ["rule oil changed: when"])


def _rehearse_and_load_an_edit(program: Program) -> None:
    """Edit a copy, see what it would do before anybody is told, then let the worker load it."""
    draft = program.kit.folder / "draft"
    shutil.copytree(program.config, draft)
    wider = program.kit.rules.replace("goods: [oil, petroleum]", "goods: [oil, petroleum, rice]")
    rules, there = draft / "rules" / "test.yaml", ("--config", str(draft))
    rules.write_text(wider.replace("severity: high", "severity: hihg"), encoding="utf-8")
    refused = program.run("check", *there)
    assert refused.returncode == 3
    assert 'did you mean "high"?' in refused.stderr
    rules.write_text(wider, encoding="utf-8")
    assert "every example holds" in _good(program, "rules", "test", *there)
    assert "oil: MATCH" in _good(program, "why", RICE[0], *there)
    assert "2 items: 1 hit gained; 0 hits lost" in _good(program, "replay", *there)
    assert "monitor replay shows" in _good(program, "config", "diff", *there)

    program.write("rules/test.yaml", wider)
    until(lambda: "rules changed" in program.log(), "the reload", 90)


def _receive(program: Program) -> Any:
    """Get the next article, verified as any receiver can; returns its story."""
    kit = program.kit
    kit.feeds.put("/wire.xml", kit.rss(VETO, RICE, OIL))
    until(lambda: len(kit.hook.posts()) == 2, "the alert of the oil", 90)
    headers, body = kit.hook.posts()[-1]
    Webhook(kit.secret).verify(body, headers)
    story = json.loads(body)["data"]
    assert story["title"] == OIL[0]
    assert "at once" in _good(program, "routes", "test", story["story_id"])
    return story["story_id"]


def _triage(program: Program, oil: str) -> None:
    """Say what was seen and who works on it, and keep quiet what is known."""
    kit = program.kit
    listed = json.loads(_good(program, "stories", "--json"))
    [veto] = [one["id"] for one in listed if one["id"] != oil]
    assert "acknowledged" in _good(program, "ack", veto)
    assert "escalated" in _good(program, "escalate", oil, "--reason", "case")
    _good(program, "assign", oil, "--to", "jansen")
    _good(program, "note", oil, "-m", "asked the flag state")
    silence = ["--text", "exercise Ulchi*", "--until", "1d", "--reason", "yearly drill"]
    assert "stands until" in _good(program, "silence", "add", *silence)
    kit.feeds.put("/wire.xml", kit.rss(VETO, RICE, OIL, DRILL))
    until(lambda: "silenced" in _good(program, "hits"), "the drill", 90)
