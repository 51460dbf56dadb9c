"""`monitor doctor` on planted faults, each a real one: what it says, and what to do."""

import fcntl
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.engine.clock import utc_now
from monitor.store import SqliteStore
from tests import kit as kit_module
from tests.acceptance.test_worker import VETO, Program, until

DESK = """
version: 1
channels:
  hook:
    webhook: {{url: "${{HOOK}}/hook", secret: "${{SECRET}}"}}
  desk:
    email: {{to: desk@example.org, from: m@example.org, smtp: "smtp://localhost:{port}",
            user: desk, password: "${{file:secrets/mail}}", ca_file: "{ca_file}"}}
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and owners need root")


class Patient:
    """A healthy installation that ran once, and what the doctor says of it."""

    def __init__(self, program: Program, mailbox: Any) -> None:
        self.program = program
        self.folder = program.kit.folder
        self.database = self.folder / "data" / "monitor.db"
        self.secret = program.config / "secrets" / "mail"
        self.mailbox = mailbox
        self.secret.parent.mkdir(mode=0o700)
        self.put_secret(mailbox.password.decode())
        routes = DESK.format(port=mailbox.port, ca_file=mailbox.ca_file)
        program.write("routes.yaml", routes)
        self.units = self.folder / "units"
        self.units.mkdir()

    def put_secret(self, text: str) -> None:
        """Write the password of the mail server."""
        self.secret.write_text(text)
        self.secret.chmod(0o600)

    def write(self, sql: str, *values: object) -> None:
        """Change the database beside the program."""
        db = sqlite3.connect(self.database)
        db.execute(sql, values)
        db.commit()
        db.close()

    def judge(self, age: timedelta) -> None:
        """Store that a watch was well so long ago."""
        judged = {"at": (utc_now() - age).isoformat(), "alive": True, "ready": True, "problems": []}
        sql = "insert or replace into meta values ('health', ?)"
        self.write(sql, json.dumps(judged))

    def examined(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the doctor."""
        return self.program.on_config("doctor", "--units", str(self.units), *words)

    def found(self, check: str) -> tuple[int, list[dict[str, str]]]:
        """Return the exit code and the warnings and faults of a check."""
        done = self.examined("--json")
        rows = json.loads(done.stdout)["findings"]
        bad = [row for row in rows if row["grade"] in ("warning", "fault")]
        assert all(row["means"] and row["what_to_do"] for row in bad)
        return done.returncode, [row for row in bad if row["check"] == check]


