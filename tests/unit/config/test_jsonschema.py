"""The JSON Schema for editors: it takes what we take."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from monitor import rules
from monitor.config import schemas
from monitor.config.schema import ServiceSettings
from monitor.notify import CHANNELS

REPOSITORY = Path(__file__).resolve().parents[3]
MODELS = {kind: channel.settings for kind, channel in CHANNELS.items()}
FILES = sorted(
    path for folder in ("config", "seeds/config") for path in (REPOSITORY / folder).glob("*.yaml")
)


def _valid(name: str, content: Any) -> bool:
    return jsonschema.Draft7Validator(schemas(MODELS)[name]).is_valid(content)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_the_shipped_files_fit(path: Path) -> None:
    """An editor marks nothing in them; it reads YAML its own way, numbers and all."""
    jsonschema.Draft7Validator.check_schema(schemas(MODELS)[path.name])
    assert _valid(path.name, yaml.safe_load(path.read_text("utf-8")))


def test_the_shipped_schemas_are_those_of_the_models() -> None:
    """After a change of a model: `monitor config schema --write config/schema`."""
    for name, schema in {**schemas(MODELS), "rules.yaml": rules.schema()}.items():
        shipped = REPOSITORY / "config" / "schema" / name.replace(".yaml", ".v1.json")
        assert json.loads(shipped.read_text("utf-8")) == json.loads(json.dumps(schema)), name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("monitor.yaml", {"polling": {"every": "15x"}}),
        ("monitor.yaml", {"polling": {"at_once": 0}}),
        ("monitor.yaml", {"pollin": {}}),
        ("monitor.yaml", {"version": 2}),
        ("feeds.yaml", {"feeds": [{"id": "a"}]}),
        ("feeds.yaml", {"feeds": [{"id": "A", "url": "https://a.example"}]}),
        ("feeds.yaml", {"feeds": [{"id": "a", "url": "https://a.example", "enabled": "yes"}]}),
        ("routes.yaml", {"routes": [{"send": "a", "when": {"severity": "hihg"}}]}),
        ("routes.yaml", {"channels": {"a": {"hok": {}}}}),
        ("routes.yaml", {"channels": {"a": {"webhook": {}}}}),
    ],
)
def test_what_we_refuse_an_editor_marks(name: str, content: object) -> None:
    """The same models stand behind both."""
    assert not _valid(name, content)


def test_a_reference_may_stand_for_any_single_value() -> None:
    """A number, a switch or a duration can come from the environment."""
    assert _valid("monitor.yaml", {"polling": {"at_once": "${N}", "every": "${E:-15m}"}})
    assert _valid("routes.yaml", {"channels": {"a": {"enabled": "${A}", "console": None}}})


def test_without_kinds_the_settings_of_channels_are_open() -> None:
    """The settings package knows no channel."""
    validator = jsonschema.Draft7Validator(schemas()["routes.yaml"])

    assert validator.is_valid({"channels": {"a": {"enabled": True}}})
    assert set(schemas()) == {"monitor.yaml", "feeds.yaml", "routes.yaml"}
    assert ServiceSettings().version == 1
