"""The store on real files: transactions, refusals, damage, a full disk, a forgotten lock."""

import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from monitor.errors import NewerSchema, OlderSchema, StoreBusy, StoreError
from monitor.model import (
    AlertId,
    Assignment,
    Item,
    ItemId,
    Message,
    Severity,
    Source,
    SourceId,
    StoryId,
    Validators,
)
from monitor.store import Outcome, SqliteStore
from monitor.store.ledger import Day
from monitor.store.outbox import ChannelState
from monitor.store.schema import migrations
from monitor.store.sqlite import pending_migrations
from monitor.testing import NOW, make_hit, make_item

LEASE = timedelta(minutes=20)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Give an open, empty store."""
    opened = SqliteStore(tmp_path / "monitor.db")
    opened.open(NOW)
    yield opened
    opened.close()


def _enqueue(store: SqliteStore, count: int, channel: str = "desk") -> None:
    with store.write() as tx:
        for number in range(count):
            message = Message(id=f"m{number}", body=b"x", headers={"a": "b"})
            tx.outbox.enqueue(AlertId(f"a{number}"), channel, "", message, NOW)


def test_a_transaction_is_whole_or_nothing(store: SqliteStore) -> None:
    """An error in the block undoes all of it, and the store goes on."""
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx.log.set_meta("a", "1")
        raise ZeroDivisionError

    with store.write() as tx:
        assert tx.log.meta("a") is None
        tx.log.set_meta("b", "2")
    with store.read() as tx:
        assert tx.log.meta("b") == "2"


def test_a_reader_sees_one_moment(store: SqliteStore) -> None:
    """What is committed while a reader looks is seen by its next look only."""
    with store.read() as before:
        assert before.log.meta("a") is None
        with store.write() as tx:
            tx.log.set_meta("a", "1")
        assert before.log.meta("a") is None
    with store.read() as after:
        assert after.log.meta("a") == "1"


def test_a_newer_schema_is_refused(store: SqliteStore) -> None:
    """A database of a newer version is left alone."""
    path = store.path
    store.close()
    db = Database(str(path))
    db.table("_sqlite_migrations").insert(
        {"migration_set": "monitor", "name": "m999_future", "applied_at": "2030"}
    )
    db.close()

    with pytest.raises(NewerSchema, match="m999_future"):
        SqliteStore(path).open(NOW)


def test_a_migration_keeps_a_copy_of_what_was(store: SqliteStore) -> None:
    """Before a schema changes the old file is copied beside it."""
    path = store.path
    with store.write() as tx:
        tx.log.set_meta("a", "1")
    store.close()
    db = Database(str(path))
    db.execute("delete from _sqlite_migrations")
    db.close()

    with pytest.raises(StoreError):
        SqliteStore(path).open(NOW)

    [copy] = path.parent.glob("*.before-migration")
    assert Database(str(copy)).execute("select value from meta").fetchall() == [("1",)]


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    """Bytes that are no database do not become an empty one."""
    path = tmp_path / "monitor.db"
    path.write_bytes(b"this is no database" * 1000)

    with pytest.raises(StoreError, match=r"monitor\.db"):
        SqliteStore(path).open(NOW)
    assert path.read_bytes().startswith(b"this is no database")


def test_a_full_disk_undoes_the_transaction_and_the_store_goes_on(store: SqliteStore) -> None:
    """SQLITE_FULL leaves no half of a poll; when there is room again it works as before."""
    assert store._writer is not None
    pages = store._writer.execute("pragma page_count").fetchone()[0]
    store._writer.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StoreError, match="full"), store.write() as tx:
        tx.log.set_meta("a", "1")
        for number in range(500):
            tx.log.set_meta(f"k{number}", "x" * 1000)

    store._writer.execute("pragma max_page_count = 1000000")
    with store.write() as tx:
        assert tx.log.meta("a") is None
        tx.log.set_meta("a", "2")
    with store.read() as tx:
        assert tx.log.meta("a") == "2"


def test_a_lock_that_is_held_is_waited_for(store: SqliteStore) -> None:
    """Another writer delays a transaction; it does not fail."""
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    release = threading.Timer(0.3, lambda: other.execute("commit"))
    release.start()

    with store.write() as tx:
        tx.log.set_meta("a", "1")

    release.join()
    other.close()


def test_a_lock_that_never_ends_is_an_error(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time-out the caller learns that somebody else holds the database."""
    assert store._writer is not None
    store._writer.execute("pragma busy_timeout = 50")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("begin immediate")

    with pytest.raises(StoreBusy), store.write():
        pass

    other.execute("rollback")
    other.close()


