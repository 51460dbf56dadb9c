"""The frozen values that pass between the stages, and the ids that name them.

Times are aware and in UTC. Offsets count characters (code points) of the named field, half-open.
A stage never changes what it gets; it returns something new.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, IntEnum, StrEnum
from typing import Literal, NewType

SourceId = NewType("SourceId", str)
ItemId = NewType("ItemId", str)
StoryId = NewType("StoryId", str)
AlertId = NewType("AlertId", str)


def stable_id(prefix: str, *parts: str, length: int = 16) -> str:
    """Return `prefix` and `length` base-32 digits (at most 52) that depend on `parts` alone.

    The same parts give the same id in every process and after every restart, which is what makes
    a repeated delivery recognisable.
    """
    digest = hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).digest()
    return prefix + base64.b32encode(digest).decode("ascii").lower()[:length]


class Severity(IntEnum):
    """How much a hit matters; higher is worse."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """Return the name used in files, mails and payloads."""
        return self.name.lower()


# ---------------------------------------------------------------- what comes in


@dataclass(frozen=True, kw_only=True)
class Source:
    """A feed to watch, as configured; `type` names an entry of `monitor.sources.SOURCE_TYPES`.

    `trust` runs from 1 (blog) to 5 (primary source). `user`, `password` and `headers` are secrets.
    """

    id: SourceId
    url: str
    name: str = ""
    type: str = "feed"
    lang: str = ""
    every: timedelta = timedelta(minutes=15)
    is_pinned: bool = True  # False: `every` holds until the source's own pace is known
    trust: int = 3
    tags: frozenset[str] = frozenset()
    enabled: bool = True
    note: str = ""
    full_text: bool = False
    first_poll: Literal["alert", "digest", "silent"] = "digest"
    timeout: timedelta = timedelta(seconds=20)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    verify_tls: bool = True  # False accepts any certificate, for this source alone

    @property
    def label(self) -> str:
        """Return the name for people, or the id where none was given."""
        return self.name or self.id


@dataclass(frozen=True, kw_only=True)
class Validators:
    """What the server gave us to ask "has it changed?" with; kept byte for byte."""

    etag: str = ""
    last_modified: str = ""
    body_hash: bytes = b""


@dataclass(frozen=True)
class Document:
    """A body as fetched (decompressed), its response headers (names in lower case), final URL."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    status: int = 200


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A document that changed, with what must be committed together with its items.

    `moved_to` is where permanent redirects alone (301, 308) led, or empty; `fresh_for` is how
    long the server says the answer stays fresh. `flags` says what was odd (`https-to-http`).
    """

    document: Document
    validators: Validators
    moved_to: str = ""
    fresh_for: timedelta | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NotModified:
    """The server said 304, or sent the body we know; `validators` are those to keep."""

    validators: Validators
    headers: Mapping[str, str] = field(default_factory=dict)
    moved_to: str = ""
    fresh_for: timedelta | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RawItem:
    """One entry of a document, read but not judged; texts are plain text, never HTML.

    `id` is the publisher's own identifier and may be empty or repeated. `text` is the longer of
    summary and content. `published` and `updated` are what the entry says, or None: never the
    time of the poll, never clamped. `hash` names the entry's bytes and `raw` holds them ("as
    received"); where no byte range is known `raw` is empty and `index` finds it in the document.
    """

    id: str = ""
    title: str = ""
    link: str = ""
    text: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    lang: str = ""
    hash: bytes = b""
    raw: bytes = b""
    index: int = 0

    @property
    def when(self) -> datetime | None:
        """Return the published time, else the updated time, else None."""
        return self.published or self.updated


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one document parses to.

    `items` are the entries whose hash was not known, in document order; `hashes` names every entry
    of the document, known ones too. `partial` is True when the document broke off. `repeated` are
    the ids (links, where there is no id) that several entries of the document claim as their own.
    `cpu_s` is what the reading cost in seconds of CPU, 0 where nobody measured it.
    """

    items: tuple[RawItem, ...]
    hashes: tuple[bytes, ...]
    format: str
    title: str = ""
    lang: str = ""
    ttl: timedelta | None = None
    partial: bool = False
    children: tuple[str, ...] = ()  # URLs of a sitemap index, to be read in turn
    repeated: frozenset[str] = frozenset()
    cpu_s: float = field(default=0.0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Item:
    """One piece of news: the unit that rules look at.

    `id` depends on the source and the entry's identity only. `summary` is the feed's own text,
    `content` the article's where `full_text` is on. `when` is the publisher's time where it is
    believable, else `seen_at`; `flags` says what was mended (`date-missing`, `date-future`, ...).
    """

    id: ItemId
    source_id: SourceId
    title: str
    summary: str = ""
    content: str = ""
    url: str = ""
    canonical_url: str = ""
    lang: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    when: datetime
    seen_at: datetime
    guid: str = ""
    hash: bytes = b""
    raw: bytes = b""
    tags: frozenset[str] = frozenset()
    trust: int = 3
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FullText:
    """What came of asking for the article of an item, as evidence.

    `result` is `read`, or the kind of what went wrong; then `text` is empty. `url`, `status`,
    `sha256` (hex) and `size_bytes` are those of the document, where one came.
    """

    result: str
    asked_at: datetime
    text: str = ""
    detail: str = ""
    url: str = ""
    status: int | None = None
    sha256: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class ArticleLimits:
    """What one poll may spend on articles: how many are asked for, and how long all of them take.

    A poll holds its place among the polls meanwhile.
    """

    at_most: int = 20
    within: timedelta = timedelta(seconds=60)


# ---------------------------------------------------------------- what it means


@dataclass(frozen=True, kw_only=True)
class Span:
    """Characters that matched: `text == item.<field>[start:end]`, exactly, in the original."""

    field: Literal["title", "summary", "content"]
    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class ClauseMatch:
    """One named clause of a rule and the spans that satisfied it, in order of field and start."""

    clause: str
    matched: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An item that a rule matched; `version` is the hash of the rule's text and its term lists."""

    rule: str
    version: str
    severity: Severity
    clauses: tuple[ClauseMatch, ...]
    listed_names: tuple[str, ...] = ()  # names of watchlists that were found


@dataclass(frozen=True, kw_only=True)
class RuleInfo:
    """What people need to know of a rule; `file` and `line` say where to edit it."""

    id: str
    title: str
    theme: str
    severity: Severity
    version: str
    why: str = ""
    file: str = ""
    line: int = 0
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """The story that an item belongs to, and why.

    `story_id` is None when the item opens a story. `why` is a list for people (`same document
    symbol S/2024/215`), `score` the similarity where one was computed; `rival` is the nearest
    story that was not taken, with the reason. `copy_of` names the item whose words it repeats.
    """

    story_id: StoryId | None
    why: tuple[str, ...]
    score: float | None = None
    rival: StoryId | None = None
    rival_why: str = ""
    copy_of: ItemId | None = None
    is_denial: bool = False


class Reason(Enum):
    """Why an alert is sent, or why not. The first group is the closed list of what sends."""

    NEW_STORY = "new story"
    SEVERITY_ROSE = "severity rose"
    ANOTHER_RULE = "another rule"
    LISTED_NAME = "a listed name appeared"
    QUIET_THEN_BACK = "quiet, then back"
    NOT_ACKNOWLEDGED = "not acknowledged"
    DENIED = "denied or retracted"

    JOINED = "joined a known story"
    BACKLOG = "backlog of a first poll"
    MUTED = "story muted"
    SILENCED = "silenced"
    EDITED = "edited, no new rule"
    DIGESTED = "left for the digest"
    HELD = "held for quiet hours"
    ROLLED_UP = "rolled up with others"

    @property
    def sends(self) -> bool:
        """Return whether an alert goes out for this reason."""
        return self in _SENDING


_SENDING = frozenset(
    {
        Reason.NEW_STORY,
        Reason.SEVERITY_ROSE,
        Reason.ANOTHER_RULE,
        Reason.LISTED_NAME,
        Reason.QUIET_THEN_BACK,
        Reason.NOT_ACKNOWLEDGED,
        Reason.DENIED,
    }
)


STATES = ("new", "acknowledged", "escalated", "dismissed")  # of a story
DISMISSED_AS = ("irrelevant", "wrong-match", "known", "duplicate", "outdated")
ESCALATED_TO = ("review", "case", "management", "authority")


@dataclass(frozen=True, kw_only=True)
class Story:
    """What the store knows of a story when an item is about to join it.

    `alerted_rules` and `alerted_severity` say what its readers were told so far; both are empty
    for a story that only backlog knows.
    """

    id: StoryId
    title: str
    opened_at: datetime
    latest_at: datetime
    severity: Severity
    rules: frozenset[str]
    items: int = 0
    sources: int = 0
    alerted_rules: frozenset[str] = frozenset()
    alerted_severity: Severity | None = None
    alerted_names: frozenset[str] = frozenset()
    first_alert_id: AlertId | None = None
    last_alert_at: datetime | None = None
    returned_at: datetime | None = None  # when items came again after a quiet time
    sources_since_return: int = 0
    revision: int = 0  # alerts made for it
    muted: bool = False
    state: Literal["new", "acknowledged", "escalated", "dismissed"] = "new"
    assignee: str = ""  # who works on it


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether people are told of an item's hits, and why; `alert_id` is set when they are."""

    reason: Reason
    detail: str = ""
    alert_id: AlertId | None = None


# ---------------------------------------------------------------- what goes out


@dataclass(frozen=True, kw_only=True)
class RuleRef:
    """A rule as an alert names it."""

    id: str
    title: str
    version: str
    severity: Severity
    file: str = ""
    line: int = 0
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Why:
    """One clause of one rule that an article satisfied."""

    rule: str
    clause: str
    matched: tuple[Span, ...]


@dataclass(frozen=True, kw_only=True)
class Article:
    """An item as an alert shows it; `summary` and `content` are whole, channels shorten them.

    `sha256` (hex) is that of the entry as received; `copy_of` is the URL of the text it repeats.
    """

    item_id: ItemId
    url: str
    title: str
    source: SourceId
    source_name: str
    seen: datetime
    sha256: str
    summary: str = ""
    content: str = ""
    lang: str = ""
    published: datetime | None = None
    copy_of: str = ""
    why: tuple[Why, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StoryAlert:
    """A story that people should know of; `articles[0]` is the one that caused the alert."""

    story_id: StoryId
    title: str
    severity: Severity
    theme: str
    reason: Reason
    detail: str
    rules: tuple[RuleRef, ...]
    articles: tuple[Article, ...]
    first_seen: datetime
    last_seen: datetime
    state: str = "new"
    article_count: int = 1
    source_count: int = 1
    independent_count: int = 1
    languages: tuple[str, ...] = ()
    listed_names: tuple[str, ...] = ()
    thread_id: AlertId | None = None  # the story's first alert; None for the first one itself


class Health(StrEnum):
    """How a source fares, the worst first; what is not `OK` may mean that news was not seen."""

    GONE = "gone"  # the publisher says that it will not come back (410)
    WRONG_CONTENT = "wrong-content"  # a page, a browser check, or the feed of something else
    FAILING = "failing"  # polls fail
    TRUNCATED = "truncated"  # documents break off
    GAP = "gap"  # its window rolled over between two polls: items may have come and gone
    STALE = "stale"  # it answers, but its newest item is older than its rhythm allows
    SILENT = "silent"  # it answers, but nothing new came for longer than its rhythm allows
    MOVED = "moved"  # read at a new address, which feeds.yaml should name
    OK = "ok"

    @property
    def is_unread(self) -> bool:
        """Return whether a source in this state brings nothing at all."""
        return self in (Health.GONE, Health.WRONG_CONTENT, Health.FAILING)


@dataclass(frozen=True, kw_only=True)
class SourceProblem:
    """A source that was not, or not well, read; `detail` is the evidence."""

    source: SourceId
    name: str
    state: Health
    since: datetime
    detail: str
    what_to_do: str = ""


@dataclass(frozen=True, kw_only=True)
class NotRead:
    """A source that was not read for a part of a period: `total` in all, `spells` times.

    What appeared meanwhile was taken in later where it still stood in the feed: `late_items`.
    `is_over` is False while it cannot be read still.
    """

    source: SourceId
    name: str
    total: timedelta
    spells: int
    late_items: int
    is_over: bool


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A span in which items of a source may have come and gone between two polls."""

    source: SourceId
    name: str
    since: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """A problem that ended in a period; `late_items` were taken in when it did."""

    source: SourceId
    name: str
    state: Health
    since: datetime
    until: datetime
    late_items: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What was and was not seen in a period; each list has the worst, or the longest, first."""

    sources: int
    read: int
    problems: tuple[SourceProblem, ...] = ()
    not_read: tuple[NotRead, ...] = ()
    gaps: tuple[Gap, ...] = ()
    recoveries: tuple[Recovery, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DigestStory:
    """A line of a digest: a story and what the period brought to it."""

    story_id: StoryId
    title: str
    severity: Severity
    rules: tuple[str, ...]
    is_new: bool
    articles_added: int
    articles_total: int
    sources: tuple[str, ...]
    url: str
    latest_at: datetime
    state: str = "new"
    was_alerted: bool = False
    theme: str = ""  # of its worst rule
    rule_titles: tuple[str, ...] = ()
    source_names: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    listed_names: tuple[str, ...] = ()
    opened_at: datetime | None = None
    told_at: datetime | None = None  # when its last alert was made
    decided_by: str = ""  # who made it acknowledged, escalated or dismissed, and when
    decided_at: datetime | None = None
    assignee: str = ""


@dataclass(frozen=True, kw_only=True)
class NearMisses:
    """How many items fell short of a rule by one clause."""

    rule: str
    title: str
    items: int


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Stories of earlier periods that wait for a decision: how many, and the worst of them."""

    count: int = 0
    oldest: datetime | None = None
    stories: tuple[DigestStory, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What a period brought, sent even when it is empty; `date` is the local date it closes.

    `trend` counts the hits of the periods up to this one, which is the last. `over-cap` is no
    period but what a channel's cap kept back.
    """

    date: str
    zone: str
    since: datetime
    until: datetime
    stories: tuple[DigestStory, ...]
    coverage: Coverage
    items: int = 0
    hits: int = 0
    evidence_head: str = ""
    period: Literal["day", "week", "over-cap"] = "day"
    trend: tuple[int, ...] = ()
    waiting: Waiting = field(default_factory=Waiting)
    near_misses: tuple[NearMisses, ...] = ()
    silenced: int = 0  # stories of which a silence or a mute kept something quiet


@dataclass(frozen=True, kw_only=True)
class Operations:
    """News of the watch itself: a source, a channel or the service."""

    kind: Literal[
        "feed.gone",
        "feed.wrong-content",
        "feed.failing",
        "feed.truncated",
        "feed.gap",
        "feed.stale",
        "feed.silent",
        "feed.recovered",
        "channel.paused",
        "delivery.dead",
        "service.notice",
        "canary.missing",
        "canary.back",
    ]
    title: str
    detail: str
    since: datetime
    about: str = ""  # id of the source or name of the channel
    what_to_do: str = ""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A test message, sent by hand, or the daily canary: then `canary` is its local date."""

    channel: str
    text: str = "This is a test message. The channel works."
    canary: str = ""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """Something to tell people; `id` is stable, so that a repeat can be recognised."""

    id: AlertId
    occurred_at: datetime
    body: StoryAlert | Digest | Operations | Probe

    @property
    def severity(self) -> Severity:
        """Return the story's severity; digests and tests are low, operations medium."""
        if isinstance(self.body, StoryAlert):
            return self.body.severity
        return Severity.MEDIUM if isinstance(self.body, Operations) else Severity.LOW

    @property
    def subject(self) -> Literal["story", "digest", "operations", "test"]:
        """Return which of the four kinds of alert this is."""
        if isinstance(self.body, StoryAlert):
            return "story"
        if isinstance(self.body, Digest):
            return "digest"
        return "operations" if isinstance(self.body, Operations) else "test"


@dataclass(frozen=True, kw_only=True)
class Message:
    """The frozen bytes for one recipient of one channel; `id` repeats on every try."""

    id: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An outbox row that was claimed; it belongs to its claimer until `leased_until`."""

    id: int
    channel: str
    recipient: str
    message: Message
    attempts: int  # tries before this one
    first_try_at: datetime | None
    leased_until: datetime


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a receiver answered to a post: header names in lower case, at most 64 kB of body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


# url, body, headers, seconds for everything -> Reply; raises FetchError, follows no redirect
Post = Callable[[str, bytes, Mapping[str, str], float], Awaitable[Reply]]
Known = Collection[bytes]
Items = Sequence[Item]
