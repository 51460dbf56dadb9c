"""Full disks, locks, damage, migrations, backups, old rows (F3, F6-F9, F40, F43, F44).

What one transaction does under a full disk or a lock stands in tests/integration/store.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor.errors import StoreError
from monitor.model import AlertId, Message
from monitor.pipeline import poll_source
from monitor.steps.circuit import LEASE
from monitor.steps.watch import Watch
from monitor.store import Outcome, SqliteStore
from monitor.store.backup import back_up, damage, restore
from monitor.store.schema import migrations
from monitor.store.sqlite import pending_migrations
from monitor.testing import NOW
from tests.faults.conftest import Lane, deliver, put, states

VETO = ("Russia vetoes UN Security Council text", "Thirteen voted for it.")
OIL = ("North Korea buys oil at sea", "Tankers met at night.")


def test_f3_a_kill_during_a_migration_leaves_the_old_or_the_new_tables(tmp_path: Path) -> None:
    """Before every statement of the first opening; the second one always ends with all tables."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.migrate_driver", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kills) > 20
    assert len({(kill["tables"], kill["count"]) for kill in kills}) == 1


# ---------------------------------------------------------------- F6, F7


async def _on_writer(watch: Watch, statement: str) -> None:
    """Run a statement on the writer's own connection."""

    def run() -> None:
        assert watch.store._writer is not None
        watch.store._writer.execute(statement).fetchall()

    await asyncio.get_running_loop().run_in_executor(watch.writer, run)


def test_f6_a_full_disk_between_sending_and_settling_repeats_nothing(lane: Lane) -> None:
    """The outcome is kept until there is room again; the message is not sent a second time."""
    hook = lane.kit.hook

    async def work(watch: Watch) -> Any:
        await put(watch, 3, "hook")
        loop, full = asyncio.get_running_loop(), asyncio.Event()

        def accept(count: int) -> int:
            if count == 1:
                asyncio.run_coroutine_threadsafe(_fill(watch), loop).result(10)
                loop.call_soon_threadsafe(full.set)
            return 200

        hook.status = accept
        lane_task = asyncio.create_task(deliver(watch, lane.kit, "hook"))
        await full.wait()
        await asyncio.sleep(1.5)
        assert not lane_task.done()
        await _on_writer(watch, "pragma max_page_count = 1000000")
        return await lane_task, await states(watch)

    results, found = lane.run(work)

    assert results == ["sent"] * 3
    assert found == {"sent": 3}
    assert len(hook.posts()) == 3


async def _fill(watch: Watch) -> None:
    """Leave not one page to grow into."""

    def run() -> None:
        assert watch.store._writer is not None
        db = watch.store._writer
        db.execute("create table if not exists ballast (x blob)")
        (pages,) = db.execute("pragma page_count").fetchone()
        db.execute(f"pragma max_page_count = {pages}").fetchall()
        for size in (1000, 10):
            while True:
                try:
                    db.execute("insert into ballast values (zeroblob(?))", [size])
                    db.execute(
                        "insert into attempt (outbox_id, at, outcome, took_ms, detail)"
                        " select id, '', 'ballast', 0, ? from outbox limit 1",
                        ["x" * size],
                    )
                except sqlite3.OperationalError:
                    break

    await asyncio.get_running_loop().run_in_executor(watch.writer, run)


def test_f6_a_full_disk_during_a_poll_leaves_nothing_half(kit: Any) -> None:
    """The poll is undone whole, validators too; with room again the next one brings it all."""
    long = "Tankers met at night. " * 1000
    kit.feeds.put("/a.xml", kit.rss(VETO, (OIL[0], long)), etag='"1"')
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await _fill(watch)
        with pytest.raises(StoreError, match="full"):
            await poll_source(watch, source, kit.now)
        await _on_writer(watch, "pragma max_page_count = 1000000")
        after_fault = await watch.read(
            lambda tx: (tx.outbox.counts(), tx.sources.state(source.id).validators.etag)
        )
        report = await poll_source(watch, source, kit.now)
        return after_fault, report.new_items, await states(watch)

    after_fault, new_items, found = kit.run([source], work)

    assert after_fault == ({}, "")
    assert (new_items, found) == (2, {"pending": 2})


