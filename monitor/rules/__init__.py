"""The rule language: read rules from text files, match items, explain what was found or missing."""

from monitor.rules.load import load
from monitor.rules.match import match
from monitor.rules.ruleset import RuleSet

__all__ = ["RuleSet", "load", "match"]
