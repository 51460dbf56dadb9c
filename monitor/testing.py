"""For tests of rules, channels and tools: factories with full defaults, and a recording channel.

from monitor.testing import make_item, make_story_alert, RecordingChannel
"""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from monitor.errors import DeliveryError
from monitor.model import (
    Alert,
    AlertId,
    Article,
    ClauseMatch,
    Coverage,
    Digest,
    DigestStory,
    Gap,
    Health,
    Hit,
    Item,
    ItemId,
    Message,
    NearMisses,
    NotRead,
    Operations,
    Probe,
    Reason,
    Recovery,
    RuleRef,
    Severity,
    SourceId,
    SourceProblem,
    Span,
    StoryAlert,
    StoryId,
    Waiting,
    Why,
)
from monitor.notify.base import Channel

_T = TypeVar("_T")
NOW = datetime(2024, 3, 28, 21, 4, 33, tzinfo=UTC)  # the day of the veto
TITLE = "Russia vetoes UN resolution on North Korea sanctions monitors"
SUMMARY = (
    "Russia on Thursday vetoed a UN Security Council resolution that would have extended the "
    "mandate of the panel of experts monitoring enforcement of sanctions against North Korea."
)
URL = "https://news.example.org/2024/03/28/veto"


def span(field_name: str, text: str, of: str) -> Span:
    """Return the span of the first `of` within the field's `text`."""
    start = text.index(of)
    return Span(field=field_name, start=start, end=start + len(of), text=of)  # type: ignore[arg-type]


def make_item(**changes: Any) -> Item:
    """Return an item as a source would bring it; name only what the test is about."""
    item = Item(
        id=ItemId("i-test"),
        source_id=SourceId("wire"),
        title=TITLE,
        summary=SUMMARY,
        url=URL,
        canonical_url=URL,
        lang="en",
        published=NOW - timedelta(minutes=4),
        when=NOW - timedelta(minutes=4),
        seen_at=NOW,
        guid=URL,
        hash=b"\x9b" * 32,
    )
    return replace(item, **changes)


def make_hit(**changes: Any) -> Hit:
    """Return a hit of the rule `veto` on the title of `make_item`."""
    clause = ClauseMatch(clause="act", matched=(span("title", TITLE, "vetoes"),))
    hit = Hit(rule="veto", version="3f9c1ab", severity=Severity.CRITICAL, clauses=(clause,))
    return replace(hit, **changes)


def make_article(**changes: Any) -> Article:
    """Return the article of `make_item` as an alert shows it, with three clauses satisfied."""
    article = Article(
        item_id=ItemId("i-test"),
        url=URL,
        title=TITLE,
        source=SourceId("wire"),
        source_name="World wire",
        seen=NOW,
        sha256="9b1f4c" + "0" * 54 + "c07e",
        summary=SUMMARY,
        lang="en",
        published=NOW - timedelta(minutes=4),
        why=(
            Why(
                rule="veto",
                clause="act",
                matched=(span("title", TITLE, "vetoes"), span("summary", SUMMARY, "vetoed")),
            ),
            Why(
                rule="veto",
                clause="body",
                matched=(span("summary", SUMMARY, "UN Security Council"),),
            ),
            Why(
                rule="veto",
                clause="regime",
                matched=(
                    span("title", TITLE, "North Korea"),
                    span("summary", SUMMARY, "North Korea"),
                ),
            ),
        ),
    )
    return replace(article, **changes)


def make_story_alert(*, id: str = "a-test", occurred_at: datetime = NOW, **changes: Any) -> Alert:  # noqa: A002
    """Return the alert of a new story; `changes` are fields of its `StoryAlert`."""
    article = make_article()
    story = StoryAlert(
        story_id=StoryId("s-test"),
        title=article.title,
        severity=Severity.CRITICAL,
        theme="monitoring",
        reason=Reason.NEW_STORY,
        detail="",
        rules=(
            RuleRef(
                id="veto",
                title="Veto",
                version="3f9c1ab",
                severity=Severity.CRITICAL,
                file="rules/un.yaml",
                line=14,
                why="A veto can end a monitoring mandate or block a listing.",
            ),
        ),
        articles=(article,),
        first_seen=NOW,
        last_seen=NOW,
        languages=("en",),
    )
    return Alert(id=AlertId(id), occurred_at=occurred_at, body=replace(story, **changes))


def make_digest_story(**changes: Any) -> DigestStory:
    """Return a line of a digest."""
    story = DigestStory(
        story_id=StoryId("s-test"),
        title=TITLE,
        severity=Severity.CRITICAL,
        rules=("veto",),
        is_new=True,
        articles_added=7,
        articles_total=7,
        sources=("world-wire", "agency-b"),
        url=URL,
        latest_at=NOW,
        was_alerted=True,
        theme="monitoring",
        rule_titles=("Security Council veto",),
        source_names=("World wire", "Agency B"),
        languages=("en", "ko"),
        opened_at=NOW - timedelta(hours=2),
        told_at=NOW - timedelta(hours=2),
    )
    return replace(story, **changes)