def test_the_claim_uses_its_index_and_does_not_sort(store: SqliteStore) -> None:
    """A long history must not slow delivery down."""
    assert store._writer is not None
    plan = store._writer.execute(
        """explain query plan select * from outbox where channel = 'a'
           and state in ('pending', 'sending') and next_at <= 'x' order by next_at, id limit 1"""
    ).fetchall()

    text = " ".join(str(row) for row in plan)
    assert "outbox_due" in text
    assert "TEMP B-TREE" not in text


def test_a_claimed_row_belongs_to_its_claimer_until_the_lease_ends(store: SqliteStore) -> None:
    """Two claims never give one row twice, but a lease that ran out gives it again."""
    _enqueue(store, 3)
    with store.write() as tx:
        first = tx.outbox.claim("desk", NOW, LEASE, 2)
        second = tx.outbox.claim("desk", NOW, LEASE, 2)
        nothing = tx.outbox.claim("desk", NOW, LEASE, 2)
        later = tx.outbox.claim("desk", NOW + LEASE, LEASE, 9)

    assert [one.id for one in first] == [1, 2]
    assert [one.id for one in second] == [3]
    assert nothing == []
    assert [one.id for one in later] == [1, 2, 3]
    assert [one.attempts for one in later] == [1, 1, 1]
    assert later[0].message == Message(id="m0", body=b"x", headers={"a": "b"})


def test_the_same_alert_is_put_into_the_outbox_once(store: SqliteStore) -> None:
    """A repeat of the same alert for the same recipient is no second message."""
    _enqueue(store, 2)
    _enqueue(store, 2)

    with store.read() as tx:
        assert tx.outbox.counts() == {"pending": 2}
        assert tx.outbox.next_due() == NOW


def test_a_settled_row_stays_settled(store: SqliteStore) -> None:
    """A late sender cannot bring a sent or cancelled row back; its try is still logged."""
    _enqueue(store, 1)
    sent = Outcome(result="sent", at=NOW, took=timedelta(0))
    retry = Outcome(result="retry", at=NOW, took=timedelta(0), retry_at=NOW, detail="late")
    with store.write() as tx:
        [claimed] = tx.outbox.claim("desk", NOW, LEASE, 1)
        assert tx.outbox.settle(claimed, sent)
        assert not tx.outbox.settle(claimed, retry)
        row = tx.outbox.row(claimed.id)

    assert row is not None
    assert row["state"] == "sent"
    assert [one["outcome"] for one in row["tries"]] == ["sent", "retry"]


def test_a_refused_channel_costs_no_try(store: SqliteStore) -> None:
    """A pause gives the row back with the tries it had."""
    _enqueue(store, 1)
    paused = Outcome(result="paused", at=NOW, took=timedelta(0), retry_at=NOW)
    with store.write() as tx:
        for _ in range(3):
            [claimed] = tx.outbox.claim("desk", NOW, LEASE, 1)
            tx.outbox.settle(claimed, paused)
        [again] = tx.outbox.claim("desk", NOW, LEASE, 1)

    assert again.attempts == 0


def test_rows_of_removed_channels_end_as_dead_with_the_reason(store: SqliteStore) -> None:
    """Nothing waits for ever for a channel that is gone."""
    _enqueue(store, 2, "old")
    with store.write() as tx:
        assert tx.outbox.retire(["desk"], NOW) == 2
        assert tx.outbox.open_rows("old") == 0
        [first, _] = tx.outbox.unalarmed_dead()
        assert first["error"] == "channel was removed"
        assert tx.outbox.retry([first["id"]], NOW) == 1
        assert tx.outbox.cancel([first["id"]], NOW) == 1
        assert tx.outbox.retry([99], NOW) == 0


def test_a_channel_that_was_never_used_is_open(store: SqliteStore) -> None:
    """Circuits are stored only when they are not plain."""
    with store.write() as tx:
        assert tx.outbox.channel("desk") == ChannelState(name="desk")
        paused = ChannelState(name="desk", paused_at=NOW, paused_why="401", probe_at=NOW)
        tx.outbox.put_channel(paused)
        tx.outbox.mark_channel_alarmed("desk", NOW)
        [known] = tx.outbox.channels()
        assert known.alarmed_at == NOW
        tx.outbox.reopen_channels()
        assert tx.outbox.channels() == ()


def test_an_item_is_never_in_two_stories(store: SqliteStore) -> None:
    """A second membership is refused by the table itself."""
    item = make_item()
    with store.write() as tx:
        tx.items.put(item)
        for name in ("s-1", "s-2"):
            tx.stories.open(StoryId(name), item, Severity.HIGH)
        tx.stories.join(StoryId("s-1"), item, Assignment(story_id=None, why=("new",)), "{}")
    with pytest.raises(StoreError), store.write() as tx:
        tx.stories.join(StoryId("s-2"), item, Assignment(story_id=None, why=("new",)), "{}")


