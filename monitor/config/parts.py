"""The files of a configuration read one by one, with every problem of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from monitor.config.channels import Channels, Models, read_channels
from monitor.config.schema import FeedsFile, RoutesFile, ServiceSettings
from monitor.config.secrets import ReadSecret, Resolved, literals, redact, resolve
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
    can_read_articles: bool = True  # what full_text needs is installed
    now: datetime | None = None  # to tell what is over; None tells nothing


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The files one by one: the trees, and their models where there is no fault."""

    monitor: Node
    service: ServiceSettings | None
    sources: Node
    feeds: FeedsFile | None
    routing: Node
    routes: RoutesFile | None
    ruleset: RuleSet | None
    channels: Channels


class Reader:
    """One pass over the files; problems collect here and are raised at the end, all at once."""

    def __init__(
        self, files: Mapping[str, str], surroundings: Surroundings, problems: list[Problem]
    ) -> None:
        self.secrets: set[str] = set()
        self._files = files
        self._around = surroundings
        self._problems = problems
        self._unresolved: set[tuple[str, int, int]] = set()
        self._advice: tuple[Problem, ...] = ()  # of the rules; it would hide what is wrong

    def parts(self) -> Parts:
        """Return what the files hold, each read whatever is wrong with the others."""
        monitor, service = self._file("monitor.yaml", ServiceSettings)
        sources, feeds = self._file("feeds.yaml", FeedsFile)
        routing, routes = self._file("routes.yaml", RoutesFile)
        ruleset = self._ruleset()
        channels = read_channels(routing, self._around.channels)
        self.add(channels.problems)
        self.secrets |= channels.secrets
        return Parts(
            monitor=monitor.root,
            service=service,
            sources=sources.root,
            feeds=feeds,
            routing=routing.root,
            routes=routes,
            ruleset=ruleset,
            channels=channels,
        )

    def service(self) -> ServiceSettings:
        """Return what monitor.yaml says.

        Raises:
            ConfigError: with every problem that was found.
        """
        _, service = self._file("monitor.yaml", ServiceSettings)
        self.warnings_or_errors()
        assert service is not None, "a file without a model has an error"
        return service

    def add(self, problems: Iterable[Problem]) -> None:
        """Collect problems, but not what only follows from a reference that is unresolved."""
        self._problems += (
            one for one in problems if (one.file, one.line, one.column) not in self._unresolved
        )

    def warnings_or_errors(self) -> tuple[Problem, ...]:
        """Return what was found when it is warnings alone, each once, in order of file and line."""
        secrets = frozenset(self.secrets)
        found = sorted({_cleaned(problem, secrets) for problem in self._problems}, key=_place)
        if any(not problem.is_warning for problem in found):
            raise ConfigError(found)
        return (*found, *self._advice)

    def _file(self, name: str, model: type[_Model]) -> tuple[Resolved, _Model | None]:
        """Return the resolved tree of a file and its model; an absent file is an empty one."""
        file = File(name, self._files.get(name, ""))
        try:
            node = load(name, file.source)
        except ConfigError as error:
            self.add(error.problems)
            return _empty(file), None
        resolved = resolve(node, self._around.environ, self._around.read_secret)
        self.secrets |= resolved.secrets | set(literals(model, resolved.root, resolved))
        self._problems += resolved.problems
        self._unresolved |= {(name, one.line, one.column) for one in resolved.problems}
        checked, problems = validate(model, resolved.root, resolved)
        self.add(problems)
        return resolved, checked

    def _ruleset(self) -> RuleSet | None:
        rules = [(n, text) for n, text in self._files.items() if n.startswith("rules/")]
        lists = [(n, text) for n, text in self._files.items() if n.startswith("watchlists/")]
        try:
            ruleset = self._around.load_rules(rules, lists)
        except ConfigError as error:
            self.add(error.problems)
            return None
        self._advice = ruleset.warnings
        return ruleset


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


def _place(problem: Problem) -> tuple[int, str, int, int, str]:
    order = _ORDER.index(problem.file) if problem.file in _ORDER else len(_ORDER)
    return order, problem.file, problem.line, problem.column, problem.message
