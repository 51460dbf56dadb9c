"""`config diff`: what an edit changes of what runs, and what comes of it, before it is loaded."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli
from monitor.pipeline import poll_source
from monitor.service import read_config, settings_of
from monitor.steps.watch import Watch
from tests.kit import Kit

OIL = ("North Korea buys oil at sea", "Tankers met at night.")
FEEDS = "feeds: [{id: a, url: 'https://a.example.org/f'}, {id: b, url: 'https://b.example.org/f'}]"
ROUTES = """
channels: {hook: {webhook: {url: "https://hook.example.org/"}}, term: {console: {}}}
routes: [{send: [hook]}, {send: [term]}]
silences: [{rule: veto, until: 2099-01-01, by: x, reason: y}]
"""


@pytest.fixture
def config(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a configuration that was loaded, made a hit, and has a message that waits."""
    monkeypatch.chdir(kit.folder)
    folder = kit.folder / "config"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "a.yaml").write_text(kit.rules, encoding="utf-8")
    (folder / "feeds.yaml").write_text(FEEDS, encoding="utf-8")
    (folder / "routes.yaml").write_text(ROUTES, encoding="utf-8")
    (folder / "monitor.yaml").write_text("storage: {database: monitor.db}\n", encoding="utf-8")
    settings = settings_of(read_config(folder, {}))
    kit.feeds.put("/a.xml", kit.rss(OIL))
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)

    kit.run([source], work, files=settings.files, ruleset=settings.ruleset)
    monkeypatch.setattr("monitor.engine.clock.utc_now", lambda: kit.now + timedelta(days=1))
    return folder


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["config", "diff", *arguments])


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _rows() -> dict[tuple[str, str, str], str]:
    rows = json.loads(_run("--json").stdout)
    return {(row["change"], row["what"], row["name"]): row["then"] for row in rows}


def test_what_runs_differs_in_nothing(config: Path) -> None:
    """Exit code 0, and it is said."""
    result = _run("--exit-code")

    assert result.exit_code == 0
    assert "config is what running has" in result.output


def test_each_change_is_told_with_what_comes_of_it(config: Path) -> None:
    """Messages that would die, feeds that are dropped, rules that are renamed or gone."""
    _edit(config / "feeds.yaml", "{id: a, url: 'https://a.example.org/f'}, ", "")
    _edit(config / "feeds.yaml", "/f'}]", "/f', enabled: false}]")
    _edit(config / "routes.yaml", 'hook: {webhook: {url: "https://hook.example.org/"}}, ', "")
    _edit(config / "routes.yaml", "{send: [hook]}, ", "")
    (config / "routes.yaml").write_text(
        (config / "routes.yaml").read_text().split("silences")[0], encoding="utf-8"
    )
    _edit(config / "rules" / "a.yaml", "id: oil", "id: fuel\n    was: oil")
    _edit(config / "rules" / "a.yaml", "severity: critical", "severity: high")

    rows = _rows()

    assert rows == {
        ("removed", "feed", "a"): "it is not read any more; its 1 items and their stories stay",
        ("changed", "feed", "b"): "it is not read any more; its 0 items and their stories stay",
        ("removed", "channel", "hook"): "1 messages wait for it: they will end as dead",
        ("removed", "route", "{send: [hook]}"): "",
        ("removed", "silence", "{rule: veto, until: 2099-01-01, by: x, reason: y}"):
            "what it covers is told again",
        ("renamed", "rule", "fuel"): "its history goes with it (1 hits in 30 days)",
        ("changed", "rule", "veto"):
            "0 hits in 30 days; monitor replay shows which would be lost or gained",
    }  # fmt: skip
    assert _run("--exit-code").exit_code == 1


def test_a_rule_that_comes_or_goes_is_told(config: Path) -> None:
    """A rule renamed without `was` looks like two changes, and the way out is named."""
    _edit(config / "rules" / "a.yaml", "id: oil", "id: fuel")

    result = _run()

    assert "it finds nothing any more (1 hits in 30 days); its history stays" in result.stdout
    assert 'like oil, which is gone; "was: oil" keeps its history' in result.stdout


def test_a_set_with_errors_is_told_as_by_check(config: Path) -> None:
    """Nothing can be said of what would never be loaded."""
    _edit(config / "routes.yaml", "{send: [term]}", "{send: [nobody]}")

    assert 'there is no channel "nobody"' in str(_run().exception)


def test_it_compares_with_the_shipped_set_and_with_a_directory(
    config: Path, tmp_path: Path
) -> None:
    """After an upgrade one sees what is new; `added` is always what the own files have."""
    shipped = _run("--against", "shipped")
    same = _run("--against", str(config), "--exit-code")

    assert "removed  rule" in " ".join(shipped.stdout.split(" ")).replace("   ", "  ")
    assert "expert-panel" in shipped.stdout
    assert same.exit_code == 0
    assert _run("--against", "nowhere").exit_code == 2


def test_without_a_loaded_set_it_says_what_to_do(kit: Kit, config: Path) -> None:
    """A database of before the first start."""
    (kit.folder / "config" / "monitor.yaml").write_text(
        "storage: {database: other.db}\n", encoding="utf-8"
    )

    assert "does not exist yet" in str(_run().exception)
