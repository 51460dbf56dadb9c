"""Loads a rule set: every file is read, every fault reported, every example run."""

from collections.abc import Sequence

from monitor.errors import ConfigError
from monitor.rules.examples import failures
from monitor.rules.parse import parse
from monitor.rules.ruleset import RuleSet, build
from monitor.rules.watchlist import Names


def load(files: Sequence[tuple[str, str]], watchlists: Sequence[tuple[str, str]] = ()) -> RuleSet:
    """Return the rule set of (file name, text) pairs: YAML rule files and CSV watch lists.

    Term lists are shared over all files; rules keep the order of the files.

    Raises:
        ConfigError: with every error of all files, each at its place; a failing example too.
    """
    parsed = parse(files, {})
    errors = [problem for problem in parsed.problems if not problem.is_warning]
    if errors:
        raise ConfigError(errors)
    ruleset = build(parsed.rules, parsed.lexicon, Names(), parsed.problems)
    errors = list(failures(parsed.rules, ruleset))
    if errors:
        raise ConfigError(errors)
    return ruleset
