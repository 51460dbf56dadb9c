"""The published JSON Schema of what webhooks and the file channel send."""

import json
from importlib.resources import files
from typing import Any

ALERT_V1 = "urn:sanctions-monitor:schema:alert:v1"


def alert_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an alert, version 1."""
    text = files(__name__).joinpath("alert.v1.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema
