"""Reads rule files: YAML texts in, rules out, every fault of every file reported at its place."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.errors import ConfigError
from monitor.model import RuleInfo, Severity
from monitor.rules.expression import All, Expression, Named, Words
from monitor.rules.lexicon import Lexicon
from monitor.rules.lists import Lists, references
from monitor.rules.operators import OPERATORS
from monitor.rules.operators import score as score_operator
from monitor.rules.problems import Problems
from monitor.rules.reader import ExpressionReader
from monitor.rules.rule import Clause, Example, Filters, Rule
from monitor.rules.values import Values, read_example, severity_of
from monitor.rules.watchlist import Watchlist
from monitor.yamlnodes import Node, did_you_mean
from monitor.yamlnodes import load as load_yaml

FILE_KEYS = ("version", "terms", "rules")
RULE_KEYS = (
    "id", "title", "theme", "severity", "why", "labels", "enabled", "was", "when", "score",
    "threshold", "unless", "mask", "sources", "tags", "lang", "until", "severity_if", "near_miss",
    "match", "no_match",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NOT_IN_VERSION = ("match", "no_match")  # examples test a rule, they do not change what it finds


@dataclass
class Parsed:
    """What the files hold; `problems` are errors and warnings."""

    lexicon: Lexicon
    lists: Lists
    rules: list[Rule] = field(default_factory=list)
    problems: Problems = field(default_factory=Problems)


def parse(files: Sequence[tuple[str, str]], watchlists: Sequence[Watchlist]) -> Parsed:
    """Return the rules of (name, text) pairs; watch lists get the numbers -1, -2, ..."""
    problems = Problems([name for name, _ in files])
    lexicon = Lexicon()
    lists = Lists(lexicon, problems)
    for number, watchlist in enumerate(watchlists, 1):
        lists.names[watchlist.name] = frozenset({-number})
    parsed = Parsed(lexicon, lists, problems=problems)
    roots = _roots(files, problems)
    for root in roots:
        terms = root.get("terms")
        if terms is not None:
            lists.add(terms)
    reader = _RuleReader(ExpressionReader(lists), {one.name: one.hash for one in watchlists})
    for root in roots:
        parsed.rules += reader.rules(root)
    lists.resolve_all()
    _check_renames(parsed.rules, problems)
    return parsed


def _roots(files: Sequence[tuple[str, str]], problems: Problems) -> list[Node]:
    roots = []
    for name, text in files:
        try:
            root = load_yaml(name, text)
        except ConfigError as error:
            problems.found += error.problems
            continue
        if root.entries is None:
            problems.error(root, "a rule file maps keys to values", "start with version: 1")
            continue
        for key, _ in root.entries:
            if key.key not in FILE_KEYS:
                problems.error(key, f'unknown key "{key.key}"', did_you_mean(key.key, FILE_KEYS))
        version = root.get("version")
        if version is not None and version.text != "1":
            problems.error(version, "this program reads version 1 of rule files", "version: 1")
        roots.append(root)
    return roots


@dataclass
class _RuleReader:
    reader: ExpressionReader
    list_hashes: Mapping[str, str]
    seen: dict[str, Node] = field(default_factory=dict)

    def rules(self, root: Node) -> list[Rule]:
        """Return the rules of one file, in order."""
        rules = root.get("rules")
        if rules is None:
            return []
        if rules.items is None:
            self.reader.report(rules, "rules: is a list; each rule starts with - id:")
            return []
        return [rule for node in rules.items if (rule := self._rule(node))]

    def _rule(self, node: Node) -> Rule | None:
        if node.entries is None:
            self.reader.report(node, "a rule maps keys to values", "- id: name-of-the-rule")
            return None
        rule_id = self._id(node)
        for key, _ in node.entries:
            if key.key not in RULE_KEYS:
                hint = did_you_mean(key.key, RULE_KEYS)
                self.reader.report(key, f'unknown key "{key.key}" in rule "{rule_id}"', hint)
        values = Values(self.reader, node)
        unless, mask = node.get("unless"), node.get("mask")
        lists = frozenset(name for key, value in deciding(node) for name in references(value))
        return Rule(
            info=self._info(rule_id, node, values, lists),
            node=node,
            clauses=self._clauses(node),
            severity_if=tuple(self._changes(node.get("severity_if"))),
            unless=self.reader.expression(unless) if unless is not None else None,
            mask=self._mask(mask) if mask is not None else frozenset(),
            filters=Filters(
                sources=values.texts("sources"),
                tags=values.texts("tags"),
                langs=values.texts("lang"),
            ),
            until=values.date("until"),
            near_miss=values.near_miss("near_miss"),
            was=tuple(sorted(values.texts("was") or ())),
            enabled=values.is_true("enabled", default=True),
            examples=(*self._examples(node, "match"), *self._examples(node, "no_match")),
            lists=lists,
        )

    def _id(self, node: Node) -> str:
        value = node.get("id")
        if value is None:
            self.reader.report(node, "the rule has no id", "add id: a-short-name")
            return f"line-{node.line}"
        text = value.text or ""
        if not _ID.fullmatch(text):
            hint = "use a-z, 0-9 and - (at most 64 characters)"
            self.reader.report(value, f'"{text}" is no rule id', hint)
        elif first := self.seen.get(text):
            where = f"first at {first.file.name}:{first.line}"
            self.reader.report(value, f'rule id "{text}" is used twice; {where}')
        self.seen.setdefault(text, value)
        return text

    def _info(self, rule_id: str, node: Node, values: Values, lists: frozenset[str]) -> RuleInfo:
        return RuleInfo(
            id=rule_id,
            title=values.text("title") or rule_id,
            theme=values.text("theme"),
            severity=values.severity("severity", default=Severity.MEDIUM),
            version=self._version(node, lists),
            why=values.text("why"),
            file=node.file.name,
            line=node.line,
            tags=values.texts("labels") or frozenset(),
        )

    def _version(self, node: Node, lists: frozenset[str]) -> str:
        """Return the hash of what decides: the rule's text and every list it draws on."""
        used = {
            found: node for name in lists for found, node in self.reader.lists.below(name).items()
        }
        text = {
            "rule": [(key.key, value.plain()) for key, value in deciding(node)],
            "lists": {name: used[name].plain() for name in sorted(used)},
            "names": {
                name: self.list_hashes[name] for name in sorted(lists & self.list_hashes.keys())
            },
        }
        data = json.dumps(text, ensure_ascii=False, sort_keys=True).encode("utf-8", "surrogatepass")
        return hashlib.sha256(data).hexdigest()[:16]

    def _clauses(self, node: Node) -> tuple[Clause, ...]:
        when, score, threshold = node.get("when"), node.get("score"), node.get("threshold")
        parts: list[Expression] = []
        if when is not None:
            parts.append(self.reader.expression(when))
        if score is not None and threshold is not None:
            parts.append(score_operator.parse(self.reader, score, {"threshold": threshold}))
        elif score is not None or threshold is not None:
            self.reader.report(score or threshold or node, "score and threshold go together")
        if when is None and score is None:
            self.reader.report(node, "the rule has no when", "add when: or score: and threshold:")
        return clauses_of(parts)

    def _changes(self, node: Node | None) -> Iterator[tuple[Severity, Expression]]:
        for change in () if node is None else node.items if node.items is not None else (node,):
            if not change.entries:
                hint = "- critical: {any: [words]}"
                self.reader.report(change, "severity_if maps a severity to what brings it", hint)
            for key, value in change.entries or ():
                yield severity_of(self.reader, key, Severity.MEDIUM), self.reader.expression(value)

    def _mask(self, node: Node) -> frozenset[int]:
        expression = self.reader.expression(node)
        if not isinstance(expression, Words):
            self.reader.report(node, "mask: is a list of terms", "use unless: for anything else")
        return expression.terms()

    def _examples(self, node: Node, key: str) -> Iterator[Example]:
        examples = node.get(key)
        if examples is None:
            return
        if examples.items is None:
            self.reader.report(examples, f"{key}: is a list of texts", "start each with - ")
        for item in examples.items or ():
            yield read_example(self.reader, item, must_match=key == "match")