def make_digest(*, id: str = "d-test", occurred_at: datetime = NOW, **changes: Any) -> Alert:  # noqa: A002
    """Return a day's digest of one story and one failing feed."""
    problem = SourceProblem(
        source=SourceId("mirror"),
        name="State media mirror",
        state=Health.FAILING,
        since=NOW - timedelta(hours=9),
        detail="HTTP 403",
        what_to_do="Open the address in a browser; the publisher may block programs.",
    )
    digest = Digest(
        date="2024-03-28",
        zone="UTC",
        since=NOW - timedelta(hours=24),
        until=NOW,
        stories=(make_digest_story(),),
        coverage=Coverage(
            sources=64,
            read=63,
            problems=(problem,),
            not_read=(make_not_read(),),
            gaps=(make_gap(),),
            recoveries=(make_recovery(),),
        ),
        items=1904,
        hits=31,
        evidence_head="5d" * 32,
        trend=(5, 7, 4, 9, 13, 7, 5, 8, 5, 10, 19, 23, 27, 31),
        waiting=Waiting(
            count=1,
            oldest=NOW - timedelta(days=6),
            stories=(
                make_digest_story(
                    story_id=StoryId("s-older"),
                    title="Tanker seen at Nampo",
                    severity=Severity.HIGH,
                    is_new=False,
                    opened_at=NOW - timedelta(days=6),
                ),
            ),
        ),
        near_misses=(NearMisses(rule="petroleum-imports", title="Petroleum imports", items=21),),
        silenced=1,
    )
    return Alert(id=AlertId(id), occurred_at=occurred_at, body=replace(digest, **changes))


def make_not_read(**changes: Any) -> NotRead:
    """Return a source that could not be read for nine hours of a day, and cannot still."""
    spell = NotRead(
        source=SourceId("mirror"),
        name="State media mirror",
        total=timedelta(hours=9),
        spells=1,
        late_items=0,
        is_over=False,
    )
    return replace(spell, **changes)


def make_gap(**changes: Any) -> Gap:
    """Return a span of three hours in which a wire rolled over."""
    gap = Gap(
        source=SourceId("wire"),
        name="World wire",
        since=NOW - timedelta(hours=8),
        until=NOW - timedelta(hours=5),
    )
    return replace(gap, **changes)


def make_recovery(**changes: Any) -> Recovery:
    """Return the end of an outage, with the items that came late."""
    recovery = Recovery(
        source=SourceId("agency"),
        name="Agency C",
        state=Health.FAILING,
        since=NOW - timedelta(hours=12),
        until=NOW - timedelta(hours=9),
        late_items=4,
    )
    return replace(recovery, **changes)


def make_operations(*, id: str = "o-test", occurred_at: datetime = NOW, **changes: Any) -> Alert:  # noqa: A002
    """Return the alarm of a failing feed."""
    news = Operations(
        kind="feed.failing",
        title="State media mirror cannot be read",
        detail="HTTP 403 three times in a row",
        since=NOW - timedelta(hours=9),
        about="mirror",
        what_to_do="Open the address in a browser.",
    )
    return Alert(id=AlertId(id), occurred_at=occurred_at, body=replace(news, **changes))


def make_probe(*, id: str = "t-test", occurred_at: datetime = NOW, channel: str = "desk") -> Alert:  # noqa: A002
    """Return the test message of a channel."""
    return Alert(id=AlertId(id), occurred_at=occurred_at, body=Probe(channel=channel))


def one_of_each() -> Sequence[Alert]:
    """Return an alert of each of the four subjects."""
    return (make_story_alert(), make_digest(), make_operations(), make_probe())


@dataclass
class RecordingChannel:
    """A channel that keeps what it accepts in `sent`, and raises what `replies` holds first.

    `replies` is consumed from the front, one per send; None accepts.
    """

    name: str = "recording"
    kind: str = "recording"
    to: Sequence[str] = ("",)
    replies: list[DeliveryError | None] = field(default_factory=list)
    sent: list[tuple[Message, str, datetime]] = field(default_factory=list)
    tried: list[tuple[Message, str, datetime]] = field(default_factory=list)

    def recipients(self) -> Sequence[str]:
        """Return `to`."""
        return self.to

    def compose(self, alert: Alert, recipient: str) -> Message:
        """Return a message that holds the alert's id and repr."""
        return Message(id=alert.id, body=f"{recipient}\n{alert!r}".encode("utf-8", "replace"))

    async def send(self, message: Message, recipient: str, now: datetime) -> None:
        """Record the try; accept it unless a reply says otherwise."""
        self.tried.append((message, recipient, now))
        if self.replies and (reply := self.replies.pop(0)) is not None:
            raise reply
        self.sent.append((message, recipient, now))