@pytest.fixture
def patient(kit: Any, mailbox: Any) -> Patient:
    """Return an installation with a source, a webhook and a mail server, all well."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    patient = Patient(Program(kit), mailbox)
    patient.database.parent.mkdir(mode=0o700)
    store = SqliteStore(patient.database)
    store.open(utc_now())
    store.close()
    return patient


def test_a_healthy_watch_gets_no_warning(patient: Patient) -> None:
    """With the worker running and after it; nothing is sent by looking."""
    with patient.program.running() as process:
        until(lambda: patient.program.on_config("health", "--ready").returncode == 0, "health")
        running = patient.examined("--json")
        posts, mails = len(patient.program.kit.hook.posts()), len(patient.mailbox.taken)
        process.terminate()
        process.wait(30)
    after = patient.examined()

    rows = json.loads(running.stdout)["findings"]
    assert {row["grade"] for row in rows} <= {"ok", "note"}, running.stdout
    assert running.returncode == 0
    said = {row["check"]: row["said"] for row in rows}
    assert str(process.pid) in said["watch"]
    assert "logged in" in "".join(row["said"] for row in rows if row["check"] == "channels")
    assert after.returncode == 0
    assert after.stdout.rstrip().endswith("All is well.")
    assert (len(patient.program.kit.hook.posts()), len(patient.mailbox.taken)) == (posts, mails)


# ---------------------------------------------------------------- the disk


@contextmanager
def _mounted(folder: Path, size: str) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@needs_root
def test_a_full_disk(patient: Patient) -> None:
    """A file system without a free block."""
    with _mounted(patient.database.parent, "2m"):
        with suppress(OSError), (patient.database.parent / "x").open("wb", buffering=0) as file:
            while file.write(b"\0" * 65_536):
                pass
        code, [volume, *_] = patient.found("volume")
        _, [disk] = patient.found("disk")

    assert code == 1
    assert (volume["grade"], disk["grade"]) == ("fault", "fault")
    assert "No space left" in volume["said"]
    assert "monitor db prune" in disk["what_to_do"]


@needs_root
def test_a_disk_that_is_read_only(patient: Patient) -> None:
    """As after a file system error; root cannot write there either."""
    with _mounted(patient.database.parent, "2m"):
        subprocess.run(["mount", "-o", "remount,ro", str(patient.database.parent)], check=True)
        code, [volume] = patient.found("volume")

    assert code == 1
    assert "Read-only file system" in volume["said"]
    assert "remount" in volume["what_to_do"]


def test_a_volume_that_was_emptied(patient: Patient) -> None:
    """The mark is there, the database is not."""
    for path in patient.database.parent.glob("monitor.db*"):
        if path.suffix != ".was-here":
            path.unlink()

    code, [volume] = patient.found("volume")

    assert code == 1
    assert volume["grade"] == "fault"
    assert "monitor db restore" in volume["what_to_do"]


# ---------------------------------------------------------------- permissions


@pytest.mark.parametrize("what", ["database", "secret"])
def test_files_that_others_can_read(patient: Patient, what: str) -> None:
    """The database and secret files are the owner's alone."""
    path: Path = getattr(patient, what)
    path.chmod(0o644)

    code, [row] = patient.found("permissions")

    assert code == 1
    assert row["what_to_do"] == f"chmod 600 {path}"


@needs_root
def test_a_file_that_another_user_left(patient: Patient) -> None:
    """A lock made by root keeps the service from starting."""
    os.chown(patient.database.parent, 12345, 12345)
    os.chown(patient.database, 12345, 12345)

    code, rows = patient.found("permissions")

    assert code == 1
    assert [row["grade"] for row in rows] == ["fault"]
    assert "monitor.db.was-here belongs to user 0" in rows[0]["said"]
    assert "chown --reference" in rows[0]["what_to_do"]


@needs_root
def test_what_root_makes_beside_the_service_belongs_to_it(patient: Patient) -> None:
    """A cycle, a copy and its restore by root leave nothing that the service cannot write to."""
    folder = patient.database.parent
    for path in folder.iterdir():
        path.unlink()
    os.chown(folder, 12345, 12345)
    run = patient.program.on_config

    done = [run("once"), run("db", "backup", str(folder / "copy")),
            run("db", "restore", str(folder / "copy"))]  # fmt: skip

    assert [one.returncode for one in done] == [0, 0, 0]
    assert {path.name: path.stat().st_uid for path in folder.iterdir()} == dict.fromkeys(
        (path.name for path in folder.iterdir()), 12345
    )
    assert patient.found("permissions")[1] == []


# ---------------------------------------------------------------- configuration


def test_a_secret_that_is_missing(patient: Patient) -> None:
    """The place in the file is named, exit code 3; the rest is still looked at."""
    patient.secret.unlink()

    code, [row] = patient.found("configuration")

    assert code == 3
    assert "secret file secrets/mail cannot be read" in row["said"]
    assert "routes.yaml:" in row["said"]


