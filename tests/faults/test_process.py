"""The program as a whole: signals, two of them, a password mended, the database's commands."""

import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from monitor.store import SqliteStore
from monitor.store.schema import migrations
from monitor.store.sqlite import pending_migrations
from monitor.testing import NOW
from tests.acceptance.test_worker import OIL, VETO, Program, until

TWO_HOOKS = """
version: 1
channels:
  hook:
    webhook: {url: "${HOOK}/hook", secret: "${SECRET}"}
  second:
    webhook: {url: "${HOOK}/second", secret: "${SECRET}"}
"""
MAIL = """
version: 1
channels:
  desk:
    email: {{to: desk@example.org, from: m@example.org, smtp: "smtp://localhost:{port}",
            user: desk, password: "${{file:{secret}}}", ca_file: "{ca_file}"}}
"""


@pytest.fixture
def program(kit: Any) -> Program:
    """Return the program with a feed of two stories."""
    kit.feeds.put("/wire.xml", kit.rss(VETO, OIL))
    return Program(kit)


def _states(program: Program) -> dict[str, int]:
    done = program.on_config("outbox", "list", "--json")
    found: dict[str, int] = {}
    for row in json.loads(done.stdout or "[]"):
        found[row["state"]] = found.get(row["state"], 0) + 1
    return found


def test_f4_a_stop_lets_what_is_in_flight_end_and_repeats_nothing(program: Program) -> None:
    """SIGTERM while every lane waits for its receiver: each message arrives once."""
    program.write("routes.yaml", TWO_HOOKS)
    program.kit.hook.pause_s = 1.0

    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) >= 2, "both lanes are sending")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(50) == 0
    before = [(path, h["webhook-id"]) for _, path, h, _ in program.kit.hook.requests]
    program.kit.hook.pause_s = 0.0
    program.on_config("once")

    after = [(path, h["webhook-id"]) for _, path, h, _ in program.kit.hook.requests]
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 4
    assert _states(program) == {"sent": 4}


def test_f5_a_second_instance_leaves_with_exit_code_five(program: Program) -> None:
    """It names the lock; the first one goes on; a restore is refused just so."""
    with program.running() as worker:
        until(lambda: len(program.kit.hook.posts()) == 2, "the first one delivers")
        second = program.on_config("run")
        copy = program.kit.folder / "copy"
        backup = program.on_config("db", "backup", str(copy))
        restore = program.on_config("db", "restore", str(copy))

        assert worker.poll() is None
    assert (second.returncode, restore.returncode) == (5, 5)
    assert "another monitor works on" in second.stderr
    assert backup.returncode == 0, backup.stderr
    assert copy.exists()


@pytest.mark.long
def test_f8_the_way_back_from_damage_by_the_commands(program: Program) -> None:
    """Backup, damage, a start that is refused, check, restore, and on it goes."""
    program.on_config("once")
    path: Path = program.kit.folder / "data" / "monitor.db"
    copy = program.kit.folder / "copy"
    assert program.on_config("db", "backup", str(copy)).returncode == 0
    assert "whole" in program.on_config("db", "check").stdout
    path.write_bytes(b"\x00" * 4096 + path.read_bytes()[4096:])

    refused = program.on_config("once")
    check = program.on_config("db", "check")
    restored = program.on_config("db", "restore", str(copy))
    program.on_config("once")

    assert refused.returncode == 1
    assert "monitor db restore" in refused.stderr
    assert check.returncode == 1
    assert restored.returncode == 0, restored.stderr
    assert _states(program) == {"sent": 2}
    assert len(program.kit.hook.posts()) == 2, "the copy knew that all was sent"


