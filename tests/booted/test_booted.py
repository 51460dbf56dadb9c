"""The service on a machine that systemd has booted: installed as printed, killed, frozen, stopped.

`make test-boot`; needs root, and systemd-container of Debian.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.acceptance.test_worker import FEEDS, OIL, VETO, until
from tests.booted.machine import Machine, NoBoot, booted, missing_tools

NAME = "sanctions-monitor"
CONFIG = f"/etc/{NAME}"
STATE = f"/var/lib/{NAME}"
MONITOR = str(Path(sys.executable).parent / "monitor")
ROUTES = """
version: 1
channels:
  hook:
    webhook: {{url: "{url}/hook", secret: "${{file:secrets/hook}}"}}
"""
SERVICE = f"""
version: 1
storage: {{database: {STATE}/monitor.db}}
polling: {{allow_networks: [127.0.0.0/8], host_gap: 1s}}
"""
MADE_UP = range(61184, 65520)  # the users of DynamicUser=

missing = missing_tools()
pytestmark = [
    pytest.mark.boot,
    pytest.mark.timeout(300),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return a machine that was booted once for all tests."""
    try:
        with booted(tmp_path_factory.mktemp("machine")) as one:
            yield one
    except NoBoot as why:
        pytest.skip(f"this machine boots no systemd: {why}")