def test_a_unit_of_another_version_and_a_directory_that_it_needs(patient: Patient) -> None:
    """An outdated unit is a warning; a directory of secrets that is missing stops the service."""
    unit = patient.units / "sanctions-monitor.service"
    patient.program.run("init", str(patient.folder / "none"), "--systemd", "--unit", str(unit))
    text = unit.read_text().splitlines()
    text[0] = "# Written by sanctions-monitor 0.0.1, form 00000000."
    unit.write_text("\n".join(text) + "\n")

    code, rows = patient.found("unit file")

    assert code == 1
    assert [row["grade"] for row in rows] == ["fault", "warning"]
    assert rows[0]["what_to_do"] == f"install -d -m 700 {patient.folder}/none/secrets"


# ---------------------------------------------------------------- the database


def test_a_damaged_page(patient: Patient) -> None:
    """Bytes in the middle that no longer are a page."""
    size = patient.database.stat().st_size
    with patient.database.open("r+b") as file:
        for page in range(4096 * 3, size, 4096 * 5):
            file.seek(page)
            file.write(b"\xa5" * 4096)

    code, rows = patient.found("database")

    assert code == 1
    assert rows[0]["grade"] == "fault"
    assert "monitor db restore" in rows[0]["what_to_do"]


def test_a_log_that_nobody_folds_back(patient: Patient) -> None:
    """A reader that was forgotten while 70 MB were written."""
    reader = sqlite3.connect(patient.database, isolation_level=None)
    reader.execute("begin")
    reader.execute("select count(*) from meta").fetchall()
    writer = sqlite3.connect(patient.database)
    for number in range(7):
        writer.execute("insert into meta values (?, ?)", [f"x{number}", "x" * 10_000_000])
        writer.commit()

    code, [row] = patient.found("database")
    writer.close()
    reader.close()

    assert code == 1
    assert "fuser -v" in row["what_to_do"]


def test_databases_of_other_versions(patient: Patient) -> None:
    """An older one waits for a restart, a newer one for the newer program."""
    sql = "insert into _sqlite_migrations values (999, 'monitor', 'm999_future', '2030')"
    patient.write(sql)
    _, [newer] = patient.found("database")
    patient.write("delete from _sqlite_migrations where id > 1")
    _, [older] = patient.found("database")

    assert (newer["grade"], older["grade"]) == ("fault", "warning")
    assert "migrate --dry-run" in older["what_to_do"]


# ---------------------------------------------------------------- the watch


def test_a_watch_that_ended_unseen(patient: Patient) -> None:
    """It was heard of hours ago, and nobody holds the lock."""
    patient.judge(timedelta(hours=5))

    code, [row] = patient.found("watch")

    assert code == 1
    assert "no watch is running" in row["said"]
    assert "systemctl start" in row["what_to_do"]


def test_a_lock_that_somebody_holds_without_working(patient: Patient) -> None:
    """A watch that hangs, or a process that inherited its lock: it is named."""
    patient.judge(timedelta(hours=5))
    lock = patient.database.with_name("monitor.db.lock")
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, [row] = patient.found("watch")

    assert code == 1
    assert f"process {os.getpid()}" in row["said"]
    assert "systemctl restart" in row["what_to_do"]


# ---------------------------------------------------------------- messages


def _outbox(patient: Patient, state: str) -> None:
    patient.write(
        """insert into outbox (alert_id, channel, recipient, message_id, body, headers, state,
             next_at, created_at, settled_at, error)
           values ('a-1', 'desk', 'ana@example.org', '<a@b>', x'00', '{}', ?1, ?2, ?2, ?2, 'no')""",
        state,
        "2026-01-02T00:00:00.000000+00:00",
    )


def test_messages_that_died_and_a_channel_that_is_paused(patient: Patient) -> None:
    """Both are told, with the commands that mend them."""
    _outbox(patient, "dead")
    patient.write(
        "insert or replace into channel (name, paused_at, paused_why) values ('desk', ?, '535 no')",
        "2026-01-02T00:00:00.000000+00:00",
    )

    code, rows = patient.found("messages")

    assert code == 1
    assert "1 could not be delivered since 2026-01-02" in rows[0]["said"]
    assert "monitor outbox retry" in rows[0]["what_to_do"]
    assert 'channel "desk" is paused since 2026-01-02 00:00 UTC: 535 no' in rows[1]["said"]


