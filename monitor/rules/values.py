"""The plain values of a rule: texts, dates, severities, and the examples that test it."""

from dataclasses import dataclass
from datetime import date

from monitor.model import Severity
from monitor.rules.reader import ExpressionReader
from monitor.rules.rule import Example
from monitor.yamlnodes import Node, did_you_mean

_SEVERITIES = {severity.label: severity for severity in Severity}
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_EXAMPLE_KEYS = ("title", "summary", "content", "lang", "source", "tags", "severity")
_PASTED_KEYS = ("id", "url", "published")  # of an item copied from `monitor match`: not looked at


@dataclass
class Values:
    """Reads the keys of one mapping; what is wrong is reported."""

    reader: ExpressionReader
    node: Node

    def text(self, key: str) -> str:
        """Return a text, or an empty one."""
        value = self.node.get(key)
        if value is None:
            return ""
        if value.text is None:
            self.reader.report(value, f"{key}: is a text, this is a {value.kind}")
        return value.text or ""

    def texts(self, key: str) -> frozenset[str] | None:
        """Return a text or a list of texts as a set, or None where the key is absent."""
        value = self.node.get(key)
        if value is None:
            return None
        items = (value,) if value.text is not None else value.items
        if not items or any(not item.text for item in items):
            self.reader.report(value, f"{key}: is a text or a list of texts")
            return frozenset()
        return frozenset(item.text for item in items if item.text)

    def date(self, key: str) -> date | None:
        """Return a date, or None where the key is absent."""
        value = self.node.get(key)
        if value is None:
            return None
        try:
            return date.fromisoformat(value.text or "")
        except ValueError:
            self.reader.report(value, f'"{value.text}" is no date', "write it as 2030-01-31")
            return None

    def severity(self, key: str, *, default: Severity) -> Severity:
        """Return a severity."""
        value = self.node.get(key)
        return default if value is None else severity_of(self.reader, value, default)

    def is_true(self, key: str, *, default: bool) -> bool:
        """Return a yes or no."""
        value = self.node.get(key)
        if value is None:
            return default
        if (value.text or "").lower() not in _TRUTH:
            self.reader.report(value, f'{key}: is true or false, not "{value.text}"')
        return _TRUTH.get((value.text or "").lower(), default)

    def near_miss(self, key: str) -> int:
        """Return how many clauses may be missing: `1 clause`, `2 clauses` or a bare number."""
        value = self.node.get(key)
        if value is None:
            return 0
        number = (value.text or "").removesuffix("s").removesuffix(" clause")
        if number.isascii() and number.isdigit() and len(number) == 1 and number != "0":
            return int(number)
        self.reader.report(value, f'"{value.text}" is not understood', "near_miss: 1 clause")
        return 0


def severity_of(reader: ExpressionReader, node: Node, default: Severity) -> Severity:
    """Return the severity that a node names."""
    if node.text not in _SEVERITIES:
        hint = did_you_mean(node.text or "", _SEVERITIES)
        reader.report(node, f'severity "{node.text}" is not known', hint)
    return _SEVERITIES.get(node.text or "", default)


def read_example(reader: ExpressionReader, node: Node, *, must_match: bool) -> Example:
    """Return an example: a text stands for a title, a mapping for the fields of an item."""
    if node.text is not None:
        return Example(node=node, must_match=must_match, title=node.text)
    if node.items is not None:
        reader.report(node, "an example is a text, or a mapping such as {title: ..., lang: ko}")
        return Example(node=node, must_match=must_match)
    for key, _ in node.entries or ():
        if key.key not in (*_EXAMPLE_KEYS, *_PASTED_KEYS):
            hint = did_you_mean(key.key, _EXAMPLE_KEYS)
            if not hint.startswith("did"):
                hint = "a text with a colon needs quotes"
            reader.report(key, f'unknown key "{key.key}" in an example', hint)
    values = Values(reader, node)
    given = {key.key for key, _ in node.entries or ()}
    return Example(
        node=node,
        must_match=must_match,
        title=values.text("title"),
        summary=values.text("summary"),
        content=values.text("content"),
        lang=values.text("lang") if "lang" in given else None,
        source=values.text("source") if "source" in given else None,
        tags=values.texts("tags"),
        severity=values.severity("severity", default=Severity.LOW) if "severity" in given else None,
    )