def test_evidence_keeps_every_version_that_hit(store: SqliteStore) -> None:
    """An edit adds a row; the first one stays as it was received."""
    first = make_item(raw=b"<item>one</item>")
    second = make_item(title="Another title", raw=b"<item>two</item>")
    with store.write() as tx:
        tx.items.put(first)
        numbers = [tx.items.put_evidence(one) for one in (first, first, second)]
        tx.items.put_hits(first, [make_hit()], "set", numbers[0])
        tx.items.put_hits(second, [make_hit(), make_hit(rule="oil")], "set", numbers[2])
        hits = tx.items.hits(first.id)
        [row, _] = tx.items.recent_hits(rule=None, since=NOW - timedelta(1), limit=9)

    assert numbers[0] == numbers[1] != numbers[2]
    assert [hit.rule for hit in hits] == ["veto", "oil"]
    assert hits[0] == make_hit()
    assert row["title"] == "Another title"


def test_texts_that_no_encoding_holds_are_stored_character_for_character(
    store: SqliteStore,
) -> None:
    """Lone surrogates and NUL neither stop a poll nor shift offsets."""
    item = make_item(title="a\ud800b\x00c")
    with store.write() as tx:
        tx.items.put(item)
        stored = tx.items.get(item.id)

    assert stored is not None
    assert len(stored.title) == len(item.title)
    assert stored.title[0::2] == "abc"


def test_an_edited_item_keeps_its_first_sight(store: SqliteStore) -> None:
    """Identity, address and arrival stay; texts change."""
    item = make_item()
    edit = make_item(title="Another", seen_at=NOW + timedelta(hours=1), summary="text")
    with store.write() as tx:
        tx.items.put(item)
        tx.items.change(edit)
        stored = tx.items.get(item.url)
        assert list(tx.items.since(NOW)) == [stored]
        assert tx.items.count(NOW, NOW + timedelta(1)) == (1, 0)

    assert isinstance(stored, Item)
    assert (stored.title, stored.summary, stored.seen_at) == ("Another", "text", NOW)


def test_sources_keep_their_due_times_and_forget_with_their_address(store: SqliteStore) -> None:
    """A restart keeps due times; a new address is asked whole and at once."""
    source = Source(id=SourceId("a"), url="https://a.example.org")
    later = NOW + timedelta(hours=1)
    with store.write() as tx:
        tx.sources.sync([source], [NOW])
        tx.sources.put(
            type(tx.sources.state(source.id))(
                id=source.id, url=source.url, next_poll_at=later, polls=7
            )
        )
        tx.sources.replace_known(source.id, [b"1", b"2"])
        tx.sources.add_known(source.id, [b"2", b"3"])
        tx.sources.sync([source], [NOW])
        assert tx.sources.due(NOW) == ()
        assert tx.sources.next_due() == later
        assert tx.sources.known(source.id) == {b"1", b"2", b"3"}
        moved = Source(id=SourceId("a"), url="https://b.example.org")
        tx.sources.sync([moved], [NOW])
        assert tx.sources.due(NOW) == ("a",)
        tx.sources.sync([], [])
        assert tx.sources.states() == ()


def test_every_field_of_a_source_is_kept(store: SqliteStore) -> None:
    """Each has a value of its own, so that none can stand for another."""
    minutes = (NOW + timedelta(minutes=number) for number in range(1, 99))
    seconds = (timedelta(seconds=number) for number in range(1, 99))
    kinds: dict[Any, Any] = {
        datetime: lambda: next(minutes),
        datetime | None: lambda: next(minutes),
        timedelta | None: lambda: next(seconds),
        tuple[datetime, ...]: lambda: (next(minutes), next(minutes)),
        str: lambda: f"text {next(minutes)}",
        int: lambda: next(seconds).seconds,
        int | None: lambda: next(seconds).seconds,
        bool: lambda: True,
    }
    source = Source(id=SourceId("a"), url="https://a.example.org")
    with store.write() as tx:
        tx.sources.sync([source], [NOW])
        state = tx.sources.state(source.id)
        values = {
            one.name: kinds[one.type]()
            for one in fields(state)
            if one.name not in ("id", "url", "validators", "today")
        }
        validators = Validators(etag='"e"', last_modified="long ago", body_hash=b"\0h")
        today = Day(date="2024-03-28", polls=1, reads=2, items=3, late_items=4, hours=5)
        full = replace(state, **values, validators=validators, today=today)
        tx.sources.put(full)
        assert tx.sources.state(source.id) == full


def test_a_renamed_rule_keeps_its_history(store: SqliteStore) -> None:
    """Hits, near misses and what readers know move to the new name."""
    item = make_item()
    with store.write() as tx:
        tx.items.put(item)
        tx.items.put_hits(item, [make_hit(rule="old")], "set", tx.items.put_evidence(item))
        tx.items.put_near_misses(item, [("old", "body")])
        tx.stories.open(StoryId("s-1"), item, Severity.HIGH)
        tx.items.rename_rule("old", "new")
        assert tx.items.rules_of(item.id) == {"new"}
        assert [row["rule"] for row in tx.items.near_misses("new", 5)] == ["new"]