# ---------------------------------------------------------------- the network


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_receiver_that_refuses_the_connection(patient: Patient) -> None:
    """A webhook's port on which nobody listens."""
    patient.program.env["HOOK"] = f"http://127.0.0.1:{_closed_port()}"

    code, [row] = patient.found("channels")

    assert code == 1
    assert '"hook" (webhook)' in row["said"]
    assert "connect" in row["said"]
    assert "monitor notify test hook" in row["what_to_do"]


def test_a_password_that_the_mail_server_refuses(patient: Patient) -> None:
    """535 at AUTH; no mail is sent by trying."""
    patient.put_secret("wrong")

    code, [row] = patient.found("channels")

    assert code == 1
    assert "535" in row["said"]
    assert "wrong" not in row["said"]
    assert not patient.mailbox.taken


def test_a_source_that_does_not_answer(patient: Patient) -> None:
    """The only one: then it is the network."""
    feeds = (patient.program.config / "feeds.yaml").read_text()
    closed = f"http://127.0.0.1:{_closed_port()}"
    patient.program.write("feeds.yaml", feeds.replace(patient.program.kit.feeds.url, closed))

    code, [row] = patient.found("sources")

    assert code == 1
    assert row["grade"] == "fault"
    assert "none of 1 could be reached" in row["said"]


@pytest.mark.parametrize(
    ("skew_s", "grade"), [(130, "warning"), (-3_600, "fault")], ids=["behind", "ahead"]
)
def test_a_clock_that_is_wrong(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, skew_s: int, grade: str
) -> None:
    """The Date header of what is read tells."""
    real: Callable[..., str] = kit_module._Handler.date_time_string
    monkeypatch.setattr(
        kit_module._Handler,
        "date_time_string",
        lambda self: real(self, utc_now().timestamp() + skew_s),
    )

    code, [row] = patient.found("clock")

    assert code == 1
    assert row["grade"] == grade
    assert "timedatectl" in row["what_to_do"]


def test_few_open_files(patient: Patient) -> None:
    """A limit that is too low for many sources."""
    command = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh"]
    words = ["python", "-m", "monitor", "doctor", "--json", "--offline"]
    done = subprocess.run(
        [*command, *words, "--config", str(patient.program.config), "--units", str(patient.units)],
        env={**patient.program.env, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    rows = json.loads(done.stdout)["findings"]
    assert [row["check"] for row in rows if row["grade"] == "warning"] == ["limits"]


# ---------------------------------------------------------------- what is told


def test_the_block_for_an_issue_names_nobody(patient: Patient) -> None:
    """No recipient, no host of a channel, no secret, no home; versions and findings are there."""
    _outbox(patient, "dead")
    patient.write(
        """insert or replace into channel (name, paused_at, paused_why)
           values ('desk', ?, 'RCPT TO ana@example.org: 550 at mail.bank.example:587')""",
        "2026-01-02T00:00:00.000000+00:00",
    )
    patient.program.env["HOOK"] = f"http://127.0.0.1:{_closed_port()}"

    done = patient.examined("--paste")

    assert done.returncode == 1
    assert "1 dead" in done.stdout
    assert "channels: email, webhook" in done.stdout
    hidden = ("ana@", "desk@example.org", "bank.example", patient.program.kit.secret,
              patient.mailbox.password.decode(), "127.0.0.1")  # fmt: skip
    assert [word for word in hidden if word in done.stdout] == []


def test_without_a_network_nothing_is_asked(patient: Patient) -> None:
    """--offline leaves sources and receivers alone."""
    done = patient.examined("--offline")

    assert done.returncode == 0
    assert not patient.program.kit.feeds.requests
    assert "not asked" in done.stdout
