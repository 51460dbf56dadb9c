"""The JSON Schema of rule files, for editors; what the reader checks beyond it, it says itself."""

from monitor.model import Severity
from monitor.rules.operators import OPERATORS

_TEXTS: dict[str, object] = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
_EXPRESSION = {"$ref": "#/$defs/expression"}
_PARTS = {"$ref": "#/$defs/parts"}


def schema() -> dict[str, object]:
    """Return the schema (draft 7, which every YAML language server reads)."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "sanctions-monitor rule file",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "version": {"enum": [1, "1"]},
            "terms": {
                "type": "object",
                "description": "Lists of words, used in every rule file as $name or $name.sub",
                "additionalProperties": {"$ref": "#/$defs/words"},
            },
            "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}},
        },
        "$defs": {
            "severity": {"enum": [severity.label for severity in Severity]},
            "scalar": {"type": ["string", "number", "boolean", "null"]},
            "words": _words(),
            "expression": _expression(),
            "parts": _parts(),
            "example": _example(),
            "rule": _rule(),
        },
    }


def _words() -> dict[str, object]:
    below = {"$ref": "#/$defs/words"}
    return {
        "anyOf": [
            {"$ref": "#/$defs/scalar"},
            {"type": "array", "items": below},
            {"type": "object", "additionalProperties": below},
        ]
    }


def _expression() -> dict[str, object]:
    keys: dict[str, object] = {}
    for operator in OPERATORS.values():
        keys[operator.key] = operator.schema
        keys.update(operator.companion_schema)
    return {
        "anyOf": [
            {"$ref": "#/$defs/scalar"},
            {"type": "array", "items": _EXPRESSION, "minItems": 1},
            {
                "type": "object",
                "description": "Operators, or a clause: a name of your own and what it asks for",
                "properties": keys,
                "additionalProperties": _EXPRESSION,
                "minProperties": 1,
            },
        ]
    }


def _parts() -> dict[str, object]:
    return {"anyOf": [_EXPRESSION]}


def _example() -> dict[str, object]:
    fields = {
        key: {"type": "string"}
        for key in ("title", "summary", "content", "lang", "source", "id", "url", "published")
    }
    severity = {"$ref": "#/$defs/severity"}
    return {
        "anyOf": [
            {"$ref": "#/$defs/scalar"},
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {**fields, "tags": _TEXTS, "severity": severity},
            },
        ]
    }


def _rule() -> dict[str, object]:
    score = OPERATORS["score"]
    examples = {"type": "array", "items": {"$ref": "#/$defs/example"}}
    changes = {"type": "object", "additionalProperties": _EXPRESSION, "minProperties": 1}
    properties: dict[str, object] = {
        "id": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"},
        "title": {"type": "string"},
        "theme": {"type": "string"},
        "severity": {"$ref": "#/$defs/severity"},
        "why": {"type": "string", "description": "Why it matters; goes into the mail"},
        "labels": _TEXTS,
        "enabled": {"type": "boolean"},
        "was": {**_TEXTS, "description": "Former ids of the rule, which keeps their history"},
        "when": _EXPRESSION,
        "score": score.schema,
        **score.companion_schema,
        "unless": {**_PARTS, "description": "Suppresses the rule wherever it is found"},
        "mask": {**_PARTS, "description": "Phrases whose words do not count"},
        "sources": _TEXTS,
        "tags": _TEXTS,
        "lang": _TEXTS,
        "until": {"type": "string", "format": "date", "description": "The last day"},
        "severity_if": {"anyOf": [{"type": "array", "items": changes}, changes]},
        "near_miss": {"type": ["string", "integer"], "description": "such as: 1 clause"},
        "match": examples,
        "no_match": examples,
    }
    return {
        "type": "object",
        "required": ["id"],
        "additionalProperties": False,
        "properties": properties,
    }
