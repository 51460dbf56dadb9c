"""From the texts of the files to a Config, or to every problem in them; reads no file itself."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from monitor.alerts.route import Route
from monitor.config import crosscheck
from monitor.config.effective import ChannelConfig, Config, route_of, sources_of
from monitor.config.schema import FeedsFile, RoutesFile, ServiceSettings, Settings
from monitor.config.secrets import ReadSecret, Resolved, redact, resolve
from monitor.config.show import shown
from monitor.config.validate import validate
from monitor.errors import ConfigError, Problem
from monitor.yamlnodes import File, Node, did_you_mean, load

Channels = Mapping[str, type[BaseModel]]
Texts = Sequence[tuple[str, str]]
LoadRules = Callable[[Texts, Texts], Any]
_Model = TypeVar("_Model", bound=BaseModel)

_ORDER = ("monitor.yaml", "feeds.yaml", "routes.yaml")


@dataclass(frozen=True)
class Surroundings:
    """What is not in the files: the environment, secret files, and what the program can do."""

    environ: Mapping[str, str] = field(repr=False)
    read_secret: ReadSecret
    channels: Channels
    source_types: frozenset[str]
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
        self._secrets: set[str] = set()

    def config(self, directory: Path) -> Config:
        """Return the configuration, or raise every problem."""
        monitor, service = self._file("monitor.yaml", ServiceSettings)
        feeds_root, feeds = self._file("feeds.yaml", FeedsFile)
        routes_root, routing = self._file("routes.yaml", RoutesFile)
        ruleset = self._ruleset()
        channels = self._channels(routes_root)
        routes = _routes(routing, channels)
        self._names(monitor, routes_root, channels)
        self._problems += crosscheck.feeds(feeds_root.root, self._around.source_types)
        self._problems += crosscheck.conditions(routes_root.root, _known(ruleset, feeds_root.root))
        digest, operations = _recipients(service, routes, channels)
        self._usage(routes_root.root, routes, {*digest, *operations})
        self._stop_on_errors()
        assert service is not None, "a file without a model has an error"
        assert feeds is not None, "a file without a model has an error"
        config = Config(
            service=service,
            sources=sources_of(feeds, service),
            channels=channels,
            routes=routes,
            digest_channels=digest,
            ops_channels=operations,
            ruleset=ruleset,
            warnings=tuple(self._problems),
            hash="",
            directory=directory,
            files=dict(self._files),
            secrets=frozenset(self._secrets),
        )
        return replace(config, hash=_hash(config))

    def _file(self, name: str, model: type[_Model]) -> tuple[Resolved, _Model | None]:
        """Return the resolved tree of a file and its model; an absent file is an empty one."""
        file = File(name, self._files.get(name, ""))
        try:
            node = load(name, file.source)
        except ConfigError as error:
            self._problems += error.problems
            return _empty(file), None
        resolved = resolve(node, self._around.environ, self._around.read_secret)
        self._secrets |= resolved.secrets
        self._problems += resolved.problems
        return resolved, self._validated(model, resolved.root, resolved)

    def _validated(self, model: type[_Model], node: Node, resolved: Resolved) -> _Model | None:
        checked, problems = validate(model, node, resolved)
        # A reference that could not be resolved was reported; what follows from it is noise.
        missing = {(problem.line, problem.column) for problem in resolved.problems}
        self._problems += [one for one in problems if (one.line, one.column) not in missing]
        return checked

    def _ruleset(self) -> Any:
        rules = [(n, text) for n, text in self._files.items() if n.startswith("rules/")]
        lists = [(n, text) for n, text in self._files.items() if n.startswith("watchlists/")]
        try:
            return self._around.load_rules(rules, lists)
        except ConfigError as error:
            self._problems += error.problems
            return None

    def _channels(self, routing: Resolved) -> Mapping[str, ChannelConfig]:
        """Return the channels by name, in file order; without any there is the console."""
        section = routing.root.get("channels")
        found = {}
        for name, node in (section.entries if section else None) or ():
            channel = self._channel(name, node, routing)
            found[name.key] = channel
        if found:
            return found
        settings = self._around.channels.get("console", Settings)()
        return {"console": ChannelConfig(name="console", kind="console", settings=settings)}

    def _channel(self, name: Node, node: Node, routing: Resolved) -> ChannelConfig:
        """Return a channel; one with a problem keeps its name, so that routes still find it."""
        nothing = ChannelConfig(name=name.key, kind="", settings=Settings())
        entries = node.entries or ()
        if len(entries) != 1:
            if node.entries is not None or not node.text:
                message = f'channel "{name.key}" needs one kind'
                self._problems.append(name.problem(message, _kinds(self._around.channels)))
            return nothing
        kind, settings_node = entries[0]
        model = self._around.channels.get(kind.key)
        if model is None:
            hint = did_you_mean(kind.key, self._around.channels)
            self._problems.append(kind.problem(f'there is no kind of channel "{kind.key}"', hint))
            return nothing
        if settings_node.text == "":
            settings_node = replace(settings_node, text=None, entries=())
        settings = self._validated(model, settings_node, routing)
        return replace(nothing, kind=kind.key, settings=settings or nothing.settings)

    def _names(
        self, monitor: Resolved, routing: Resolved, channels: Mapping[str, ChannelConfig]
    ) -> None:
        """Find channels that are named but do not exist."""
        named = [monitor.root.get("digest"), monitor.root.get("self_watch")]
        for section, key in zip(named, ("send", "tell"), strict=True):
            nodes = crosscheck.words(section.get(key) if section else None)
            self._problems += crosscheck.unknown(nodes, channels, "channel")
        for entry in crosscheck.each(routing.root.get("routes")):
            nodes = crosscheck.words(entry.get("send"))
            self._problems += crosscheck.unknown(nodes, channels, "channel")

    def _usage(self, root: Node, routes: Sequence[Route], others: set[str]) -> None:
        used = others | {name for route in routes for name in route.send}
        self._problems += crosscheck.uncovered(root, routes)
        self._problems += crosscheck.unused(root, used)

    def _stop_on_errors(self) -> None:
        secrets = frozenset(self._secrets)
        shown_problems = (
            replace(
                one,
                message=redact(one.message, secrets),
                hint=redact(one.hint, secrets),
                source_line=redact(one.source_line, secrets),
            )
            for one in self._problems
        )
        self._problems = sorted(dict.fromkeys(shown_problems), key=_place)
        if any(not one.is_warning for one in self._problems):
            raise ConfigError(self._problems)


def _empty(file: File) -> Resolved:
    """Return the tree that stands for a file that cannot be read as YAML."""
    return resolve(Node(file, 1, 1, entries=()), {}, lambda _: "")


def _place(problem: Problem) -> tuple[int, str, int, int]:
    order = _ORDER.index(problem.file) if problem.file in _ORDER else len(_ORDER)
    return order, problem.file, problem.line, problem.column


def _kinds(channels: Channels) -> str:
    return f"one of: {', '.join(sorted(channels))}"


def _routes(routing: RoutesFile | None, channels: Mapping[str, ChannelConfig]) -> tuple[Route, ...]:
    """Return the routes; where none is written every channel gets every story."""
    if routing is not None and routing.routes:
        return tuple(route_of(entry) for entry in routing.routes)
    return (Route(send=tuple(channels)),)


def _known(ruleset: Any, feeds: Node) -> Mapping[str, frozenset[str]]:
    """Return what routes may wait for; the rules' names only where the rules could be read."""
    entries = list(crosscheck.each(feeds.get("feeds")))
    sources = {word.key for entry in entries for word in crosscheck.words(entry.get("id"))}
    known = {"source": frozenset(sources)}
    if ruleset is None:
        return known
    return known


def _recipients(
    service: ServiceSettings | None,
    routes: Sequence[Route],
    channels: Mapping[str, ChannelConfig],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the channels of the digest and those of the news of the watch itself."""
    everyone = tuple(channels)
    if service is None:
        return everyone, everyone
    digested = [name for route in routes if route.send_as == "digest" for name in route.send]
    chosen = service.digest.send
    digest = (*(chosen or ()), *digested) if chosen is not None or digested else everyone
    tell = service.self_watch.tell
    return tuple(dict.fromkeys(digest)), everyone if tell is None else tell


def _hash(config: Config) -> str:
    """Return a digest of the files and of every setting but the secrets."""
    settings = json.dumps([shown(config), list(config.files.items())], sort_keys=True)
    return hashlib.sha256(settings.encode("utf-8", "surrogatepass")).hexdigest()
