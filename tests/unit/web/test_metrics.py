"""The metrics: Prometheus reads them, the manual lists them, dashboard and rules use no others."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families

from monitor.engine.pulse import Line, Pulse
from monitor.engine.vitals import Vitals
from monitor.model import Decision, Reason, Source, SourceId, StoryId
from monitor.steps.due import DueReport
from monitor.steps.record import PollReport, Told
from monitor.store import Outcome
from monitor.testing import make_hit, make_item
from monitor.web.figures import FEEDS_SHOWN, Feed, Figures
from monitor.web.metrics import Known, Meters

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]
MANUAL = (ROOT / "docs" / "service.md").read_text("utf-8")
DEPLOY = ROOT / "config" / "deploy"
HOSTILE = 'wire"}\n# evil 1\\'


def _figures(feeds: int = 2) -> Figures:
    named = (
        Feed(name=f"f{n}", state="ok", failures=0, read_at=NOW, new_at=NOW) for n in range(feeds)
    )
    return Figures(
        at=NOW,
        feeds=(
            Feed(name=HOSTILE, state="failing", failures=3, read_at=None, new_at=None),
            *named,
        ),
        outbox={("desk", "pending"): 2, ("desk", "sent"): 7, ("gone", "dead"): 1},
        waits_since={"desk": NOW - timedelta(seconds=90)},
        paused=frozenset({"desk"}),
        digest_at=NOW,
        canary_at=NOW,
    )


def _meters(folder: Path) -> Meters:
    """Return meters that heard one of everything."""
    meters = Meters(folder / "monitor.db")
    told = Told(
        item=make_item(),
        hits=(make_hit(rule="veto"),),
        story_id=StoryId("s"),
        opened=True,
        decision=Decision(reason=Reason.NEW_STORY),
    )
    source = Source(id=SourceId("wire"), url="https://wire.example/")
    meters.saw_poll(
        PollReport(source=source, result="read", new_items=2, told=(told,), seconds={"fetch": 0.2})
    )
    meters.saw_poll(PollReport(source=source, result="failed", error="x", error_kind="timeout"))
    meters.saw_due(DueReport(digests=1, alarms=("a", "b")))
    meters.saw_outcome("desk", Outcome(result="sent", at=NOW, took=timedelta(seconds=1)))
    meters.saw_reload("begun", 0)
    meters.saw_reload("loaded", 0.5)
    meters.saw_jump(timedelta(hours=-1))
    meters.saw_ping("ok", is_taken=True)
    return meters


def _exposed(meters: Meters, figures: Figures | None, accept: str = "") -> tuple[str, str]:
    vitals = Vitals(Pulse(lambda: 0.0, 45), lambda: 0.0)
    vitals.pulse.moved(Line.POLL)
    known = Known(rules=("veto", "oil"), channels=("desk",), sources=3)
    body, kind = meters.expose(accept, known, vitals.judge(NOW), figures)
    return body.decode(), kind


def _families(text: str) -> list[Any]:
    return list(text_string_to_metric_families(text))


def _samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in _families(text)
        for one in family.samples
    }


def test_prometheus_reads_what_is_exposed(tmp_path: Path) -> None:
    """Its own parser, on both formats; a hostile name of a feed stays one label."""
    meters = _meters(tmp_path)
    plain, kind = _exposed(meters, _figures())
    modern, modern_kind = _exposed(meters, _figures(), "application/openmetrics-text;version=1.0.0")

    samples = _samples(plain)
    assert kind.startswith("text/plain; version=0.0.4")
    assert modern_kind.startswith("application/openmetrics-text")
    assert list(open_families(modern))  # type: ignore[no-untyped-call]
    name = "sanctions_monitor_feed_failures"
    assert samples[name, (("feed", HOSTILE),)] == 3
    assert samples["sanctions_monitor_hits_total", (("rule", "veto"),)] == 1
    assert samples["sanctions_monitor_hits_total", (("rule", "oil"),)] == 0
    assert samples["sanctions_monitor_outbox_oldest_seconds", (("channel", "desk"),)] == 90
    assert samples["sanctions_monitor_feeds", (("state", "failing"),)] == 1
    assert samples["sanctions_monitor_config_last_reload_successful", ()] == 1
    assert samples["sanctions_monitor_line_up", (("line", "poll"),)] == 1


def test_an_accept_header_without_sense_gets_plain_text(tmp_path: Path) -> None:
    """It is from outside."""
    text, kind = _exposed(_meters(tmp_path), None, "application/openmetrics-text;version=1.x.y")

    assert _samples(text)
    assert kind.startswith("text/plain")


def test_without_the_database_the_rest_is_shown(tmp_path: Path) -> None:
    """And that it could not be read."""
    text, _ = _exposed(_meters(tmp_path), None)

    samples = _samples(text)
    assert samples["sanctions_monitor_database_readable", ()] == 0
    assert ("sanctions_monitor_feeds", (("state", "ok"),)) not in samples
    assert samples["sanctions_monitor_polls_total", (("result", "read"),)] == 1


def test_the_start_of_the_process_is_known_without_proc_stat(tmp_path: Path) -> None:
    """The shipped unit hides all of /proc but processes."""
    text, _ = _exposed(_meters(tmp_path), None)

    started = _samples(text)["process_start_time_seconds", ()]
    assert 0 < time.time() - started < 86_400


def test_a_refused_reload_shows(tmp_path: Path) -> None:
    """Until a good one comes."""
    meters = _meters(tmp_path)
    meters.saw_reload("refused", 0.1)
    refused = _samples(_exposed(meters, None)[0])
    meters.saw_reload("loaded", 0.1)
    loaded = _samples(_exposed(meters, None)[0])

    name = ("sanctions_monitor_config_last_reload_successful", ())
    assert (refused[name], loaded[name]) == (0, 1)


def test_series_are_bounded_whatever_the_configuration_holds(tmp_path: Path) -> None:
    """Feeds past the limit are counted by state and not named; the worst come first."""
    text, _ = _exposed(_meters(tmp_path), _figures(feeds=FEEDS_SHOWN + 500))

    samples = _samples(text)
    named = [key for key in samples if key[0] == "sanctions_monitor_feed_failures"]
    assert len(named) == FEEDS_SHOWN
    assert samples["sanctions_monitor_feed_failures", (("feed", HOSTILE),)] == 3
    assert samples["sanctions_monitor_feeds", (("state", "ok"),)] == FEEDS_SHOWN + 500


# ---------------------------------------------------------------- the manual and the files


def _names(folder: Path) -> set[str]:
    """Return the names of every family with everything that was heard."""
    text, _ = _exposed(_meters(folder), _figures())
    families = _families(text)
    return {f"{one.name}_total" if one.type == "counter" else one.name for one in families}


def _series(folder: Path) -> set[str]:
    """Return every name that a query may ask for."""
    text, _ = _exposed(_meters(folder), _figures())
    return {sample.name for one in _families(text) for sample in one.samples}


def test_every_metric_is_in_the_manual_and_none_that_does_not_exist(tmp_path: Path) -> None:
    """The table of docs/service.md is the list."""
    documented = set(re.findall(r"^\| `([a-z_]+)(?:\{[a-z_, ]+\})?` \|", MANUAL, re.MULTILINE))

    metrics = {name for name in documented if name.startswith(("sanctions_monitor_", "process_"))}
    assert metrics == _names(tmp_path)


def _asked(text: str) -> set[str]:
    return set(re.findall(r"\b(?:sanctions_monitor|process)_[a-z_]+\b", text))


def test_the_alert_rules_ask_for_metrics_that_exist(tmp_path: Path) -> None:
    """Every rule has an expression, a time to wait, a severity and what to do."""
    file = yaml.safe_load((DEPLOY / "prometheus-alerts.yaml").read_text("utf-8"))
    rules: list[dict[str, Any]] = [rule for group in file["groups"] for rule in group["rules"]]

    assert len(rules) >= 10
    for rule in rules:
        assert _asked(rule["expr"]) <= _series(tmp_path), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "what_to_do"} <= set(rule["annotations"])
        assert rule["for"]


def test_the_dashboard_asks_for_metrics_that_exist(tmp_path: Path) -> None:
    """And draws each row of panels once."""
    board = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]

    assert len(panels) >= 12
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for expression in asked:
        assert _asked(expression), expression
        assert _asked(expression) <= _series(tmp_path), expression


@pytest.mark.parametrize("name", ["prometheus-alerts.yaml", "grafana-dashboard.json"])
def test_no_machine_is_named_in_the_files(name: str) -> None:
    """They are for everybody."""
    text = (DEPLOY / name).read_text("utf-8")

    assert "http://" not in text
    assert "/home/" not in text
