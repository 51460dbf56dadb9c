"""The promises at their edges: what a digest, an edit, a move or a fault could lose or double."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from monitor import rules
from monitor.config import Config, ServiceSettings, write_defaults
from monitor.engine.local import once, sync
from monitor.errors import StoreBusy
from monitor.model import Reason
from monitor.notify import Channel
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.service import Opened, Reloader
from monitor.steps.edits import Edit
from monitor.steps.tell import Cause, story_alert
from monitor.steps.watch import RecentStories, Watch
from monitor.stories import Fingerprint, Window, assign, story_id
from tests.kit import unused_post

VETO = ("Russia vetoes UN Security Council text", "The vote was thirteen to one.")
OIL = ("North Korea buys oil at sea", "Tankers met at night.")


async def _bodies(watch: Watch) -> list[bytes]:
    """Return what stands in the outbox, newest first."""
    return await watch.read(
        lambda tx: [
            bytes((tx.outbox.row(row["id"]) or {})["body"]) for row in tx.outbox.rows(None, 99)
        ]
    )


def test_a_poll_that_ends_after_the_digest_closed_is_in_the_next_one(kit: Any) -> None:
    """Digests read by order of arrival, so a slow poll falls into no gap."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    source = kit.source("a", first_poll="digest")
    kit.now = kit.now.replace(hour=6, minute=0)

    async def work(watch: Watch) -> Any:
        await decide_due(watch, kit.now)
        parse = watch.parse

        async def slow(document: Any, known: Any) -> Any:
            await decide_due(watch, kit.now.replace(hour=7, second=5))
            return await parse(document, known)

        watch.parse = slow
        began = kit.now.replace(minute=59, second=58)
        report = await poll_source(watch, source, began)
        await decide_due(watch, kit.now.replace(hour=7) + timedelta(days=1))
        return report, await _bodies(watch)

    report, (second, first) = kit.run([source], work)

    assert report.told[0].decision.reason is Reason.BACKLOG
    assert VETO[0].encode() not in first
    assert VETO[0].encode() in second


def test_an_edit_that_is_left_for_the_digest_is_in_it(kit: Any) -> None:
    """A known article that turns critical raises its story and stands in the next digest."""
    source = kit.source("a")
    kit.now = kit.now.replace(hour=5)

    async def work(watch: Watch) -> Any:
        await decide_due(watch, kit.now)
        kit.feeds.put("/a.xml", kit.rss(OIL))
        await poll_source(watch, source, kit.now)
        await decide_due(watch, kit.now.replace(hour=7))
        kit.feeds.put("/a.xml", kit.rss((OIL[0], "Russia vetoes it in the Security Council.")))
        report = await poll_source(watch, source, kit.now.replace(hour=9))
        await decide_due(watch, kit.now.replace(hour=7) + timedelta(days=1))
        story = await watch.read(lambda tx: tx.stories.get(report.told[0].story_id))
        return report, story, await _bodies(watch)

    report, story, bodies = kit.run([source], work, routes=())

    assert report.told[0].decision.reason is Reason.DIGESTED
    assert story.severity.label == "critical"
    assert OIL[0].encode() in bodies[0]


def test_a_digest_counts_every_story(kit: Any) -> None:
    """Two hundred and forty stories are counted, also where a payload lists fewer."""
    words = [f"{x}{y}{z}q" for x in "bcdfgh" for y in "aeiou" for z in "klmnprst"]
    items = [(f"North Korea oil {w} {n * 7919}", f"{w} {w} {n}") for n, w in enumerate(words)]
    kit.feeds.put("/a.xml", kit.rss(*items))
    source = kit.source("a", first_poll="digest")
    kit.now = kit.now.replace(hour=6)

    async def work(watch: Watch) -> Any:
        await decide_due(watch, kit.now)
        report = await poll_source(watch, source, kit.now)
        await decide_due(watch, kit.now.replace(hour=7))
        return {told.story_id for told in report.told}, await _bodies(watch)

    stories, [body] = kit.run([source], work)

    assert json.loads(body)["data"]["story_count"] == len(stories) == 240


