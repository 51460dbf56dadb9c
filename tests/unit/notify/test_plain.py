"""Alerts as text: what a reader of a terminal or of a text mail sees."""

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.model import Alert, AlertId, Coverage, Reason, RuleRef, Severity
from monitor.notify import plain
from monitor.notify.wording import headline
from monitor.notify.words import columns
from monitor.testing import (
    NOW,
    make_article,
    make_digest,
    make_digest_story,
    make_operations,
    make_probe,
    make_story_alert,
    one_of_each,
)

STORY = """\
[CRITICAL] Veto
Russia vetoes UN resolution on North Korea sanctions monitors
World wire, English, published 28 Mar 2024 21:00 UTC, seen 21:04 UTC
https://news.example.org/2024/03/28/veto

  Russia on Thursday *vetoed* a *UN Security Council* resolution that would
  have extended the mandate of the panel of experts monitoring enforcement of
  sanctions against *North Korea*.

Sent because: new story
Why: rule veto (rules/un.yaml line 14). A veto can end a monitoring mandate or
  block a listing.
  + act    “vetoes” in title; “vetoed” in summary
  + body   “UN Security Council” in summary
  + regime “North Korea” in title and summary

Story:    https://monitor.example.org/stories/s-test
Evidence: captured 28 Mar 2024 21:04 UTC, story s-test
SHA-256:  9b1f4c000000000000000000000000000000000000000000000000000000c07e
"""

DIGEST = """\
Digest: Thursday 28 March 2024, 24 hours to 22:04 Europe/Amsterdam
1 new story and 1 updated, from 31 hits in 1,904 items; 63 of 64 feeds were
read. 1 critical. 1 waits for a decision, and 1 older one.

▃▃▂▄▄▃▃▃▃▄▆▇██  hits a day, 14 days: 31 today, usual 8

MONITORING · 1 new
  [CRITICAL] Russia vetoes UN resolution on North Korea sanctions monitors
    Security Council veto · World wire, Agency B · 7 articles in 2 languages
    alerted 20:04, last article 22:04
    https://monitor.example.org/stories/s-test

CYBER · 1 updated
  [LOW] 거래소 도난
    Cyber attacks · 9 articles, Korean
    updated: 2 more articles, acknowledged by M. Jansen 26 Mar 22:04
    https://monitor.example.org/stories/s-test

STILL WAITING FOR A DECISION · 1 story, the oldest for 6 days
  [HIGH] Tanker seen at Nampo
    waits for 6 days · 7 articles · s-older

WHAT WE COULD NOT SEE · 1 feed
  State media mirror: failing for 9 h: HTTP 403. Open the address in a browser;
    the publisher may block programs.
  Well again: Agency C after 3 h (4 items came late).
  Items may have come and gone unseen: World wire 14:04 to 17:04.

Near misses: 21 items fell just short of a rule (Petroleum imports 21).

Kept quiet by a silence or a mute: 1 story.

Evidence: all records up to now end in this hash. Keep it: monitor verify
--head HASH shows later whether any of them was changed or cut off.
  5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d5d
"""

OPERATIONS = """\
[FEED.FAILING] State media mirror cannot be read
HTTP 403 three times in a row
Since 28 Mar 2024 12:04 UTC, mirror
What to do: Open the address in a browser.
"""

updated = make_digest_story(
    title="거래소 도난",
    severity=Severity.LOW,
    rules=("cyber-attacks",),
    is_new=False,
    articles_added=2,
    articles_total=9,
    sources=(),
    source_names=(),
    rule_titles=("Cyber attacks",),
    theme="cyber",
    languages=("ko",),
    state="acknowledged",
    decided_by="M. Jansen",
    decided_at=NOW - timedelta(days=2),
    was_alerted=False,
    told_at=None,
)


@pytest.mark.parametrize(
    ("alert", "text"),
    [
        pytest.param(make_story_alert(), STORY, id="story"),
        pytest.param(
            make_digest(stories=(updated, make_digest_story()), zone="Europe/Amsterdam"),
            DIGEST,
            id="digest",
        ),
        pytest.param(make_operations(), OPERATIONS, id="operations"),
        pytest.param(
            make_probe(),
            "[TEST] Test of channel desk\nThis is a test message. The channel works.\n",
            id="test",
        ),
    ],
)
def test_an_alert_reads_like_this(alert: Alert, text: str) -> None:
    """The whole text, as a reader sees it."""
    assert plain.render(alert, "https://monitor.example.org/") == text


