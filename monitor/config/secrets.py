"""References to the environment and to secret files, replaced after the YAML was read.

`${NAME}`, `${NAME:-default}` and `${file:/run/secrets/x}`; `$${` stands for a plain `${`. What
a value holds can therefore never become a key or a list.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from monitor.errors import Problem
from monitor.yamlnodes import Node

ReadSecret = Callable[[str], str]

_REFERENCE = re.compile(
    r"\$\$\{|\$\{(?:file:(?P<path>[^}]+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?)\}"
    r"|(?P<bad>\$\{)"
)
_SECRET_NAME = re.compile(r"key|token|secret|pass|auth|cred|login", re.IGNORECASE)
_SHORTEST = 4  # characters
_HIDDEN = "***"
_UNRESOLVED = "unresolved"  # keeps the key: that it is missing would be a second, false message
_HOW = "write ${NAME}, ${NAME:-default} or ${file:/path}"


@dataclass(frozen=True)
class Resolved:
    """A tree without references.

    `written` keeps, by line and column, the text of every value that was replaced: messages show
    that. `values` are all replaced texts, `secrets` those that must not be shown anywhere.
    """

    root: Node
    written: Mapping[tuple[int, int], str]
    values: frozenset[str] = field(repr=False)
    secrets: frozenset[str] = field(repr=False)
    problems: tuple[Problem, ...]


class _Resolver:
    def __init__(self, environ: Mapping[str, str], read_secret: ReadSecret) -> None:
        self._environ = environ
        self._read_secret = read_secret
        self.written: dict[tuple[int, int], str] = {}
        self.values: set[str] = set()
        self.secrets: set[str] = set()
        self.problems: list[Problem] = []

    def tree(self, node: Node) -> Node:
        if node.text is not None:
            return self._scalar(node)
        if node.items is not None:
            return replace(node, items=tuple(self.tree(item) for item in node.items))
        entries = tuple((key, self.tree(value)) for key, value in node.entries or ())
        return replace(node, entries=entries)

    def _scalar(self, node: Node) -> Node:
        assert node.text is not None, "only texts come here"
        if "${" not in node.text:
            return node
        self.written[node.line, node.column] = node.text
        text = _REFERENCE.sub(lambda match: self._value(node, match), node.text)
        return replace(node, text=text)

    def _value(self, node: Node, match: re.Match[str]) -> str:
        if match["bad"]:
            self.problems.append(node.problem('"${" starts no reference', _HOW))
            return _UNRESOLVED
        if match["path"]:
            return self._file(node, match["path"])
        if match["name"]:
            return self._variable(node, match["name"], match["default"])
        return "${"

    def _variable(self, node: Node, name: str, default: str | None) -> str:
        value = self._environ.get(name, "").strip()
        if value:
            self._remember(value, is_secret=bool(_SECRET_NAME.search(name)))
            return value
        if default is None:
            message = f"environment variable {name} is not set"
            hint = f"set it, or write ${{{name}:-default}}"
            self.problems.append(node.problem(message, hint))
            return _UNRESOLVED
        return default

    def _file(self, node: Node, path: str) -> str:
        try:
            value = self._read_secret(path).strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            self.problems.append(node.problem(f"secret file {path} cannot be read: {reason}"))
            return _UNRESOLVED
        self._remember(value, is_secret=True)
        return value

    def _remember(self, value: str, *, is_secret: bool) -> None:
        self.values.add(value)
        if is_secret:
            self.secrets.add(value)


def resolve(node: Node, environ: Mapping[str, str], read_secret: ReadSecret) -> Resolved:
    """Return the tree with every reference replaced, and a problem for each that could not be."""
    resolver = _Resolver(environ, read_secret)
    root = resolver.tree(node)
    return Resolved(
        root=root,
        written=resolver.written,
        values=frozenset(resolver.values),
        secrets=frozenset(resolver.secrets),
        problems=tuple(resolver.problems),
    )


def literals(model: type[BaseModel], node: Node, resolved: Resolved) -> Iterator[str]:
    """Return the secrets of a model that were written into the file itself."""
    for name, info in model.model_fields.items():
        value = node.get(info.alias or name)
        if value is None:
            continue
        if SecretStr in _types(info.annotation):
            yield from (text for text, place in _texts(value) if place not in resolved.written)
        for below in filter(_is_model, _types(info.annotation)):
            for one in value.items or (value,):
                yield from literals(below, one, resolved)


def _texts(node: Node) -> Iterator[tuple[str, tuple[int, int]]]:
    """Return every text of a tree with its line and column."""
    if node.text is not None:
        yield node.text, (node.line, node.column)
    for below in (*(node.items or ()), *(value for _, value in node.entries or ())):
        yield from _texts(below)


def _types(annotation: Any) -> Iterator[Any]:
    """Return every type that an annotation is made of."""
    yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def redact(text: str, secrets: frozenset[str]) -> str:
    """Return the text with every secret replaced by `***`, longest first.

    What is shorter than four characters protects nothing, and stands in any word.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, _HIDDEN)
    return text
