"""The chain of evidence: what was recorded is proved, what was changed is found."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from monitor.cli import cli
from monitor.cli.options import reading
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Watch
from monitor.store import SqliteStore
from tests.kit import Kit

OIL = ("North Korea buys oil at sea", "Tankers met at night.")
VETO = ("Russia vetoes UN Security Council text", "The vote was thirteen to one.")


@pytest.fixture
def watched(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a database of two days with a configuration beside it."""
    monkeypatch.chdir(kit.folder)
    config = kit.folder / "config"
    (config / "rules").mkdir(parents=True)
    (config / "rules" / "a.yaml").write_text(kit.rules, encoding="utf-8")
    (config / "monitor.yaml").write_text("storage: {database: monitor.db}\n", encoding="utf-8")
    source = kit.source("a")

    async def work(watch: Watch) -> None:
        await decide_due(watch, kit.now)
        for entry in (OIL, VETO):
            kit.feeds.put("/a.xml", kit.rss(entry))
            await poll_source(watch, source, kit.now)
            kit.now += timedelta(days=1)
            await decide_due(watch, kit.now)
        [channel] = watch.channels.values()
        await deliver_due(watch, channel, kit.clock)

    kit.run([source], work)
    return kit.folder / "monitor.db"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments])


def _sql(database: Path, *statements: str) -> None:
    """Tamper as somebody would who has the file and knows SQL."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def _head(database: Path) -> str:
    with reading(database) as tx:
        return str(tx.chain.head())


def _printed_heads(kit: Kit) -> list[str]:
    """Return the heads that the digests printed."""
    bodies = [json.loads(body) for _, body in kit.hook.posts()]
    return [one["data"]["evidence_head"] for one in bodies if "digest" in one["type"]]


_FREE = ("drop trigger link_update", "drop trigger link_delete")


def test_a_whole_chain_is_proved_also_against_the_head_of_an_earlier_digest(
    kit: Kit, watched: Path
) -> None:
    """Each digest prints the head of its moment; later it proves all that was before."""
    first, second = _printed_heads(kit)

    whole, earlier = _run("verify"), _run("verify", "--head", first.upper()[:16])
    outcome = json.loads(_run("verify", "--head", second, "--json").stdout)

    assert whole.exit_code == earlier.exit_code == 0
    assert "each is what it was" in whole.stdout
    assert "is as it was when that hash was printed" in earlier.stdout
    assert first != second
    assert outcome["found"]["day"] == "2024-03-29"
    assert outcome["faults"] == []
    assert outcome["head"] == _head(watched)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (["update evidence set title = 'x' where number = 1"], "evidence 1 (link 2"),
        (["update evidence set raw = x'00' where number = 1"], "does not fit its SHA-256"),
        (["update hit set severity = 1 where number = 1"], "hit 1 (link 3"),
        (["update decision set reason = 'silenced' where number = 2"], "decision 2"),
        (["update activity set who = 'nobody'"], "activity 1"),
        (["delete from decision where number = 1"], "the record is gone"),
        (
            ["insert into activity (at, who, action, subject) values ('2024', 'x', 'y', 'z')"],
            "the record is not in the chain",
        ),
        ([*_FREE, "delete from link where number = 3"], "links 3 to 3 are gone"),
        ([*_FREE, "update link set entry = 'x' where number = 3"], "does not follow"),
        (
            [*_FREE, "delete from link where number > 4", "delete from decision where number = 2"],
            "the record is not in the chain",
        ),
        (
            [
                "update evidence set erased_at = captured_at, raw = x'' where number = 1",
                "update evidence set title = '', summary = '', content = '' where number = 1",
            ],
            "the record was changed",
        ),
    ],
)
def test_what_was_changed_is_found(watched: Path, tampering: list[str], said: str) -> None:
    """Changed, deleted, inserted, cut off, or blanked as if it had been erased: each is named."""
    _sql(watched, *tampering)

    result = _run("verify")

    assert result.exit_code == 1
    assert said in result.stdout


def test_a_chain_that_was_made_anew_fits_itself_and_no_earlier_head(
    kit: Kit, watched: Path
) -> None:
    """Who has the file can forge all of it; the mails that went out he cannot."""
    [first, _] = _printed_heads(kit)
    _sql(watched, *_FREE, "update evidence set title = 'forged'", "delete from link")
    store = SqliteStore(watched)
    store.open(kit.now)
    with store.write() as tx:
        tx.chain.add_all()
    store.close()

    assert _run("verify").exit_code == 0
    forged = _run("verify", "--head", first)
    assert forged.exit_code == 1
    assert "changed or cut off" in forged.stdout


def test_what_is_cut_off_at_the_end_is_found_by_a_later_head(kit: Kit, watched: Path) -> None:
    """Truncation leaves a chain that fits itself."""
    [first, second] = _printed_heads(kit)
    _sql(
        watched,
        *_FREE,
        "delete from link where day > '2024-03-28'",
        *(f"delete from {one} where number > 1" for one in ("hit", "decision", "evidence")),
    )

    assert _run("verify").exit_code == 0
    assert _run("verify", "--head", first).exit_code == 0
    assert _run("verify", "--head", second).exit_code == 1


def test_links_cannot_be_changed_by_the_program(watched: Path) -> None:
    """Triggers hold what the code promises."""
    for statement in ("update link set day = ''", "delete from link"):
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            _sql(watched, statement)


def test_an_erased_item_leaves_its_hash(kit: Kit, watched: Path) -> None:
    """Texts, entry and matched words are gone; earlier heads still prove the rest."""
    [first, _] = _printed_heads(kit)
    with reading(watched) as tx:
        [hit] = tx.items.recent_hits(rule="oil", since=kit.now - timedelta(days=9), limit=9)

    assert _run("erase", hit["id"], "--reason", "request 12", "--by", "dpo", "--yes").exit_code == 0
    again = _run("erase", hit["id"], "--reason", "request 12", "--yes")
    outcome = json.loads(_run("verify", "--head", first, "--json").stdout)

    assert again.exit_code == 1
    assert outcome["erased"] == 1
    assert outcome["faults"] == []
    assert outcome["found"] is not None
    with closing(sqlite3.connect(watched)) as db:
        kept = "".join(line for line in db.iterdump() if '"outbox"' not in line)
    assert "Tankers met" not in kept
    assert hit["sha256"] in kept
    assert "request 12" in kept
    assert _run("show", hit["story"]).exit_code == 0
    _sql(watched, "update evidence set title = 'back again' where erased_at is not null")
    assert "holds texts" in _run("verify").stdout


def test_old_evidence_is_pruned_when_asked(kit: Kit, watched: Path) -> None:
    """And only then; the chain stays whole."""
    assert _run("db", "prune").stdout == "4 messages dropped\n"
    assert "2 items erased" in _run("db", "prune", "--evidence-days", "1").stdout
    assert "0 items erased" in _run("db", "prune", "--evidence-days", "1").stdout
    assert _run("verify").exit_code == 0


def test_a_database_of_before_the_chain_begins_one(kit: Kit, watched: Path) -> None:
    """What is stored by then is bound, in order; the rest follows."""
    with reading(watched) as tx:
        before = tx.chain.count()
    _sql(
        watched,
        "drop table link",
        *(f"alter table evidence drop column {one}" for one in ("erased_at", "erased_by")),
        "alter table evidence drop column erased_why",
        "delete from _sqlite_migrations where name = 'm032_chain'",
    )
    store = SqliteStore(watched)
    store.open(kit.now)
    store.close()

    with reading(watched) as tx:
        assert tx.chain.count() == before
    assert _run("verify").exit_code == 0


def test_the_head_of_each_day_that_is_over_is_logged_once(kit: Kit) -> None:
    """Also of days without a tick; a clock that goes back logs nothing."""

    async def work(watch: Watch) -> list[Any]:
        source = kit.source("a")
        kit.feeds.put("/a.xml", kit.rss(OIL))
        await poll_source(watch, source, kit.now)
        logged: list[Any] = []
        with capture_logs() as lines:
            for hours in (0, 1, 4, 30, 2, 100):
                await decide_due(watch, kit.now + timedelta(hours=hours))
            logged += [one for one in lines if one["event"] == "evidence of a day"]
        return logged

    logged = kit.run([kit.source("a")], work)

    assert [(one["day"], one["records"]) for one in logged] == [("2024-03-28", 4)]
    assert logged[0]["head"] == _head(kit.folder / "monitor.db")


def test_a_day_never_goes_back(kit: Kit) -> None:
    """A clock that ran ahead leaves its day; what follows belongs to it."""

    async def work(watch: Watch) -> Any:
        def note(days: int) -> Any:
            at = kit.now + timedelta(days=days)
            return watch.write(lambda tx: tx.log.put_activity(at, "x", "note", "s-1"))

        for days in (0, 30, -3650, 1):
            await note(days)
        return await watch.read(lambda tx: [row["day"] for row in tx.chain._db.query(
            "select day from link order by number desc limit 4")])  # fmt: skip

    assert kit.run([], work)[::-1] == ["2024-03-28", "2024-04-27", "2024-04-27", "2024-04-27"]
    assert _verify_of(kit.folder / "monitor.db") == ()


def _verify_of(database: Path) -> Any:
    with reading(database) as tx:
        return tx.chain.verify().faults


def test_a_head_that_is_none_is_refused(watched: Path) -> None:
    """A few digits could be found by chance; so could nothing be erased by mistake."""
    assert "at least 12" in _run("verify", "--head", "abc").output
    assert "at least 12" in _run("verify", "--head", "not a hash at all").output
    assert _run("erase", "i-none", "--reason", "x", "--yes").exit_code == 1
    assert _run("erase", "i-none", "--reason", " ", "--yes").exit_code == 2
    assert _run("erase", "i-none", "--reason", "x").exit_code == 1  # nobody says yes
