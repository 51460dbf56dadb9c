"""Slack, Teams and Discord: within their limits, and nobody is mentioned."""

import json
from typing import Any

import pytest

from monitor.model import Alert, Coverage, Health, SourceProblem
from monitor.notify import CHANNELS, Channel, Tools
from monitor.notify.card import Card, fitting
from monitor.notify.discord import MOST_DESCRIPTION, MOST_FOOTER, MOST_TITLE
from monitor.notify.slack import MOST_BLOCKS
from monitor.notify.teams import MOST_BYTES
from monitor.notify.words import utf16_units
from monitor.testing import (
    NOW,
    TITLE,
    URL,
    make_article,
    make_digest,
    make_digest_story,
    make_operations,
    make_story_alert,
    one_of_each,
    with_text,
)


@pytest.fixture
def open_channel(tools: Tools) -> Any:
    """Return what opens a chat channel by kind."""

    def build(kind: str) -> Channel:
        settings = CHANNELS[kind].settings.model_validate({"url": "https://chat.example/hook"})
        return CHANNELS[kind].build("room", settings, tools)

    return build


def composed(channel: Channel, alert: Alert) -> Any:
    """Return the JSON of an alert."""
    return json.loads(channel.compose(alert, "").body)


def big_story(text: str) -> Alert:
    """Return a story of many long everything."""
    article = make_article(why=make_article().why * 20)
    rules = make_story_alert().body.rules * 20  # type: ignore[union-attr]
    alert = make_story_alert(
        articles=(article,) * 20, rules=rules, article_count=20, listed_names=("n",) * 20
    )
    return with_text(alert, text)


def big_digest(text: str) -> Alert:
    """Return a digest of many stories under many rules."""
    stories = tuple(make_digest_story(rules=(f"r{n}",), title="t") for n in range(40)) * 5
    problem = SourceProblem(source="s", name="n", state=Health.FAILING, since=NOW, detail="d")  # type: ignore[arg-type]
    coverage = Coverage(sources=64, read=1, problems=(problem,) * 60)
    alert = make_digest(stories=stories, coverage=coverage)
    return alert if not text else with_text(alert, text)


def fits(kind: str, message: Any) -> bool:
    """Return whether the service would take the message, by its documented limits."""
    if kind == "slack":
        return utf16_units(json.dumps(message["blocks"], ensure_ascii=False)) <= MOST_BLOCKS + 1500
    if kind == "teams":
        return len(json.dumps(message, ensure_ascii=False).encode()) <= MOST_BYTES + 3000
    [embed] = message["embeds"]
    sizes = [utf16_units(embed[key]) for key in ("title", "description")]
    sizes.append(utf16_units(embed.get("footer", {}).get("text", "")))
    limits = (MOST_TITLE, MOST_DESCRIPTION, MOST_FOOTER)
    return sum(sizes) <= 6000 and all(a <= b for a, b in zip(sizes, limits, strict=True))


@pytest.mark.parametrize("kind", ["slack", "teams", "discord"])
@pytest.mark.parametrize(
    "alert",
    [
        pytest.param(big_story("x" * 5000), id="story"),
        pytest.param(big_story("𐀀" * 5000), id="wide-story"),
        pytest.param(big_story("*[" * 2500), id="markup-story"),
        pytest.param(big_story("https://example.org/" + "a" * 900), id="long-urls"),
        pytest.param(big_digest(""), id="digest"),
        pytest.param(big_digest("𐀀" * 500), id="wide-digest"),
        pytest.param(with_text(make_operations(), "한 " * 5000), id="operations"),
    ],
)
def test_the_longest_alert_fits(open_channel: Any, kind: str, alert: Alert) -> None:
    """What does not fit is shortened, never refused."""
    channel = open_channel(kind)

    assert fits(kind, composed(channel, alert))
    if kind != "discord":
        limit = {"slack": MOST_BLOCKS, "teams": MOST_BYTES}[kind]
        assert utf16_units(channel.compose(alert, "").body.decode()) <= limit


def test_the_shortest_card_is_taken_when_nothing_fits() -> None:
    """A service that takes no card at all gets the shortest, and refuses it by itself."""
    cards: list[Card] = []

    def write(card: Card) -> Card:
        cards.append(card)
        return card

    last = fitting(make_story_alert(), "", write, lambda _: False)

    assert last == cards[-1]
    assert len(cards) > 2
    assert last.quote == ()


