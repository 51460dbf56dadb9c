"""What may stand in the configuration files: one model per file, defaults beside each key.

A new key is one line here, one line in docs/configuration.md and a reader: nothing is accepted
that nobody reads.
"""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, create_model, model_validator

from monitor import __version__
from monitor.config.values import (
    Clock,
    Duration,
    Flag,
    HeaderName,
    HeaderValue,
    Id,
    Listen,
    Login,
    Moment,
    Names,
    Network,
    Pace,
    Patience,
    Polls,
    RateCap,
    Repeats,
    Said,
    SecretAddress,
    Severities,
    Version,
    WebAddress,
    Words,
    Wrong,
    Zone,
    is_loopback,
)

FirstPoll = Literal["alert", "digest", "silent"]
_SHORTEST_TOKEN = 16  # characters
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS = get_args(Weekday)
Trust = Annotated[int, Field(ge=1, le=5)]


class Settings(BaseModel):
    """A mapping of a configuration file: frozen, and no key that is not named."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True
    )


# ---------------------------------------------------------------- monitor.yaml


class InstanceSettings(Settings):
    """Who speaks: the domain that the ids of messages end in."""

    domain: str = Field(
        default="localhost", pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"
    )


class StorageSettings(Settings):
    """Where the database lies; a relative path starts at the working directory."""

    database: str = Field(default="data/monitor.db", min_length=1)


class PollingSettings(Settings):
    """How sources are asked, where a source does not say otherwise."""

    every: Pace = timedelta(minutes=15)
    timeout: Pace = timedelta(seconds=20)
    at_once: int = Field(default=8, ge=1, le=256)
    host_gap: Duration = timedelta(seconds=1)
    user_agent: str = Field(default=f"sanctions-monitor/{__version__}", pattern=r"^[\x20-\x7e]+$")
    allow_networks: tuple[Network, ...] = ()
    proxy: SecretStr = SecretStr("")


class FullTextSettings(Settings):
    """How much one poll may spend on the articles of a feed with `full_text`."""

    at_most: int = Field(default=20, ge=1, le=200)
    within: Pace = timedelta(seconds=60)


class WeeklySettings(Settings):
    """The digest of a week: its day, its time if not the daily one's, and who gets it."""

    on: Weekday = "monday"
    at: Clock | None = None
    send: Names | None = None


class DigestSettings(Settings):
    """When the digest is sent and to whom; `send` None leaves it to the routes."""

    at: Clock = time(7)
    zone: Zone = ZoneInfo("UTC")
    skip_when_empty: Flag = False
    send: Names | None = None
    weekly: WeeklySettings | None = None


class SelfWatchSettings(Settings):
    """When the watch reports itself, and to whom; nobody named is every channel."""

    feed_failing_after: Polls = 3
    tell: Names = ()


class CanarySettings(Settings):
    """The daily test of the whole way; it flies once somebody is named who gets it."""

    send: Names = ()
    at: Clock = time(6, 30)
    within: Annotated[Pace, Field(le=timedelta(hours=12))] = timedelta(minutes=30)


class WebSettings(Settings):
    """The address under which people reach the console, for links in messages."""

    public_url: WebAddress | None = None


class DeadManSettings(Settings):
    """Who is pinged while the watch keeps its promises, and misses the ping when it does not."""

    url: SecretAddress = SecretStr("")
    every: Pace = timedelta(minutes=1)
    start_and_fail: Flag = True
    channel_dead_after: Duration = timedelta(hours=1)


class HealthSettings(Settings):
    """When a line counts as standing still, and who watches the watcher."""

    stalled_after: Patience = timedelta(seconds=45)
    dead_man: DeadManSettings = DeadManSettings()


class HttpSettings(Settings):
    """Where health and metrics are served; nowhere, unless an address is given.

    An address that others can reach needs `public: true` and a token.
    """

    listen: Listen | None = None
    public: Flag = False
    token: SecretStr = SecretStr("")
    hosts: Names = ()

    @model_validator(mode="after")
    def _guarded(self) -> "HttpSettings":
        if self.listen is None or is_loopback(self.listen):
            return self
        if not self.public:
            raise Wrong(
                "listens where others can reach it",
                "add public: true and a token, or listen at 127.0.0.1",
            )
        if len(self.token.get_secret_value()) < _SHORTEST_TOKEN:
            raise Wrong(
                "is public and needs a token of 16 characters or more",
                "token: ${file:secrets/http-token}",
            )
        return self


class ServiceSettings(Settings):
    """monitor.yaml: the service. Everything has a default; an empty file is valid."""

    version: Version = 1
    instance: InstanceSettings = InstanceSettings()
    storage: StorageSettings = StorageSettings()
    polling: PollingSettings = PollingSettings()
    full_text: FullTextSettings = FullTextSettings()
    digest: DigestSettings = DigestSettings()
    self_watch: SelfWatchSettings = SelfWatchSettings()
    canary: CanarySettings = CanarySettings()
    web: WebSettings = WebSettings()
    health: HealthSettings = HealthSettings()
    http: HttpSettings = HttpSettings()