@pytest.mark.long
def test_f44_versions_older_and_newer(program: Program) -> None:
    """Nothing to migrate is told; a newer schema is refused with exit code 6, untouched."""
    program.on_config("once")
    path = program.kit.folder / "data" / "monitor.db"

    dry = program.on_config("db", "migrate", "--dry-run")
    with sqlite3.connect(path) as db:
        db.execute("insert into _sqlite_migrations values (999, 'monitor', 'm999_future', '2030')")
    db.close()
    newer = [program.on_config(*words).returncode for words in (("once",), ("db", "migrate"))]

    assert (dry.returncode, dry.stdout) == (0, "nothing to migrate\n")
    assert newer == [6, 6]


def test_f44_what_looks_never_migrates_beside_an_older_watch(program: Program) -> None:
    """Listings and triage refuse and say what to do, the dry run tells; only a start migrates."""
    path = program.kit.folder / "data" / "monitor.db"
    kept = [*migrations._migrations]
    try:
        migrations._migrations[:] = kept[:1]
        store = SqliteStore(path)
        store.open(NOW)
        store.close()
    finally:
        migrations._migrations[:] = kept

    commands = (("hits",), ("health",), ("ack", "s-1"), ("silence", "list"))
    refused = [program.on_config(*words) for words in commands]
    dry = program.on_config("db", "migrate", "--dry-run")

    assert {answer.returncode for answer in refused} == {1}
    for answer in refused:
        assert "monitor db migrate" in answer.stderr
    assert "would be applied" in dry.stdout
    assert "which is whole afterwards" in dry.stdout
    assert len(pending_migrations(path)) == len(kept) - 1
    assert not list(path.parent.glob("*.before-migration"))


def test_f43_prune_and_an_empty_volume(program: Program) -> None:
    """Old bytes are dropped and the rows stay; a database that vanished is not begun anew."""
    program.on_config("once")
    pruned = program.on_config("db", "prune", "--days", "0")
    again = program.on_config("once")
    path = program.kit.folder / "data" / "monitor.db"
    for each in path.parent.glob("monitor.db*"):
        if each.suffix != ".was-here":
            each.unlink()
    gone = program.on_config("once")

    assert pruned.stdout == "2 messages dropped\n"
    assert again.returncode == 0
    assert len(program.kit.hook.posts()) == 2
    assert gone.returncode == 1
    assert "is the volume mounted" in gone.stderr


def test_f23_a_password_that_is_mended_is_taken_up_by_sighup(
    program: Program, mailbox: Any
) -> None:
    """535 pauses; after the file is right and SIGHUP, each mail arrives once."""
    secret = program.kit.folder / "password"
    secret.write_text("wrong\n")
    program.write(
        "routes.yaml", MAIL.format(port=mailbox.port, secret=secret, ca_file=mailbox.ca_file)
    )
    with program.running() as worker:
        until(lambda: '"result": "paused"' in program.log(), "the password is refused")
        secret.write_text("s3cret\n")
        worker.send_signal(signal.SIGHUP)
        until(lambda: len(mailbox.taken) >= 2, "the mails arrive")
        worker.send_signal(signal.SIGTERM)
        worker.wait(50)

    assert len(mailbox.taken) == 2
    assert "wrong" not in program.log().replace("wrong-content", "")


def test_f38_all_dead_letters_are_replayed_by_one_command(program: Program) -> None:
    """`outbox retry --dead` sends each again with its id; numbers and --dead exclude each other."""
    hook = program.kit.hook
    hook.status = lambda count: 301 if count <= 2 else 200

    program.on_config("once")
    others = program.on_config("outbox", "retry", "--dead", "--channel", "other")
    replayed = program.on_config("outbox", "retry", "--dead")
    program.on_config("once")
    wrong = [program.on_config("outbox", "retry", *words) for words in ([], ["1", "--dead"])]

    assert others.stdout == "0 of 0 messages changed\n"
    assert replayed.stdout == "2 of 2 messages changed\n"
    posts = [(headers["webhook-id"], body) for headers, body in hook.posts()]
    assert sorted(posts[:2]) == sorted(posts[2:4])
    assert [done.returncode for done in wrong] == [2, 2]
