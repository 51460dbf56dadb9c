"""Copies of a database: what cannot be copied or put back says why, and changes nothing."""

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlite_utils import Database

from monitor.cli import cli
from monitor.engine.clock import utc_now
from monitor.errors import StoreError
from monitor.store import SqliteStore
from monitor.store.backup import back_up, damage, restore
from monitor.store.survey import survey
from monitor.testing import NOW


def _made(path: Path) -> Path:
    store = SqliteStore(path)
    store.open(NOW)
    store.close()
    return path


def test_a_copy_into_a_place_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """The message names both files."""
    path = _made(tmp_path / "monitor.db")

    with pytest.raises(StoreError, match=r"monitor\.db to .*copy"):
        back_up(path, tmp_path / "missing" / "copy")


def test_the_doctor_knows_of_copies(tmp_path: Path) -> None:
    """Of the command's, by a note in the database; of Litestream's, by the files beside it."""
    path = _made(tmp_path / "monitor.db")
    before = survey(path, "health", NOW)
    done = CliRunner().invoke(cli, ["db", "backup", "--database", str(path)])
    (tmp_path / ".monitor.db-litestream" / "ltx" / "0").mkdir(parents=True)
    after = survey(path, "health", NOW)

    assert done.exit_code == 0, done.output
    assert (before.backed_up_at, before.litestream_at) == (None, None)
    for at in (after.backed_up_at, after.litestream_at):
        assert at is not None
        assert abs(utc_now() - at) < timedelta(minutes=1)


def test_a_copy_of_something_else_leaves_nothing(tmp_path: Path) -> None:
    """What is no database is not copied; no half of a copy stays."""
    path = tmp_path / "monitor.db"
    path.write_bytes(b"no database" * 1000)

    with pytest.raises(StoreError, match=r"monitor\.db"):
        back_up(path, tmp_path / "copy")
    assert [each.name for each in tmp_path.iterdir()] == ["monitor.db"]


def test_a_missing_file_is_damage_and_is_not_restored(tmp_path: Path) -> None:
    """Neither is it made by looking."""
    missing = tmp_path / "missing"

    assert damage(missing)
    with pytest.raises(StoreError, match="is no file"):
        restore(missing, tmp_path / "monitor.db", NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_is_put_where_nothing_was(tmp_path: Path) -> None:
    """On a new machine there is nothing to keep; the copy opens."""
    path = _made(tmp_path / "monitor.db")
    back_up(path, tmp_path / "copy")

    assert restore(tmp_path / "copy", tmp_path / "new" / "monitor.db", NOW) is None

    assert damage(tmp_path / "new" / "monitor.db") == ()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A file where the directory should be."""
    path = _made(tmp_path / "monitor.db")
    back_up(path, tmp_path / "copy")
    (tmp_path / "file").write_text("x")

    with pytest.raises(StoreError, match="restore of"):
        restore(tmp_path / "copy", tmp_path / "file" / "monitor.db", NOW)


def test_a_missing_reference_is_damage(tmp_path: Path) -> None:
    """A row that points to nothing is named."""
    path = _made(tmp_path / "monitor.db")
    db = Database(str(path))
    db.execute(
        "insert into attempt (outbox_id, at, outcome, took_ms, detail) values (9, '', '', 0, '')"
    )
    db.close()

    assert damage(path) == ("attempt row 1: no outbox",)


def test_the_old_log_goes_aside_with_its_file(tmp_path: Path) -> None:
    """A log (WAL) that a crash left is never read into the copy."""
    path = _made(tmp_path / "monitor.db")
    back_up(path, tmp_path / "copy")
    path.with_name("monitor.db-wal").write_bytes(b"old log")

    aside = restore(tmp_path / "copy", path, NOW)

    assert aside is not None
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"old log"
    assert not path.with_name("monitor.db-wal").exists()