READ_AT_START = (
    "storage",
    "health",
    "http",
    "polling.at_once",
    "polling.host_gap",
    "polling.user_agent",
    "polling.allow_networks",
    "polling.proxy",
)
"""Settings that a running watch takes up at its next start only; a section stands for its keys."""


# ---------------------------------------------------------------- feeds.yaml


class AuthSettings(Settings):
    """How to log in at a source: one of the two."""

    basic: Login | None = None
    bearer: HeaderValue | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "AuthSettings":
        if (self.basic is None) == (self.bearer is None):
            raise Wrong("needs either basic or bearer")
        return self


class FeedDefaults(Settings):
    """What holds for every feed that does not say otherwise; `every`, `timeout`: monitor.yaml."""

    lang: str = ""
    every: Pace | None = None
    timeout: Pace | None = None
    trust: Trust = 3
    full_text: Flag = False
    first_poll: FirstPoll = "digest"


class FeedEntry(Settings):
    """One feed; what is None comes from the defaults."""

    id: Id
    url: WebAddress
    name: str = ""
    lang: str | None = Field(default=None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    every: Pace | None = None
    timeout: Pace | None = None
    trust: Trust | None = None
    tags: Names = ()
    enabled: Flag = True
    note: str = ""
    full_text: Flag | None = None
    first_poll: FirstPoll | None = None
    auth: AuthSettings | None = None
    headers: dict[HeaderName, HeaderValue] = {}
    verify_tls: Flag = True


class FeedsFile(Settings):
    """feeds.yaml: the sources."""

    version: Version = 1
    defaults: FeedDefaults = FeedDefaults()
    feeds: tuple[FeedEntry, ...] = ()


# ---------------------------------------------------------------- routes.yaml


class RouteWhen(Settings):
    """Which stories a route takes: those that fit every key that is given.

    One severity means that one or worse, a list means exactly those. A list of anything else
    means any of them.
    """

    severity: Severities = ()
    rule: Names = ()
    theme: Names = ()
    tag: Names = ()
    source: Names = ()
    lang: Names = ()


class QuietSettings(Settings):
    """Hours in which a route's messages wait; what is critical does not."""

    from_: Clock = Field(alias="from")
    to: Clock
    zone: Zone = ZoneInfo("UTC")
    then: Literal["hold"] = "hold"

    @model_validator(mode="after")
    def _some_time(self) -> "QuietSettings":
        if self.from_ == self.to:
            raise Wrong("begins and ends at the same time")
        return self


class RouteEntry(Settings):
    """Which stories go to which channels, at once or in the digest."""

    when: RouteWhen = RouteWhen()
    send: Annotated[Names, Field(min_length=1)]
    as_: Literal["alert", "digest", "weekly"] = Field(default="alert", alias="as")
    quiet: QuietSettings | None = None
    at_most: RateCap | None = None
    repeat_until_acked: Repeats | None = None

    @model_validator(mode="after")
    def _sends_messages(self) -> "RouteEntry":
        if self.as_ != "alert" and (self.quiet or self.at_most or self.repeat_until_acked):
            raise Wrong(f"is told when and how often, but as: {self.as_} sends nothing of its own")
        return self


class SilenceEntry(Settings):
    """What nobody is told of until a time: the hits that fit every condition that is given."""

    rule: Names = ()
    source: Names = ()
    theme: Names = ()
    text: Words = ""
    until: Moment
    by: Said
    reason: Said

    @model_validator(mode="after")
    def _of_something(self) -> "SilenceEntry":
        if not (self.rule or self.source or self.theme or self.text):
            raise Wrong("needs a rule, source, theme or text: it would silence everything")
        return self


class ChannelEntry(BaseModel):
    """A channel: its one kind with its settings, and whether it is on."""

    model_config = ConfigDict(frozen=True)  # the kinds are read by monitor.config.channels

    enabled: Flag = True


class ClosedChannelEntry(ChannelEntry):
    """A channel in the JSON Schema, where the kinds are known."""

    model_config = ConfigDict(extra="forbid")


class RoutesFile(Settings):
    """routes.yaml: channels, routes, silences. Without routes every channel gets every story."""

    version: Version = 1
    channels: Mapping[Id, ChannelEntry] = {}
    routes: tuple[RouteEntry, ...] = ()
    silences: tuple[SilenceEntry, ...] = ()


def routes_model(channels: Mapping[str, type[BaseModel]]) -> type[RoutesFile]:
    """Return the model of routes.yaml with the settings of these kinds of channel."""
    kinds: dict[str, Any] = {kind: (model | None, None) for kind, model in channels.items()}
    entry = create_model("Channel", __base__=ClosedChannelEntry, **kinds)
    return create_model(
        "Routes",
        __base__=RoutesFile,
        channels=(Mapping[Id, entry], {}),  # type: ignore[valid-type]
    )
