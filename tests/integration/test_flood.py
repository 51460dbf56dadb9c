"""A document with very many new items: taken in by portions, nothing lost, nobody held up."""

from datetime import timedelta
from typing import Any

import pytest

from monitor import pipeline
from monitor.errors import StoreError
from monitor.pipeline import decide_due, poll_source
from monitor.steps import record
from monitor.steps.watch import Watch

FLOOD = [(f"North Korea imports oil by ship number {n}", f"Tanker {n} was seen.") for n in range(7)]
NOISE = [(f"Weather stays fine on day {n}", "Sun over the bay.") for n in range(3)]


@pytest.fixture(autouse=True)
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take in two items in a transaction."""
    monkeypatch.setattr(record, "AT_ONCE", 2)


async def _tables(watch: Watch) -> dict[str, list[dict[str, Any]]]:
    """Return what a poll stores, without the numbers of rows."""
    tables = ("item", "hit", "member", "decision", "alert", "outbox", "entry", "source")
    wanted = "select * from {} order by 1"

    def rows(tx: Any) -> dict[str, list[dict[str, Any]]]:
        return {name: list(tx.items._db.query(wanted.format(name))) for name in tables}

    return await watch.read(rows)


def test_portions_store_what_one_transaction_would(
    kit: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The report too."""
    kit.feeds.put("/a.xml", kit.rss(*FLOOD, *NOISE))
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, kit.now)
        counts = (report.new_items, report.changed_items, len(report.told))
        return counts, [one.decision for one in report.told], await _tables(watch)

    by_portions = kit.run([source], work)
    kit.folder = tmp_path / "whole"
    kit.folder.mkdir()
    monkeypatch.setattr(record, "AT_ONCE", 100)
    whole = kit.run([source], work)

    assert by_portions[0] == (10, 0, 7)
    assert by_portions == whole


def test_others_come_between_the_portions(kit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the writer gets it before the flood is over."""
    kit.feeds.put("/a.xml", kit.rss(*FLOOD))
    source = kit.source("a")
    order: list[str] = []

    async def work(watch: Watch) -> None:
        def noting(*args: Any, **named: Any) -> Any:
            if not order:
                watch.writer.submit(order.append, "another")
            order.append("portion")
            return record.take(*args, **named)

        monkeypatch.setattr(pipeline, "take", noting)
        await poll_source(watch, source, kit.now)

    kit.run([source], work)

    assert order == ["portion", "another", "portion", "portion"]


@pytest.mark.parametrize("portion", [1, 2, 3])
def test_a_flood_that_breaks_off_goes_on_with_the_next_poll(
    kit: Any, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    """What was taken in stays and is told once; with the rest the feed counts as read."""
    kit.feeds.put("/a.xml", kit.rss(*FLOOD), etag='"1"')
    source = kit.source("a")
    undisturbed = ["new story", *["joined a known story"] * 6]
    taken: list[int] = []
    store_one = record._store_one

    def refusing(*args: Any) -> Any:
        taken.append(1)
        if len(taken) == 2 * portion:
            raise StoreError("the disk is full")
        return store_one(*args)

    async def work(watch: Watch) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(record, "_store_one", refusing)
            with pytest.raises(StoreError):
                await poll_source(watch, source, kit.now)
        state = await watch.read(lambda tx: tx.sources.state(source.id))
        assert (state.last_ok_at, state.validators.etag) == (None, "")
        report = await poll_source(watch, source, kit.now)
        assert report.new_items == 7 - 2 * (portion - 1)
        last = await poll_source(watch, source, kit.now)
        await decide_due(watch, kit.now + timedelta(minutes=1))
        return last.result, await _tables(watch)

    result, tables = kit.run([source], work)

    assert result == "unchanged"
    assert [row["reason"] for row in tables["decision"]] == undisturbed
    assert (len(tables["item"]), len(tables["outbox"])) == (7, 1)


def test_an_item_that_we_failed_on_is_taken_up_although_a_later_portion_is_lost(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its portion stands, so that it must count as unread by itself."""
    kit.feeds.put("/a.xml", kit.rss(*FLOOD))
    source = kit.source("a")
    calls: list[str] = []

    def failing(tx: Any, watch: Any, cause: Any) -> Any:
        calls.append(cause.item.title)
        raise ZeroDivisionError if len(calls) == 1 else StoreError("the disk is full")

    async def work(watch: Watch) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(record, "tell_story", failing)
            with pytest.raises(StoreError):
                await poll_source(watch, source, kit.now)
        report = await poll_source(watch, source, kit.now)
        return [one.item.title for one in report.told]

    titles = kit.run([source], work)

    assert sorted(titles) == sorted(title for title, _ in FLOOD)
