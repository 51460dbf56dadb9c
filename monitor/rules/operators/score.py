"""score and threshold: weighted evidence, for what no single word proves."""

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.rules.expression import Compound, Context, Expression, Matches, Need, Rarity, one_of
from monitor.rules.operators.base import Operator, Reader
from monitor.yamlnodes import Node


@dataclass(frozen=True, kw_only=True)
class Score(Compound):
    """Holds when the weights of the parts that hold add up to the threshold; each counts once."""

    weights: tuple[float, ...]
    threshold: float

    def evaluate(self, context: Context) -> Matches | None:
        """Return what the parts with a positive weight find."""
        total, matches = 0.0, []
        for part, weight in zip(self.parts, self.weights, strict=True):
            found = part.evaluate(context)
            if found is not None:
                total += weight
                matches += found if weight > 0 else []
        return matches if total >= self.threshold else None

    def needs(self, rarity: Rarity) -> tuple[Need, ...]:
        """Return the parts without which the others cannot reach the threshold."""
        weighted = [
            (weight, part.needs(rarity))
            for part, weight in zip(self.parts, self.weights, strict=True)
            if weight > 0
        ]
        common_first = sorted(weighted, key=lambda pair: -min(map(rarity, pair[1])))
        spared, kept = 0.0, []
        for weight, need in common_first:
            if spared + weight < self.threshold:
                spared += weight
            else:
                kept.append(need)
        return one_of(kept, rarity)


def parse(reader: Reader, node: Node, companions: Mapping[str, Node]) -> Expression:
    """Return the expression of a mapping of terms to weights."""
    if node.entries is None:
        reader.report(node, "score: maps terms to weights", "score: {$dprk: 2, hack*: 1}")
    parts, weights = [], []
    for key, value in node.entries or ():
        parts.append(reader.text(key.key, key))
        weights.append(_weight(reader, value))
    threshold = _weight(reader, companions["threshold"])
    if threshold <= 0:
        reader.report(companions["threshold"], "threshold must be greater than 0")
    elif sum(weight for weight in weights if weight > 0) < threshold:
        reader.report(companions["threshold"], "all weights together do not reach the threshold")
    return Score(parts=tuple(parts), weights=tuple(weights), threshold=threshold)


def _weight(reader: Reader, node: Node) -> float:
    try:
        value = float(node.text or "")
    except ValueError:
        value = float("nan")
    if abs(value) <= 1_000_000:  # noqa: PLR2004 - also refuses nan and inf
        return value
    reader.report(node, f'"{node.text}" is no number', "a weight is a number such as 2 or 0.5")
    return 1.0


_NUMBER = {"type": ["number", "string"]}
SCORE = Operator(
    key="score",
    parse=parse,
    companions=("threshold",),
    schema={"type": "object", "additionalProperties": _NUMBER, "minProperties": 1},
    companion_schema={"threshold": _NUMBER},
)
