"""The channels of routes.yaml: each has a name, one kind, and the settings of that kind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import BaseModel

from monitor.config.effective import ChannelConfig
from monitor.config.schema import Settings
from monitor.config.secrets import Resolved, literals
from monitor.config.validate import validate
from monitor.errors import Problem
from monitor.yamlnodes import Node, did_you_mean

Models = Mapping[str, type[BaseModel]]
_BROKEN = Settings()  # stands for settings that have a problem: nothing is ever sent with them


@dataclass(frozen=True)
class Channels:
    """What routes.yaml says of channels: those that are on, the names of those that are off.

    `is_default` says that none is on and the console stands in. `secrets` were written into the
    file.
    """

    on: Mapping[str, ChannelConfig]
    off: frozenset[str]
    is_default: bool
    problems: tuple[Problem, ...]
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def names(self) -> frozenset[str]:
        """Return every name that a route may use."""
        return frozenset(self.on) | self.off


def read_channels(routing: Resolved, models: Models) -> Channels:
    """Return the channels in file order; where none is on there is the console.

    A channel with a problem is among them, so that the routes to it are not called wrong too.
    """
    problems: list[Problem] = []
    on: dict[str, ChannelConfig] = {}
    off: set[str] = set()
    section = routing.root.get("channels")
    for name, node in (section.entries if section else None) or ():
        if _is_off(node):
            off.add(name.key)
            continue
        channel, found = _channel(name, node, routing, models)
        on[name.key] = channel
        problems += found
    if on:
        return Channels(
            on,
            frozenset(off),
            is_default=False,
            problems=tuple(problems),
            secrets=frozenset(_secrets(section, routing, models)),
        )
    settings = models.get("console", Settings)()
    console = ChannelConfig(name="console", kind="console", settings=settings)
    return Channels({"console": console}, frozenset(off), is_default=True, problems=())


def _secrets(section: Node | None, routing: Resolved, models: Models) -> Iterator[str]:
    for _, node in (section.entries if section else None) or ():
        for kind, value in node.entries or ():
            if kind.key in models:
                yield from literals(models[kind.key], value, routing)


def _is_off(node: Node) -> bool:
    enabled = node.get("enabled")
    return enabled is not None and enabled.text == "false"


def _channel(
    name: Node, node: Node, routing: Resolved, models: Models
) -> tuple[ChannelConfig, list[Problem]]:
    channel = ChannelConfig(name=name.key, kind="", settings=_BROKEN)
    if node.text or node.items is not None:
        return channel, []  # the model of the file says what it should be
    kinds = [(key, value) for key, value in node.entries or () if key.key != "enabled"]
    if len(kinds) != 1:
        hint = f"one of: {', '.join(sorted(models))}"
        return channel, [name.problem(f'channel "{name.key}" needs one kind', hint)]
    kind, value = kinds[0]
    model = models.get(kind.key)
    if model is None:
        message = f'there is no kind of channel "{kind.key}"'
        return channel, [kind.problem(message, did_you_mean(kind.key, models))]
    if value.text == "":
        value = replace(value, text=None, entries=())
    settings, problems = validate(model, value, routing)
    return replace(channel, kind=kind.key, settings=settings or _BROKEN), problems
