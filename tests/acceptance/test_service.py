"""The worker under a service manager: notifications on a real socket, signals, the state dump."""

import json
import signal
import socket
import time
from http.client import HTTPConnection
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.systemd import managing
from tests.acceptance.test_worker import FEEDS, SERVICE, VETO, Program, until


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with one feed that holds the veto."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    return Program(kit)


def test_the_service_manager_hears_of_start_life_reload_and_end(program: Program) -> None:
    """READY once the watch runs, WATCHDOG at half the interval, RELOADING and READY, STOPPING."""
    with managing(program.kit.folder) as manager:
        program.env |= manager.environ(watchdog_s=2)
        with program.running() as worker:
            until(lambda: manager.has("READY=1"), "the start")
            until(lambda: manager.has("WATCHDOG=1", 3), "three signs of life")
            worker.send_signal(signal.SIGHUP)
            until(lambda: manager.has("READY=1", 2), "the reload")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(50) == 0

    said = [line for _, line in manager.lines]
    assert said[0].startswith("EXTEND_TIMEOUT_USEC=")
    assert said.index("READY=1") < said.index("WATCHDOG=1") < said.index("RELOADING=1")
    reloading = said.index("RELOADING=1")
    assert int(said[reloading + 1].removeprefix("MONOTONIC_USEC=")) > 0
    assert "READY=1" in said[reloading:]
    assert "STOPPING=1" in said[reloading:]
    assert any(line.startswith("STATUS=all lines get on; 1 sources") for line in said)
    beats = manager.times("WATCHDOG=1")
    assert min(b - a for a, b in pairwise(beats)) > 0.5


def test_an_abstract_socket_is_heard_too_and_a_watchdog_of_another_process_is_not(
    program: Program,
) -> None:
    """`@name` is the abstract namespace; WATCHDOG_PID may name somebody else."""
    with managing(program.kit.folder, is_abstract=True) as manager:
        program.env |= {**manager.environ(watchdog_s=0.2), "WATCHDOG_PID": "1"}
        with program.running() as worker:
            until(lambda: manager.has("READY=1"), "the start")
            until(lambda: len(program.kit.hook.posts()) == 1, "the alert")
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(50) == 0

    assert not manager.has("WATCHDOG=1")


def test_a_second_sigterm_ends_at_once_and_nothing_is_lost(program: Program) -> None:
    """The first one waits for a receiver that takes its time; the second does not."""
    program.kit.hook.pause_s = 20
    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) == 1, "a message is under way")
        worker.send_signal(signal.SIGTERM)
        until(lambda: worker.poll() is None, "it waits")
        time.sleep(1.2)  # noqa: TID251 - within a second two signals are one wish
        asked_at = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(5) == 1
        assert time.monotonic() - asked_at < 3

    program.kit.hook.pause_s = 0
    program.on_config("once")
    ids = [headers["webhook-id"] for headers, _ in program.kit.hook.posts()]
    assert len(set(ids)) == 1
    assert len(ids) == 2, "it was sent again, with the same id"


def test_sigusr1_writes_what_the_watch_has_in_mind(program: Program) -> None:
    """Tasks with what they wait for, lanes, polls, due times, the outbox; no secret of it."""
    program.kit.hook.pause_s = 5
    folder: Path = program.kit.folder / "data"
    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) == 1, "a message is under way")
        worker.send_signal(signal.SIGUSR1)
        until((folder / "monitor.db.state.json").exists, "the dump")
        state = json.loads((folder / "monitor.db.state.json").read_text())
        threads = (folder / "monitor.db.threads.txt").read_text()

    assert state["lanes"] == {"hook": "sending"}
    assert state["next_polls"][0]["source"] == "wire"
    assert state["outbox"] == [{"channel": "hook", "state": "sending", "messages": 1}]
    [lane] = [task for task in state["tasks"] if task["name"] == "deliver hook"]
    assert any("deliver_due" in wait for wait in lane["waits_in"])
    waits = [wait for task in state["tasks"] for wait in task["waits_in"]]
    assert any("Fetcher.post" in wait for wait in waits)
    assert state["health"]["alive"]
    assert "Thread 0x" in threads
    for path in (folder / "monitor.db.state.json", folder / "monitor.db.threads.txt"):
        assert path.stat().st_mode & 0o077 == 0
        assert program.kit.secret not in path.read_text()
        assert program.kit.hook.url not in path.read_text()


