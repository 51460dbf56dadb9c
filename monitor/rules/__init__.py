"""The rule language: read rules from text files, match items, explain what was found or missing.

Pure: texts and times are arguments. To add an operator, see `monitor.rules.operators`.
"""

from monitor.rules.explain import (
    ClauseVerdict,
    NearMiss,
    Verdict,
    WordCount,
    explain,
    near_misses,
    word_stats,
)
from monitor.rules.fmt import fmt
from monitor.rules.load import load
from monitor.rules.match import match, match_with_article
from monitor.rules.ruleset import RuleSet
from monitor.rules.schema import schema

__all__ = [
    "ClauseVerdict",
    "NearMiss",
    "RuleSet",
    "Verdict",
    "WordCount",
    "explain",
    "fmt",
    "load",
    "match",
    "match_with_article",
    "near_misses",
    "schema",
    "word_stats",
]