# ---------------------------------------------------------------- the contract of a channel

# Ours, never the publisher's: what these hold is checked where it is made.
_OURS = frozenset(
    ["id", "story_id", "item_id", "thread_id", "sha256", "kind", "state", "field", "period"]
)
_CHUNK = 64  # characters: fits a subject whole, so that none is shortened away


class ChannelContract(ABC):
    """What every channel must keep; subclass it as `TestMyChannel` and give it a channel."""

    secrets: Sequence[str] = ()  # every secret text in the settings of `channel()`

    @abstractmethod
    def channel(self) -> Channel:
        """Return the channel, the same settings each time."""

    @abstractmethod
    def decoded(self, message: Message) -> str:
        """Return all text that the receiver sees, decoded."""

    def recipient(self) -> str:
        """Return a recipient of the channel."""
        return self.channel().recipients()[0]

    def test_it_has_each_recipient_once(self) -> None:
        """Recipients are at least one, and no two are equal."""
        recipients = self.channel().recipients()

        assert len(set(recipients)) == len(recipients) >= 1

    def test_the_same_alert_composes_to_the_same_bytes(self) -> None:
        """Two processes compose byte-identical messages, so that a repeat is recognised."""
        for alert in one_of_each():
            first = self.channel().compose(alert, self.recipient())

            assert self.channel().compose(alert, self.recipient()) == first

    def test_ids_follow_the_alert_and_the_recipient(self) -> None:
        """No two alerts, and no two recipients of one alert, share an id."""
        channel = self.channel()
        alerts = one_of_each()
        ids = {channel.compose(alert, to).id for alert in alerts for to in channel.recipients()}

        assert len(ids) == len(alerts) * len(channel.recipients())

    def test_a_story_is_told_with_its_title_severity_and_url(self) -> None:
        """Whoever reads the message knows what happened, how bad it is and where to read it."""
        text = self.decoded(self.channel().compose(make_story_alert(), self.recipient()))

        assert TITLE in text
        assert URL in text
        assert "critical" in text.lower()

    def test_every_subject_is_told(self) -> None:
        """A digest names its stories, an alarm what broke, a test its text."""
        composed = [self.channel().compose(alert, self.recipient()) for alert in one_of_each()]
        _, digest, operations, probe = map(self.decoded, composed)

        assert TITLE in digest
        assert "State media mirror" in digest
        assert "cannot be read" in operations
        assert "This is a test message" in probe

    def test_no_text_is_too_strange_to_compose(self) -> None:
        """Characters of every kind in every text field: a message comes, the same each time."""
        for chunk in strange_texts():
            message = self.channel().compose(with_text(make_story_alert(), chunk), self.recipient())

            assert message.body
            self.decoded(message)

    def test_no_subject_is_too_strange_to_compose(self) -> None:
        """The other three subjects too."""
        for chunk in (*strange_texts()[:3], "", " ", "\ud800", "x" * 100_000, "한" * 100_000):
            for alert in one_of_each():
                message = self.channel().compose(with_text(alert, chunk), self.recipient())

                self.decoded(message)

    def test_no_message_holds_a_secret(self) -> None:
        """Neither bytes, headers nor the channel's repr show a secret of the settings."""
        channel = self.channel()
        messages = [channel.compose(alert, self.recipient()) for alert in one_of_each()]
        shown = repr(channel) + repr(messages) + "".join(map(self.decoded, messages))

        assert [secret for secret in self.secrets if secret in shown] == []


def with_text(value: _T, text: str) -> _T:
    """Return the alert (or part of one) with every text of others replaced by `text`."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {
        each.name: _replaced(getattr(value, each.name), text)
        for each in fields(value)
        if each.name not in _OURS
    }
    return replace(value, **changes)


def _replaced(value: object, text: str) -> object:
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(_replaced(each, text) for each in value)
    return with_text(value, text)


@cache
def strange_texts() -> Sequence[str]:
    """Return texts that hold every code point below U+3000 and one of each kind above."""
    kinds: dict[tuple[object, ...], int] = {}
    for code in range(0x3000, 0x110000):
        kinds.setdefault(_kind(code), code)
    last_ones = (0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10FFFF)
    return texts_of((*range(0x3000), *kinds.values(), *last_ones))


def texts_of(codes: Sequence[int]) -> Sequence[str]:
    """Return the code points as texts that are short enough for a subject."""
    return [
        "".join(map(chr, codes[start : start + _CHUNK])) for start in range(0, len(codes), _CHUNK)
    ]


def _kind(code: int) -> tuple[object, ...]:
    char = chr(code)
    return (
        unicodedata.category(char),
        unicodedata.bidirectional(char),
        unicodedata.east_asian_width(char),
        unicodedata.combining(char),
    )
