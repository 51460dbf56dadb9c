"""The manual: every rule file in it loads, its examples hold, its tables are true."""

import re
from pathlib import Path

import pytest

from monitor import rules
from monitor.rules.operators import COMPANIONS, OPERATORS
from monitor.rules.parse import RULE_KEYS
from tests.unit.rules.factory import hits, load

DOCS = Path(__file__).resolve().parents[3] / "docs"
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `([^`]+)` \| (.*?) \| (.*?) ?\|$", re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    """Return the YAML blocks of the manual with a name."""
    return [
        (f"{page}:{number}", block)
        for page in ("rules.md", "rules-cookbook.md")
        for number, block in enumerate(BLOCK.findall((DOCS / page).read_text(encoding="utf-8")), 1)
    ]


@pytest.mark.parametrize(("name", "text"), blocks(), ids=[name for name, _ in blocks()])
def test_every_file_of_the_manual_loads(name: str, text: str) -> None:
    """Its examples run; each rule of it has one that must match."""
    ruleset = rules.load([(name, text)])

    assert not [problem for problem in ruleset.warnings if "no example" in problem.message]


def test_the_cookbook_has_recipes() -> None:
    """The expression that finds the blocks finds them."""
    assert len(blocks()) >= 20


def test_the_table_of_terms_is_true() -> None:
    """Each term finds what its row says, and not what it says it does not find."""
    section = (
        (DOCS / "rules.md")
        .read_text(encoding="utf-8")
        .split("## Terms")[1]
        .split("## Term lists")[0]
    )
    rows = ROW.findall(section)

    assert len(rows) == 10
    for term, finds, misses in rows:
        plain = term.replace("\\|", "|")
        ruleset = load(f"rules: [{{id: r, when: {plain}}}]")
        assert all(hits(ruleset, text) for text in re.findall(r"`([^`]+)`", finds)), term
        assert not any(hits(ruleset, text) for text in re.findall(r"`([^`]+)`", misses)), term


def test_every_key_and_operator_is_in_the_reference() -> None:
    """What the reader takes, the manual explains."""
    text = (DOCS / "rules.md").read_text(encoding="utf-8")

    assert all(f"`{key}" in text for key in RULE_KEYS)
    assert all(f"`{key}:" in text or f"`{key}`" in text for key in (*OPERATORS, *COMPANIONS))
