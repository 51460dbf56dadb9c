"""Reads the expressions of a rule file: YAML nodes in, expressions out, every fault reported."""

import difflib
import re
from dataclasses import dataclass, replace

from monitor.rules.expression import All, Expression, Named, Words, any_of
from monitor.rules.lists import Lists
from monitor.rules.operators import COMPANIONS, OPERATORS, near
from monitor.yamlnodes import Node, did_you_mean

_LINK = re.compile(r"\s+(near|then)/(\S+)\s+", re.IGNORECASE)
_LIKE_LINK = re.compile(r"(?:^|\s)([A-Za-z]+)/\d|\s(near|then) +\d+\s", re.IGNORECASE)
_LINKS = ("near", "then", "w", "pre", "adj", "within")  # the last four are other systems' words
# ISO 639-1: a mapping whose keys are all of these groups words by language.
_CODES = (
    "ar az be bg bn bs ca cs da de el en es et fa fi fr ga gu he hi hr hu hy id is it ja ka kk km "
    "kn ko ky lo lt lv mk ml mn mr ms mt my ne nl no pa pl ps pt ro ru si sk sl sq sr sv sw ta te "
    "tg th tk tl tr uk ur uz vi zh"
)
LANGUAGES = frozenset(_CODES.split())
_DIGITS = 5  # of a number in a rule: nothing there is counted in millions
NOTHING = Words(ids=frozenset())  # stands for what could not be read: the file is refused anyway


