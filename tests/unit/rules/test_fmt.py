"""The layout of rule files."""

import pytest

from monitor.rules import fmt


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("rules: []", "rules: []\n"),
        ("\n\na: b  \r\n\n\n\n#note\nc: d # kept\n\n", "a: b\n\n# note\nc: d # kept\n"),
        ("#!x\n##\n#\na: '#b'\n", "#!x\n##\n#\na: '#b'\n"),
        ("why: |\n  a  \n\n\n\n  b\n", "why: |\n  a  \n\n\n\n  b\n"),
        ("a: [\n", "a: [\n"),
    ],
    ids=[
        "end of file",
        "spaces and comments",
        "comments left alone",
        "a block of text",
        "unreadable",
    ],
)
def test_layout_changes_spaces_and_nothing_else(text: str, tidy: str) -> None:
    """A file is laid out once; again changes nothing, and what a change would break stays."""
    assert fmt(text) == tidy
    assert fmt(fmt(text)) == fmt(text)
