"""The health of sources through the real line: evidence in, episodes, alarms and coverage out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.engine.local import spread
from monitor.errors import FetchError
from monitor.model import (
    Coverage,
    Document,
    Fetched,
    Health,
    NotModified,
    Source,
    Validators,
)
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.coverage import coverage
from monitor.steps.watch import Watch
from monitor.testing import RecordingChannel
from tests.kit import NOW, Kit

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHALLENGE = b"<!doctype html><html><head><title>Just a moment...</title></head><body>cf-chl-</body>"


def _hourly(until: datetime, count: int = 30) -> str:
    return _feed([until - n * HOUR for n in range(count)])


def _feed(times: Sequence[datetime | None], title: str = "News", host: str = "a.test") -> str:
    entries = []
    for number, at in enumerate(times):
        name = f"{title}-{number if at is None else int(at.timestamp())}"
        date = "" if at is None else f"<pubDate>{format_datetime(at)}</pubDate>"
        entries.append(
            f"<item><title>{name}</title><link>https://{host}/{name}</link>"
            f'<guid isPermaLink="false">{name}</guid>{date}</item>'
        )
    return f'<rss version="2.0"><channel><title>{title}</title>{"".join(entries)}</channel></rss>'


async def _poll(watch: Watch, source: Source, kit: Kit, hours: float) -> Any:
    return await poll_source(watch, source, kit.now + hours * HOUR)


async def _problems(watch: Watch) -> dict[str, tuple[Health, str]]:
    found = await watch.read(lambda tx: tx.ledger.open_episodes())
    return {one.source: (one.state, one.detail) for one in found}


async def _seen(watch: Watch, since: datetime, until: datetime) -> Coverage:
    settings = watch.settings
    return await watch.read(lambda tx: coverage(tx, settings, since, until, at_least=timedelta(0)))


def test_a_source_that_falls_silent_is_told_with_its_usual_pause(kit: Kit) -> None:
    """It answers 200 or 304; its items came every hour, and then no more for a day."""
    source = kit.source("a")
    kit.feeds.put("/a.xml", _hourly(kit.now), etag='"1"')

    async def work(watch: Watch) -> Any:
        for hours in (0, 1, 5):
            await _poll(watch, source, kit, hours)
        early = await _problems(watch)
        await _poll(watch, source, kit, 70)
        silent = await _problems(watch)
        kit.feeds.put("/a.xml", _hourly(kit.now + 70 * HOUR, 75))
        await _poll(watch, source, kit, 71)
        return early, silent, await _problems(watch)

    early, silent, back = kit.run([source], work)

    assert (early, back) == ({}, {})
    state, detail = silent["a"]
    assert state is Health.SILENT
    assert "nothing new for 2 d 22 h; its longest usual pause is 1 h" in detail


def test_a_feed_that_ended_long_ago_is_stale_at_the_first_sight(kit: Kit) -> None:
    """It answers well; its newest item is years old."""
    source = kit.source("a")
    kit.feeds.put("/a.xml", _hourly(kit.now - 900 * DAY))

    async def work(watch: Watch) -> Any:
        await _poll(watch, source, kit, 0)
        return await _problems(watch)

    assert kit.run([source], work)["a"][0] is Health.STALE


@pytest.mark.parametrize("shift", [None, 300 * DAY], ids=["no dates", "dates ahead"])
def test_a_feed_without_believable_dates_is_neither_stale_nor_silent_at_once(
    kit: Kit, shift: timedelta | None
) -> None:
    """Its items count from when they were seen."""
    source = kit.source("a")
    times = [None if shift is None else kit.now + shift + n * HOUR for n in range(20)]
    kit.feeds.put("/a.xml", _feed(times))

    async def work(watch: Watch) -> Any:
        for hours in (0, 1, 24, 24 * 20):
            await _poll(watch, source, kit, hours)
        return await _problems(watch)

    assert kit.run([source], work) == {}


def test_a_browser_check_is_named_and_told_once_for_two_hosts(kit: Kit) -> None:
    """Two hosts behind one guard are one message; the state says wrong content."""
    sources = [kit.source(name, url=f"https://{name}.test/feed") for name in "ab"]

    async def guarded(source: Source, _: Validators) -> Fetched:
        return Fetched(document=Document(CHALLENGE, url=source.url), validators=Validators())

    async def work(watch: Watch) -> Any:
        watch.fetch = guarded
        for hours in range(3):
            for source in sources:
                await _poll(watch, source, kit, hours)
        due = await decide_due(watch, kit.now + 3 * HOUR)
        return due.alarms, await _problems(watch)

    alarms, problems = kit.run(sources, work)

    assert alarms == ("2 sources want a browser check (Cloudflare)",)
    assert {state for state, _ in problems.values()} == {Health.WRONG_CONTENT}


def test_a_valid_feed_of_something_else_is_wrong_content_until_the_feed_is_back(kit: Kit) -> None:
    """Through polls that fail and polls that bring nothing new; what came meanwhile is a gap."""
    source = kit.source("a")
    pages = [
        _hourly(kit.now),
        _feed([kit.now - n * DAY for n in range(8)], "Garden", "garden.test"),
        "<html><body>out</body></html>",
        _feed([kit.now + DAY - n * DAY for n in range(8)], "Garden", "garden.test"),
        _hourly(kit.now + 90 * HOUR),
    ]

    async def work(watch: Watch) -> Any:
        found = []
        for number, page in enumerate(pages):
            kit.feeds.put("/a.xml", page)
            await _poll(watch, source, kit, 24 * number)
            found.append(await _problems(watch))
        return found, await _seen(watch, kit.now, kit.now + 100 * HOUR)

    found, seen = kit.run([source], work)

    assert [one["a"][0] if one else None for one in found] == [
        *(None, Health.WRONG_CONTENT, Health.WRONG_CONTENT, Health.WRONG_CONTENT, Health.GAP),
    ]
    assert 'was "News" (a.test), is now "Garden" (garden.test)' in found[1]["a"][1]
    assert [gap.since for gap in seen.gaps] == [kit.now], "when the feed itself was last read"


def test_a_feed_of_something_else_teaches_no_rhythm(kit: Kit) -> None:
    """Its items are counted; how often the source itself publishes stays as learnt."""
    source = kit.source("a")
    kit.feeds.put("/a.xml", _hourly(kit.now))

    async def work(watch: Watch) -> Any:
        states = []
        for hours in (0, 1):
            await _poll(watch, source, kit, hours)
            states.append(await watch.read(lambda tx: tx.sources.state(source.id)))
            daily = [kit.now - n * DAY for n in range(30)]
            kit.feeds.put("/a.xml", _feed(daily, "Garden", "garden.test"))
        return states, await _problems(watch)

    (before, after), problems = kit.run([source], work)

    assert problems["a"][0] is Health.WRONG_CONTENT
    assert (after.recent_when, after.newest_at) == (before.recent_when, before.newest_at)
    assert (after.silent_after, after.usual_pause) == (before.silent_after, before.usual_pause)
    assert after.today.items == 60


def test_a_feed_that_thaws_lost_what_it_never_showed(kit: Kit) -> None:
    """It showed an old state for three days: the gap begins with the newest item of before."""
    source, desk = kit.source("a"), RecordingChannel("desk")
    thawed = kit.now + 71 * HOUR
    pages = {False: _hourly(kit.now), True: _hourly(thawed, 20)}

    async def work(watch: Watch) -> Any:
        problems = []
        for hours in [*range(0, 78, 2)]:
            now = kit.now + hours * HOUR
            kit.feeds.put("/a.xml", pages[hours > 70])
            await _poll(watch, source, kit, hours)
            problems.append((await _problems(watch)).get("a", (Health.OK, ""))[0])
            await decide_due(watch, now + HOUR)
            await deliver_due(watch, desk, lambda now=now: now + HOUR)  # type: ignore[misc]
        return problems, await _seen(watch, kit.now, kit.now + 80 * HOUR)

    problems, seen = kit.run(
        [source], work, channels=lambda _: {"desk": desk}, ops_channels=("desk",)
    )

    [gap] = seen.gaps
    assert (gap.since, gap.until) == (kit.now, thawed - 19 * HOUR)
    assert list(dict.fromkeys(problems)) == [Health.OK, Health.SILENT, Health.GAP]
    texts = [message.body.decode() for message, _, _ in desk.sent]
    begun, over = [text for text in texts if "kind='feed." in text]
    assert "Silent: a" in begun
    assert "Well again: a" in over
    assert f"from {kit.now:%Y-%m-%d %H:%M} to {gap.until:%Y-%m-%d %H:%M} was not seen" in over


def test_a_window_that_rolls_over_is_asked_more_often_and_less_again(kit: Kit) -> None:
    """Though the operator wrote an interval; after a calm day it is that again."""
    source = kit.source("a", every=6 * HOUR)
    kit.feeds.put("/a.xml", _hourly(kit.now))

    async def work(watch: Watch) -> Any:
        await _poll(watch, source, kit, 0)
        kit.feeds.put("/a.xml", _hourly(kit.now + 5.75 * HOUR, 4))
        report = await _poll(watch, source, kit, 6)
        problems = await _problems(watch)
        state = await watch.read(lambda tx: tx.sources.state(source.id))
        for hours in (40, 80, 120, 160):
            await _poll(watch, source, kit, hours)
        after = await watch.read(lambda tx: tx.sources.state(source.id))
        return report, problems, state, after

    report, problems, state, after = kit.run([source], work)

    assert report.has_gap
    assert report.next_poll_at < kit.now + 8 * HOUR
    assert problems["a"][0] is Health.GAP
    assert "asked every 1 h 3 min from now on" in problems["a"][1]
    assert state.shortened == timedelta(minutes=63)
    assert after.shortened is None


def _pinned(until: datetime, count: int, *, is_rising: bool = False) -> str:
    """Return a feed whose first entry is a year old and stays."""
    times = [until - n * HOUR for n in range(count)]
    return _feed([datetime(2023, 3, 1, tzinfo=UTC), *sorted(times, reverse=not is_rising)])


@pytest.mark.parametrize(
    ("later", "is_gap"),
    [
        (_pinned(NOW + 40 * HOUR, 12), True),
        (_pinned(NOW + 10 * HOUR, 12), False),
        (_pinned(NOW + 40 * HOUR, 6), False),
        (_pinned(NOW + 40 * HOUR, 12, is_rising=True), False),
    ],
    ids=["rolled over", "reaches back", "too few", "oldest first"],
)
def test_a_pinned_entry_hides_no_gap(kit: Kit, later: str, *, is_gap: bool) -> None:
    """It stays at the top while all below it roll over; known ones above rising dates are usual."""
    source = kit.source("a", every=HOUR)
    kit.feeds.put("/a.xml", _pinned(kit.now, 12))

    async def work(watch: Watch) -> Any:
        await _poll(watch, source, kit, 0)
        kit.feeds.put("/a.xml", later)
        report = await _poll(watch, source, kit, 41)
        return report, await _problems(watch), await _seen(watch, kit.now, kit.now + 50 * HOUR)

    report, problems, seen = kit.run([source], work)

    assert report.has_gap == is_gap
    assert [(gap.since, gap.until) for gap in seen.gaps] == (
        [(kit.now, kit.now + 29 * HOUR)] if is_gap else []
    )
    if is_gap:
        assert "all 12 entries below the pinned were new" in problems["a"][1]


def test_ids_that_change_with_every_fetch_are_no_gap(kit: Kit) -> None:
    """The addresses are those of before, or the dates reach back."""
    undated, dated = kit.source("a"), kit.source("b")

    async def work(watch: Watch) -> Any:
        reports = []
        for number in range(2):
            for name, times in (("a", [None] * 6), ("b", [kit.now - n * HOUR for n in range(6)])):
                page = _feed(times).replace('false">', f'false">{number}')
                kit.feeds.put(f"/{name}.xml", page)
            for source in (undated, dated):
                reports.append(await _poll(watch, source, kit, number))
        return reports

    reports = kit.run([undated, dated], work)

    assert [one.new_items for one in reports] == [6, 6, 6, 6]
    assert not any(one.has_gap for one in reports)


def test_what_came_late_is_counted_for_its_source_and_its_recovery(kit: Kit) -> None:
    """Nine hours not read; of what appeared meanwhile, what still stands is taken in."""
    source = kit.source("a", every=HOUR)
    kit.feeds.put("/a.xml", _hourly(kit.now))

    async def work(watch: Watch) -> Any:
        await _poll(watch, source, kit, 0)
        kit.feeds.pages.clear()
        for hours in (1, 3, 7):
            await _poll(watch, source, kit, hours)
        open_ = await _seen(watch, kit.now, kit.now + 8 * HOUR)
        kit.feeds.put("/a.xml", _hourly(kit.now + 9 * HOUR))
        for hours in (9, 10):
            await _poll(watch, source, kit, hours)
        return open_, await _seen(watch, kit.now, kit.now + 10 * HOUR)

    open_, seen = kit.run([source], work)

    [away] = open_.not_read
    assert (away.total, away.is_over) == (8 * HOUR, False)
    [away] = seen.not_read
    assert (away.total, away.spells, away.late_items, away.is_over) == (9 * HOUR, 1, 8, True)
    [recovery] = seen.recoveries
    assert (recovery.state, recovery.late_items) == (Health.FAILING, 8)
    assert (seen.sources, seen.read, seen.problems, seen.gaps) == (1, 1, (), ())


def test_an_end_is_not_told_while_polls_still_fail_now_and_then(kit: Kit) -> None:
    """Two good polls end the problem; people hear of it once the latest five were good."""
    source = kit.source("a")
    feed = _hourly(kit.now)

    async def work(watch: Watch) -> Any:
        told = []
        luck = "bxxxbbxbxbxbxbxbxbxbbbbbb"  # b is read, x fails
        for hours, answer in enumerate(luck):
            kit.feeds.put("/a.xml", feed, status=200 if answer == "b" else 503)
            await _poll(watch, source, kit, hours)
            report = await decide_due(watch, kit.now + hours * HOUR)
            told += [(hours, title) for title in report.alarms]
        return told

    assert kit.run([source], work) == [(3, "Not read: a"), (23, "Read again: a")]


def test_the_end_of_an_outage_says_what_may_be_lost_in_it(kit: Kit) -> None:
    """The window rolled over meanwhile: the message of the end names the span."""
    source, desk = kit.source("a"), RecordingChannel("desk")

    async def work(watch: Watch) -> None:
        for hours in range(60):
            status = 503 if 1 <= hours <= 40 else 200
            kit.feeds.put("/a.xml", _hourly(kit.now + hours * HOUR, 20), status=status)
            await _poll(watch, source, kit, hours)
            now = kit.now + hours * HOUR
            await decide_due(watch, now)
            await deliver_due(watch, desk, lambda now=now: now)  # type: ignore[misc]

    kit.run([source], work, channels=lambda _: {"desk": desk}, ops_channels=("desk",))

    texts = [message.body.decode() for message, _, _ in desk.sent]
    begun, over = [text for text in texts if "kind='feed." in text]
    assert "Not read: a" in begun
    assert "Read again: a" in over
    lost_until = kit.now + 22 * HOUR  # the oldest entry that still stood there at hour 41
    assert f"from {kit.now:%Y-%m-%d %H:%M} to {lost_until:%Y-%m-%d %H:%M} was not seen" in over


def test_the_time_in_which_the_watch_was_down_is_not_read(kit: Kit) -> None:
    """A restart counts from when the poll was due, and a clock that went back breaks nothing."""
    source = kit.source("a", every=HOUR)
    kit.feeds.put("/a.xml", _hourly(kit.now))

    async def work(watch: Watch) -> Any:
        report = await _poll(watch, source, kit, 0)
        later = kit.now + 8 * HOUR
        await watch.write(lambda tx: spread(tx, watch, later))
        kit.feeds.put("/a.xml", _hourly(later))
        await _poll(watch, source, kit, 8.1)
        await watch.write(lambda tx: spread(tx, watch, kit.now - DAY))
        await _poll(watch, source, kit, -24)
        return report, await _seen(watch, kit.now, kit.now + 9 * HOUR)

    report, seen = kit.run([source], work)

    [away] = seen.not_read
    assert away.total == kit.now + 8.1 * HOUR - report.next_poll_at
    assert away.late_items == 7


def test_an_outage_of_our_own_line_is_one_message_and_ends_with_a_quick_look(kit: Kit) -> None:
    """Nobody is told of the single sources; when the line is back all are asked soon."""
    sources = [kit.source(n, url=f"https://{n}.test/feed", every=HOUR) for n in "abcd"]

    async def unreached(source: Source, _: Validators) -> Fetched:
        raise FetchError(f"{source.url}: no route", kind="connect")

    async def reached(_: Source, known: Validators) -> NotModified:
        return NotModified(validators=known)

    async def work(watch: Watch) -> Any:
        watch.fetch = unreached
        down: list[str] = []
        for hours in (0, 1, 3):
            for source in sources:
                await _poll(watch, source, kit, hours)
            for minutes in (0, 12):
                due = await decide_due(watch, kit.now + hours * HOUR + minutes * HOUR / 60)
                down += due.alarms
        watch.fetch = reached
        await _poll(watch, sources[0], kit, 4)
        await decide_due(watch, kit.now + 4.1 * HOUR)
        at = [one.next_poll_at for one in await watch.read(lambda tx: tx.sources.states())]
        up = (await decide_due(watch, kit.now + 4.5 * HOUR)).alarms
        return down, at, up

    down, at, up = kit.run(sources, work)

    assert down == ["No source can be reached"]

    assert max(at[1:]) <= kit.now + 4.1 * HOUR + timedelta(minutes=5)
    assert up == ("Sources can be reached again, after 4 h 6 min",)


def test_what_was_read_after_an_outage_of_the_line_is_told_nobody(kit: Kit) -> None:
    """One good poll does not end a problem, yet an hour later nobody hears that it is not read."""
    sources = [kit.source(n, url=f"https://{n}.test/feed", every=HOUR) for n in "abcd"]
    down = set("abcd")

    async def fetch(source: Source, known: Validators) -> NotModified:
        if source.id in down:
            raise FetchError(f"{source.url}: no route", kind="connect")
        return NotModified(validators=known)

    async def work(watch: Watch) -> Any:
        watch.fetch = fetch
        told: list[str] = []
        for hours in (0, 1, 3, 4, 4.5, 5.5, 6):
            if hours == 4:
                down.intersection_update("d")
            for source in sources if hours <= 4 else ():
                await _poll(watch, source, kit, hours)
            told += (await decide_due(watch, kit.now + hours * HOUR)).alarms
        return told, await _problems(watch)

    told, problems = kit.run(sources, work)

    assert told[0] == "No source can be reached"
    assert told[1].startswith("Sources can be reached again")
    assert told[2:] == ["Not read: d"]
    assert set(problems) == set("abcd"), "the second good poll is still to come"


def test_a_feed_that_breaks_off_is_not_read_because_of_the_line(kit: Kit) -> None:
    """Its documents were read: what the line does to it is told as the line, nothing twice."""
    sources = [kit.source(n, url=f"https://{n}.test/feed", every=HOUR) for n in "abcd"]
    is_down = False

    async def fetch(source: Source, known: Validators) -> Fetched | NotModified:
        if is_down:
            raise FetchError(f"{source.url}: no route", kind="connect")
        if source.id != "a":
            return NotModified(validators=known)
        page = _hourly(kit.now).removesuffix("</channel></rss>").encode()
        return Fetched(document=Document(page, url=source.url), validators=Validators())

    async def work(watch: Watch) -> Any:
        nonlocal is_down
        watch.fetch = fetch
        told: list[str] = []
        for hours in range(20):
            is_down = 5 <= hours < 9
            for source in sources:
                await _poll(watch, source, kit, hours)
            for minutes in (1, 20):
                now = kit.now + hours * HOUR + timedelta(minutes=minutes)
                told += (await decide_due(watch, now)).alarms
        return told, await _problems(watch)

    told, problems = kit.run(sources, work)

    assert told[0] == "Breaks off: a"
    assert told[1] == "No source can be reached"
    assert told[2].startswith("Sources can be reached again")
    assert len(told) == 3
    assert {name: state for name, (state, _) in problems.items()} == {"a": Health.TRUNCATED}


def test_coverage_and_the_list_say_the_same_on_the_command_line(kit: Kit, tmp_path: Path) -> None:
    """State, evidence and what to do; exit code 1 while there is a problem."""
    source = kit.source("a")
    config = tmp_path / "config"
    config.mkdir()
    (config / "feeds.yaml").write_text(
        f"version: 1\nfeeds:\n  - {{id: a, name: Wire, url: '{source.url}'}}\n"
    )
    (config / "monitor.yaml").write_text(
        f"version: 1\nstorage: {{database: {kit.folder}/monitor.db}}\n"
    )
    (config / "routes.yaml").write_text("version: 1\nchannels: {screen: {console: {}}}\n")
    rules = config / "rules"
    rules.mkdir()
    (rules / "test.yaml").write_text(kit.rules)

    async def work(watch: Watch) -> None:
        for hours in range(4):
            await _poll(watch, source, kit, hours)

    kit.run([source], work)
    at = ["--config", str(config)]

    listed = CliRunner().invoke(cli, ["feeds", "list", "--problems", "--json", *at])
    shown = CliRunner().invoke(cli, ["coverage", "--since", "2024-03-28", *at])
    whole = CliRunner().invoke(cli, ["coverage", "--since", "2024-03-28", "--json", *at])
    table = CliRunner().invoke(cli, ["feeds", "list", *at])

    [row] = json.loads(listed.stdout)
    assert (row["id"], row["state"], listed.exit_code) == ("a", "failing", 1)
    assert row["detail"].startswith("4 polls in a row failed: HTTP 404")
    assert row["what_to_do"]
    assert "0 of 1 sources were read; 1 have a problem now" in shown.stderr
    data = json.loads(whole.stdout)
    assert (data["read"], data["problem_count"], data["by_source"][0]["polls"]) == (0, 1, 4)
    assert data["by_source"][0]["not_read_s"] > 0
    assert (table.exit_code, shown.exit_code) == (0, 0)
