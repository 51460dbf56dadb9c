"""Who did what: triage, silences and every change of the configuration, for good."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.cli.options import reading
from monitor.config import Config, ServiceSettings
from monitor.notify import Channel
from monitor.pipeline import poll_source
from monitor.service import Opened, Reloader
from monitor.steps.watch import Watch
from tests.kit import Kit, unused_post

UNLIKE = (  # words that no two articles share
    *("zbqkrtp mtrfdls gchnbfl", "plvxcdt wgndmst rbtfclg"),
    *("hjcsnpr dnktbgl smfcrtd", "rfgbldn qmzltsc pfbnrmg"),
)
OIL = ("North Korea buys oil at sea", "Tankers met at night.")


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments])


def _no_channels(_: Config) -> Mapping[str, Channel]:
    return {}


def _configured(kit: Kit, monkeypatch: Any) -> Path:
    monkeypatch.chdir(kit.folder)
    config = kit.folder / "config"
    (config / "rules").mkdir(parents=True)
    (config / "rules" / "a.yaml").write_text(kit.rules, encoding="utf-8")
    (config / "monitor.yaml").write_text("storage: {database: monitor.db}\n", encoding="utf-8")
    return config


def test_each_loaded_set_has_an_author_and_what_it_changed(kit: Kit, monkeypatch: Any) -> None:
    """The first set, then an edit of a rule and a route: history and activity name both."""
    config = _configured(kit, monkeypatch)

    async def work(watch: Watch) -> None:
        reloader = Reloader(
            directory=config,
            started=ServiceSettings(),
            environ={"MONITOR_AUTHOR": "jansen"},
            opened=Opened(watch=watch, channels_for=_no_channels, post=unused_post),
            clock=kit.clock,
            on_refused=lambda _: None,
        )
        await reloader.look(force=True)
        rules = kit.rules.replace("severity: high", "severity: medium")
        (config / "rules" / "a.yaml").write_text(rules, encoding="utf-8")
        (config / "routes.yaml").write_text("routes: [{send: []}]", encoding="utf-8")
        await reloader.look(force=True)  # refused: nothing is logged
        (config / "routes.yaml").write_text(
            "channels: {desk: {console: {}}}\nroutes: [{send: desk}]", encoding="utf-8"
        )
        await reloader.look(force=True)
        await reloader.look(force=True)  # the same set again is no change

    kit.run([], work)

    sets = json.loads(_run("history", "--json").stdout)
    assert [(one["who"], one["changes"]) for one in sets[:1]] == [
        (
            "jansen",
            [
                "channel desk added",
                "route {send: desk} added",
                "rule oil changed: severity medium, was high",
            ],
        )
    ]
    assert sets[-1]["changes"] == ["first configuration of this database"]
    assert len(sets) == 3  # the kit's own, the directory's, the edit
    rows = json.loads(_run("activity", "--since", "2024-01-01", "--about", "oil", "--json").stdout)
    assert [(row["who"], row["action"], row["detail"]) for row in rows] == [
        ("jansen", "rule changed", "severity medium, was high"),
        ("jansen", "rule added", ""),
    ]


def test_a_set_that_replaces_everything_is_logged_in_short(kit: Kit) -> None:
    """Two hundred changes one by one, then how many more; the files are in the history."""
    feeds = "feeds: [" + ", ".join(f"{{id: f{n}, url: 'https://x/{n}'}}" for n in range(300)) + "]"

    async def nothing(watch: Watch) -> None:
        return None

    kit.run([], nothing, files={"feeds.yaml": ""})
    kit.run([], nothing, files={"feeds.yaml": feeds})

    with reading(kit.folder / "monitor.db") as tx:
        rows = tx.log.activities()
        assert len(rows) == 202
        assert (rows[-1]["who"], rows[-1]["detail"]) == ("unknown", "and 100 more")
        assert len(tx.log.rulesets()[0]["changes"]) == 201


def test_stories_are_assigned_and_noted(kit: Kit, monkeypatch: Any) -> None:
    """Both stand in the log with their author, and in listings; a story is taken back."""
    _configured(kit, monkeypatch)
    kit.feeds.put("/a.xml", kit.rss(OIL))
    source = kit.source("a")
    report = kit.run([source], lambda watch: poll_source(watch, source, kit.now))
    story = str(report.told[0].story_id)

    assert _run("assign", story, story[:6], "--to", "meier", "--by", "chief").exit_code == 0
    assert _run("note", story, "-m", "asked the\nflag state", "--by", "meier").exit_code == 0
    listed = json.loads(_run("stories", "--since", "2024-01-01", "--assignee", "meier",
                             "--state", "new", "--json").stdout)  # fmt: skip
    hits = json.loads(_run("hits", "--since", "2024-01-01", "--json").stdout)
    shown = _run("show", story).stdout
    assert _run("assign", story, "--nobody").exit_code == 0
    taken = _run("stories", "--since", "2024-01-01", "--assignee", "meier")
    done = json.loads(_run("activity", "--since", "2024-01-01", "--by", "meier", "--json").stdout)

    assert [row["assignee"] for row in listed] == ["meier"]
    assert [(row["state"], row["assignee"]) for row in hits] == [("new", "meier")]
    assert "assignee: meier" in shown
    assert "meier: note asked the flag state" in shown
    assert "chief: assigned meier" in shown
    assert taken.stdout == ""
    assert [(row["action"], row["subject"]) for row in done] == [("note", story)]


def test_an_assignment_or_note_of_nothing_is_refused(kit: Kit, monkeypatch: Any) -> None:
    """Each says what is missing."""
    _configured(kit, monkeypatch)

    assert "--to is missing" in _run("assign", "s-1").output
    assert "contradict" in _run("assign", "s-1", "--nobody", "--to", "x").output
    assert "--text is missing" in _run("note", "s-1", "-m", " ").output
    assert "at most 10000" in _run("note", "s-1", "-m", "x" * 10_001).output


def test_what_was_decided_feeds_stats_and_replay(kit: Kit, monkeypatch: Any) -> None:
    """A dismissal counts against its rule and words; a lost hit says what people made of it."""
    config = _configured(kit, monkeypatch)
    monkeypatch.setattr("monitor.engine.clock.utc_now", lambda: kit.now)
    entries = [(f"North Korea {words} oil {n}", words) for n, words in enumerate(UNLIKE)]
    kit.feeds.put("/a.xml", kit.rss(*entries))
    source = kit.source("a")
    files = {"rules/a.yaml": kit.rules}
    report = kit.run([source], lambda watch: poll_source(watch, source, kit.now), files=files)
    kit.now += timedelta(hours=1)
    first, second, third, _ = [str(told.story_id) for told in report.told]
    assert _run("dismiss", first, "--reason", "wrong-match").exit_code == 0
    assert _run("dismiss", second, "--reason", "duplicate").exit_code == 0
    assert _run("escalate", third, "--reason", "case").exit_code == 0

    rules = json.loads(_run("rules", "stats", "--by", "rule", "--json").stdout)
    words = json.loads(_run("rules", "stats", "--rule", "oil", "--json").stdout)
    text = kit.rules.replace("[oil, petroleum]", "[petroleum]")
    text = text.replace("imports oil", "imports petroleum")
    (config / "rules" / "a.yaml").write_text(text, encoding="utf-8")
    replay = _run("replay")

    assert rules[0] == {
        "rule": "oil", "hits": 4, "stories": 4, "new": 1, "acknowledged": 0, "escalated": 1,
        "dismissed": 2, "wrong": 1, "right": "50%",
    }  # fmt: skip
    assert rules[1]["right"] == ""
    assert {(row["word"], row["hits"], row["dismissed"]) for row in words} >= {("oil", 4, 2)}
    assert "4 items: 0 hits gained; 4 hits lost, one was escalated, 2 were dismissed" in (
        replay.output
    )