def test_the_words_marked_in_an_edited_article_are_those_that_matched(kit: Any) -> None:
    """Texts, spans and hash of an article in an alert belong to one version of it."""
    one, two = kit.source("a"), kit.source("b")
    kit.feeds.put("/a.xml", kit.rss(VETO))
    kit.feeds.put("/b.xml", kit.rss(VETO, base="https://b.example.org"))

    async def work(watch: Watch) -> Any:
        await poll_source(watch, one, kit.now)
        edited = kit.rss(VETO).replace("<title>Russia", "<title>UPDATE 2: Moscow, that is Russia,")
        kit.feeds.put("/a.xml", edited)
        await poll_source(watch, one, kit.now + timedelta(minutes=30))
        told = (await poll_source(watch, two, kit.now + timedelta(minutes=31))).told[0]

        def alert(tx: Any) -> Any:
            story = tx.stories.get(told.story_id)
            cause = Cause(story=story, item=told.item, hits=told.hits, reason=Reason.ANOTHER_RULE)
            return story_alert(tx, watch.settings, cause)

        return await watch.read(alert)

    alert = kit.run([one, two], work)

    assert len(alert.articles) == 2
    for article in alert.articles:
        for span in (span for why in article.why for span in why.matched):
            assert getattr(article, span.field)[span.start : span.end] == span.text


def test_a_sitemap_index_without_a_readable_child_is_a_failure(kit: Any) -> None:
    """Every child is a 404: the source fails and alarms, it is not read well."""
    index = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap><loc>'
    kit.feeds.put("/a.xml", f"{index}{kit.feeds.url}/none.xml</loc></sitemap></sitemapindex>")
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        hours = [kit.now + timedelta(hours=number) for number in range(3)]
        results = [(await poll_source(watch, source, now)).result for now in hours]
        return results, await decide_due(watch, kit.now + timedelta(hours=6))

    results, due = kit.run([source], work)

    assert results == ["failed"] * 3
    assert due.alarms == ("Not read: a",)


def test_documents_that_break_off_are_told(kit: Any) -> None:
    """What they hold is read, the source is truncated since the first, and three alarm."""
    kit.feeds.put("/a.xml", kit.rss(VETO, OIL)[:-150])
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        hours = [kit.now + timedelta(hours=number) for number in range(4)]
        cuts = [(await poll_source(watch, source, now)).partial for now in hours]
        due = await decide_due(watch, kit.now + timedelta(hours=6))
        kit.feeds.put("/a.xml", kit.rss(VETO, OIL))
        state = await watch.read(lambda tx: tx.sources.state(source.id))
        await poll_source(watch, source, kit.now + timedelta(hours=7))
        return cuts, due, state, await watch.read(lambda tx: tx.sources.state(source.id))

    cuts, due, cut, whole = kit.run([source], work)

    assert cuts == [True] * 4
    assert len(due.alarms) == 1
    assert (cut.error_kind, cut.failing_since) == ("truncated", kit.now)
    assert (whole.error_kind, whole.failures, whole.failing_since) == ("", 0, None)


def test_the_rest_of_a_backlog_that_came_cut_is_no_news(kit: Any) -> None:
    """The first document breaks off; what the next one adds was there before."""
    whole = kit.rss(VETO, OIL)
    source = kit.source("a", first_poll="digest")

    async def work(watch: Watch) -> Any:
        kit.feeds.put("/a.xml", whole[:-150])
        await poll_source(watch, source, kit.now)
        kit.feeds.put("/a.xml", whole)
        return await poll_source(watch, source, kit.now + timedelta(minutes=1))

    report = kit.run([source], work)

    assert [told.decision.reason for told in report.told] == [Reason.BACKLOG]


def test_the_backlog_at_a_new_address_is_no_news(kit: Any) -> None:
    """An analyst corrects a feed's address: what already stands there goes to the digest."""
    source = kit.source("a", first_poll="digest")
    kit.feeds.put("/a.xml", kit.rss(OIL))
    kit.feeds.put("/new.xml", kit.rss(VETO))
    moved = replace(source, url=f"{kit.feeds.url}/new.xml")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        watch.settings = replace(watch.settings, sources={source.id: moved})
        await watch.write(lambda tx: sync(tx, watch, Edit(who=""), kit.now))
        return await poll_source(watch, moved, kit.now)

    report = kit.run([source], work)

    assert [told.decision.reason for told in report.told] == [Reason.BACKLOG]


class Bad:
    """A channel with a fault of ours."""

    name = "bad"

    def recipients(self) -> Sequence[str]:
        return ("",)

    def compose(self, alert: Any, recipient: str) -> Any:
        raise ValueError("a fault of ours")