def test_no_line_is_wider_than_a_terminal() -> None:
    """80 columns, wide characters counted; only an address may stand out."""
    wide = make_story_alert(title="북한 정제유 반입량 보고 누락 지적 " * 9, detail="因为 " * 60)
    for alert in (*one_of_each(), wide):
        for line in plain.render(alert).splitlines():
            assert columns(line) < 80 or "://" in line


def test_an_empty_digest_says_how_much_was_read() -> None:
    """Silence is told from blindness."""
    whole = make_digest(stories=(), coverage=Coverage(sources=64, read=64))
    partly = make_digest(stories=(), coverage=Coverage(sources=64, read=60))

    assert "Nothing, and 64 of 64 feeds were read (1,904 items)." in plain.render(whole)
    assert "Nothing, but only 60 of 64 feeds were read" in plain.render(partly)
    assert headline(whole) == "2024-03-28: nothing, and 64 of 64 feeds were read"


def test_a_digest_of_strange_settings_is_still_sent() -> None:
    """An unknown zone is UTC, an unreadable date is shown as it is."""
    text = plain.render(make_digest(zone="Mars/Olympus", date="day 7", evidence_head=""))

    assert "Digest: day 7, 24 hours to 21:04 Mars/Olympus" in text
    assert "Evidence" not in text


def test_a_long_digest_says_what_it_leaves_out() -> None:
    """The count stays true."""
    stories = tuple(make_digest_story(theme="", rules=()) for _ in range(41))

    text = plain.render(make_digest(stories=stories))

    assert text.count("[CRITICAL]") == 10
    assert "and 31 more stories: monitor stories" in text
    assert "OTHER · 41 new" in text


def test_other_articles_of_the_story_are_listed() -> None:
    """A reader sees who else reports it, and who only repeats."""
    other = make_article(
        title="Россия наложила вето", source_name="", url="https://b.example", copy_of="https://a"
    )
    alert = make_story_alert(
        articles=(make_article(), other), article_count=2, source_count=2, thread_id=AlertId("a-0")
    )

    text = plain.render(alert)

    assert "This story: 2 articles from 2 sources, first seen 28 Mar 2024 21:04 UTC" in text
    assert "  - wire: Россия наложила вето (a copy)\n    https://b.example\n" in text


def test_an_update_says_what_is_new() -> None:
    """Its own title, its reason, the rules that earlier articles matched, the listed names."""
    rule = RuleRef(id="panel", title="", version="1", severity=Severity.HIGH)
    alert = make_story_alert(
        title="Council meets",
        rules=(rule,),
        reason=Reason.SEVERITY_ROSE,
        detail="high before",
        listed_names=("Lazarus Group",),
    )

    text = plain.render(alert)

    assert headline(alert) == "panel: Council meets"
    assert "Now: Russia vetoes" in text
    assert "Sent because: severity rose (high before)" in text
    assert "On a list: Lazarus Group" in text
    assert "Why: rule panel (panel).\n  + matched an earlier article of this story" in text


@pytest.mark.parametrize(
    ("changes", "byline"),
    [
        ({"published": None}, "World wire, English, no date given, seen 28 Mar 2024 21:04 UTC"),
        ({"lang": "", "source_name": ""}, "wire, published 28 Mar 2024 21:00 UTC, seen 21:04 UTC"),
    ],
)
def test_the_byline_says_only_what_is_known(changes: dict[str, object], byline: str) -> None:
    """No date is no date, never the time of the poll."""
    text = plain.render(make_story_alert(articles=(make_article(**changes),)))

    assert byline in text


def test_little_is_enough() -> None:
    """An article without text, a rule without place, a notice without advice."""
    rule = RuleRef(id="veto", title="Veto", version="1", severity=Severity.HIGH, file="un.yaml")
    bare = make_story_alert(rules=(rule,), articles=(make_article(summary="", why=()),))
    no_rules = replace(bare, body=make_story_alert(rules=()).body)

    assert "Why: rule veto (un.yaml).\n" in plain.render(bare)
    assert headline(no_rules).startswith("Russia vetoes")
    assert plain.render(make_operations(about="", what_to_do="")).endswith("12:04 UTC\n")
    assert plain.render(make_digest(since=NOW, until=NOW)).startswith(
        "Digest: Thursday 28 March 2024, 0 min"
    )
