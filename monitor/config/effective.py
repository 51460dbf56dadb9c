"""The configuration as the rest of the program sees it: frozen, checked, with all defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from monitor.alerts.quiet import Quiet
from monitor.alerts.route import Route
from monitor.alerts.silence import Silence
from monitor.config.schema import (
    READ_AT_START,
    FeedEntry,
    FeedsFile,
    QuietSettings,
    RouteEntry,
    ServiceSettings,
    SilenceEntry,
)
from monitor.errors import Problem
from monitor.model import Severity, Source, SourceId
from monitor.rules import RuleSet


@dataclass(frozen=True, kw_only=True)
class ChannelConfig:
    """A channel: its name in the routes, its kind, and the settings that kind asks for."""

    name: str
    kind: str
    settings: BaseModel


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that the files say.

    `digest_channels` get the digest, `ops_channels` the news of the watch itself,
    `canary_channels` the daily canary (none: it does not fly). `hash` names this configuration:
    it changes with any file and any setting, but not with a secret. `files` maps names to texts
    as read, with references in place of secrets, in their order.
    `authors` says who saved each of them last. `secrets` are texts that must appear nowhere.
    """

    service: ServiceSettings
    sources: tuple[Source, ...] = field(repr=False)  # an address may hold a key
    channels: Mapping[str, ChannelConfig]
    routes: tuple[Route, ...]
    digest_channels: tuple[str, ...]
    ops_channels: tuple[str, ...]
    canary_channels: tuple[str, ...]
    ruleset: RuleSet
    warnings: tuple[Problem, ...]
    silences: tuple[Silence, ...] = ()
    weekly_channels: tuple[str, ...] = ()  # nobody: there is no weekly digest
    hash: str = ""
    directory: Path = Path()
    files: Mapping[str, str] = field(repr=False, default_factory=dict)
    authors: Mapping[str, str] = field(repr=False, default_factory=dict)
    secrets: frozenset[str] = field(repr=False, default=frozenset())


def waiting_settings(started: ServiceSettings, loaded: ServiceSettings) -> tuple[str, ...]:
    """Return the settings in which what was loaded differs from what a watch was started with."""
    return tuple(
        name for name in READ_AT_START if attrgetter(name)(started) != attrgetter(name)(loaded)
    )


def waits_for_start(name: str) -> bool:
    """Return whether a setting of monitor.yaml is taken up at the next start, not at a reload."""
    return any(name == one or name.startswith(f"{one}.") for one in READ_AT_START)


def sources_of(file: FeedsFile, service: ServiceSettings) -> tuple[Source, ...]:
    """Return the sources in file order, every default applied."""
    return tuple(_source(entry, file, service) for entry in file.feeds)


def _source(entry: FeedEntry, file: FeedsFile, service: ServiceSettings) -> Source:
    defaults, polling = file.defaults, service.polling
    user, password, headers = _login(entry)
    return Source(
        id=SourceId(entry.id),
        url=entry.url,
        name=entry.name,
        lang=_first(entry.lang, defaults.lang),
        every=_first(entry.every, defaults.every, polling.every),
        # Whatever the operator wrote holds, wherever it stands; the built-in default is a start.
        is_pinned=bool(entry.every or defaults.every or "every" in polling.model_fields_set),
        timeout=_first(entry.timeout, defaults.timeout, polling.timeout),
        trust=_first(entry.trust, defaults.trust),
        tags=frozenset(entry.tags),
        enabled=entry.enabled,
        note=entry.note,
        full_text=_first(entry.full_text, defaults.full_text),
        first_poll=_first(entry.first_poll, defaults.first_poll),
        user=user,
        password=password,
        headers=headers,
        verify_tls=entry.verify_tls,
    )


def _first(*values: Any) -> Any:
    """Return the first value that was given."""
    return next(value for value in values if value is not None)


def _login(entry: FeedEntry) -> tuple[str, str, Mapping[str, str]]:
    """Return user, password and the headers of a source."""
    headers = {name: value.get_secret_value() for name, value in entry.headers.items()}
    auth = entry.auth
    if auth is not None and auth.bearer is not None:
        headers["Authorization"] = f"Bearer {auth.bearer.get_secret_value()}"
    if auth is None or auth.basic is None:
        return "", "", headers
    user, _, password = auth.basic.get_secret_value().partition(":")
    return user, password, headers


def route_of(entry: RouteEntry) -> Route:
    """Return the route that an entry of routes.yaml describes."""
    when = entry.when
    return Route(
        send=entry.send,
        severities=frozenset(Severity[name.upper()] for name in when.severity),
        rules=frozenset(when.rule),
        themes=frozenset(when.theme),
        tags=frozenset(when.tag),
        sources=frozenset(when.source),
        langs=frozenset(when.lang),
        send_as=entry.as_,
        quiet=_quiet(entry.quiet) if entry.quiet else None,
        at_most=entry.at_most,
        repeat=entry.repeat_until_acked,
    )


def _quiet(entry: QuietSettings) -> Quiet:
    return Quiet(start=entry.from_, end=entry.to, zone=entry.zone)


def silence_of(name: str, entry: SilenceEntry) -> Silence:
    """Return the silence that an entry describes."""
    return Silence(
        name=name,
        until=entry.until,
        by=entry.by,
        reason=entry.reason,
        rules=frozenset(entry.rule),
        sources=frozenset(entry.source),
        themes=frozenset(entry.theme),
        text=entry.text,
    )