@dataclass
class ExpressionReader:
    """Reads expressions against the term lists of the whole set."""

    lists: Lists

    def report(self, node: Node, message: str, hint: str = "") -> None:
        """Record an error at a place."""
        self.lists.problems.error(node, message, hint)

    def number(self, node: Node, *, least: int) -> int:
        """Return a whole number that is at least `least`; `8 words` reads as 8."""
        text = (node.text or "").removesuffix(" words").removesuffix(" word")
        if text.isascii() and text.isdigit() and least <= int(text[:9]) and len(text) <= _DIGITS:
            return int(text)
        self.report(node, f'"{node.text}" is no whole number of at least {least}')
        return least

    def expression(self, node: Node) -> Expression:
        """Return the expression of a text, a list (any of it), or operators or names."""
        if node.text is not None:
            return self.text(node.text, node)
        if node.items is not None:
            return any_of(self.parts(node))
        return self._mapping(node)

    def parts(self, node: Node) -> tuple[Expression, ...]:
        """Return the expressions of a list or of a mapping of names; of a single text, that one."""
        if node.text is not None:
            return (self.text(node.text, node),)
        if node.items is not None:
            if not node.items:
                self.report(node, "this list is empty", "write at least one term")
                return (NOTHING,)
            self.lists.group(node.items)
            return tuple(self.expression(item) for item in node.items)
        if _is_by_language(node) or any(key.key in OPERATORS for key, _ in node.entries or ()):
            return (self.expression(node),)
        return tuple(self._named(key, value) for key, value in node.entries or ())

    def text(self, text: str, node: Node) -> Expression:
        """Return the expression of a term, a `$list`, alternatives, or a chain of near and then."""
        pieces = _LINK.split(f" {text} ")
        if len(pieces) == 1:
            if _is_broken_link(text):
                self.report(node, f'"{text}" is not understood', "write: A near/8 B, or A then/8 B")
            return Words(ids=self.lists.words(text.strip(), node), label=text.strip())
        operands = [self._operand(piece, node) for piece in pieces[::3]]
        distances = [self._distance(piece, node) for piece in pieces[2::3]]
        chain = near.link(
            self, node, operands, distances, [word.lower() == "then" for word in pieces[1::3]]
        )
        return _labelled(chain, text.strip())

    def _operand(self, text: str, node: Node) -> Expression:
        if not text.strip():
            self.report(node, "near and then need words on both sides", "A near/8 B")
            return NOTHING
        return Words(ids=self.lists.words(text.strip(), node))

    def _distance(self, text: str, node: Node) -> int:
        if text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) > 0:
            return int(text)
        self.report(node, f'"{text}" is no distance in words', "write a whole number: near/8")
        return 1

    def _mapping(self, node: Node) -> Expression:
        entries = {key.key: value for key, value in node.entries or ()}
        if not entries:
            self.report(node, "nothing to look for", "write a term, a list, or any:, all:, none:")
            return NOTHING
        if _is_by_language(node):
            return any_of([self.expression(value) for value in entries.values()])
        if not entries.keys() & OPERATORS.keys():
            return self._names(node)
        self._check_keys(node, entries)
        return self._operators(node, entries)

    def _names(self, node: Node) -> Expression:
        parts = [self._named(key, value) for key, value in node.entries or ()]
        return parts[0] if len(parts) == 1 else All(parts=tuple(parts))

    def _named(self, key: Node, value: Node) -> Expression:
        known = [*OPERATORS, *COMPANIONS]
        hint = did_you_mean(key.key, known)
        if key.key in COMPANIONS:
            self._report_companion(key)
        elif hint.startswith("did") and _is_slip(key.key, known):
            self.report(key, f'clause name "{key.key}" looks like an operator', hint)
        return Named(name=key.key, body=self.expression(value))

    def _report_companion(self, key: Node) -> None:
        needs = COMPANIONS[key.key].key
        self.report(key, f'"{key.key}" stands beside "{needs}"', f"add {needs}:")

    def _check_keys(self, node: Node, entries: dict[str, Node]) -> None:
        present = [OPERATORS[key] for key in entries if key in OPERATORS]
        allowed = {key for operator in present for key in (operator.key, *operator.companions)}
        for key, _ in node.entries or ():
            if key.key in COMPANIONS and key.key not in allowed:
                self._report_companion(key)
            elif key.key not in allowed:
                hint = did_you_mean(key.key, [*OPERATORS, *COMPANIONS])
                self.report(key, f'unknown key "{key.key}" beside "{present[0].key}"', hint)
        for operator in present:
            for companion in operator.companions:
                if companion not in entries:
                    self.report(node, f'"{operator.key}" needs "{companion}" beside it')

    def _operators(self, node: Node, entries: dict[str, Node]) -> Expression:
        parts: list[Expression] = []
        for key, value in entries.items():
            operator = OPERATORS.get(key)
            if operator and operator.parse and entries.keys() >= set(operator.companions):
                parts.append(_labelled(operator.parse(self, value, entries), key))
        body = parts[0] if len(parts) == 1 else All(parts=tuple(parts))
        for key in ("first", "in"):  # the first words of the field, whichever is written first
            operator = OPERATORS[key]
            if key in entries and operator.wrap:
                body = self._wrapped(node, entries[key], key, body, is_empty=not parts)
        return body

    def _wrapped(
        self, node: Node, value: Node, key: str, body: Expression, *, is_empty: bool
    ) -> Expression:
        if is_empty:
            self.report(node, f'"{key}" needs something to look for', "add any: [words]")
            return NOTHING
        wrap = OPERATORS[key].wrap
        assert wrap, "in and first wrap what stands beside them"
        return _labelled(wrap(self, value, body), key)


def _labelled(expression: Expression, label: str) -> Expression:
    return expression if expression.label else replace(expression, label=label)


def _is_broken_link(text: str) -> bool:
    words = ((found.group(1) or found.group(2)).lower() for found in _LIKE_LINK.finditer(text))
    return any(difflib.get_close_matches(word, _LINKS, 1, 0.75) for word in words)


def _is_by_language(node: Node) -> bool:
    keys = [key.key.split("-")[0] for key, _ in node.entries or ()]
    return bool(keys) and all(key in LANGUAGES for key in keys)


def _is_slip(word: str, known: list[str]) -> bool:
    return bool(difflib.get_close_matches(word, known, 1, 0.85))
