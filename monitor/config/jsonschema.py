"""JSON Schema of the settings files, for editors; made from the models that check them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from monitor.config.schema import FeedsFile, ServiceSettings, routes_model

_DIALECT = "http://json-schema.org/draft-07/schema#"  # what the language servers of editors read
_REFERENCE = {"type": "string", "pattern": r"\$\{"}
_CHECKED = frozenset({"pattern", "enum", "const", "format"})  # what a reference would not fit


def schemas(channels: Mapping[str, type[BaseModel]] | None = None) -> Mapping[str, dict[str, Any]]:
    """Return the JSON Schema of each settings file, by file name.

    With `channels` the settings of each kind of channel are part of that of routes.yaml.
    """
    models: Mapping[str, type[BaseModel]] = {
        "monitor.yaml": ServiceSettings,
        "feeds.yaml": FeedsFile,
        "routes.yaml": routes_model(channels or {}),
    }
    return {
        name: {"$schema": _DIALECT, **_with_references(model.model_json_schema(by_alias=True))}
        for name, model in models.items()
    }


def _with_references(schema: Any) -> Any:
    """Return the schema with `${...}` allowed wherever a single value stands."""
    if isinstance(schema, list):
        return [_with_references(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if _is_scalar(schema):
        return {"anyOf": [schema, _REFERENCE]}
    kept = {"properties", "$defs"}  # their keys are names, not words of the schema language
    return {
        key: {name: _with_references(one) for name, one in value.items()}
        if key in kept
        else _with_references(value)
        for key, value in schema.items()
    }


def _is_scalar(schema: Mapping[str, Any]) -> bool:
    """Return whether only a text that is no reference, a number or a switch would fit."""
    if "anyOf" in schema or "$ref" in schema:
        return False
    kinds = schema.get("type", "any")
    kinds = set(kinds) if isinstance(kinds, list) else {kinds}
    if kinds & {"array", "object", "null"}:
        return False
    return bool(kinds & {"integer", "number", "boolean"} or _CHECKED & set(schema))
