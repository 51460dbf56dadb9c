"""re: a regular expression on the original text, in linear time (RE2).

The escape for what words cannot say, such as the symbol of a document. It sees capitals and
punctuation; `(?i)` makes it ignore case.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.rules.expression import Context, Expression, Matches, Need, Rarity
from monitor.rules.operators.base import Operator, Reader
from monitor.yamlnodes import Node

_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST = 1000  # matches of a field that are looked at: more of them prove nothing more


@dataclass(frozen=True, kw_only=True)
class Regex(Expression):
    """Holds when the expression is found in a field."""

    source: str
    compiled: Any  # re2 has no types

    def evaluate(self, context: Context) -> Matches | None:
        """Return the places; a match without any letter or digit has none, but holds."""
        document = context.document
        matches = []
        for field, original in enumerate(document.fields):
            text = _SURROGATE.sub("\ufffd", original)  # RE2 takes UTF-8 alone
            for number, match in enumerate(self.compiled.finditer(text)):
                place = document.folded_place(field, *match.span())
                if place is not None:
                    matches.append(place)
                if number == _MOST:
                    break
        return context.counting(matches) or None

    def needs(self, _: Rarity) -> tuple[Need, ...]:
        """Return nothing: no word says where it may be found."""
        return ()


def _parse(reader: Reader, node: Node, _: Mapping[str, Node]) -> Expression:
    import re2  # slow to import, so only where a rule asks for it

    options = re2.Options()
    options.log_errors = False
    source = node.text or ""
    try:
        compiled = re2.compile(source, options)
    except (re2.error, UnicodeEncodeError) as error:
        reader.report(node, f"not a regular expression of RE2: {_words(error)}")
        compiled = re2.compile("x")
    if not source:
        reader.report(node, "re: is a regular expression", "re: 'S/[0-9]{4}/[0-9]+'")
    elif compiled.search(""):
        reader.report(node, "the expression matches an empty text, so it is found everywhere")
    return Regex(source=source, compiled=compiled)


def _words(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


RE = Operator(key="re", parse=_parse, schema={"type": "string", "minLength": 1})