def test_a_channel_that_cannot_compose_keeps_no_other_from_it(kit: Any) -> None:
    """The healthy channel has its message; the broken one a dead row with the reason."""
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        for number in range(3):
            await poll_source(watch, source, kit.now + timedelta(hours=number))
        watch.channels = {**watch.channels, "bad": Bad()}  # type: ignore[dict-item]
        watch.settings = replace(watch.settings, ops_channels=("bad", "hook"))
        await decide_due(watch, kit.now + timedelta(hours=6))
        return await watch.read(lambda tx: tx.outbox.rows(None, 9))

    rows = {row["channel"]: row for row in kit.run([source], work)}

    assert rows["hook"]["state"] == "pending"
    assert rows["bad"]["state"] == "dead"
    assert "a fault of ours" in rows["bad"]["error"]


def test_a_message_in_flight_of_a_removed_channel_is_sent_not_dead(kit: Any) -> None:
    """Its sender settles it; only what waits ends with the channel."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        kit.hook.pause_s = 0.5
        sending = asyncio.create_task(deliver_due(watch, watch.channels["hook"], kit.clock))
        async with asyncio.timeout(20):
            while not kit.hook.posts():  # noqa: ASYNC110 (a server in a thread has no event)
                await asyncio.sleep(0.01)
        watch.channels = {}
        await watch.write(lambda tx: sync(tx, watch, Edit(who=""), kit.now))
        [outcome] = await sending
        return outcome.result, await watch.read(lambda tx: tx.outbox.counts())

    assert kit.run([source], work) == ("sent", {"sent": 1})


def test_one_cycle_survives_a_fault_of_ours(kit: Any) -> None:
    """`once` reads the other sources and reports the one that failed."""
    sources = [kit.source("a"), kit.source("b")]
    kit.feeds.put("/b.xml", kit.rss(OIL))

    async def work(watch: Watch) -> Any:
        fetch = watch.fetch

        async def faulty(source: Any, validators: Any) -> Any:
            if source.id == "a":
                raise RuntimeError("a fault of ours")
            return await fetch(source, validators)

        watch.fetch = faulty
        return await once(watch, kit.clock, 4, lambda _: None)

    cycle = kit.run(sources, work)

    assert {report.source.id: report.result for report in cycle.reports} == {
        "a": "failed",
        "b": "read",
    }


def test_a_poll_ends_with_the_rules_it_began_with(kit: Any) -> None:
    """A rule that is renamed while a poll is under way costs no hit."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    source = kit.source("a")
    renamed = kit.rules.replace("id: veto", "id: veto2\n    was: veto")
    new = rules.load([("rules/test.yaml", renamed)])

    async def work(watch: Watch) -> Any:
        parse = watch.parse

        async def reloading(document: Any, known: Any) -> Any:
            reading = await parse(document, known)
            watch.settings = replace(watch.settings, ruleset=new)
            return reading

        watch.parse = reloading
        return await poll_source(watch, source, kit.now)

    report = kit.run([source], work)

    assert [hit.rule for hit in report.told[0].hits] == ["veto"]
    assert report.told[0].decision.reason is Reason.NEW_STORY


def test_a_reload_that_the_database_refused_is_tried_again(kit: Any, tmp_path: Path) -> None:
    """Settings and table change together; a busy database delays both."""
    config = tmp_path / "config"
    write_defaults(config)
    feed = "version: 1\nfeeds:\n  - {id: brandnew, url: 'https://x.example.org/f'}\n"

    async def work(watch: Watch) -> Any:
        def no_channels(_: Config) -> Mapping[str, Channel]:
            return {}

        reloader = Reloader(
            directory=config,
            started=ServiceSettings(),
            environ={},
            opened=Opened(watch=watch, channels_for=no_channels, post=unused_post),
            clock=kit.clock,
            on_refused=lambda _: None,
        )
        (config / "feeds.yaml").write_text(feed)
        write = watch.write

        async def busy(step: Any) -> Any:
            raise StoreBusy("locked")

        watch.write = busy  # type: ignore[method-assign]
        await reloader.look()
        before = set(watch.settings.sources)
        watch.write = write  # type: ignore[method-assign]
        await reloader.look()
        states = await watch.read(lambda tx: tx.sources.states())
        return before, set(watch.settings.sources), {state.id for state in states}

    assert kit.run([kit.source("a")], work) == ({"a"}, {"brandnew"}, {"brandnew"})


