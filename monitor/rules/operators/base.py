"""What an operator of the rule language gives to its registry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from monitor.rules.expression import Expression
from monitor.yamlnodes import Node


class Reader(Protocol):
    """What an operator may ask of the reader of a rule file."""

    def expression(self, node: Node) -> Expression:
        """Return the expression of a node; what is wrong with it is reported, not raised."""

    def parts(self, node: Node) -> tuple[Expression, ...]:
        """Return the expressions of a list, or of a mapping of names to expressions."""

    def text(self, text: str, node: Node) -> Expression:
        """Return the expression of a term, a `$list` or a text with `near/n`."""

    def number(self, node: Node, *, least: int) -> int:
        """Return a whole number that is at least `least`."""

    def report(self, node: Node, message: str, hint: str = "") -> None:
        """Record an error at a place."""


Parse = Callable[[Reader, Node, Mapping[str, Node]], Expression]


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A key of the language.

    `parse` gets the reader, the node under the key and the nodes of the `companions` (keys that
    must stand beside it). `wraps` marks an operator whose operand is the rest of its mapping.
    `schema` is the JSON Schema of the value; `{"$ref": "#/$defs/expression"}` is any expression.
    """

    key: str
    parse: Parse | None = None
    wrap: Callable[[Reader, Node, Expression], Expression] | None = None
    companions: Sequence[str] = ()
    schema: Mapping[str, object] = field(default_factory=dict)
    companion_schema: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
