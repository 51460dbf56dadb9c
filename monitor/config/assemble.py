"""From the texts of the files to a Config, or to every problem in them; reads no file itself."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from monitor.alerts.route import Route
from monitor.config import crosscheck
from monitor.config.channels import Channels, Models, read_channels
from monitor.config.effective import Config, route_of, sources_of
from monitor.config.schema import FeedsFile, RoutesFile, ServiceSettings
from monitor.config.secrets import ReadSecret, Resolved, literals, redact, resolve
from monitor.config.show import shown
from monitor.config.validate import validate
from monitor.errors import ConfigError, Problem
from monitor.rules import RuleSet
from monitor.yamlnodes import File, Node, load

Texts = Sequence[tuple[str, str]]
LoadRules = Callable[[Texts, Texts], RuleSet]
_Model = TypeVar("_Model", bound=BaseModel)

_ORDER = ("monitor.yaml", "feeds.yaml", "routes.yaml")


@dataclass(frozen=True)
class Surroundings:
    """What is not in the files: the environment, secret files, and what the program can do."""

    environ: Mapping[str, str] = field(repr=False)
    read_secret: ReadSecret
    channels: Models
    load_rules: LoadRules


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
    return _Assembly(files, surroundings, list(found)).config(directory)


class _Assembly:
    """One pass over the files; problems collect here and are raised at the end, all at once."""

    def __init__(
        self, files: Mapping[str, str], surroundings: Surroundings, problems: list[Problem]
    ) -> None:
        self._files = files
        self._around = surroundings
        self._problems = problems
        self._unresolved: set[tuple[str, int, int]] = set()
        self._secrets: set[str] = set()

    def config(self, directory: Path) -> Config:
        """Return the configuration, or raise every problem."""
        monitor, service = self._file("monitor.yaml", ServiceSettings)
        sources, feeds = self._file("feeds.yaml", FeedsFile)
        routing, routes_file = self._file("routes.yaml", RoutesFile)
        ruleset = self._ruleset()
        channels = read_channels(routing, self._around.channels)
        self._add(channels.problems)
        self._secrets |= channels.secrets
        self._add(_unknown_channels(monitor.root, routing.root, channels.names))
        self._add(crosscheck.feeds(sources.root))
        self._add(crosscheck.emptiness(feeds, self._files))
        self._add(crosscheck.conditions(routing.root, _known(ruleset, sources.root)))
        routes = _routes(routes_file, channels)
        digest, operations = _recipients(service, routes, channels)
        self._add(crosscheck.uncovered(routing.root, routes))
        used = {name for route in routes for name in route.send}
        self._add(crosscheck.unused(routing.root, used | {*digest, *operations} | channels.off))
        warnings = self._warnings_or_errors()
        secrets = frozenset(self._secrets)
        assert service is not None, "a file without a model has an error"
        assert feeds is not None, "a file without a model has an error"
        assert ruleset is not None, "rules that cannot be loaded are errors"
        config = Config(
            service=service,
            sources=sources_of(feeds, service),
            channels=channels.on,
            routes=routes,
            digest_channels=digest,
            ops_channels=operations,
            ruleset=ruleset,
            warnings=warnings,
            hash="",
            directory=directory,
            files={name: redact(text, secrets) for name, text in self._files.items()},
            secrets=secrets,
        )
        return replace(config, hash=_hash(config))

    def _file(self, name: str, model: type[_Model]) -> tuple[Resolved, _Model | None]:
        """Return the resolved tree of a file and its model; an absent file is an empty one."""
        file = File(name, self._files.get(name, ""))
        try:
            node = load(name, file.source)
        except ConfigError as error:
            self._add(error.problems)
            return _empty(file), None
        resolved = resolve(node, self._around.environ, self._around.read_secret)
        self._secrets |= resolved.secrets | set(literals(model, resolved.root, resolved))
        self._problems += resolved.problems
        self._unresolved |= {(name, one.line, one.column) for one in resolved.problems}
        checked, problems = validate(model, resolved.root, resolved)
        self._add(problems)
        return resolved, checked

    def _add(self, problems: Iterable[Problem]) -> None:
        """Collect problems, but not what only follows from a reference that is unresolved."""
        self._problems += (
            one for one in problems if (one.file, one.line, one.column) not in self._unresolved
        )

    def _ruleset(self) -> RuleSet | None:
        rules = [(n, text) for n, text in self._files.items() if n.startswith("rules/")]
        lists = [(n, text) for n, text in self._files.items() if n.startswith("watchlists/")]
        try:
            ruleset = self._around.load_rules(rules, lists)
        except ConfigError as error:
            self._add(error.problems)
            return None
        self._add(ruleset.warnings)
        return ruleset

    def _warnings_or_errors(self) -> tuple[Problem, ...]:
        """Return what was found when it is warnings alone, each once, in order of file and line."""
        secrets = frozenset(self._secrets)
        cleaned = dict.fromkeys(_cleaned(problem, secrets) for problem in self._problems)
        problems = sorted(cleaned, key=_place)
        if any(not problem.is_warning for problem in problems):
            raise ConfigError(problems)
        return tuple(problems)


def _empty(file: File) -> Resolved:
    """Return the tree that stands for a file that cannot be read as YAML."""
    return resolve(Node(file, 1, 1, entries=()), {}, lambda path: path)


def _cleaned(problem: Problem, secrets: frozenset[str]) -> Problem:
    return replace(
        problem,
        message=redact(problem.message, secrets),
        hint=redact(problem.hint, secrets),
        source_line=redact(problem.source_line, secrets),
    )


def _place(problem: Problem) -> tuple[int, str, int, int]:
    order = _ORDER.index(problem.file) if problem.file in _ORDER else len(_ORDER)
    return order, problem.file, problem.line, problem.column


def _unknown_channels(monitor: Node, routing: Node, names: frozenset[str]) -> Iterable[Problem]:
    """Find channels that are named but do not exist."""
    places = [
        (monitor.get("digest"), "send"),
        (monitor.get("self_watch"), "tell"),
        *((entry, "send") for entry in crosscheck.each(routing.get("routes"))),
    ]
    for section, key in places:
        named = crosscheck.words(section.get(key) if section else None)
        yield from crosscheck.unknown(named, names, "channel")


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


def _recipients(
    service: ServiceSettings | None, routes: Sequence[Route], channels: Channels
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the channels of the digest and those of the news of the watch itself."""
    everyone = tuple(channels.on)
    if service is None:
        return everyone, everyone
    digested = [name for route in routes if route.send_as == "digest" for name in route.send]
    chosen = service.digest.send
    digest = (*(chosen or ()), *digested) if chosen is not None or digested else everyone
    tell = service.self_watch.tell
    return _on(digest, channels), _on(everyone if tell is None else tell, channels)


def _hash(config: Config) -> str:
    """Return a digest of the files and of every setting but the secrets."""
    settings = json.dumps([shown(config), list(config.files.items())], sort_keys=True)
    return hashlib.sha256(settings.encode("utf-8", "surrogatepass")).hexdigest()
