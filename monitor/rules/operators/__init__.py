"""The operators of the rule language. To add one: a file beside this, a line below, a test."""

from monitor.rules.operators import logic, near, place, regex, score, sentence
from monitor.rules.operators.base import Operator

OPERATORS: dict[str, Operator] = {
    operator.key: operator
    for operator in (
        logic.ANY,
        logic.ALL,
        logic.NONE,
        logic.AT_LEAST,
        near.NEAR,
        near.THEN,
        sentence.SAME_SENTENCE,
        place.IN,
        place.FIRST,
        score.SCORE,
        regex.RE,
    )
}
COMPANIONS = {  # within belongs to near first
    key: operator for operator in reversed(OPERATORS.values()) for key in operator.companions
}
