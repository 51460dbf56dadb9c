"""What a judge says: how bad, what was seen, what it means, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Grade(IntEnum):
    """How bad; a note is worth knowing and asks for nothing."""

    OK = 0
    NOTE = 1
    WARNING = 2
    FAULT = 3

    @property
    def label(self) -> str:
        """Return the word for people and programs."""
        return self.name.lower()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing seen; a warning or a fault says what it means and what to do."""

    check: str
    grade: Grade
    said: str
    means: str = ""
    what_to_do: str = ""


def ok(check: str, said: str) -> Finding:
    """Return that a check found all well."""
    return Finding(check=check, grade=Grade.OK, said=said)


def note(check: str, said: str) -> Finding:
    """Return what is worth knowing."""
    return Finding(check=check, grade=Grade.NOTE, said=said)


def warning(check: str, said: str, means: str, what_to_do: str) -> Finding:
    """Return what will hurt, or already costs something."""
    return Finding(check=check, grade=Grade.WARNING, said=said, means=means, what_to_do=what_to_do)


def fault(check: str, said: str, means: str, what_to_do: str) -> Finding:
    """Return what keeps the watch from its work."""
    return Finding(check=check, grade=Grade.FAULT, said=said, means=means, what_to_do=what_to_do)


def worst(findings: Iterable[Finding]) -> Grade:
    """Return the worst grade, OK where there is nothing."""
    return max((one.grade for one in findings), default=Grade.OK)
