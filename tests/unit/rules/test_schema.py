"""The JSON Schema agrees with what the reader takes."""

import json
from pathlib import Path

import jsonschema
import pytest

from monitor import rules, yamlnodes
from monitor.rules.operators import OPERATORS

ROOT = Path(__file__).resolve().parents[3]
VALIDATOR = jsonschema.Draft7Validator(rules.schema())


def test_the_schema_is_one() -> None:
    """It is valid draft 7, and JSON."""
    jsonschema.Draft7Validator.check_schema(rules.schema())
    assert json.loads(json.dumps(rules.schema()))["title"]


def test_it_knows_every_operator() -> None:
    """A new operator shows up by itself."""
    text = json.dumps(rules.schema())

    assert all(f'"{key}"' in text for key in OPERATORS)


@pytest.mark.parametrize(
    "file", sorted((ROOT / "config" / "rules").glob("*.yaml")), ids=lambda path: path.name
)
def test_shipped_rules_are_valid(file: Path) -> None:
    """An editor shows no error in the files that we ship."""
    plain = yamlnodes.load(file.name, file.read_text(encoding="utf-8")).plain()
    booleans = json.loads(json.dumps(plain).replace('"true"', "true").replace('"false"', "false"))

    VALIDATOR.validate(booleans)


@pytest.mark.parametrize(
    "wrong",
    [
        {"rulez": []},
        {"version": 2},
        {"rules": [{"when": "oil"}]},
        {"rules": [{"id": "A B", "when": "oil"}]},
        {"rules": [{"id": "a", "severity": "hot"}]},
        {"rules": [{"id": "a", "when": []}]},
        {"rules": [{"id": "a", "when": {"in": "tittle", "any": ["oil"]}}]},
        {"rules": [{"id": "a", "match": [{"UN": "x"}]}]},
    ],
    ids=str,
)  # fmt: skip
def test_it_refuses_what_the_reader_refuses(wrong: object) -> None:
    """The commonest slips show in the editor."""
    assert not VALIDATOR.is_valid(wrong)
