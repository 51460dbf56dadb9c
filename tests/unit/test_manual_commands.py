"""The commands that the manual names exist, with the options that it gives them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from monitor.cli import cli

ROOT = Path(__file__).parents[2]
MANUALS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_NAMED = re.compile(r"(?:^|[\s`/])monitor ((?:[a-z][a-z-]*)(?:[ ][^`|;&\n]*)?)", re.MULTILINE)
_CODE = re.compile(r"```(?:\w*)\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def _commands(manual: str) -> Iterator[list[str]]:
    """Return the words of each command line in the code of a manual."""
    for block, span in _CODE.findall(manual):
        for line in _NAMED.findall(block or span):
            words = re.split(r"\s{2,}", line)[0]  # a remark stands two blanks away
            try:
                yield shlex.split(words, comments=True)
            except ValueError:
                yield words.split()


def _resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that words name, and what follows."""
    command: click.Command = cli
    words = words[1:] if words[0] == "monitor" else words  # the service, in docker compose exec
    while words and isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0].split("|")[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("manual", MANUALS, ids=[path.name for path in MANUALS])
def test_every_command_that_a_manual_names_exists(manual: Path) -> None:
    """With every option that stands behind it."""
    wrong = []
    for words in _commands(manual.read_text(encoding="utf-8")):
        command, rest = _resolved(words)
        known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
        options = [word.strip("[]").split("=")[0] for word in rest if word.strip("[]")[:2] == "--"]
        is_unknown = isinstance(command, click.Group) and re.match(r"[a-z]", "".join(rest[:1]))
        if is_unknown or not set(options) <= {*known, "--help"}:
            wrong.append(" ".join(words))

    assert wrong == []