class Service:
    """The program, installed on the machine by the commands that it prints itself."""

    def __init__(self, machine: Machine, kit: Any) -> None:
        self.machine, self.kit = machine, kit
        self.write("feeds.yaml", FEEDS.format(url=kit.feeds.url))
        self.write("routes.yaml", ROUTES.format(url=kit.hook.url))
        self.write("monitor.yaml", SERVICE)
        self.write("rules/test.yaml", kit.rules)

    def write(self, name: str, text: str) -> None:
        """Write a configuration file."""
        path = self.machine.place(f"{CONFIG}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def install(self) -> None:
        """Write the unit, and do what is printed, an editor and a look at the log excepted."""
        said = self.machine.shell(f"{MONITOR} init --systemd")
        steps = re.findall(r"^  \d+\. ([^#\n]+)", said, flags=re.MULTILINE)
        done = [one.strip() for one in steps if not re.match("editor|systemctl status", one)]
        directory, *others = (re.sub("^monitor ", f"{MONITOR} ", one) for one in done)
        self.machine.shell(directory)
        secret = self.machine.place(f"{CONFIG}/secrets/hook")
        secret.write_text(self.kit.secret)
        secret.chmod(0o600)
        for line in others:
            self.machine.shell(line)

    def systemctl(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Give a command about the service."""
        return self.machine.run("systemctl", *words, NAME)

    def shown(self) -> Mapping[str, str]:
        """Return what systemd knows of the service."""
        lines = self.systemctl("show").stdout.splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def status(self) -> str:
        """Return the one line that the program told systemd, empty before it did."""
        return self.shown().get("StatusText", "")

    def log(self) -> str:
        """Return the journal of the service."""
        return self.machine.shell(f"journalctl --sync; journalctl -u {NAME} -o cat --no-pager")

    def posts(self) -> list[Any]:
        """Return what the hook got."""
        return list(self.kit.hook.posts())

    def remove(self) -> None:
        """Leave the machine as it was, its journal excepted."""
        self.systemctl("stop")
        self.systemctl("disable")
        self.machine.shell(
            f"rm -rf {CONFIG} {STATE} /var/lib/private/{NAME} /etc/systemd/system/{NAME}.service*"
            " && systemctl daemon-reload && systemctl reset-failed"
        )


@pytest.fixture
def service(machine: Machine, kit: Any) -> Iterator[Service]:
    """Return the service, installed and running, with one feed that holds the veto."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    one = Service(machine, kit)
    try:
        one.install()
        until(lambda: len(one.posts()) == 1, "the alert")
        yield one
    finally:
        one.remove()


def test_what_is_printed_installs_a_service_that_alerts(service: Service) -> None:
    """Started by systemd as a user of its own making, with the secret lent; doctor agrees."""
    until(lambda: "all lines get on" in service.status(), "a first cycle")
    ready = [MONITOR, "health", "--ready", "--config", CONFIG]
    until(lambda: service.machine.run(*ready).returncode == 0, "a stored judgement")
    shown = service.shown()
    status = service.machine.shell(f"cat /proc/{shown['MainPID']}/status")
    (headers, body), *_ = service.posts()
    log = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    doctor = service.machine.run(MONITOR, "doctor", "--config", CONFIG)

    assert (shown["ActiveState"], shown["SubState"]) == ("active", "running")
    assert shown["StatusText"] == "all lines get on; 1 sources, 2 rules"
    user = int(re.search(r"^Uid:\t(\d+)", status, re.MULTILINE)[1])  # type: ignore[index]
    assert user in MADE_UP
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    Webhook(service.kit.secret).verify(body, headers)
    assert "delivery" in {line["event"] for line in log}
    assert service.kit.secret not in service.log()
    assert service.machine.shell(f"stat -L -c %a {STATE}") == "700\n"
    assert doctor.returncode == 0, doctor.stdout


def test_a_reload_takes_up_an_edit(service: Service) -> None:
    """`systemctl reload` at once; what is refused leaves the last good set in force."""
    more = service.kit.rules.replace("id: veto", "id: veto-2").replace("id: oil", "id: oil-2")
    service.write("rules/more.yaml", more)
    assert service.systemctl("reload").returncode == 0
    until(lambda: "4 rules" in service.status(), "the new rule")

    service.write("rules/more.yaml", "version: 1\nrules: [{id: x, severty: high}]\n")
    service.systemctl("reload")
    until(lambda: "refused" in service.status(), "the refusal")

    assert service.shown()["ActiveState"] == "active"


def test_one_that_is_killed_starts_again_and_tells_nothing_twice(service: Service) -> None:
    """SIGKILL between two items: the second arrives, the first not again."""
    service.systemctl("kill", "--signal=KILL")
    service.kit.feeds.put("/wire.xml", service.kit.rss(OIL, VETO))
    until(lambda: len(service.posts()) == 2, "the second alert", 60)

    assert service.shown()["NRestarts"] == "1"
    bodies = [body.decode() for _, body in service.posts()]
    assert [(VETO[0] in body, OIL[0] in body) for body in bodies] == [(True, False), (False, True)]


def test_one_that_stands_still_is_ended_by_the_watchdog(service: Service) -> None:
    """The process is there, and does nothing: systemd hears no WATCHDOG, and starts it anew."""
    drop_in = service.machine.place(f"/etc/systemd/system/{NAME}.service.d/watchdog.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=5s\nRestartSec=1s\n")
    service.machine.shell("systemctl daemon-reload")
    service.systemctl("restart")
    until(lambda: "all lines get on" in service.status(), "a first cycle", 60)
    before = service.shown()

    service.systemctl("kill", "--signal=STOP", "--kill-who=main")
    until(lambda: service.shown()["NRestarts"] != before["NRestarts"], "the restart", 60)
    until(lambda: "all lines get on" in service.status(), "it watches again", 60)

    assert service.shown()["MainPID"] != before["MainPID"]
    assert "Watchdog timeout" in service.log()
    assert len(service.posts()) == 1


def test_a_wrong_configuration_is_not_tried_again(service: Service) -> None:
    """Exit code 3 keeps it down, the journal has the place; mended, it starts."""
    service.systemctl("stop")
    service.write("rules/test.yaml", "version: 1\nrules: [{id: x, severty: high}]\n")
    refused = service.systemctl("start")
    shown = service.shown()

    assert refused.returncode != 0
    assert (shown["ActiveState"], shown["ExecMainStatus"]) == ("failed", "3")
    assert shown["NRestarts"] == "0"
    assert 'rules/test.yaml:2:17: error: unknown key "severty"' in service.log()

    service.write("rules/test.yaml", service.kit.rules)
    assert service.systemctl("start").returncode == 0


def test_a_stop_waits_for_what_is_under_way(service: Service) -> None:
    """A receiver that takes its time gets the whole message; nothing is sent again."""
    service.kit.hook.pause_s = 5
    service.kit.feeds.put("/wire.xml", service.kit.rss(OIL, VETO))
    until(lambda: len(service.posts()) == 2, "a message is under way")

    stopped = service.systemctl("stop")
    shown = service.shown()
    service.kit.hook.pause_s = 0
    service.systemctl("start")
    until(lambda: "all lines get on" in service.status(), "a first cycle", 60)

    assert stopped.returncode == 0
    assert (shown["Result"], shown["ActiveState"]) == ("success", "inactive")
    assert len(service.posts()) == 2
