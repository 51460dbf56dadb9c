"""Loads a rule set: every file is read, every fault reported, every example run."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from monitor.errors import ConfigError, Problem
from monitor.rules import watchlist
from monitor.rules.examples import run_examples
from monitor.rules.lint import warn
from monitor.rules.names import Names
from monitor.rules.parse import parse
from monitor.rules.ruleset import RuleSet, build
from monitor.rules.watchlist import Watchlist


def load(
    files: Sequence[tuple[str, str]],
    watchlists: Sequence[tuple[str, str]] = (),
    *,
    today: date | None = None,
) -> RuleSet:
    """Return the rule set of (file name, text) pairs: YAML rule files and CSV watch lists.

    Term lists are shared over all files; rules keep the order of the files. `today` is for the
    warning about rules whose `until` has passed.

    Raises:
        ConfigError: with every error of all files, each at its place; a failing example too.
    """
    lists, problems = watchlist.read(watchlists)
    parsed = parse(files, lists)
    used = [one if one.name in parsed.lists.used else None for one in lists]
    names = Names(used)
    for unused in set(range(len(lists))) - {i for i, one in enumerate(used) if one}:
        lists[unused].check()
    problems += [problem for one in lists for problem in one.problems]
    problems += [_unused(one) for one in lists if one.name not in parsed.lists.used]
    errors = [problem for problem in problems if not problem.is_warning] + parsed.problems.errors()
    if errors:
        raise ConfigError(errors)
    warn(parsed.rules, parsed.lists, today)
    ruleset = build(parsed, names)
    run_examples(parsed, ruleset)
    if failing := parsed.problems.errors():
        raise ConfigError(failing)
    return replace(ruleset, warnings=(*problems, *parsed.problems.warnings()))


def _unused(one: Watchlist) -> Problem:
    message = f'watch list "{one.name}" is not used by any rule'
    hint = f"use it as ${one.name}"
    return Problem(file=one.file, line=0, column=0, message=message, hint=hint, is_warning=True)
