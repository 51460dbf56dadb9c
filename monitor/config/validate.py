"""From nodes to models: pydantic checks, and its findings get their place in the file."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monitor.config.secrets import Resolved, redact
from monitor.errors import Problem
from monitor.yamlnodes import Node, did_you_mean

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]

_QUOTED = re.compile(r"'([^']*)'")
_WORDS = {  # pydantic's kinds of error in plain words
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is not a whole number",
    "float_parsing": "is not a number",
    "bool_parsing": "is neither true nor false",
    "string_pattern_mismatch": "is not in the form that is needed here",
    "string_type": "must be text",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "set_type": "must be a list",
    "frozen_set_type": "must be a list",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "model_attributes_type": "must be a mapping (key: value)",
}


def validate(
    model: type[Model], node: Node, resolved: Resolved
) -> tuple[Model | None, list[Problem]]:
    """Return the model of a node of the resolved tree, or None and every problem in it."""
    problems = [*_not_flags(model, node)]
    try:
        checked = model.model_validate(values(node))
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            problems.append(_problem(model, node, resolved, details))
    else:
        if not problems:
            return checked, []
    return None, sorted(set(problems), key=lambda problem: (problem.line, problem.column))


def values(node: Node) -> Any:
    """Return the plain value of a node; a key with nothing behind it counts as absent."""
    if node.items is not None:
        return [values(item) for item in node.items]
    if node.entries is not None:
        return {key.key: values(value) for key, value in node.entries if value.text != ""}
    return node.text


def _not_flags(model: type[BaseModel], node: Node) -> Iterator[Problem]:
    """Find what pydantic takes for true or false but we do not (`yes`, `on`, `1`).

    Only channels bring plain `bool` fields; the models of this package use Flag.
    """
    for name, field in model.model_fields.items():
        value = node.get(field.alias or name)
        if value is None or not value.text or value.text in {"true", "false"}:
            continue
        if field.annotation is bool and not field.metadata:
            yield value.problem(f'{field.alias or name}: "{value.text}" is neither true nor false')


def _problem(
    model: type[BaseModel], node: Node, resolved: Resolved, details: ErrorDetails
) -> Problem:
    path = details["loc"]
    if details["type"] == "extra_forbidden":
        return _unknown_key(model, node, path)
    place, depth = _key(node, path) if path[-1:] == ("[key]",) else _deepest(node, path)
    name = str(next((part for part in reversed(path[:depth]) if isinstance(part, str)), ""))
    if details["type"] == "missing":
        return place.problem(f'"{path[-1]}" is missing{f" in {name}" if name else ""}')
    message, hint = _words(details, place)
    subject = _subject(place, resolved)
    head = f"{name}: " if name else ""
    return place.problem(
        redact(f"{head}{subject}{message}", resolved.values), redact(hint, resolved.values)
    )


def _deepest(node: Node, path: Path) -> tuple[Node, int]:
    """Return the deepest node on the path and how many parts of the path lead to it."""
    for depth, part in enumerate(path):
        below = _child(node, part)
        if below is None:
            return node, depth
        node = below
    return node, len(path)


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(part, str):
        return node.get(part)
    return node.items[part] if node.items is not None and part < len(node.items) else None


def _unknown_key(model: type[BaseModel], node: Node, path: Path) -> Problem:
    """Return the problem of a key that the model does not name; it points at the key itself."""
    name = str(path[-1])
    key, _ = _key(node, (*path, "[key]"))
    hint = did_you_mean(name, _keys(_model_at(model, path[:-1])))
    return key.problem(f'unknown key "{name}"', hint)


def _key(node: Node, path: Path) -> tuple[Node, int]:
    """Return the key node of a path that ends in `name, "[key]"`, and the depth of its mapping."""
    parent, depth = _deepest(node, path[:-2])
    return next(key for key, _ in parent.entries or () if key.key == path[-2]), depth


def _keys(model: type[BaseModel] | None) -> list[str]:
    fields = model.model_fields if model else {}
    return [field.alias or name for name, field in fields.items()]


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model that describes the mapping at the end of a path."""
    found: type[BaseModel] | None = model
    for part in path:
        if isinstance(part, int) or found is None:
            continue
        field = next((f for n, f in found.model_fields.items() if part in {n, f.alias}), None)
        found = _model_in(field.annotation) if field else None
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _words(details: ErrorDetails, place: Node) -> tuple[str, str]:
    """Return a pydantic finding as a message and a hint."""
    context: Mapping[str, Any] = details.get("ctx", {})
    kind = details["type"]
    if kind == "value_error":
        error = context["error"]
        return str(error), getattr(error, "hint", "")
    if kind in {"literal_error", "enum"}:
        allowed = _QUOTED.findall(str(context["expected"]))
        return "is not known", did_you_mean(place.text or "", allowed)
    if kind in _WORDS:
        return _WORDS[kind] + _instead(kind, place), ""
    if kind == "greater_than_equal":
        return f"is too small; the least is {context['ge']}", ""
    if kind == "less_than_equal":
        return f"is too large; the most is {context['le']}", ""
    message = details["msg"]
    return message[:1].lower() + message[1:], ""


def _instead(kind: str, place: Node) -> str:
    """Return what stands where another kind of value is needed."""
    return f", this is a {place.kind}" if kind.endswith("_type") and place.text is None else ""


def _subject(place: Node, resolved: Resolved) -> str:
    """Return the value as it was written in the file: a reference, never what it stands for."""
    if place.text is None:
        return ""
    return f'"{resolved.written.get((place.line, place.column), place.text)}" '
