"""Collects the faults of rule files, each with the line it is on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.errors import Problem
from monitor.yamlnodes import Node


@dataclass
class Problems:
    """Errors and warnings; the lines of a file are split once, however much is wrong with it."""

    files: Sequence[str] = ()  # in the order that they were given
    found: list[Problem] = field(default_factory=list)
    _lines: dict[str, Sequence[str]] = field(default_factory=dict)

    def error(self, node: Node, message: str, hint: str = "") -> None:
        """Record what keeps the files from being used."""
        self._record(node, message, hint, is_warning=False)

    def warn(self, node: Node, message: str, hint: str = "") -> None:
        """Record what is allowed, and probably not meant."""
        self._record(node, message, hint, is_warning=True)

    def _record(self, node: Node, message: str, hint: str, *, is_warning: bool) -> None:
        name = node.file.name
        if name not in self._lines:
            self._lines[name] = node.file.source.splitlines()
        lines = self._lines[name]
        problem = Problem(
            file=name,
            line=node.line,
            column=node.column,
            message=message,
            hint=hint,
            source_line=lines[node.line - 1] if 0 < node.line <= len(lines) else "",
            is_warning=is_warning,
        )
        self.found.append(problem)

    def errors(self) -> list[Problem]:
        """Return the errors, by file as given and then by line."""
        return self._sorted(is_warning=False)

    def warnings(self) -> list[Problem]:
        """Return the warnings, by file as given and then by line."""
        return self._sorted(is_warning=True)

    def _sorted(self, *, is_warning: bool) -> list[Problem]:
        order = {name: index for index, name in enumerate(self.files)}
        chosen = {problem for problem in self.found if problem.is_warning == is_warning}
        return sorted(chosen, key=lambda p: (order[p.file], p.line, p.column, p.message))
