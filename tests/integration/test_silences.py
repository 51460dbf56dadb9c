"""Silences from the command line and from the files, through the whole line."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.alerts.silence import Silence
from monitor.cli import cli
from monitor.cli.options import reading
from monitor.engine.clock import utc_now
from monitor.model import Reason
from monitor.pipeline import poll_source
from monitor.steps.watch import Watch

VETO = ("Russia vetoes UN Security Council text", "The vote was thirteen to one.")
BOTH = ("North Korea buys oil; Russia vetoes Security Council text", "Tankers met at night.")


def test_a_story_that_was_silenced_is_told_as_new_after_the_end(kit: Any) -> None:
    """The first item is kept quiet and says by whom; the next one, a day later, alerts."""
    one, two = kit.source("one"), kit.source("two")
    kit.feeds.put("/one.xml", kit.rss(VETO))
    kit.feeds.put("/two.xml", kit.rss(VETO, base="https://other.example.org"))
    silence = Silence(
        name="q-1",
        until=kit.now + timedelta(hours=1),
        by="jansen",
        reason="known",
        rules=frozenset({"veto"}),
    )

    async def work(watch: Watch) -> Any:
        await watch.write(lambda tx: tx.attention.put_silence(silence, kit.now))
        first = await poll_source(watch, one, kit.now)
        return first, await poll_source(watch, two, kit.now + timedelta(hours=2))

    first, second = kit.run([one, two], work)

    [quiet], [loud] = first.told, second.told
    assert quiet.decision.reason is Reason.SILENCED
    assert quiet.decision.detail.startswith("q-1 by jansen until 2024-03-28 22:00 UTC: known")
    assert quiet.deliveries == 0
    assert loud.story_id == quiet.story_id
    assert (loud.decision.reason, loud.deliveries) == (Reason.NEW_STORY, 1)


def test_a_silence_covers_one_rule_and_not_the_other_of_an_item(kit: Any) -> None:
    """People are told of the rule that no silence covers; its severity is what routes see."""
    source = kit.source("one")
    kit.feeds.put("/one.xml", kit.rss(BOTH))
    silence = Silence(
        name="file",
        until=kit.now + timedelta(hours=1),
        by="x",
        reason="y",
        rules=frozenset({"veto"}),
    )

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, kit.now)
        return report, await watch.read(lambda tx: tx.stories.get(report.told[0].story_id))

    report, story = kit.run([source], work, silences=(silence,))

    [told] = report.told
    assert told.decision.reason is Reason.NEW_STORY
    assert story.alerted_severity.label == "high"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a configuration whose database exists."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config"
    (config / "rules").mkdir(parents=True)
    (config / "rules" / "a.yaml").write_text(
        "version: 1\nrules:\n  - {id: veto, title: Veto, theme: council, severity: high,\n"
        "      when: {any: [veto*]}, match: [Russia vetoes], no_match: [Rain]}\n",
        encoding="utf-8",
    )
    (config / "feeds.yaml").write_text("version: 1\nfeeds: []\n", encoding="utf-8")
    assert CliRunner().invoke(cli, ["once"]).exit_code == 0
    return config


def test_silences_are_added_listed_and_expired_by_command(place: Path) -> None:
    """Each step is logged with its author; what is over is listed on demand only."""
    run = CliRunner()
    why = ["--reason", "yearly drill", "--by", "jansen"]

    added = run.invoke(cli, ["silence", "add", "--rule", "veto", "--until", "8h", *why])
    name = added.output.split()[0]
    listed = run.invoke(cli, ["silence", "list", "-o", "csv"])
    ended = run.invoke(cli, ["silence", "expire", name, "--by", "meier"])
    again = run.invoke(cli, ["silence", "expire", name])
    left = run.invoke(cli, ["silence", "list", "--json"])
    everything = run.invoke(cli, ["silence", "list", "--all", "--json"])

    assert (added.exit_code, ended.exit_code) == (0, 0), added.output
    assert f"{name}," in listed.output
    assert "stands,rule: veto,jansen,yearly drill" in listed.output
    assert again.exit_code != 0
    assert left.output.strip() == "[]"
    assert '"state": "over"' in everything.output
    with reading(place.parent / "data" / "monitor.db") as tx:
        done = [(row["who"], row["action"], row["subject"]) for row in tx.log.activities()]
    told = [one for one in done if one[1] != "configuration"]  # the files in force are logged too
    assert told == [("jansen", "silence", name), ("meier", "unsilence", name)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--until", "8h"], "it would silence everything"),
        (["--rule", "vetto", "--until", "8h"], 'there is no rule "vetto"'),
        (["--theme", "x", "--until", "8h"], 'there is no theme "x"'),
        (["--source", "x", "--until", "8h"], 'there is no source "x"'),
        (["--rule", "veto", "--until", "soon"], "--until: is not a date"),
        (["--rule", "veto", "--until", "2020-01-01"], "is over already"),
        (["--text", "**", "--until", "8h"], "--text: holds a word without a letter"),
    ],
)
def test_a_silence_that_says_nothing_is_refused(
    place: Path, options: list[str], message: str
) -> None:
    """With what is wrong; nothing is stored."""
    refused = CliRunner().invoke(cli, ["silence", "add", *options, "--reason", "x", "--by", "y"])

    assert refused.exit_code == 2
    assert message in refused.output
    with reading(place.parent / "data" / "monitor.db") as tx:
        assert tx.attention.silences() == ()


def test_check_warns_of_a_silence_that_is_over(place: Path) -> None:
    """At its line; one that stands is not mentioned, and the effective settings show both."""
    next_year = utc_now().year + 1
    (place / "routes.yaml").write_text(
        "version: 1\nsilences:\n"
        "  - {rule: veto, until: 2020-01-01, by: a, reason: b}\n"
        f"  - {{text: 'Ulchi*', until: {next_year}-01-01, by: a, reason: b}}\n",
        encoding="utf-8",
    )

    checked = CliRunner().invoke(cli, ["check"])
    shown = CliRunner().invoke(cli, ["config", "show"])

    assert checked.exit_code == 0
    assert "routes.yaml:3:25: warning: this silence is over and does nothing" in checked.output
    assert checked.output.count("silence is over") == 1
    assert f'"until": "{next_year}-01-02T00:00:00+00:00"' in shown.output
