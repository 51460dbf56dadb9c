"""Term lists: named groups of words, shared over all rule files, used as `$name` or `$name.sub`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.rules.lexicon import Lexicon
from monitor.rules.problems import Problems
from monitor.rules.terms import TermError, shortness
from monitor.yamlnodes import Node, did_you_mean

_DEEPEST = 30  # lists that lead from one to the next; each costs the stack a few frames
_BOOLEAN = re.compile(r"(?:^|\s)(AND|OR|NOT)(?:\s|$)")


@dataclass
class Lists:
    """The term lists of a rule set; a mapping inside one makes sub-lists of it."""

    lexicon: Lexicon
    problems: Problems
    nodes: dict[str, Node] = field(default_factory=dict)  # dotted name -> words
    keys: dict[str, Node] = field(default_factory=dict)  # dotted name -> where it is named
    names: dict[str, frozenset[int]] = field(default_factory=dict)  # watch lists: their numbers
    used: set[str] = field(default_factory=set)
    groups: list[list[Node]] = field(default_factory=list)  # terms that stand side by side
    _resolved: dict[str, frozenset[int]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def add(self, terms: Node) -> None:
        """Add the lists under a `terms:` key."""
        if terms.entries is None:
            self.problems.error(terms, "terms: maps names to lists of words", "dprk: {en: [DPRK]}")
            return
        for key, value in terms.entries:
            if key.key in self.names:
                message = f'term list "{key.key}" has the name of a watch list'
                self.problems.error(key, message, "rename one of them")
            elif first := self.keys.get(key.key):
                where = f"first at {first.file.name}:{first.line}"
                self.problems.error(key, f'term list "{key.key}" is written twice; {where}')
            else:
                self._add(key.key, key, value)

    def _add(self, name: str, key: Node, value: Node) -> None:
        if not _is_name(key.key):
            hint = "use letters, digits, - and _"
            self.problems.error(key, f'"{key.key}" is no name for a term list', hint)
        self.keys[name], self.nodes[name] = key, value
        for sub, below in value.entries or ():
            self._add(f"{name}.{sub.key}", sub, below)

    def ids(self, reference: str, node: Node) -> frozenset[int]:
        """Return the terms of `$name`; an unknown name is reported at `node`."""
        name = reference[1:]
        self.used.add(name)
        if name in self.names:
            return self.names[name]
        if name not in self.nodes:
            hint = did_you_mean(name, (*self.nodes, *self.names))
            self.problems.error(node, f'no term list "{reference}"', hint)
            return frozenset()
        if name in self._open:
            circle = " -> ".join(f"${part}" for part in (*self._open, name))
            self.problems.error(node, f"term lists go round in a circle: {circle}")
            return frozenset()
        if len(self._open) >= _DEEPEST:
            self.problems.error(node, f"term lists lead to lists more than {_DEEPEST} deep")
            return frozenset()
        if name not in self._resolved:
            self._open.append(name)
            self._resolved[name] = frozenset(self._collect(self.nodes[name]))
            self._open.pop()
        return self._resolved[name]

    def resolve_all(self) -> None:
        """Read every list, so that what no rule uses is checked too."""
        for name, key in self.keys.items():
            used = name in self.used
            self.ids(f"${name}", key)
            if not used:
                self.used.discard(name)

    def _collect(self, node: Node) -> Iterator[int]:
        if node.text is not None:
            yield from self.words(node.text, node)
        if node.items is not None:
            self.group(node.items)
        for item in node.items or ():
            yield from self._collect(item)
        for _, value in node.entries or ():
            yield from self._collect(value)

    def words(self, text: str, node: Node) -> frozenset[int]:
        """Return the terms of a text of words: a term, a reference, or several with `|`."""
        ids: set[int] = set()
        for part in text.split("|"):
            ids |= self._word(part.strip(" ()\t\n"), node)
        return frozenset(ids)

    def _word(self, part: str, node: Node) -> frozenset[int]:
        if part.startswith("$"):
            return self.ids(part, node)
        if "$" in part:
            hint = "join them with near/1, or write all:"
            self.problems.error(node, "a $list stands alone, it is no part of a phrase", hint)
            return frozenset()
        try:
            ids = self.lexicon.ids(part)
        except TermError as error:
            self.problems.error(node, str(error), error.hint)
            return frozenset()
        if found := _BOOLEAN.search(part):
            hint = "use any:, all: or none:"
            self.problems.warn(node, f'"{found.group(1)}" is looked for as a word', hint)
        if short := shortness(part):
            self.problems.warn(node, short, f"write ={part.strip('*')} for these capitals alone")
        return ids

    def group(self, nodes: Sequence[Node]) -> None:
        """Remember terms that stand side by side in one list, to be compared with each other."""
        terms = [node for node in nodes if node.text is not None and _is_plain(node.text)]
        self.groups.append(terms)

    def below(self, name: str) -> Mapping[str, Node]:
        """Return the list and all that it refers to, for the version of a rule."""
        found: dict[str, Node] = {}
        todo = [name]
        while todo:
            current = todo.pop()
            node = self.nodes.get(current)
            if node is not None and current not in found:
                found[current] = node
                todo += references(node)
        return found


def references(node: Node) -> Iterator[str]:
    """Return the names of the lists that a node refers to, in order."""
    if node.text is not None:
        for word in node.text.replace("|", " ").split():
            if word.startswith("$"):
                yield word[1:]
    for item in node.items or ():
        yield from references(item)
    for key, value in node.entries or ():
        yield from references(key)
        yield from references(value)


def _is_plain(text: str) -> bool:
    return not any(mark in text for mark in ("$", "|", "near/", "then/"))


def _is_name(text: str) -> bool:
    return bool(text) and all(c.isalnum() or c in "-_" for c in text)