def _with_http(program: Program, more: str = "", token: str = "") -> str:
    """Let the worker serve HTTP on a free port; return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    service = SERVICE.format(folder=program.kit.folder)
    program.write(
        "monitor.yaml", f'{service}http: {{listen: "127.0.0.1:{port}", token: "{token}"}}\n{more}'
    )
    return f"127.0.0.1:{port}"


def _ask(
    address: str, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], str]:
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text
    except ConnectionRefusedError:
        return 0, {}, ""
    finally:
        connection.close()


def _series(text: str) -> dict[tuple[str, str], float]:
    """Return samples by name and their first label's value."""
    return {
        (one.name, next(iter(one.labels.values()), "")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def test_health_readiness_and_metrics_are_served(program: Program) -> None:
    """Prometheus's own parser reads a running worker; HEAD works, strangers and writing do not."""
    address = _with_http(program)
    with program.running() as worker:
        until(lambda: _ask(address, "/readyz")[0] == 200, "readiness")
        until(lambda: len(program.kit.hook.posts()) == 1, "the alert")
        until(lambda: 'hits_total{rule="veto"} 1.0' in _ask(address, "/metrics")[2], "the hit")
        status, headers, text = _ask(address, "/metrics")
        health = _ask(address, "/healthz")
        head = _ask(address, "/metrics", "HEAD")
        refused = {
            name: _ask(address, path, method, **extra)[0]
            for name, path, method, extra in (
                ("rebound", "/metrics", "GET", {"Host": "evil.example"}),
                ("other site", "/metrics", "GET", {"Origin": "https://evil.example"}),
                ("write", "/metrics", "POST", {}),
                ("unknown", "/nothing", "GET", {}),
            )
        }
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(50) == 0

    assert (status, head[0], head[2]) == (200, 200, "")
    assert refused == {"rebound": 421, "other site": 403, "write": 405, "unknown": 404}
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert not any(name.startswith("access-control") for name in headers)
    series = _series(text)
    assert series["sanctions_monitor_hits_total", "veto"] == 1
    states = {label: n for (name, label), n in series.items() if name == "sanctions_monitor_feeds"}
    assert sum(states.values()) == 1, "its items are of 2024: by now that may be called stale"
    assert states["failing"] == states["new"] == 0
    assert series["sanctions_monitor_deliveries_total", "hook"] >= 0
    assert series["sanctions_monitor_database_size_bytes", ""] > 0
    assert json.loads(health[2])["alive"] is True
    for secret in (program.kit.secret, program.kit.hook.url, program.kit.feeds.url):
        assert secret not in text + health[2]


def test_a_watch_that_ends_is_alive_and_not_ready(program: Program) -> None:
    """While a message under way is waited for, nobody should count on this process."""
    address = _with_http(program)
    program.kit.hook.pause_s = 5
    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) == 1, "a message is under way")
        until(lambda: _ask(address, "/readyz")[0] == 200, "readiness")
        worker.send_signal(signal.SIGTERM)
        until(lambda: _ask(address, "/readyz")[0] == 503, "no readiness")
        ready, alive = _ask(address, "/readyz"), _ask(address, "/healthz")
        assert worker.wait(50) == 0

    assert json.loads(ready[2])["problems"] == ["running: the watch was told to end"]
    assert alive[0] == 200


