"""in and first: look at some fields only, or at the first words only."""

from dataclasses import dataclass

from monitor.rules.document import FIELDS
from monitor.rules.expression import Context, Expression, Matches, Wrapper
from monitor.rules.operators.base import Operator, Reader
from monitor.yamlnodes import Node, did_you_mean


@dataclass(frozen=True, kw_only=True)
class InFields(Wrapper):
    """Holds when the body holds for these fields alone."""

    fields: tuple[int, ...]

    def evaluate(self, context: Context) -> Matches | None:
        """Return what the body finds there."""
        own = tuple(context.document.window(field) for field in self.fields)
        return self.body.evaluate(context.within(_both(context.windows, own)))


@dataclass(frozen=True, kw_only=True)
class First(Wrapper):
    """Holds when the body holds for the first words of what is looked at."""

    count: int

    def evaluate(self, context: Context) -> Matches | None:
        """Return what the body finds there."""
        document = context.document
        left, windows = self.count, []
        for low, high in context.windows or ((0, len(document.text)),):
            end = min(document.after_tokens(low, left), high)
            windows.append((low, end))
            left -= document.count_tokens(low, end)
        return self.body.evaluate(context.within(tuple(windows)))


def _both(
    outer: tuple[tuple[int, int], ...] | None, inner: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """Return what lies in both sets of windows."""
    if outer is None:
        return inner
    return tuple(
        (max(low, start), min(high, end))
        for low, high in outer
        for start, end in inner
        if max(low, start) < min(high, end)
    )


def _in(reader: Reader, node: Node, body: Expression) -> Expression:
    names = [node] if node.text is not None else list(node.items or ())
    if not names:
        reader.report(node, "in: names a field", "in: title")
    fields: set[int] = set()
    for name in names:
        for text in (name.text or "").split("|"):
            if text.strip() in FIELDS:
                fields.add(FIELDS.index(text.strip()))
            else:
                hint = did_you_mean(text.strip(), FIELDS)
                reader.report(name, f'no field "{text.strip()}"', hint)
    return InFields(fields=tuple(sorted(fields)), body=body)


def _first(reader: Reader, node: Node, body: Expression) -> Expression:
    return First(count=reader.number(node, least=1), body=body)


_FIELD = {"type": "string", "pattern": rf"^({'|'.join(FIELDS)})(\s*\|\s*({'|'.join(FIELDS)}))*$"}
IN = Operator(
    key="in",
    wrap=_in,
    schema={"anyOf": [_FIELD, {"type": "array", "items": _FIELD, "minItems": 1}]},
)
FIRST = Operator(key="first", wrap=_first, schema={"type": ["integer", "string"]})