def test_rule_sets_are_kept_when_they_change(store: SqliteStore) -> None:
    """The same set twice in a row is one line of history."""
    with store.write() as tx:
        for name in ("a", "a", "b", "a"):
            tx.log.put_ruleset(name, {"rules/x.yaml": name}, NOW)
        assert [row["hash"] for row in tx.log.rulesets()] == ["a", "b", "a"]
        assert tx.log.ruleset_files("b") == {"rules/x.yaml": "b"}
        assert tx.log.ruleset_files("zz") is None


def test_an_unknown_item_is_none(store: SqliteStore) -> None:
    """Nothing is made up for an id that is not there."""
    with store.read() as tx:
        assert tx.items.get("i-none") is None
        assert tx.stories.get(StoryId("s-none")) is None
        assert tx.stories.story_of(ItemId("i-none")) is None
        assert tx.stories.latest() is None
        assert tx.outbox.row(1) is None
        assert tx.sources.next_due() is None
        assert tx.outbox.next_due() is None
        assert tx.log.last_digest("day", NOW) is None


def _forget_last(path: Path) -> str:
    """Make a database one of the version before; returns the migration that it now lacks."""
    db = sqlite3.connect(path)
    [(name,)] = db.execute("select name from _sqlite_migrations order by id desc limit 1")
    db.execute("delete from _sqlite_migrations where name = ?", [name])
    db.commit()
    db.close()
    return str(name)


@pytest.mark.parametrize("way", ["look", "join"])
def test_who_comes_beside_a_watch_of_an_older_version_changes_nothing(
    store: SqliteStore, way: str
) -> None:
    """The error names what is lacking and what to do; the file keeps its tables."""
    store.close()
    lacking = _forget_last(store.path)
    other = SqliteStore(store.path)

    with pytest.raises(OlderSchema, match=rf"lacks {lacking}.*monitor db migrate"):
        getattr(other, way)()

    assert pending_migrations(store.path) == (lacking,)
    assert not list(store.path.parent.glob("*.before-migration"))


@pytest.mark.parametrize("way", ["look", "join"])
def test_who_comes_beside_finds_no_database_or_one_that_is_gone(tmp_path: Path, way: str) -> None:
    """Nothing is made by looking; a volume that was not mounted is told apart."""
    store = SqliteStore(tmp_path / "monitor.db")

    with pytest.raises(StoreError, match="does not exist yet"):
        getattr(store, way)()
    (tmp_path / "monitor.db.was-here").touch()
    with pytest.raises(StoreError, match="is the volume mounted"):
        getattr(store, way)()

    assert [path.name for path in tmp_path.iterdir()] == ["monitor.db.was-here"]


@pytest.mark.parametrize("way", ["look", "join"])
def test_a_place_that_may_not_be_looked_at_is_told(tmp_path: Path, way: str) -> None:
    """The system's reason, and that it is a matter of the user; here the name is too long."""
    store = SqliteStore(tmp_path / ("x" * 300) / "monitor.db")

    with pytest.raises(StoreError, match="File name too long; run this as the user of the watch"):
        getattr(store, way)()


def test_looking_cannot_write_and_sees_what_a_writer_commits(store: SqliteStore) -> None:
    """A reader beside a writer, in a path that an address would misread."""
    odd = store.path.with_name("a?b#c%20.db")
    writer, reader = SqliteStore(odd), SqliteStore(odd)
    writer.open(NOW)
    with writer.write() as tx:
        tx.log.set_meta("a", "1")
    reader.look()

    with reader.read() as tx:
        assert tx.log.meta("a") == "1"
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            tx.log._db.execute("delete from meta")
    with pytest.raises(AssertionError), reader.write():
        pass

    reader.close()
    writer.close()


def test_a_failure_that_was_told_before_problems_were_kept_stays_told(tmp_path: Path) -> None:
    """What the column said is a problem now; the column itself is gone."""
    db = Database(sqlite3.connect(tmp_path / "old.db"))
    migrations.apply(db, stop_before="m010_health")
    db.execute(
        "insert into source (id, url, next_poll_at, failures, alarmed_at) values (?, ?, ?, ?, ?)",
        ["a", "x", NOW.isoformat(), 3, NOW.isoformat()],
    )

    migrations.apply(db)

    [problem] = db.query("select source_id, told_at from problem")
    assert problem == {"source_id": "a", "told_at": NOW.isoformat()}
    assert "alarmed_at" not in db.table("source").columns_dict