@contextmanager
def _tmpfs(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small file system; needs to be root."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = os.getuid() == 0 and subprocess.run(command, check=False, capture_output=True)
    if not mounted or mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_f6_a_file_system_that_is_full_is_survived(tmp_path: Path) -> None:
    """On a real full disk: what is committed stays, what is not leaves no trace."""
    with _tmpfs(tmp_path / "small", "1m") as folder:
        store = SqliteStore(folder / "monitor.db")
        store.open(NOW)
        ballast = folder / "ballast"
        committed = 0
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(StoreError):
            while True:
                _enqueue(store, f"a{committed}", b"x" * 5000)
                committed += 1
        ballast.unlink()
        _enqueue(store, "later", b"x")
        with store.read() as tx:
            assert tx.outbox.counts() == {"pending": committed + 1}
        store.verify()
        store.close()


def _enqueue(store: SqliteStore, name: str, body: bytes) -> None:
    with store.write() as tx:
        tx.outbox.enqueue(AlertId(name), "desk", "", Message(id=name, body=body), NOW)


@pytest.mark.parametrize(
    "seconds", [1.5, pytest.param(30, marks=[pytest.mark.long, pytest.mark.timeout(90)])]
)
def test_f7_a_lock_of_another_process_costs_time_and_nothing_else(
    lane: Lane, seconds: float
) -> None:
    """A backup tool holds the database while a message is out: it is settled afterwards, once."""
    hook = lane.kit.hook
    path = lane.kit.folder / "monitor.db"
    held = threading.Event()

    def hold() -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("begin immediate")
        held.set()
        threading.Event().wait(seconds)
        other.execute("commit")
        other.close()

    holder = threading.Thread(target=hold)

    def accept(count: int) -> int:
        if count == 1:
            holder.start()
            held.wait(5)
        return 200

    async def work(watch: Watch) -> Any:
        await put(watch, 3, "hook")
        await _on_writer(watch, "pragma busy_timeout = 500")
        hook.status = accept
        while (found := await states(watch)) != {"sent": 3}:
            try:
                await deliver(watch, lane.kit, "hook")
            except StoreError:  # the claim; the engine's next tick tries again
                await asyncio.sleep(0.2)
        return found

    began = time.monotonic()
    lane.run(work)
    holder.join()

    assert len(hook.posts()) == 3
    assert time.monotonic() - began < seconds + 5


# ---------------------------------------------------------------- F8, F9


def _filled(path: Path, rows: int) -> SqliteStore:
    store = SqliteStore(path)
    store.open(NOW)
    with store.write() as tx:
        for number in range(rows):
            message = Message(id=f"m{number}", body=b"x" * 900)
            tx.outbox.enqueue(AlertId(f"a{number}"), "desk", "", message, NOW)
    return store


@pytest.mark.parametrize("part", ["header", "page"])
def test_f8_a_damaged_file_is_refused_with_what_to_do_and_the_copy_comes_back(
    tmp_path: Path, part: str
) -> None:
    """A page in the middle, or the header: the start says so and names the way back."""
    path = tmp_path / "monitor.db"
    store = _filled(path, 2000)
    back_up(path, tmp_path / "copy")
    store.close()
    with path.open("r+b") as file:
        file.seek(0 if part == "header" else path.stat().st_size // 2 // 4096 * 4096)
        file.write(os.urandom(4096 * (1 if part == "header" else 8)))

    with pytest.raises(StoreError, match="monitor db restore"):
        _start(SqliteStore(path))
    assert damage(path)
    aside = restore(tmp_path / "copy", path, NOW)

    assert aside is not None
    assert aside.exists()
    back = _start(SqliteStore(path))
    with back.read() as tx:
        assert tx.outbox.counts() == {"pending": 2000}
    back.close()


def _start(store: SqliteStore) -> SqliteStore:
    try:
        store.open(NOW)
        store.verify()
    except StoreError:
        store.close()
        raise
    return store


def test_f8_after_a_restore_repeats_carry_the_same_id_and_bytes(lane: Lane) -> None:
    """What went out after the copy was made goes out again and can be recognised."""
    path = lane.kit.folder / "monitor.db"

    async def first(watch: Watch) -> None:
        await put(watch, 5, "hook")
        back_up(path, lane.kit.folder / "copy")
        await deliver(watch, lane.kit, "hook")

    async def second(watch: Watch) -> None:
        await deliver(watch, lane.kit, "hook")

    lane.run(first)
    restore(lane.kit.folder / "copy", path, NOW)
    lane.run(second)

    posts = [(headers["webhook-id"], body) for headers, body in lane.kit.hook.posts()]
    assert len(posts) == 10
    assert len(set(posts)) == 5


@pytest.mark.parametrize("copy", ["no database", "other"])
def test_f8_what_is_no_copy_of_ours_is_not_restored(tmp_path: Path, copy: str) -> None:
    """The database stays as it is."""
    path = tmp_path / "monitor.db"
    _filled(path, 1).close()
    before = path.read_bytes()
    other = tmp_path / "other"
    if copy == "other":
        Database(str(other)).execute("create table a (b)")
    else:
        other.write_bytes(b"no database" * 1000)

    with pytest.raises(StoreError, match="not restored"):
        restore(other, path, NOW)
    assert path.read_bytes() == before


def test_f8_an_empty_volume_is_not_begun_anew(tmp_path: Path) -> None:
    """Where a database was, its absence is an error; with the marker gone it is a first start."""
    path = tmp_path / "monitor.db"
    _filled(path, 1).close()
    path.unlink()

    with pytest.raises(StoreError, match="is the volume mounted"):
        SqliteStore(path).open(NOW)
    assert not path.exists()
    path.touch()
    with pytest.raises(StoreError, match="is the volume mounted"):
        _start(SqliteStore(path))
    path.with_name("monitor.db.was-here").unlink()
    _start(SqliteStore(path)).close()


def test_f9_a_backup_beside_a_busy_writer_is_quick_and_whole(tmp_path: Path) -> None:
    """Twenty megabytes within two seconds, while another connection commits all the time."""
    path = tmp_path / "monitor.db"
    store = _filled(path, 18_000)
    stop = threading.Event()
    written = [0]

    def write() -> None:
        while not stop.is_set():
            _enqueue(store, f"b{written[0]}", b"x" * 900)
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        began = time.monotonic()
        back_up(path, tmp_path / "copy")
        took = time.monotonic() - began
    finally:
        stop.set()
        writer.join()
        store.close()

    size = (tmp_path / "copy").stat().st_size
    print(f"F9: {size / 1e6:.0f} MB in {took:.2f} s beside {written[0] / took:.0f} writes a second")
    assert took < 2 * max(size / 20e6, 1)
    assert written[0] > 0
    assert damage(tmp_path / "copy") == ()
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(StoreError, match="not written over"):
        back_up(path, tmp_path / "copy")


# ---------------------------------------------------------------- F40, F43, F44


def _settled(path: Path, count: int) -> SqliteStore:
    store = SqliteStore(path)
    store.open(NOW)
    assert store._writer is not None
    with store.write():
        store._writer.execute(
            """with recursive n (n) as (select 1 union all select n + 1 from n where n < ?)
               insert into outbox (alert_id, channel, recipient, message_id, body, headers, state,
                 next_at, created_at, settled_at)
               select 'old' || n, 'desk', '', 'old' || n, x'00', '{}', 'sent', ?, ?, ? from n""",
            [count, *[NOW.isoformat(timespec="microseconds")] * 3],
        )
    return store


def _claims(store: SqliteStore, count: int, prefix: int) -> float:
    """Return the seconds of CPU that so many claims with their settlement take."""
    for number in range(count):
        _enqueue(store, f"a{prefix}-{number}", b"x")
    began = time.process_time()
    for _ in range(count):
        with store.write() as tx:
            [delivery] = tx.outbox.claim("desk", NOW, LEASE, 1)
        with store.write() as tx:
            tx.outbox.settle(delivery, Outcome(result="sent", at=NOW, took=timedelta()))
    return time.process_time() - began


def test_f40_a_claim_does_not_grow_with_what_was_sent(tmp_path: Path) -> None:
    """Beside 200,000 settled rows a claim and its settlement cost at most twice."""
    empty, full = _settled(tmp_path / "e.db", 1), _settled(tmp_path / "f.db", 200_000)
    try:
        ratio = min(_claims(full, 100, n) / _claims(empty, 100, n) for n in range(3))
    finally:
        empty.close()
        full.close()

    print(f"F40: {ratio:.2f} times the cost of an empty table")
    assert ratio <= 2


def test_f43_retention_drops_old_bytes_and_nothing_that_is_needed(tmp_path: Path) -> None:
    """Rows of every state, all old: only accepted ones lose their bytes, and none its identity."""
    store = SqliteStore(tmp_path / "monitor.db")
    store.open(NOW)
    for name in ("pending", "sending", "sent", "dead", "cancelled", "fresh"):
        _enqueue(store, name, b"bytes of " + name.encode())
    with store.write() as tx:
        claimed = {row.message.id: row for row in tx.outbox.claim("desk", NOW, LEASE, 9)}
        for name, at in (("sent", NOW), ("fresh", NOW + timedelta(days=99))):
            tx.outbox.settle(claimed[name], Outcome(result="sent", at=at, took=timedelta()))
        dead = Outcome(result="dead", at=NOW, took=timedelta())
        tx.outbox.settle(claimed["dead"], dead)
        again = Outcome(result="retry", at=NOW, retry_at=NOW, took=timedelta())
        for name in ("pending", "cancelled"):
            tx.outbox.settle(claimed[name], again)
        tx.outbox.cancel([claimed["cancelled"].id], NOW)

    with store.write() as tx:
        assert tx.outbox.forget_bodies(NOW + timedelta(days=90)) == 1
        assert tx.outbox.forget_bodies(NOW + timedelta(days=90)) == 0
    _enqueue(store, "sent", b"the same alert again")

    with store.read() as tx:
        rows = {row["alert_id"]: tx.outbox.row(row["id"]) for row in tx.outbox.rows(None, 99)}
    store.close()
    kept = {name: row["body"] for name, row in rows.items() if row}
    assert kept == {
        **{name: b"bytes of " + name.encode() for name in rows},
        "sent": b"",
    }
    assert rows["sent"]["state"] == "sent"  # type: ignore[index]


def test_f44_a_database_of_the_release_before_opens_with_a_copy_kept(tmp_path: Path) -> None:
    """A set of migrations that grew by one: the copy is whole, the rows are there."""
    path = tmp_path / "monitor.db"
    _filled(path, 10).close()

    kept = [*migrations._migrations]

    @migrations()
    def m999_next(db: Database) -> None:
        db.execute("alter table meta add column next text")

    try:
        assert pending_migrations(path) == ("m999_next",)
        store = _start(SqliteStore(path))
        assert pending_migrations(path) == ()
        with store.read() as tx:
            assert tx.outbox.counts() == {"pending": 10}
        store.close()
    finally:
        migrations._migrations[:] = kept
    [copy] = tmp_path.glob("*.before-migration")
    assert damage(copy) == ()


def test_rows_outlive_a_clock_that_is_set_back(lane: Lane) -> None:
    """What is due in ten years, by a clock that was wrong, goes out after the next start."""
    right = lane.kit.now

    async def ahead(watch: Watch) -> None:
        lane.kit.now = right + timedelta(days=3650)
        lane.kit.hook.status = lambda count: 503
        await put(watch, 1, "hook")
        await deliver(watch, lane.kit, "hook")

    async def back(watch: Watch) -> Any:
        lane.kit.hook.status = lambda count: 200
        return await deliver(watch, lane.kit, "hook")

    lane.run(ahead)
    lane.kit.now = right
    assert lane.run(back) == ["sent"]
