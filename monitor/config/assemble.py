"""From the texts of the files to a Config, or to every problem in them; reads no file itself."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from monitor.alerts.route import Route
from monitor.config import crosscheck
from monitor.config.channels import Channels
from monitor.config.effective import Config, route_of, silence_of, sources_of
from monitor.config.parts import Parts, Reader, Surroundings
from monitor.config.schema import RoutesFile, ServiceSettings
from monitor.config.secrets import redact
from monitor.config.show import shown
from monitor.errors import Problem
from monitor.rules import RuleSet
from monitor.yamlnodes import Node


def assemble(
    files: Mapping[str, str],
    surroundings: Surroundings,
    directory: Path,
    found: Sequence[Problem] = (),
) -> Config:
    """Return the configuration that these texts describe; `found` are problems seen before.

    Raises:
        ConfigError: with every problem of every file.
    """
    reader = Reader(files, surroundings, list(found))
    parts = reader.parts()
    ways = _ways(parts)
    reader.add(_cross_checks(parts, ways, files))
    if not surroundings.can_read_articles:
        reader.add(crosscheck.unreadable_articles(parts.sources))
    if surroundings.now is not None:
        reader.add(crosscheck.expired(parts.routing, surroundings.now))
    warnings = reader.warnings_or_errors()
    config = _config(parts, ways, warnings, reader.secrets)
    texts = {name: redact(text, config.secrets) for name, text in files.items()}
    config = replace(config, files=texts, directory=directory)
    return replace(config, hash=_hash(config))


@dataclass(frozen=True, kw_only=True)
class _Ways:
    """Who is told of what."""

    routes: tuple[Route, ...]
    digest: tuple[str, ...]
    weekly: tuple[str, ...]
    operations: tuple[str, ...]
    canary: tuple[str, ...]


def _config(parts: Parts, ways: _Ways, warnings: tuple[Problem, ...], secrets: set[str]) -> Config:
    assert parts.service is not None, "a file without a model has an error"
    assert parts.feeds is not None, "a file without a model has an error"
    assert parts.ruleset is not None, "rules that cannot be loaded are errors"
    silences = parts.routes.silences if parts.routes else ()
    return Config(
        service=parts.service,
        sources=sources_of(parts.feeds, parts.service),
        channels=parts.channels.on,
        routes=ways.routes,
        digest_channels=ways.digest,
        weekly_channels=ways.weekly,
        ops_channels=ways.operations,
        canary_channels=ways.canary,
        ruleset=parts.ruleset,
        warnings=warnings,
        silences=tuple(
            silence_of(f"routes.yaml silence {number}", entry)
            for number, entry in enumerate(silences, start=1)
        ),
        secrets=frozenset(secrets),
    )


def _cross_checks(parts: Parts, ways: _Ways, files: Mapping[str, str]) -> Iterator[Problem]:
    """Find what no single value shows."""
    yield from _unknown_channels(parts)
    yield from crosscheck.feeds(parts.sources)
    yield from crosscheck.emptiness(parts.feeds, files)
    yield from crosscheck.conditions(parts.routing, _known(parts.ruleset, parts.sources))
    yield from crosscheck.uncovered(parts.routing, ways.routes)
    used = {name for route in ways.routes for name in route.send}
    used |= {*ways.digest, *ways.weekly, *ways.operations, *ways.canary, *parts.channels.off}
    yield from crosscheck.mute_canary(parts.monitor, ways.canary, parts.channels.on)
    yield from crosscheck.unused(parts.routing, used)


def _unknown_channels(parts: Parts) -> Iterator[Problem]:
    """Find channels that are named but do not exist."""
    places = [
        (parts.monitor.get("digest"), "send"),
        (_below(parts.monitor.get("digest"), "weekly"), "send"),
        (parts.monitor.get("self_watch"), "tell"),
        (parts.monitor.get("canary"), "send"),
        *((entry, "send") for entry in crosscheck.each(parts.routing.get("routes"))),
    ]
    for section, key in places:
        named = crosscheck.words(section.get(key) if section else None)
        yield from crosscheck.unknown(named, parts.channels.names, "channel")


def _below(node: Node | None, key: str) -> Node | None:
    return node.get(key) if node is not None else None


def _ways(parts: Parts) -> _Ways:
    """Return the routes, the channels of the digests and those of the news of the watch itself."""
    channels = parts.channels
    routes = _routes(parts.routes, channels)
    service = parts.service or ServiceSettings()
    everyone = tuple(channels.on)
    digest = _digested(service.digest.send, routes, "digest", everyone)
    weekly = service.digest.weekly
    send = weekly.send if weekly else ()
    told = _on(service.self_watch.tell or (), channels)
    return _Ways(
        routes=routes,
        digest=_on(digest, channels),
        weekly=_on(_digested(send, routes, "weekly", digest), channels),
        operations=told or everyone,  # that the watch is blind is always told to somebody
        canary=_on(service.canary.send, channels),
    )


def _digested(
    chosen: tuple[str, ...] | None, routes: Iterable[Route], send_as: str, others: tuple[str, ...]
) -> tuple[str, ...]:
    """Return who gets a digest: who is named, and whom routes leave stories to; else others."""
    left = [name for route in routes if route.send_as == send_as for name in route.send]
    return (*(chosen or ()), *left) if chosen is not None or left else others


def _routes(file: RoutesFile | None, channels: Channels) -> tuple[Route, ...]:
    """Return the routes to channels that are on; without any, every channel gets every story."""
    written = [route_of(entry) for entry in file.routes] if file else []
    on = [replace(route, send=_on(route.send, channels)) for route in written]
    routes = tuple(route for route in on if route.send)
    if not routes and (channels.is_default or not written):
        return (Route(send=tuple(channels.on)),)
    return routes


def _on(names: Iterable[str], channels: Channels) -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys(names) if name not in channels.off)


def _known(ruleset: RuleSet | None, feeds: Node) -> Mapping[str, frozenset[str]]:
    """Return what routes may wait for; the rules' names only where the rules could be read."""
    entries = list(crosscheck.each(feeds.get("feeds")))
    sources = [word.key for entry in entries for word in crosscheck.words(entry.get("id"))]
    known = {"source": frozenset(sources)}
    if ruleset is None:
        return known
    infos = [*ruleset.rules.values(), *ruleset.disabled.values()]
    tags = [word.key for entry in entries for word in crosscheck.words(entry.get("tags"))]
    return {
        **known,
        "rule": frozenset(info.id for info in infos),
        "theme": frozenset(info.theme for info in infos),
        "tag": frozenset(tags).union(*(info.tags for info in infos)),
    }


def _hash(config: Config) -> str:
    """Return a digest of the files and of every setting but the secrets."""
    settings = json.dumps([shown(config), list(config.files.items())], sort_keys=True)
    return hashlib.sha256(settings.encode("utf-8", "surrogatepass")).hexdigest()