def test_a_setting_that_waits_for_the_next_start_is_named(program: Program) -> None:
    """In the log of the reload, and in what the edit is said to change beforehand."""
    address = _with_http(program)
    with program.running():
        until(lambda: _ask(address, "/healthz")[0] == 200, "life")
        other = SERVICE.format(folder=program.kit.folder)
        program.write("monitor.yaml", f"{other}digest: {{at: '09:00'}}\n")
        diff = program.on_config("config", "diff", "--json")
        until(lambda: "settings wait for the next start" in program.log(), "the warning")
        assert _ask(address, "/healthz")[0] == 200

    [line] = [json.loads(one) for one in program.log().splitlines() if "wait for the next" in one]
    assert line["settings"] == ["http"]
    then = {one["name"]: one["then"] for one in json.loads(diff.stdout)}
    assert then["http.listen"] == "it is taken up at the next start, not at a reload"
    assert then["digest.at"] == ""


def test_an_address_for_others_needs_a_word_and_a_token(program: Program) -> None:
    """Without either the configuration is refused; with both, details need the token."""
    service = SERVICE.format(folder=program.kit.folder)
    refusals = []
    for http in ('listen: "0.0.0.0:8788"', 'listen: "0.0.0.0:8788", public: true, token: short'):
        program.write("monitor.yaml", f"{service}http: {{{http}}}\n")
        refusals.append(program.on_config("check"))
    token = "a-token-of-twenty-letters"
    address = _with_http(program, token=token)
    with program.running():
        until(lambda: _ask(address, "/readyz")[0] == 200, "readiness")
        bare = _ask(address, "/readyz")
        whole = _ask(address, "/readyz", Authorization=f"Bearer {token}")
        metrics = [_ask(address, "/metrics")[0]]
        metrics.append(_ask(address, "/metrics", Authorization=f"Bearer {token}")[0])

    assert [done.returncode for done in refusals] == [3, 3]
    assert "add public: true and a token" in refusals[0].stderr
    assert "needs a token of 16 characters" in refusals[1].stderr
    assert json.loads(bare[2]) == {"ok": True}
    assert json.loads(whole[2])["ready"] is True
    assert metrics == [401, 200]


