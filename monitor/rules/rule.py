"""A rule as read from a file, ready to be matched."""

from dataclasses import dataclass
from datetime import date

from monitor.model import RuleInfo, Severity
from monitor.rules.expression import Expression
from monitor.yamlnodes import Node


@dataclass(frozen=True, kw_only=True)
class Clause:
    """A part of a rule that explanations name."""

    name: str
    body: Expression


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which items a rule looks at; None means all."""

    sources: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    langs: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Example:
    """A text of `match:` or `no_match:`; a value of None was not given."""

    node: Node
    must_match: bool
    title: str = ""
    summary: str = ""
    content: str = ""
    lang: str | None = None
    source: str | None = None
    tags: frozenset[str] | None = None
    severity: Severity | None = None


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule; `clauses` must all hold, `unless` must not."""

    info: RuleInfo
    node: Node
    clauses: tuple[Clause, ...]
    unless: Expression | None = None
    mask: frozenset[int] = frozenset()
    filters: Filters = Filters()
    until: date | None = None
    severity_if: tuple[tuple[Severity, Expression], ...] = ()
    near_miss: int = 0
    was: tuple[str, ...] = ()
    enabled: bool = True
    examples: tuple[Example, ...] = ()
    lists: frozenset[str] = frozenset()  # names of the term lists used
