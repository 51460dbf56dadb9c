"""What a digest says: which stories, how they fare, what waits, what could not be seen."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.model import (
    Coverage,
    Digest,
    DigestStory,
    Gap,
    Health,
    NearMisses,
    NotRead,
    Recovery,
    Severity,
    SourceId,
    SourceProblem,
    Waiting,
)
from monitor.notify import digest, plain, table
from monitor.notify.troubles import also, troubles
from monitor.notify.words import age
from monitor.testing import NOW, make_digest, make_digest_story

HOUR = timedelta(hours=1)


def _digest(**changes: Any) -> Digest:
    body = make_digest(**changes).body
    assert isinstance(body, Digest)
    return body


def _stories(theme: str, *severities: Severity) -> tuple[DigestStory, ...]:
    return tuple(
        make_digest_story(theme=theme, severity=one, title=one.label) for one in severities
    )


def test_each_theme_shows_its_worst_story_before_any_shows_two() -> None:
    """A flood in one theme hides no other theme; the worst of all fill what room is left."""
    low, high, critical = Severity.LOW, Severity.HIGH, Severity.CRITICAL
    flood, quiet = _stories("flood", *[critical] * 50), _stories("quiet", low, low)
    body = _digest(stories=(*flood, *quiet, *_stories("b", high, high)))

    shown = digest.themes(body, 5)

    told = [(one.title, len(one.stories), one.left_out) for one in shown]
    assert told == [("Flood", 3, 47), ("B", 1, 1), ("Quiet", 1, 1)]
    assert digest.left_out(shown) == "49 more stories"
    assert digest.left_out(digest.themes(body, 100)) == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"articles_total": 1, "told_at": None}, ""),
        ({"articles_total": 3}, "alerted 19:04, last article 21:04"),
        ({"told_at": NOW - 30 * HOUR, "articles_total": 1}, "alerted 27 Mar 15:04"),
        (
            {"is_new": False, "articles_added": 1, "told_at": None, "opened_at": NOW - 28 * HOUR},
            "updated: 1 more article, undecided for 28 h",
        ),
        ({"is_new": False, "articles_added": 0, "told_at": None, "opened_at": None},
         "updated: an edit"),
        (
            {"state": "escalated", "decided_by": "A. Diallo", "decided_at": NOW - HOUR,
             "told_at": None, "assignee": "meier", "articles_total": 1},
            "escalated by A. Diallo 20:04, with meier",
        ),
        ({"state": "dismissed", "told_at": None, "articles_total": 1}, "dismissed"),
    ],
)  # fmt: skip
def test_the_second_line_of_a_story_says_how_it_fares(changes: Any, said: str) -> None:
    """What joined, when people were told, what was decided; a new undecided one says nothing."""
    assert digest.status(make_digest_story(**changes), _digest()) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"languages": ("en",)}, "Security Council veto · World wire, Agency B · 7 articles"),
        ({"languages": ("ko",), "rule_titles": (), "source_names": (), "sources": ("x",)},
         "veto · x · 7 articles, Korean"),
        ({"languages": (), "listed_names": ("MT A", "MT B"), "rules": (), "rule_titles": (),
          "sources": (), "source_names": ()}, "7 articles · on list: MT A, MT B"),
    ],
)  # fmt: skip
def test_the_first_line_of_a_story_says_what_it_is_made_of(changes: Any, said: str) -> None:
    """Names for people, never ids where a name is known."""
    assert digest.facts(make_digest_story(**changes)) == said


@pytest.mark.parametrize(
    ("stories", "older", "said"),
    [
        (0, 0, ""),
        (0, 1, "1 older story waits for a decision."),
        (0, 2, "2 older stories wait for a decision."),
        (1, 0, "1 waits for a decision."),
        (2, 3, "2 wait for a decision, and 3 older ones."),
    ],
)
def test_what_waits_is_counted(stories: int, older: int, said: str) -> None:
    """Stories of this digest and those of earlier ones."""
    body = _digest(stories=(make_digest_story(),) * stories, waiting=Waiting(count=older))

    assert digest.undecided(body) == said


def test_the_trend_compares_with_what_is_usual() -> None:
    """A median, so that one storm is not the usual; with nothing to compare there is none."""
    trend = digest.trend(_digest(trend=(0, 2, 2, 900, 31)))

    assert trend is not None
    assert (trend.usual, trend.now_said, trend.bars) == (2, "31 today", "▁▂▂█▂")
    assert trend.heights(44) == [2, 2, 2, 44, 2]
    assert digest.trend(_digest(trend=(1,))) is None
    week = digest.trend(_digest(trend=(0, 0), period="week"))
    assert week is not None
    assert (week.legend, week.now_said, week.bars) == ("hits a week, 2 weeks", "0 this week", "▁▁")


@pytest.mark.parametrize(
    ("period", "heading"),
    [
        ("day", "Thursday 28 March 2024, 168 hours to 21:04 UTC"),
        ("week", "Week to Thursday 28 March 2024, 7 days to 21:04 UTC"),
        ("over-cap", "Over the cap on Thursday 28 March 2024, 168 hours to 21:04 UTC"),
    ],
)
def test_a_heading_names_the_period(period: Any, heading: str) -> None:
    """A day, a week, or what a cap kept back."""
    assert digest.heading(_digest(period=period, since=NOW - 168 * HOUR)) == heading


def test_why_a_channel_gets_it_is_said() -> None:
    """Each kind of digest has its reason."""
    said = [digest.sent_because(_digest(period=one), "desk") for one in ("day", "week", "over-cap")]

    assert [text.split("because ")[1] for text in said] == [
        "the configuration sends desk the daily digest.",
        "the configuration sends desk the weekly digest.",
        "routes.yaml caps how many messages desk gets.",
    ]


OTHERS = [one for one in Health if one not in (Health.OK, Health.FAILING)]


def _problem(
    number: int, state: Health = Health.FAILING, detail: str = "HTTP 503"
) -> SourceProblem:
    return SourceProblem(
        source=SourceId(f"f{number}"),
        name=f"Feed {number}",
        state=state,
        since=NOW - (number + 1) * HOUR,
        detail=detail,
        what_to_do=f"monitor feeds test f{number}",
    )


def test_few_troubled_feeds_are_told_one_by_one() -> None:
    """With state, age, detail and what to do."""
    body = _digest(coverage=Coverage(sources=9, read=8, problems=(_problem(2, detail=""),)))

    [one], left_out = troubles(body)

    assert (one.who, one.what, left_out) == ("Feed 2", "failing for 3 h", 0)
    assert one.what_to_do == "monitor feeds test f2"


def test_thirty_troubled_feeds_are_told_by_what_ails_them() -> None:
    """The largest group first, some names of each, equal advice once; nobody is left uncounted."""
    many = [_problem(number) for number in range(20)]
    odd = [_problem(20 + number, state) for number, state in enumerate(OTHERS)]
    body = _digest(coverage=Coverage(sources=40, read=12, problems=(*odd, *many)))

    shown, left_out = troubles(body)

    assert (shown[0].who, shown[0].what) == ("20 feeds", "failing, the first for 20 h: HTTP 503")
    assert shown[0].names == "Feed 0, Feed 1, Feed 2, Feed 3, Feed 4 and 15 more"
    assert shown[0].what_to_do == "monitor feeds test ID"
    assert shown[1].what == "gone for 21 h: HTTP 503"
    assert sum(one.feeds for one in shown) + left_out == 27
    assert "27 of 40 feeds are in trouble." in digest.summary(body)
    assert "and 2 more feeds: monitor feeds list --problems" in plain.render(
        replace(make_digest(), body=body)
    )


def test_what_was_not_seen_for_a_while_is_told_too() -> None:
    """What recovered, what was away in between, where a window rolled over; never one twice."""
    mirror, wire = SourceId("mirror"), SourceId("wire")
    away = NotRead(source=wire, name="Wire", total=HOUR / 2, spells=3, late_items=0, is_over=True)
    coverage = Coverage(
        sources=9,
        read=9,
        not_read=(
            replace(away, source=mirror, name="Mirror"),
            away,
            replace(away, source=SourceId("desk"), name="Desk", is_over=False),
        ),
        gaps=(Gap(source=wire, name="Wire", since=NOW - 3 * HOUR, until=NOW - 2 * HOUR),),
        recoveries=(
            Recovery(source=mirror, name="Mirror", state=Health.FAILING, since=NOW - 10 * HOUR,
                     until=NOW - HOUR, late_items=4),
        ),
    )  # fmt: skip
    body = _digest(coverage=coverage)

    assert also(body) == [
        "Well again: Mirror after 9 h (4 items came late).",
        "Not read for a while: Wire 30 min (3 times).",
        "Items may have come and gone unseen: Wire 18:04 to 19:04.",
    ]
    text = plain.render(replace(make_digest(), body=body))
    assert "WHAT WE COULD NOT SEE · every feed is read now\n  Well again: Mirror" in text


def test_a_storm_is_a_page() -> None:
    """Thousands of stories: the worst of each theme in two lines each, and how many more."""
    themes = ("weapons", "trade", "cyber", "monitoring", "sanctions")
    stories = tuple(
        make_digest_story(theme=themes[n % 5], severity=Severity(1 + n % 4), title=f"T{n} " * 50)
        for n in range(3000)
    )
    waiting = Waiting(count=400, oldest=NOW, stories=stories[:20])

    text = plain.render(make_digest(stories=stories, waiting=waiting))

    assert len(text.splitlines()) <= 62
    assert "2,990 more stories" in text
    assert "400 older ones" in text
    assert "STILL WAITING" not in text


def test_more_stories_that_wait_are_counted() -> None:
    """Five are named."""
    stories = (make_digest_story(assignee="meier", opened_at=None),) * 9
    text = plain.render(make_digest(waiting=Waiting(count=12, stories=stories)))

    assert "STILL WAITING FOR A DECISION · 12 stories\n" in text
    assert "7 articles · with meier · s-test" in text
    assert "and 7 more stories: monitor stories --state new" in text


def test_notes_are_said_only_where_there_is_something() -> None:
    """Near misses by rule, the most first."""
    misses = tuple(NearMisses(rule=f"r{n}", title="", items=9 - n) for n in range(4))

    assert digest.notes(_digest(near_misses=misses, silenced=0)) == [
        "Near misses: 30 items fell just short of a rule (r0 9, r1 8, r2 7 and 1 more)."
    ]
    assert digest.notes(_digest(near_misses=(), silenced=0)) == []


@pytest.mark.parametrize(
    ("passed", "said"),
    [(-HOUR, "0 min"), (HOUR / 2, "30 min"), (47 * HOUR, "47 h"), (48 * HOUR, "2 days")],
)
def test_an_age_is_said_in_its_own_unit(passed: timedelta, said: str) -> None:
    """A clock that went back makes nothing younger than now."""
    assert age(NOW - passed, NOW) == said


# ---------------------------------------------------------------- the table


def _rows(body: Digest) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.table_of(body).decode("utf-8-sig"))))


def test_the_table_holds_every_story() -> None:
    """However many the mail leaves out."""
    body = _digest(stories=(make_digest_story(languages=("en", "ko")),) * 120)

    rows = _rows(body)

    assert len(rows) == 120
    assert rows[0]["severity"] == "critical"
    assert rows[0]["sources"] == "World wire, Agency B"
    assert rows[0]["languages"] == "en, ko"
    assert rows[0]["opened_at"] == "2024-03-28T19:04:33Z"
    assert rows[0]["decided_at"] == ""
    assert tuple(rows[0]) == table.COLUMNS


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t=", "\r=", "\uff1d", " ="])
def test_no_cell_is_a_formula(lead: str) -> None:
    """Publishers write the titles: what a spreadsheet would compute is text."""
    title = f"{lead}HYPERLINK(\"https://x\")\n=cmd|' /C calc'!A0"

    [row] = _rows(_digest(stories=(make_digest_story(title=title, assignee="=me", url="@x"),)))

    assert row["title"].startswith("'")
    assert "\n" not in row["title"]
    assert (row["assignee"], row["url"]) == ("'=me", "'@x")


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "digest-2024-03-28.csv"),
        ({"period": "week"}, "digest-week-2024-03-28.csv"),
        ({"period": "over-cap"}, "over-cap-2024-03-28.csv"),
        ({"date": "../\r\n\""}, "digest-undated.csv"),
    ],
)  # fmt: skip
def test_the_file_is_named_after_the_digest(changes: Any, name: str) -> None:
    """Nothing but letters, digits and hyphens."""
    assert table.name_of(_digest(**changes)) == name