def runs(message: Any) -> list[Any]:
    """Return every run of text of a Slack message."""
    [block] = message["blocks"]
    return [run for element in block["elements"] for run in element["elements"]]


def test_slack_shows_title_quote_and_reason(open_channel: Any) -> None:
    """Matched words are bold, the title is the link."""
    message = composed(open_channel("slack"), make_story_alert())

    assert message["text"] == f"[CRITICAL] {TITLE}"
    assert {"type": "link", "url": URL, "text": TITLE, "style": {"bold": True}} in runs(message)
    assert {"type": "text", "text": "vetoed", "style": {"bold": True}} in runs(message)
    assert all(run["text"] for run in runs(message)), "Slack refuses empty runs"


@pytest.mark.parametrize("alert", one_of_each(), ids=lambda alert: alert.subject)
def test_slack_never_gets_empty_text(open_channel: Any, alert: Alert) -> None:
    """An empty run makes Slack refuse the whole message."""
    for text in ("", " ", "\u200e"):
        message = composed(open_channel("slack"), with_text(alert, text))

        assert message["text"]
        assert all(run["text"] for run in runs(message))
        assert all(element["elements"] for element in message["blocks"][0]["elements"])


def test_slack_mentions_nobody(open_channel: Any) -> None:
    """`<!channel>` in a title is text, also in the fallback, which is read as markup."""
    message = composed(open_channel("slack"), make_story_alert(title="<!channel> & <@U1>"))

    assert message["text"] == "[CRITICAL] &lt;!channel&gt; &amp; &lt;@U1&gt;"
    assert {run["type"] for run in runs(message)} <= {"text", "link"}


def test_teams_shows_a_card_without_markdown(open_channel: Any) -> None:
    """Runs of text: no asterisk of a title becomes a format; matched words are highlighted."""
    message = composed(open_channel("teams"), make_story_alert(title="*bold* [x](y)"))

    [attachment] = message["attachments"]
    card = attachment["content"]
    inlines = [run for block in card["body"] for run in block["inlines"]]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert "*bold* [x](y)" in [run["text"] for run in inlines]
    assert [run["text"] for run in inlines if run.get("highlight")] == [
        "vetoed",
        "UN Security Council",
        "North Korea",
    ]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Read", "url": URL}]


def test_discord_shows_an_embed_that_mentions_nobody(open_channel: Any) -> None:
    """Markup and mentions of the publisher are escaped."""
    article = make_article(summary="@everyone **now** <@1> [x](https://evil)", why=())
    message = composed(open_channel("discord"), make_story_alert(articles=(article,)))

    [embed] = message["embeds"]
    assert message["allowed_mentions"] == {"parse": []}
    assert embed["title"] == f"[CRITICAL] {TITLE}"
    assert embed["url"] == URL
    assert r"\@everyone \*\*now\*\* \<\@1\> \[x\]\(https\://evil\)" in embed["description"]


@pytest.mark.parametrize("kind", ["slack", "teams", "discord"])
def test_a_digest_names_its_stories_with_links(open_channel: Any, kind: str) -> None:
    """Each story leads to its page; what was not seen is there."""
    text = open_channel(kind).compose(make_digest(), "").body.decode()

    assert "https://monitor.example.org/stories/s-test" in text
    assert TITLE in text
    assert "State media mirror" in text


@pytest.mark.parametrize("kind", ["slack", "teams", "discord"])
def test_a_digest_without_trouble_needs_no_more(open_channel: Any, kind: str) -> None:
    """Nothing to report is reported."""
    alert = make_digest(stories=(), coverage=Coverage(sources=64, read=64))
    text = open_channel(kind).compose(alert, "").body.decode()

    assert "Nothing, and 64 of 64 feeds were read" in text.replace("\\", "")


@pytest.mark.parametrize("kind", ["slack", "teams", "discord"])
def test_what_is_no_web_address_is_no_link(open_channel: Any, kind: str) -> None:
    """Services refuse a message with a broken link, and readers should not follow a script."""
    articles = (make_article(url="javascript:alert(1)"), make_article(url="x" * 5000))
    alert = make_story_alert(articles=articles, listed_names=("Lazarus",), article_count=2)
    text = open_channel(kind).compose(alert, "").body.decode()

    assert "javascript" not in text
    assert "xxxx" not in text
    assert "Lazarus" in text
