"""same_sentence: words that stand in one sentence; the title belongs to every sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.rules.expression import Compound, Context, Expression, Matches
from monitor.rules.operators.base import Operator, Reader
from monitor.yamlnodes import Node

_TITLE = 0


@dataclass(frozen=True, kw_only=True)
class SameSentence(Compound):
    """Holds when some sentence, read with the title, holds a match of every part."""

    @property
    def is_local(self) -> bool:
        """Return True: sentences have a place."""
        return True

    def evaluate(self, context: Context) -> Matches | None:
        """Return the matches of all such sentences and of the title."""
        sentence = context.document.sentence
        results: list[Matches] = []
        for part in self.parts:
            found = part.evaluate(context)
            if not found:
                return None
            results.append(found)
        shared: set[int] | None = None  # None: every sentence, by way of the title
        for found in results:
            places = {sentence(match.start) for match in found}
            if _TITLE not in places:
                shared = places if shared is None else shared & places
        if shared is not None and not shared:
            return None
        kept = {_TITLE, *(shared or ())}
        return [
            match
            for found in results
            for match in found
            if shared is None or sentence(match.start) in kept
        ]


def _parse(reader: Reader, node: Node, _: Mapping[str, Node]) -> Expression:
    parts = reader.parts(node)
    if not all(part.is_local for part in parts):
        reader.report(
            node,
            "same_sentence joins words; all, none and at_least have no place in the text",
            "list the parts one by one",
        )
    return SameSentence(parts=parts)


SAME_SENTENCE = Operator(key="same_sentence", parse=_parse, schema={"$ref": "#/$defs/parts"})
