"""The numbered edge cases that need the whole line: polls, stories, alerts, due times."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from monitor.model import Health, Reason, Source
from monitor.pipeline import deliver_due, poll_source
from monitor.steps.record import PollReport
from monitor.steps.watch import Watch

VETO = ("Russia vetoes UN Security Council text", "The vote was thirteen to one.")
OIL = ("North Korea buys oil at sea", "Tankers met at night.")
NOISE = ("Weather stays fine", "Sun over the bay.")


async def _reads(watch: Watch, kit: Any, source: Source, pages: Sequence[str]) -> list[PollReport]:
    """Poll a source once an hour; each time another page stands there."""
    reports = []
    for page in pages:
        kit.feeds.put("/a.xml", page)
        reports.append(await poll_source(watch, source, kit.now))
        for channel in watch.channels.values():
            await deliver_due(watch, channel, kit.clock)
        kit.now += timedelta(hours=1)
    return reports


def _polled(kit: Any, pages: Sequence[str], **changes: Any) -> list[PollReport]:
    source = kit.source("a", **changes)
    reports: list[PollReport] = kit.run([source], lambda watch: _reads(watch, kit, source, pages))
    return reports


def _reasons(report: PollReport) -> list[Reason]:
    return [told.decision.reason for told in report.told]


def test_edge_05_and_20_a_date_of_the_feed_that_moves_is_no_news(kit: Any) -> None:
    """The body differs, the items do not: nothing is stored again, nobody is told."""
    page = kit.rss(VETO)
    later = page.replace("<title>News", "<lastBuildDate>now</lastBuildDate><title>News")

    first, second = _polled(kit, [page, later])

    assert (first.new_items, len(kit.hook.posts())) == (1, 1)
    assert (second.result, second.new_items, second.changed_items) == ("read", 0, 0)


def test_edge_24_the_first_item_after_an_empty_feed_alerts(kit: Any) -> None:
    """A feed that began empty has no backlog."""
    _, second = _polled(kit, [kit.rss(), kit.rss(VETO)], first_poll="digest")

    assert _reasons(second) == [Reason.NEW_STORY]


@pytest.mark.parametrize(
    ("first_poll", "reason"), [("digest", Reason.BACKLOG), ("alert", Reason.NEW_STORY)]
)
def test_edge_25_the_backlog_of_a_new_feed_alerts_only_when_asked(
    kit: Any, first_poll: str, reason: Reason
) -> None:
    """What stood there before anybody watched is no news."""
    [report] = _polled(kit, [kit.rss(VETO)], first_poll=first_poll)

    assert _reasons(report) == [reason]
    assert len(kit.hook.posts()) == (1 if first_poll == "alert" else 0)


def test_edge_26_ids_that_change_with_every_fetch_tell_nothing_twice(kit: Any) -> None:
    """Other ids, other items; one story all the same."""
    pages = [kit.rss(VETO).replace("<guid>", f"<guid>{n}-") for n in range(3)]

    reports = _polled(kit, pages)

    assert len({told.story_id for report in reports for told in report.told}) == 1
    assert len(kit.hook.posts()) == 1


def test_edge_30_a_typo_is_quiet_and_a_new_rule_is_told(kit: Any) -> None:
    """After an edit people hear again only when another rule hits."""
    title, text = VETO
    pages = [
        kit.rss((title, text)),
        kit.rss((title, text.replace("thirteen", "13"))),
        kit.rss((title, text + " North Korea gets its oil.")),
    ]

    first, typo, more = _polled(kit, pages)

    assert (first.new_items, typo.changed_items, more.changed_items) == (1, 1, 1)
    assert len(kit.hook.posts()) == 2
    assert not any(reason.sends for reason in _reasons(typo))
    assert all(reason.sends for reason in _reasons(more))


def test_edge_31_an_item_that_comes_back_is_known(kit: Any) -> None:
    """Gone from the feed for a poll, then there again: no second alert."""
    reports = _polled(kit, [kit.rss(VETO, NOISE), kit.rss(NOISE), kit.rss(NOISE, VETO)])

    assert [report.new_items for report in reports] == [2, 0, 0]
    assert len(kit.hook.posts()) == 1


def test_edge_32_one_article_in_two_feeds_is_one_story(kit: Any) -> None:
    """Both items are kept, people are told once."""
    one, two = kit.source("one"), kit.source("two")
    for name in ("one", "two"):
        kit.feeds.put(f"/{name}.xml", kit.rss(VETO))

    async def work(watch: Watch) -> Any:
        return [await poll_source(watch, source, kit.now) for source in (one, two)]

    reports = kit.run([one, two], work)

    assert [report.new_items for report in reports] == [1, 1]
    assert len({report.told[0].story_id for report in reports}) == 1
    assert _reasons(reports[1]) == [Reason.JOINED]


def test_edge_33_a_window_that_rolled_over_is_told_as_a_possible_gap(kit: Any) -> None:
    """Nothing in the document was known; a reversed order and a grown feed are no gap."""
    pages = [
        kit.rss(*[(f"Old {n}", "") for n in range(5)]),
        kit.rss(*[(f"Old {n}", "") for n in reversed(range(5))]),
        kit.rss(*[(f"Old {n}", "") for n in range(4)], ("Fresh", "")),
        kit.rss(*[(f"Other {n}", "") for n in range(5)]),
    ]

    reports = _polled(kit, pages)

    assert [report.has_gap for report in reports] == [False, False, False, True]


@pytest.mark.parametrize("sign", ["\u200b", "\u200e", "\u200f", "\u00ad", "\ufeff"])
def test_edge_37_invisible_signs_within_a_word_hide_nothing(kit: Any, sign: str) -> None:
    """Zero-width and direction marks are no letters; the quoted span is as published."""
    title = f"Russia ve{sign}toes UN Security{sign} Council text"

    [report] = _polled(kit, [kit.rss((title, ""))])

    assert [told.hits[0].rule for told in report.told] == ["veto"]


def test_edge_06_a_source_that_moved_is_asked_at_its_new_address(kit: Any) -> None:
    """Three sightings over a day; before that the old address is asked, and redirects."""
    source = kit.source("a", url=f"{kit.feeds.url}/old.xml")
    kit.feeds.put("/new.xml", kit.rss(VETO))
    kit.feeds.put("/old.xml", b"", 301, Location=f"{kit.feeds.url}/new.xml")

    async def work(watch: Watch) -> Any:
        for hours in (0, 12, 24, 25, 26):
            await poll_source(watch, source, kit.now + timedelta(hours=hours))
        return await watch.read(lambda tx: (tx.sources.state(source.id), tx.ledger.open_episodes()))

    state, [moved] = kit.run([source], work)

    asked = [path for _, path, _, _ in kit.feeds.requests]
    assert asked == ["/old.xml", "/new.xml"] * 3 + ["/new.xml"] * 2
    assert state.permanent_url == f"{kit.feeds.url}/new.xml"
    assert (moved.state, moved.since) == (Health.MOVED, kit.now)
    assert moved.detail == f"moved for good, asked at {kit.feeds.url}/new.xml"


def test_edge_06_a_maintenance_page_is_no_move(kit: Any) -> None:
    """A permanent redirect to a page that is no feed is a failure each time, never believed."""
    source = kit.source("a", url=f"{kit.feeds.url}/old.xml")
    kit.feeds.put("/page", "<!doctype html><html><body>Back soon</body></html>")
    kit.feeds.put("/old.xml", b"", 301, Location=f"{kit.feeds.url}/page")

    async def work(watch: Watch) -> Any:
        for hours in (0, 12, 24, 36):
            await poll_source(watch, source, kit.now + timedelta(hours=hours))
        kit.feeds.put("/old.xml", kit.rss(VETO))
        return await poll_source(watch, source, kit.now + timedelta(hours=48))

    assert kit.run([source], work).result == "read"


def test_edge_08_and_09_what_a_server_asks_for_is_stored(kit: Any) -> None:
    """A Retry-After holds the source and its neighbours on the host, a 410 suspends its own."""
    busy, near = kit.source("busy", every=timedelta(minutes=5)), kit.source("near")
    gone = kit.source("gone", url=kit.feeds.url.replace("127.0.0.1", "127.0.0.2") + "/gone.xml")
    kit.feeds.put("/busy.xml", b"", 503, Retry_After="3600")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, busy, kit.now)
        return await watch.read(lambda tx: tx.sources.states())

    states = {one.id: one for one in kit.run([busy, near, gone], work)}

    for name in ("busy", "near"):
        wait = states[name].next_poll_at - kit.now
        assert timedelta(hours=1) <= wait < timedelta(hours=1, seconds=5), name
    assert states["gone"].next_poll_at == kit.now
    assert states["busy"].error_kind == "busy"


def test_a_source_that_nobody_pinned_learns_its_pace(kit: Any) -> None:
    """After a document with dates it is polled by them; a pinned one by what was written."""
    page = "".join(
        f"<item><title>n{hour}</title><guid>{hour}</guid>"
        f"<pubDate>Thu, 28 Mar 2024 {hour:02}:00:00 +0000</pubDate></item>"
        for hour in range(1, 21, 4)
    )
    kit.feeds.put("/a.xml", f"<rss version='2.0'><channel>{page}</channel></rss>")
    pinned = kit.source("a", every=timedelta(minutes=10))
    free = replace(pinned, is_pinned=False)

    async def work(watch: Watch, source: Source) -> Any:
        return (await poll_source(watch, source, kit.now)).next_poll_at - kit.now

    waits = [kit.run([one], partial(work, source=one)) for one in (pinned, free)]

    assert timedelta(minutes=8) < waits[0] < timedelta(minutes=12)
    assert timedelta(minutes=105) < waits[1] < timedelta(minutes=135)
