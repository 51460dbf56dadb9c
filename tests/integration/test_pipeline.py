"""The lines on real files and sockets."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks.webhooks import Webhook

from monitor import rules
from monitor.model import Reason
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps import record
from monitor.steps.tell import tell_story
from monitor.steps.watch import Watch

VETO = ("Russia vetoes UN Security Council text", "The vote was thirteen to one.")
OIL = ("North Korea buys oil at sea", "Tankers met at night.")
NOISE = ("Weather stays fine", "Sun over the bay.")


async def _deliver(watch: Watch, kit: Any) -> list[str]:
    outcomes = []
    for channel in watch.channels.values():
        outcomes += await deliver_due(watch, channel, kit.clock)
    return [outcome.result for outcome in outcomes]


def test_a_feed_on_the_wire_becomes_one_explained_signed_webhook(kit: Any) -> None:
    """One item matches: it is stored with exact spans, and posted once with a good signature."""
    kit.feeds.put("/a.xml", kit.rss(VETO, NOISE))
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        first = await poll_source(watch, source, kit.now)
        sent = await _deliver(watch, kit)
        second = await poll_source(watch, source, kit.now)
        return first, sent, second, await _deliver(watch, kit)

    first, sent, second, again = kit.run([source], work)

    assert (first.result, first.new_items, len(first.told)) == ("read", 2, 1)
    assert first.told[0].decision.reason is Reason.NEW_STORY
    assert sent == ["sent"]
    assert (second.result, second.new_items, again) == ("unchanged", 0, [])
    [(headers, body)] = kit.hook.posts()
    with time_machine.travel(kit.now):
        event = Webhook(kit.secret).verify(body, headers)
    spans = [span for why in event["data"]["articles"][0]["why"] for span in why["matched"]]
    assert {VETO[0][span["start"] : span["end"]] for span in spans} == {
        "vetoes",
        "Security Council",
    }


def test_twenty_sources_that_publish_one_story_at_once_make_one_alert(kit: Any) -> None:
    """Polls that run side by side open one story and send one message."""
    sources = [kit.source(f"s{number}") for number in range(20)]
    for number in range(20):
        page = kit.rss(VETO, base=f"https://paper{number}.example.org")
        kit.feeds.put(f"/s{number}.xml", page)

    async def work(watch: Watch) -> Any:
        reports = await asyncio.gather(*(poll_source(watch, one, kit.now) for one in sources))
        return reports, await _deliver(watch, kit)

    reports, sent = kit.run(sources, work)

    told = [one for report in reports for one in report.told]
    assert len(told) == 20
    assert len({one.story_id for one in told}) == 1
    assert sorted(one.decision.reason.value for one in told) == (
        ["joined a known story"] * 19 + ["new story"]
    )
    assert sent == ["sent"]
    assert len(kit.hook.posts()) == 1


def test_a_story_survives_a_restart_and_is_not_told_again(kit: Any) -> None:
    """An item that arrives after a restart joins the story that was stored before."""
    one, two = kit.source("one"), kit.source("two")
    kit.feeds.put("/one.xml", kit.rss(VETO))
    kit.feeds.put("/two.xml", kit.rss(VETO, base="https://other.example.org"))

    first = kit.run([one, two], lambda watch: poll_source(watch, one, kit.now))
    second = kit.run([one, two], lambda watch: poll_source(watch, two, kit.now))

    assert second.told[0].story_id == first.told[0].story_id
    assert second.told[0].decision.reason is Reason.JOINED


def test_the_backlog_of_a_first_poll_stays_quiet_until_live_news_joins(kit: Any) -> None:
    """What stood in a new feed goes to the digest; a live article about it alerts."""
    old, live = kit.source("old", first_poll="digest"), kit.source("live")
    kit.feeds.put("/old.xml", kit.rss(VETO))
    kit.feeds.put("/live.xml", kit.rss(VETO, base="https://live.example.org"))

    async def work(watch: Watch) -> Any:
        return await poll_source(watch, old, kit.now), await poll_source(watch, live, kit.now)

    backlog, news = kit.run([old, live], work)

    assert backlog.told[0].decision.reason is Reason.BACKLOG
    assert news.told[0].decision.reason is Reason.NEW_STORY
    assert news.told[0].story_id == backlog.told[0].story_id


def test_the_first_item_of_a_feed_that_began_empty_is_news(kit: Any) -> None:
    """Edge case 24: an empty first document is the first poll; what comes then alerts."""
    source = kit.source("a", first_poll="digest")

    async def work(watch: Watch) -> Any:
        kit.feeds.put("/a.xml", kit.rss())
        await poll_source(watch, source, kit.now)
        kit.feeds.put("/a.xml", kit.rss(VETO))
        return await poll_source(watch, source, kit.now + timedelta(hours=1))

    report = kit.run([source], work)

    assert report.told[0].decision.reason is Reason.NEW_STORY


def test_an_edit_alerts_only_when_another_rule_hits(kit: Any) -> None:
    """Edge case 30: a typo that is mended is quiet, a new word that hits another rule is not."""
    source = kit.source("a")
    pages = [
        VETO,
        (VETO[0], "The vote was 13 to one."),
        (VETO[0], "The vote was 13 to one. North Korea gets its oil."),
    ]

    async def work(watch: Watch) -> Any:
        reports = []
        for number, page in enumerate(pages):
            kit.feeds.put("/a.xml", kit.rss(page))
            now = kit.now + timedelta(hours=number)
            reports.append(await poll_source(watch, source, now))
        return reports

    reports = kit.run([source], work)

    reasons = [report.told[0].decision.reason for report in reports]
    assert reasons == [Reason.NEW_STORY, Reason.EDITED, Reason.ANOTHER_RULE]
    assert [report.changed_items for report in reports] == [0, 1, 1]


def test_a_failed_poll_keeps_validators_and_known_entries(kit: Any) -> None:
    """A document that is no feed commits nothing: the next good one is read whole."""
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        kit.feeds.put("/a.xml", kit.rss(VETO), etag='"1"')
        await poll_source(watch, source, kit.now)
        kit.feeds.put("/a.xml", "<html><title>One moment</title></html>", etag='"2"')
        failed = await poll_source(watch, source, kit.now)
        kit.feeds.put("/a.xml", kit.rss(OIL, VETO), etag='"3"')
        good = await poll_source(watch, source, kit.now)
        return failed, good, await watch.read(lambda tx: tx.sources.state(source.id))

    failed, good, state = kit.run([source], work)

    assert (failed.result, failed.new_items) == ("failed", 0)
    assert "feed" in failed.error
    assert (good.new_items, state.failures, state.error) == (1, 0, "")
    asked = [headers.get("if-none-match") for _, _, headers, _ in kit.feeds.requests]
    assert asked == [None, '"1"', '"1"']


def test_a_source_that_fails_is_told_once_and_its_recovery_too(kit: Any) -> None:
    """Three failed polls make one operations alert; two good ones, three hours later, another."""
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        alarms: list[str] = []
        for number in range(5):
            now = kit.now + timedelta(hours=number)
            await poll_source(watch, source, now)
            alarms += (await decide_due(watch, now)).alarms
        kit.feeds.put("/a.xml", kit.rss(NOISE))
        for number in (5, 6, 9):
            now = kit.now + timedelta(hours=number)
            await poll_source(watch, source, now)
            alarms += (await decide_due(watch, now)).alarms
        kit.now += timedelta(hours=9)
        return alarms, await _deliver(watch, kit)

    alarms, sent = kit.run([source], work)

    assert alarms == ["Not read: a", "Read again: a"]
    assert sent == ["sent", "sent"]
    types = [json.loads(body)["type"] for _, body in kit.hook.posts()]
    assert [kind.rsplit(".", 2)[0] for kind in types] == [types[0].rsplit(".", 2)[0]] * 2


def test_a_digest_goes_out_once_for_a_date_and_names_what_was_not_read(kit: Any) -> None:
    """The digest holds the story and the failing source; a second look makes none."""
    good, bad = kit.source("good"), kit.source("bad")
    kit.feeds.put("/good.xml", kit.rss(VETO))

    async def work(watch: Watch) -> Any:
        await decide_due(watch, kit.now)
        for source in (good, bad):
            await poll_source(watch, source, kit.now)
        morning = kit.now + timedelta(hours=11)
        reports = [await decide_due(watch, morning + timedelta(minutes=n)) for n in range(3)]
        kit.now = morning
        await _deliver(watch, kit)
        return [report.digests for report in reports]

    digests = kit.run([good, bad], work)

    assert digests == [1, 0, 0]
    digest = next(
        event
        for event in (json.loads(body) for _, body in kit.hook.posts())
        if "digest" in event["type"]
    )
    assert "Russia vetoes" in json.dumps(digest)
    assert '"bad"' in json.dumps(digest)


def test_a_receiver_that_fails_gets_the_same_bytes_again(kit: Any) -> None:
    """A 503 is retried later with the same id and body; only the timestamp may differ."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    kit.hook.status = lambda count: 503 if count == 1 else 200
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        first = await _deliver(watch, kit)
        kit.now += timedelta(minutes=1)
        return first, await _deliver(watch, kit), await watch.read(lambda tx: tx.outbox.counts())

    first, second, counts = kit.run([source], work)

    assert (first, second, counts) == (["retry"], ["sent"], {"sent": 1})
    (headers_1, body_1), (headers_2, body_2) = kit.hook.posts()
    assert body_1 == body_2
    assert headers_1["webhook-id"] == headers_2["webhook-id"]


