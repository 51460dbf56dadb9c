"""`ack`, `dismiss`, `escalate` and `routes test` on a stored story."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.cli.options import reading
from monitor.pipeline import poll_source
from tests.kit import Kit

OIL = ("North Korea buys oil at sea", "Tankers met at night.")
ROUTES = """
version: 1
channels: {desk: {console: {}}, room: {console: {}}, mail: {console: {}}}
routes:
  - send: desk
    quiet: {from: "19:00", to: "07:00"}
    at_most: 10 per hour
    repeat_until_acked: 30m, 3 times
  - {when: {severity: critical, lang: ko}, send: room}
  - {when: {theme: petroleum}, send: mail, as: digest}
"""


@pytest.fixture
def story_id(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a stored story of high severity, with a configuration beside it."""
    monkeypatch.chdir(kit.folder)
    config = kit.folder / "config"
    (config / "rules").mkdir(parents=True)
    (config / "rules" / "a.yaml").write_text(kit.rules, encoding="utf-8")
    (config / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    (config / "monitor.yaml").write_text(
        "version: 1\nstorage: {database: monitor.db}\n", encoding="utf-8"
    )
    kit.feeds.put("/a.xml", kit.rss(OIL))
    source = kit.source("a")
    report = kit.run([source], lambda watch: poll_source(watch, source, kit.now))
    return str(report.told[0].story_id)


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments])


def test_a_decision_is_stored_with_its_reason_and_author(kit: Kit, story_id: str) -> None:
    """Each stands in the log; the last one is the state."""
    assert _run("ack", story_id, "--by", "meier").exit_code == 0
    assert _run("escalate", story_id, "--reason", "case", "--by", "meier").exit_code == 0
    note = ["--note", "a namesake", "--by", "jansen"]
    assert _run("dismiss", story_id, "--reason", "wrong-match", *note).exit_code == 0

    with reading(Path(kit.folder) / "monitor.db") as tx:
        done = [(row["who"], row["action"], row["detail"]) for row in tx.log.activities(story_id)]
        [known] = tx.stories.find(story_id)
        story = tx.stories.get(known)
    assert done == [
        ("meier", "acknowledged", ""),
        ("meier", "escalated", "case"),
        ("jansen", "dismissed", "wrong-match: a namesake"),
    ]
    assert story is not None
    assert story.state == "dismissed"


def test_one_unknown_story_leaves_all_as_they_were(kit: Kit, story_id: str) -> None:
    """And a reason that is not on the list is refused."""
    assert _run("ack", story_id, "s-unknown").exit_code == 1
    assert _run("dismiss", story_id, "--reason", "boring").exit_code == 2

    with reading(Path(kit.folder) / "monitor.db") as tx:
        assert tx.log.activities(story_id) == []


@pytest.mark.parametrize(("at", "told"), [("03:00", "Sat 07:00"), ("12:00", "at once")])
def test_routes_test_says_who_is_told_when_and_why(story_id: str, at: str, told: str) -> None:
    """One row a route; a Saturday at night and at noon."""
    result = _run("routes", "test", story_id, "--at", f"2024-03-30T{at}", "-o", "csv")

    assert result.exit_code == 0, result.output
    assert f"1,desk,{told}," in result.output
    assert ("quiet until 07:00 UTC" in result.output) == (told != "at once")
    assert "again 3 times every 0:30:00" in result.output
    assert '2,room,no,"other severity, lang"' in result.output
    assert "3,mail,in the digest,it fits" in result.output


def test_routes_test_knows_silences_and_mutes(story_id: str) -> None:
    """Then nobody is told, and it says why."""
    why = ["--until", "1d", "--reason", "known", "--by", "x"]
    assert _run("silence", "add", "--theme", "petroleum", *why).exit_code == 0
    silenced = _run("routes", "test")
    muted = _run("story", "mute", story_id).exit_code, _run("routes", "test", "--json")

    assert "Nobody is told: q-" in silenced.output
    assert muted[0] == 0
    assert "the story is muted" in muted[1].output
    assert _run("routes", "test", "s-unknown").exit_code == 1
    assert _run("routes", "test", "--at", "Saturday").exit_code == 2