def deciding(node: Node) -> list[tuple[Node, Node]]:
    """Return the entries of a rule that decide what it finds and how it is told."""
    return [(key, value) for key, value in node.entries or () if key.key not in _NOT_IN_VERSION]


def clauses_of(parts: Sequence[Expression]) -> tuple[Clause, ...]:
    """Return the parts that must all hold, each with the name that explanations show."""
    required = [piece for part in parts for piece in _required(part)]
    clauses: list[Clause] = []
    for number, part in enumerate(required, 1):
        name = part.name if isinstance(part, Named) else _name(part, number)
        clauses.append(Clause(name=name, body=part))
    return tuple(clauses)


def _required(part: Expression) -> Sequence[Expression]:
    if type(part) is All:
        return [piece for below in part.parts for piece in _required(below)]
    return [part]


def _name(part: Expression, number: int) -> str:
    is_written = part.label and part.label not in OPERATORS
    return part.label if is_written else f"clause {number}"


def _check_renames(rules: Sequence[Rule], problems: Problems) -> None:
    """Record former ids that would give one history to two rules."""
    present = {rule.info.id for rule in rules}
    seen: dict[str, str] = {}
    for rule in rules:
        node = rule.node.get("was") or rule.node
        for old in rule.was:
            if old in present:
                problems.error(node, f'was: "{old}" is the id of a present rule')
            elif old in seen:
                problems.error(node, f'was: "{old}" is claimed by rule "{seen[old]}" too')
            seen.setdefault(old, rule.info.id)