def test_a_merged_story_knows_what_its_readers_know(kit: Any) -> None:
    """After a merge the next article of either event is no news to anybody."""
    one, two, three = kit.source("a"), kit.source("b"), kit.source("c")
    kit.feeds.put("/a.xml", kit.rss(VETO))
    kit.feeds.put("/b.xml", kit.rss(OIL))
    kit.feeds.put("/c.xml", kit.rss(VETO, base="https://c.example.org"))

    async def work(watch: Watch) -> Any:
        first = (await poll_source(watch, one, kit.now)).told[0]
        second = (await poll_source(watch, two, kit.now)).told[0]

        def join(tx: Any) -> None:
            known, target = tx.stories.get(first.story_id), tx.stories.get(second.story_id)
            tx.stories.move([first.item.id], target.id)
            tx.stories.absorb(target, known)
            tx.log.put_activity(kit.now, "ann", "merge", target.id)

        await watch.write(join)
        report = await poll_source(watch, three, kit.now + timedelta(minutes=5))
        return second, report, await watch.read(lambda tx: tx.stories.get(second.story_id))

    second, report, story = kit.run([one, two, three], work)

    assert report.told[0].story_id == second.story_id
    assert report.told[0].decision.reason is Reason.JOINED
    assert story.severity.label == "critical"


def test_dead_letters_of_a_source_with_a_channels_name_are_still_told(kit: Any) -> None:
    """A source called like a channel does not silence that channel for its own alarm."""
    source = kit.source("hook")

    async def work(watch: Watch) -> Any:
        for number in range(3):
            await poll_source(watch, source, kit.now + timedelta(hours=number))
        await decide_due(watch, kit.now + timedelta(hours=6))
        return await watch.read(lambda tx: tx.outbox.counts())

    assert kit.run([source], work) == {"pending": 1}


def test_stories_are_the_same_with_two_workers_and_in_replay(kit: Any) -> None:
    """Two windows that take turns on one store give the stories of one; so does a replay."""
    titles = [VETO, OIL, ("Russia vetoes a UN text in the Security Council", "Thirteen voted.")]
    names = [f"s{number}" for number in range(9)]
    for number, name in enumerate(names):
        page = kit.rss(titles[number % 3], base=f"https://{name}.example.org")
        kit.feeds.put(f"/{name}.xml", page)
    sources = [kit.source(name) for name in names]

    async def alone(watch: Watch) -> Any:
        return [await poll_source(watch, one, kit.now) for one in sources]

    async def in_turns(watch: Watch) -> Any:
        workers = [watch, replace(watch, recent=RecentStories())]
        polls = enumerate(sources)
        reports = [await poll_source(workers[n % 2], one, kit.now) for n, one in polls]
        return reports, await watch.read(lambda tx: list(tx.stories.members_after(0, kit.now)))

    one = kit.run(sources, alone)
    kit.folder = kit.folder / "second"
    kit.folder.mkdir()
    two, members = kit.run(sources, in_turns)

    expected = [report.told[0].story_id for report in one]
    assert [report.told[0].story_id for report in two] == expected
    assert 1 < len(set(expected)) < 9
    window, again = Window(), []
    for member in members:
        known = Fingerprint.from_json(member.fingerprint)
        again.append(assign(known, window).story_id or story_id(known))
        window.add(again[-1], known)
    assert again == expected


def test_a_gap_stands_in_the_next_digest_and_then_no_more(kit: Any) -> None:
    """A window that rolled over is a problem of its source for a day, though every poll is good."""
    source = kit.source("a", every=timedelta(hours=1))
    kit.now = kit.now.replace(hour=5)

    async def work(watch: Watch) -> Any:
        await decide_due(watch, kit.now)
        for number, titles in enumerate((["one", "two"], ["two", "three"], ["six", "seven"])):
            kit.feeds.put("/a.xml", kit.rss(*((title, "") for title in titles)))
            await poll_source(watch, source, kit.now + timedelta(minutes=number))
        await decide_due(watch, kit.now.replace(hour=7))
        kit.feeds.put("/a.xml", kit.rss(("seven", ""), ("eight", "")))
        await poll_source(watch, source, kit.now + timedelta(hours=30))
        await decide_due(watch, kit.now.replace(hour=7) + timedelta(days=2))
        return await _bodies(watch)

    bodies = map(json.loads, kit.run([source], work))
    second, first = (one for one in bodies if one["type"] == "monitor.digest.v1")

    [problem] = first["data"]["coverage"]["problems"]
    assert (problem["source"], problem["state"]) == ("a", "gap")
    assert first["data"]["coverage"]["read"] == 1
    assert second["data"]["coverage"]["problems"] == []