def test_a_port_that_is_taken_does_not_end_the_watch(program: Program) -> None:
    """It is logged, and alerts go out all the same."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        service = SERVICE.format(folder=program.kit.folder)
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        program.write("monitor.yaml", f'{service}http: {{listen: "{listen}"}}\n')
        with program.running() as worker:
            until(lambda: len(program.kit.hook.posts()) == 1, "the alert")
            until(lambda: "http cannot listen" in program.log(), "the log line")
            assert worker.poll() is None


def test_the_dead_man_hears_start_life_and_nothing_secret_is_logged(program: Program) -> None:
    """Through the checked client, at an address that is a secret."""
    url = f"{program.kit.hook.url}/ping/9d4f-secret-uuid"
    program.env["DEAD_MAN_URL"] = url
    more = 'health: {dead_man: {url: "${DEAD_MAN_URL}", every: 1s}}\n'
    _with_http(program, more)

    def pings() -> list[str]:
        return [path for _, path, _, _ in program.kit.hook.requests if path.startswith("/ping")]

    with program.running() as worker:
        until(lambda: len(pings()) >= 3, "three pings")
        worker.send_signal(signal.SIGTERM)
        worker.wait(50)

    assert pings()[:2] == ["/ping/9d4f-secret-uuid/start", "/ping/9d4f-secret-uuid"]
    assert "9d4f-secret-uuid" not in program.log()


def test_a_noisy_run_logs_no_secret_and_no_body(program: Program) -> None:
    """Feeds, hooks, mail and dead-man that all fail and all have secrets; dumps and metrics too."""
    kit = program.kit
    planted = {
        "FEED_TOKEN": "planted-feed-bearer",
        "FEED_KEY": "planted-feed-header",
        "HOOK_PATH": "planted-hook-path",
        "MAIL_PASSWORD": "planted-mail-pass",
        "DEAD_MAN": "planted-dead-man",
        "HTTP_TOKEN": "planted-http-token",
    }
    program.env |= planted
    address = _with_http(
        program,
        f'health: {{dead_man: {{url: "{kit.hook.url}/500/${{DEAD_MAN}}", every: 1s}}}}\n',
        token="${HTTP_TOKEN}",
    )
    feeds = FEEDS.format(url=kit.feeds.url)
    login = 'auth: {bearer: "${FEED_TOKEN}"}, headers: {X-Key: "${FEED_KEY}"}'
    program.write(
        "feeds.yaml",
        f'{feeds}  - {{id: gone, url: "{kit.feeds.url}/gone.xml", {login}}}\n'
        f'  - {{id: none, url: "http://127.0.0.1:1/x", {login}}}\n',
    )
    mail = 'smtp: "smtp://desk:${MAIL_PASSWORD}@127.0.0.1:1"'
    program.write(
        "routes.yaml",
        'version: 1\nchannels:\n  hook:\n    webhook: {url: "${HOOK}/${HOOK_PATH}", '
        'secret: "${SECRET}"}\n  desk:\n    email: {to: desk@example.org, from: m@example.org, '
        f"{mail}}}\n",
    )
    kit.hook.status = lambda _: 500
    body = "a sentence that stands in the text of the article only"
    kit.feeds.put("/wire.xml", kit.rss((VETO[0], body)))
    token = f"Bearer {planted['HTTP_TOKEN']}"
    with program.running() as worker:
        until(lambda: program.log().count('"event": "delivery"') >= 2, "tries on both channels")
        until(lambda: "dead-man did not take the ping" in program.log(), "the ping is refused")
        program.write("rules/test.yaml", "version: 1\nrules: [{id: x, severty: high}]\n")
        worker.send_signal(signal.SIGHUP)
        until(lambda: "configuration refused" in program.log(), "the refusal")
        worker.send_signal(signal.SIGUSR1)
        dump = kit.folder / "data" / "monitor.db.state.json"
        until(dump.exists, "the dump")
        shown = [_ask(address, path, Authorization=token)[2] for path in ("/metrics", "/readyz")]
        worker.send_signal(signal.SIGTERM)
        worker.wait(50)

    said = "\n".join([program.log(), dump.read_text(), *shown])
    for secret in (*planted.values(), kit.secret, body):
        assert secret not in said
    log = [json.loads(line) for line in program.log().splitlines() if line.startswith("{")]
    assert {line["event"] for line in log} >= {"item matched", "delivery", "source not read"}
    assert all({"event", "level", "timestamp"} <= line.keys() for line in log)


def test_every_hit_that_nobody_is_told_of_is_logged_with_its_reason(program: Program) -> None:
    """The first poll's backlog and a story that is joined: at info, with item and story."""
    program.write("feeds.yaml", FEEDS.format(url=program.kit.feeds.url).replace("alert", "silent"))
    with program.running() as worker:
        until(lambda: "item matched" in program.log(), "the hit")
        worker.send_signal(signal.SIGTERM)
        worker.wait(50)

    [line] = [json.loads(one) for one in program.log().splitlines() if '"item matched"' in one]
    assert (line["reason"], line["alert"]) == ("backlog of a first poll", None)
    assert line["item"].startswith("i-")
    assert line["story"].startswith("s-")


def test_a_bad_edit_does_not_make_health_say_dead(program: Program) -> None:
    """A container would be restarted, and not start: the last good rules watch on."""
    with program.running():
        until(lambda: program.on_config("health").returncode == 0, "life", 60)
        program.write("rules/test.yaml", "version: 1\nrules: [{id: x, severty: high}]\n")
        until(lambda: "configuration refused" in program.log(), "the refusal")
        alive = program.on_config("health")
        told = "the files are refused"  # by the next judgement, within 15 s
        until(lambda: told in program.on_config("health", "--json").stdout, "the judgement", 60)
        ready = program.on_config("health", "--ready", "--json")

    assert alive.returncode == 0, alive
    assert ready.returncode == 1
    judged = json.loads(ready.stdout)
    assert (judged["alive"], judged["ready"]) == (True, False)