def test_refused_credentials_pause_the_channel_and_lose_nothing(kit: Any) -> None:
    """After a 401 nothing more is tried until the channel is opened again; no row dies."""
    kit.feeds.put("/a.xml", kit.rss(VETO, OIL))
    kit.hook.status = lambda count: 401
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        await _deliver(watch, kit)
        tried = len(kit.hook.posts())
        kit.now += timedelta(hours=1)
        await _deliver(watch, kit)
        assert len(kit.hook.posts()) == tried
        await watch.write(lambda tx: tx.outbox.reopen_channels())
        kit.hook.status = lambda count: 200
        await _deliver(watch, kit)
        return await watch.read(lambda tx: tx.outbox.counts())

    assert kit.run([source], work) == {"sent": 2}


def test_a_refused_message_dies_and_another_channel_hears_of_it(kit: Any) -> None:
    """A 400 ends the row as dead; with no other channel the alarm is still made in the log."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    kit.hook.status = lambda count: 400
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        for _ in range(4):
            await _deliver(watch, kit)
            kit.now += timedelta(hours=1)
        alarms = (await decide_due(watch, kit.now)).alarms
        again = (await decide_due(watch, kit.now)).alarms
        return alarms, again, await watch.read(lambda tx: tx.outbox.counts())

    alarms, again, counts = kit.run([source], work)

    assert (len(alarms), again, counts) == (1, (), {"dead": 1})


def test_what_no_route_takes_is_left_for_the_digest(kit: Any) -> None:
    """A story that fits no route sends nothing at once and says so."""
    kit.feeds.put("/a.xml", kit.rss(VETO))
    source = kit.source("a")

    report = kit.run([source], lambda watch: poll_source(watch, source, kit.now), routes=())

    assert report.told[0].decision.reason is Reason.DIGESTED


def test_a_rule_that_rises_in_severity_alerts_again(kit: Any) -> None:
    """An article of the same story that hits a worse rule is an update."""
    first, second = kit.source("first"), kit.source("second")
    title = "North Korea oil: Security Council meets"
    kit.feeds.put("/first.xml", kit.rss((title, "")))
    kit.feeds.put("/second.xml", kit.rss((title, "Russia vetoed."), base="https://b.example.org"))

    async def work(watch: Watch) -> Any:
        return [await poll_source(watch, one, kit.now) for one in (first, second)]

    reports = kit.run([first, second], work)

    assert [report.told[0].decision.reason for report in reports] == [
        Reason.NEW_STORY,
        Reason.SEVERITY_ROSE,
    ]
    assert reports[0].told[0].story_id == reports[1].told[0].story_id


def test_a_gone_source_is_suspended_and_a_new_address_wakes_it(kit: Any) -> None:
    """A 410 suspends; another address in feeds.yaml makes the source due at once."""
    source = kit.source("a")
    kit.feeds.put("/a.xml", "gone", status=410)

    async def work(watch: Watch) -> Any:
        await poll_source(watch, source, kit.now)
        return await watch.read(lambda tx: tx.sources.state(source.id))

    gone = kit.run([source], work)
    moved = replace(source, url=f"{kit.feeds.url}/b.xml")

    async def due(watch: Watch) -> Any:
        return await watch.read(lambda tx: tx.sources.due(kit.now))

    assert gone.is_suspended
    assert kit.run([source], due) == ()
    assert kit.run([moved], due) == ("a",)


def test_an_item_that_cannot_be_handled_does_not_hold_back_its_feed(
    kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault while one item is matched or recorded leaves it stored, flagged; the rest alerts."""
    kit.feeds.put("/a.xml", kit.rss(VETO, OIL, NOISE))
    source = kit.source("a")
    match, tell = rules.match_with_article, tell_story

    def faulty_match(item: Any, *rest: Any) -> Any:
        if item.title == NOISE[0]:
            raise ZeroDivisionError
        return match(item, *rest)

    def faulty_tell(tx: Any, watch: Any, cause: Any) -> Any:
        told = tell(tx, watch, cause)
        if cause.item.title == OIL[0]:
            raise ZeroDivisionError
        return told

    monkeypatch.setattr(rules, "match_with_article", faulty_match)
    monkeypatch.setattr(record, "tell_story", faulty_tell)

    async def work(watch: Watch) -> Any:
        report = await poll_source(watch, source, kit.now)
        sent = await _deliver(watch, kit)
        items = await watch.read(lambda tx: list(tx.items.since(kit.now)))
        hits = await watch.read(lambda tx: [tx.items.hits(item.id) for item in items])
        monkeypatch.undo()
        again = await poll_source(watch, source, kit.now + timedelta(hours=1))
        quiet = await poll_source(watch, source, kit.now + timedelta(hours=2))
        return report, sent, items, hits, again, quiet

    report, sent, items, hits, again, quiet = kit.run([source], work)

    assert (report.new_items, len(report.told), sent) == (3, 1, ["sent"])
    flags = {item.title: item.flags for item in items}
    assert flags == {VETO[0]: (), OIL[0]: ("fault",), NOISE[0]: ("fault",)}
    assert sum(map(len, hits)) == 1
    # Once the fault is mended the next poll takes up what was left.
    assert [one.item.title for one in again.told] == [OIL[0]]
    assert again.told[0].decision.reason is Reason.NEW_STORY
    assert (quiet.new_items, quiet.changed_items) == (0, 0)


def test_a_sitemap_index_is_read_with_its_children(kit: Any) -> None:
    """Items of the children are items of the source; one that fails is asked for again."""
    head = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:n="{news}">'
    head = head.format(news="http://www.google.com/schemas/sitemap-news/0.9")
    page = "<url><loc>https://n.example.org/{n}</loc><n:news><n:title>{t}</n:title></n:news></url>"
    urls = [f"{kit.feeds.url}/{name}.xml" for name in ("c1", "c2")]
    index = '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    index += "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls) + "</sitemapindex>"
    kit.feeds.put("/a.xml", index, etag='"1"')
    kit.feeds.put("/c1.xml", head + page.format(n=1, t=VETO[0]) + "</urlset>")
    source = kit.source("a")

    async def work(watch: Watch) -> Any:
        first = await poll_source(watch, source, kit.now)
        kit.feeds.put("/c2.xml", head + page.format(n=2, t=OIL[0]) + "</urlset>")
        return first, await poll_source(watch, source, kit.now + timedelta(hours=1))

    first, second = kit.run([source], work)

    assert (first.new_items, first.partial, len(first.told)) == (1, True, 1)
    assert (second.new_items, second.partial, len(second.told)) == (1, False, 1)
