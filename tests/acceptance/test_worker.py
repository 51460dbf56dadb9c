"""The program as a user starts it: commands, exit codes, signals, reload, the lock."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

FEEDS = """
version: 1
defaults: {{first_poll: alert, every: 1s}}
feeds:
  - {{id: wire, name: Wire, url: "{url}/wire.xml"}}
"""
ROUTES = """
version: 1
channels:
  hook:
    webhook: {url: "${HOOK}/hook", secret: "${SECRET}"}
"""
SERVICE = """
version: 1
storage: {{database: "{folder}/data/monitor.db"}}
polling: {{allow_networks: [127.0.0.0/8], host_gap: 1s}}
"""
VETO = ("Russia vetoes UN Security Council text", "Thirteen voted for it.")
TYPESET = "It’s said Russia VETOES a Security Council text"
OIL = ("North Korea buys oil at sea", "Tankers met at night.")


class Program:
    """Runs `monitor` with a configuration directory of its own."""

    def __init__(self, kit: Any) -> None:
        self.kit = kit
        self.config = kit.folder / "config"
        (self.config / "rules").mkdir(parents=True)
        self.write("feeds.yaml", FEEDS.format(url=kit.feeds.url))
        self.write("routes.yaml", ROUTES)
        self.write("monitor.yaml", SERVICE.format(folder=kit.folder))
        self.write("rules/test.yaml", kit.rules)
        self.env = {**os.environ, "HOOK": kit.hook.url, "SECRET": kit.secret, "COLUMNS": "200"}

    def write(self, name: str, text: str) -> None:
        """Write a configuration file."""
        (self.config / name).write_text(text, encoding="utf-8")

    def run(self, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        command = [sys.executable, "-m", "monitor", *words]
        return subprocess.run(
            command,
            env=self.env,
            cwd=self.kit.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def on_config(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command on the configuration."""
        return self.run(*words, "--config", str(self.config))

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[str]"]:
        """Run the worker in the background; it is ended by its process id."""
        log = (self.kit.folder / "log").open("w")
        command = [sys.executable, "-m", "monitor", "run", "--config", str(self.config)]
        process = subprocess.Popen(
            command, env=self.env, cwd=self.kit.folder, stdout=log, stderr=log, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(20)
            log.close()

    def log(self) -> str:
        """Return what the worker said."""
        return str((self.kit.folder / "log").read_text())


def until(is_true: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for something to come true."""
    ends_at = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < ends_at, f"not within {seconds} s: {what}"
        time.sleep(0.05)  # noqa: TID251 (another process: nothing to wait on but its effect)


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with a small configuration and one feed that holds the veto."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    return Program(kit)


def test_the_worker_alerts_reloads_refuses_and_drains(program: Program) -> None:
    """One life of the worker: an alert, a bad edit that changes nothing, a good one, SIGTERM."""
    kit = program.kit
    with program.running() as process:
        until(lambda: len(kit.hook.posts()) == 1, "the first alert")

        good = kit.rules
        program.write("rules/test.yaml", good.replace("severity: high", "severity: hihg"))
        until(lambda: "hihg" in program.log(), "the refusal")
        kit.feeds.put("/wire.xml", kit.rss(OIL, VETO))
        until(lambda: len(kit.hook.posts()) == 2, "an alert by the last good rules")

        program.write("rules/test.yaml", good.replace("severity: high", "severity: low"))
        until(lambda: "configuration loaded" in program.log(), "the reload")

        second = program.on_config("once")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

    assert second.returncode == 5
    assert "another monitor works on" in second.stderr
    refusal = program.log()
    assert "rules/test.yaml:17:15: error" in refusal
    assert 'did you mean "high"?' in refusal
    for headers, body in kit.hook.posts():
        assert Webhook(kit.secret).verify(body, headers)
    shown = json.loads(program.on_config("stories", "--json").stdout)
    assert {story["title"] for story in shown} == {VETO[0], OIL[0]}


def test_a_worker_that_is_killed_goes_on_where_it_was(program: Program) -> None:
    """After kill -9 and a restart nothing is sent again, and new items are."""
    kit = program.kit
    with program.running() as process:
        until(lambda: len(kit.hook.posts()) == 1, "the first alert")
        process.kill()
        process.wait(20)
    kit.feeds.put("/wire.xml", kit.rss(OIL, VETO))
    with program.running():
        until(lambda: len(kit.hook.posts()) >= 2, "the second alert")

    ids = [headers["webhook-id"] for headers, _ in kit.hook.posts()]
    titles = [json.loads(body)["data"]["title"] for _, body in kit.hook.posts()]
    assert len(set(ids)) == 2
    assert set(titles) == {VETO[0], OIL[0]}


def test_once_says_what_it_read_and_sends_nothing_twice(program: Program) -> None:
    """The counts of one cycle; a dry run stores and sends nothing; a second cycle is quiet."""
    dry = program.on_config("once", "--dry-run", "--json")
    first = program.on_config("once", "--json")
    second = program.on_config("once", "--json")

    counts = [json.loads(done.stdout) for done in (dry, first, second)]
    assert [count["hits"] for count in counts] == [1, 1, 0]
    assert [count["alerts"] for count in counts] == [1, 1, 0]
    assert counts[1]["deliveries"]["sent"] == 1
    assert counts[2]["feeds"] == {"read": 1, "unchanged": 0, "failed": 0} or counts[2]["feeds"] == {
        "read": 0,
        "unchanged": 1,
        "failed": 0,
    }
    assert len(program.kit.hook.posts()) == 1
    assert set(counts[1]["seconds"]) >= {"fetch", "parse", "match", "record", "total"}


def test_without_a_single_source_it_asks_whether_the_machine_is_offline(program: Program) -> None:
    """Nothing reachable: exit code 1, one sentence, a way to see the program work."""
    program.write("feeds.yaml", FEEDS.format(url="http://127.0.0.1:1"))

    done = program.on_config("once")

    assert done.returncode == 1
    assert "is this machine offline?" in done.stdout
    assert "make demo" in done.stdout
    assert "wire:" in done.stdout


def test_some_sources_failing_is_told_with_exit_code_four(program: Program) -> None:
    """A cycle that read some and not others names them and the reason."""
    url = program.kit.feeds.url
    feeds = FEEDS.format(url=url) + f'  - {{id: gone, url: "{url}/none.xml"}}\n'
    program.write("feeds.yaml", feeds)

    done = program.on_config("once")

    assert done.returncode == 4
    assert "gone: " in done.stdout
    assert "404" in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("rules/test.yaml", "severity: high", "severty: high", 'did you mean "severity"?'),
        ("rules/test.yaml", "id: oil", "id: veto", "veto"),
        ("rules/test.yaml", "Norway exports oil", "North Korea exports oil", "North Korea exports"),
        ("feeds.yaml", "every: 1s", "every: soon", "is not a duration"),
        ("routes.yaml", "${SECRET}", "${SECRTE}", "SECRTE"),
        ("monitor.yaml", "host_gap: 1s", "host_gap: 1s, at_once: many", "at_once"),
    ],
    ids=["unknown key", "duplicate id", "failing example", "wrong type", "no secret", "no number"],
)
def test_a_bad_set_never_starts(
    program: Program, file: str, old: str, new: str, expected: str
) -> None:
    """Exit code 3 with the place of the error, for check and for run alike."""
    text = (program.config / file).read_text()
    assert old in text
    program.write(file, text.replace(old, new))

    for command in ("check", "run", "once"):
        done = program.on_config(command)
        assert done.returncode == 3, done.stderr
        assert f"{file}:" in done.stderr
        assert ": error: " in done.stderr
        assert expected in done.stderr
    assert not (program.kit.folder / "data").exists()


def test_every_error_is_told_at_once(program: Program) -> None:
    """Three files with an error each make one report of three errors."""
    program.write("feeds.yaml", FEEDS.format(url="ftp://x") + "  - {id: 1}\n")
    program.write("routes.yaml", ROUTES.replace("webhook:", "webhok:"))
    program.write("rules/test.yaml", program.kit.rules.replace("title: Oil", "titel: Oil"))

    done = program.on_config("check")

    assert done.returncode == 3
    for name in ("feeds.yaml:", "routes.yaml:", "rules/test.yaml:"):
        assert name in done.stderr


def test_an_unreadable_file_is_an_error_not_an_empty_one(program: Program) -> None:
    """Bytes that are no UTF-8 are refused with the file's name."""
    (program.config / "feeds.yaml").write_bytes(b"\xff\xfe\x00")

    done = program.on_config("check")

    assert done.returncode == 3
    assert "feeds.yaml" in done.stderr


def test_the_demo_prints_each_story_and_posts_it_once(program: Program, kit: Any) -> None:
    """Two demos on one database: the first posts every story, signed; the second nothing."""
    database = kit.folder / "demo.db"
    words = ["demo", "--database", str(database), "--webhook-url", f"{kit.hook.url}/hook"]
    words += ["--webhook-secret", kit.secret]

    first = program.run(*words)
    posts = kit.hook.posts()
    second = program.run(*words)

    assert first.returncode == second.returncode == 0, first.stderr
    events = [Webhook(kit.secret).verify(body, headers) for headers, body in posts]
    stories = [event["data"]["story_id"] for event in events]
    assert len(stories) == len(set(stories)) > 10
    assert kit.hook.posts() == posts
    assert "veto" in first.stdout
    assert all(event["data"]["title"].split()[0] in first.stdout for event in events)
    assert second.stdout == ""
    assert "Alerts: 0" in second.stderr


def test_init_writes_a_configuration_that_is_good(program: Program, kit: Any) -> None:
    """A new directory passes the check; writing again is refused."""
    target = str(kit.folder / "mine")

    written = program.run("init", target)
    checked = program.run("check", "--config", target)
    again = program.run("init", target)

    assert (written.returncode, checked.returncode, again.returncode) == (0, 0, 3)
    assert "rules with their examples" in checked.stdout


def test_matching_streams_items_with_exact_offsets(program: Program) -> None:
    """`match` gives one line per item in order, and one story for two items of one event."""
    items = [
        {"id": "a", "title": TYPESET, "lang": "en", "published": "2024-03-28T20:00:00Z"},
        {"id": "b", "title": "Weather", "published": "2024-03-28"},
        {"id": "c", "title": TYPESET},
    ]
    lines = "\n".join(json.dumps(item) for item in items)

    done = program.run("match", "--config", str(program.config), "--stories", "all", stdin=lines)
    plain = program.run("match", "--config", str(program.config), stdin=lines + "\nnot json\n")

    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    [hit] = rows[0]["hits"]
    assert (hit["rule"], hit["severity"]) == ("veto", "critical")
    for clause in hit["clauses"]:
        for span in clause["matched"]:
            assert items[0][span["field"]][span["start"] : span["end"]] == span["text"]
    assert rows[0]["story"] == rows[2]["story"] != rows[1]["story"]
    assert plain.returncode == 4
    assert len(plain.stdout.splitlines()) == 3
    assert "-:4: error: not JSON" in plain.stderr


def test_stories_are_mended_and_the_way_back_is_told(program: Program) -> None:
    """Split and merge are each other's way back; mute and mark are logged."""
    kit = program.kit
    url = kit.feeds.url
    kit.feeds.put("/b.xml", kit.rss(VETO, base="https://b.example.org"))
    program.write("feeds.yaml", FEEDS.format(url=url) + f'  - {{id: b, url: "{url}/b.xml"}}\n')
    program.on_config("once")
    [story] = json.loads(program.on_config("stories", "--json").stdout)
    details = json.loads(program.on_config("show", story["id"], "--json").stdout)
    item = details["items"][1]["id"]

    split = program.on_config("story", "split", story["id"], item)
    apart = json.loads(program.on_config("stories", "--json").stdout)
    other = next(one["id"] for one in apart if one["id"] != story["id"])
    merged = program.on_config("story", "merge", other, story["id"])
    muted = program.on_config("story", "mute", story["id"], "--by", "ann")
    marked = program.on_config("story", "mark", story["id"], "acknowledged", "--note", "seen")
    nothing = program.on_config("story", "mute", "s-none")

    pairs = [json.loads(line) for line in program.on_config("story", "pairs").stdout.splitlines()]

    assert [one.returncode for one in (split, merged, muted, marked)] == [0, 0, 0, 0]
    assert [(pair["same"], {pair["a"], pair["b"]}) for pair in pairs] == [
        (True, {one["id"] for one in details["items"]})
    ]
    assert f"monitor story merge {other} {story['id']}" in split.stdout
    assert len(apart) == 2
    after = json.loads(program.on_config("show", story["id"], "--json").stdout)
    assert [one["id"] for one in after["items"]] == [one["id"] for one in details["items"]]
    actions = [row["action"] for row in after["activity"]]
    assert actions == ["split", "merge", "mute", "acknowledged"]
    assert (after["muted"], after["state"]) == (True, "acknowledged")
    assert nothing.returncode == 1


def test_a_rule_edit_is_rehearsed_on_what_is_stored(program: Program) -> None:
    """`replay` says which hits an edit would lose, `history` which set was in force."""
    program.on_config("once")
    rules = program.kit.rules.replace("[veto*]", "[veto* near/1 Council]").replace(
        "match: [Russia vetoes a text in the Security Council]", "match: [The Council vetoes]"
    )
    rules = rules.replace("body: [Security Council]", "body: [Council]")
    program.write("rules/test.yaml", rules)

    replay = program.on_config("replay", "--json")
    history = json.loads(program.on_config("history", "--json").stdout)
    near = program.on_config("rules", "stats", "--json")

    program.write("rules/test.yaml", program.kit.rules.replace("[oil, petroleum]", "[oil, text]"))
    wider = program.kit.rules.replace("who: [North Korea*]", "who: [North Korea*, Russia]")
    wider = wider.replace("[oil, petroleum]", "[oil, text]")
    wider = wider.replace("no_match: [Norway exports oil]", "no_match: [Norway]")
    program.write("rules/test.yaml", wider)
    told = program.on_config("replay", "--notify")
    again = program.on_config("replay", "--notify")

    assert "1 hit gained" in told.stderr
    assert "1 alerts made, 1 messages sent" in told.stderr
    assert "0 hits gained" in again.stderr
    assert len(program.kit.hook.posts()) == 2
    [change] = json.loads(replay.stdout)
    assert (change["change"], change["rule"], change["title"]) == ("lost", "veto", VETO[0])
    assert "1 hit lost" in replay.stderr
    assert len(history) == 1
    assert near.returncode == 0


def test_a_text_can_be_asked_why(program: Program) -> None:
    """`why` names the clause that is missing, and exits with 1 when nothing matches."""
    hit = program.on_config("why", VETO[0])
    miss = program.on_config("why", "Governor vetoes a budget")
    piped = program.run("why", "-", "--config", str(program.config), stdin="\n".join(VETO))

    assert hit.returncode == 0
    assert "veto: MATCH (critical)" in hit.stdout
    assert miss.returncode == 1
    assert "- body: missing" in miss.stdout
    assert piped.returncode == 0


def test_messages_can_be_looked_at_and_sent_again(program: Program) -> None:
    """`outbox retry` sends the same id and bytes; what is unknown is an error."""
    program.kit.hook.status = lambda count: 503 if count <= 1 else 200
    program.on_config("once")
    rows = json.loads(program.on_config("outbox", "list", "--json").stdout)
    number = str(rows[0]["id"])
    before = len(program.kit.hook.posts())
    cancelled = program.on_config("outbox", "cancel", number)
    retried = program.on_config("outbox", "retry", number)
    program.on_config("once")
    shown = json.loads(program.on_config("outbox", "show", number).stdout)

    assert rows[0]["state"] == "pending"
    assert (cancelled.returncode, retried.returncode) == (0, 0)
    posts = program.kit.hook.posts()
    same = [body for headers, body in posts if headers["webhook-id"] == shown["message_id"]]
    assert len(same) == 2
    assert len(set(same)) == 1
    assert len(posts) > before
    assert shown["state"] == "sent"
    assert program.on_config("outbox", "cancel", "999").returncode == 1


def test_a_channel_can_be_tried(program: Program, tmp_path: Path) -> None:
    """`notify test` posts a test message; `notify preview` writes the latest story as a mail."""
    tried = program.on_config("notify", "test", "hook")
    unknown = program.on_config("notify", "test", "hok")
    program.on_config("once")
    preview = program.on_config("notify", "preview", str(tmp_path / "out"))

    assert (tried.returncode, unknown.returncode, preview.returncode) == (0, 2, 0)
    assert "accepted" in tried.stdout
    assert VETO[0] in (tmp_path / "out" / "alert.txt").read_text()


def test_feeds_are_tested_found_and_carried(program: Program) -> None:
    """`feeds test|discover|export-opml|import-opml|list` on a served site."""
    kit = program.kit
    page = '<html><head><link rel="alternate" type="application/rss+xml" href="/wire.xml"></head>'
    home = kit.feeds.put("/", page)

    tested = program.on_config("feeds", "test", "wire", "--json")
    refused = program.on_config("feeds", "test", home)
    found = program.on_config("feeds", "discover", home, "--json")
    exported = program.on_config("feeds", "export-opml")
    opml = kit.folder / "feeds.opml"
    opml.write_text(exported.stdout.replace("wire", "other"))
    imported = program.on_config("feeds", "import-opml", str(opml))
    listed = program.on_config("feeds", "list", "--json")

    row = json.loads(tested.stdout)
    assert set(row) == {"id", "title", "link", "text", "published", "updated", "lang"}
    assert row["title"] == VETO[0]
    assert refused.returncode == 1
    assert json.loads(found.stdout)[0]["url"].endswith("/wire.xml")
    assert "1 new" in imported.stderr
    assert '"id": "other"' in imported.stdout
    assert json.loads(listed.stdout)[0]["state"] == "new"


def test_settings_are_shown_without_secrets(program: Program) -> None:
    """`config show` prints everything but the secrets; `config schema` prints valid JSON."""
    shown = program.on_config("config", "show")
    schemas = program.run("config", "schema")
    unknown = program.run("config", "schema", "nothing.yaml")

    assert program.kit.secret not in shown.stdout + shown.stderr
    assert "***" in shown.stdout
    assert {"feeds.yaml", "rules.yaml"} <= set(json.loads(schemas.stdout))
    assert unknown.returncode == 2


def test_health_tells_a_living_watch_from_a_dead_one(program: Program) -> None:
    """Before the first cycle it is not alive; beside a running worker it is, until that ends."""
    assert program.on_config("health").returncode == 1
    with program.running() as worker:
        until(lambda: program.on_config("health").returncode == 0, "the heartbeat")
        worker.send_signal(signal.SIGTERM)
        worker.wait(50)
    ended = program.on_config("health")

    assert ended.returncode == 1
    assert ended.stdout.startswith("not alive: ended in good order at ")


def test_help_is_quick_and_names_every_command(program: Program) -> None:
    """`--help` does not import what it does not need."""
    done = program.run("--help")
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "monitor", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr

    assert done.returncode == 0
    for command in ("run", "once", "demo", "why", "match", "replay"):
        assert f"  {command} " in done.stdout
    web = ("starlette", "uvicorn", "prometheus_client")
    for heavy in ("httpx", "structlog", "pydantic", "apscheduler", "sqlite_utils", "rich", *web):
        assert f"| {heavy}\n" not in imported.replace("|   ", "| ").replace("|     ", "| ")


def test_a_bad_edit_of_the_files_is_not_the_death_of_the_watch(program: Program) -> None:
    """Health, listings and triage need monitor.yaml alone; health gets by without that too."""
    program.on_config("once")
    now = datetime.now(UTC).isoformat()
    judged = {"at": now, "alive": True, "ready": True, "problems": [], "lines": {}, "checks": []}
    path = program.kit.folder / "data" / "monitor.db"
    db = sqlite3.connect(path)
    db.execute("insert or replace into meta values ('health', ?)", [json.dumps(judged)])
    db.commit()
    db.close()

    program.write("rules/test.yaml", "rules: [")
    program.write("routes.yaml", "channels: {x: {email: {}}}")
    health, hits = program.on_config("health"), program.on_config("hits", "--json")
    program.write("monitor.yaml", "storage: [")
    broken = program.on_config("health")
    program.env["MONITOR_DATABASE"] = str(path)
    known = program.on_config("health")

    assert (health.returncode, hits.returncode) == (0, 0), health.stdout + health.stderr
    assert len(json.loads(hits.stdout)) == 1
    assert broken.returncode == 3
    assert known.returncode == 0
