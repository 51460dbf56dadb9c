"""Every term of a rule set once, and the automaton that finds them all in one pass."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import ahocorasick_rs

from monitor.rules.document import Document, Found
from monitor.rules.terms import Term, compile_term


@dataclass
class Lexicon:
    """The terms met while reading rules; equal terms get one number."""

    terms: list[Term] = field(default_factory=list)
    written: list[str] = field(default_factory=list)  # by number, as first written
    _numbers: dict[Term, int] = field(default_factory=dict)
    _known: dict[str, frozenset[int]] = field(default_factory=dict)

    def ids(self, text: str) -> frozenset[int]:
        """Return the numbers of the terms that a written term stands for.

        Raises:
            TermError: the term cannot be used.
        """
        if text not in self._known:
            self._known[text] = frozenset(self._number(term, text) for term in compile_term(text))
        return self._known[text]

    def _number(self, term: Term, text: str) -> int:
        if term not in self._numbers:
            self._numbers[term] = len(self.terms)
            self.terms.append(term)
            self.written.append(text)
        return self._numbers[term]


class Automaton:
    """All literals of a lexicon in one Aho-Corasick automaton."""

    def __init__(self, terms: Sequence[Term]) -> None:
        owners: dict[str, list[int]] = {}
        for number, term in enumerate(terms):
            owners.setdefault(term.literal, []).append(number)
        self._terms = tuple(terms)
        self._patterns = {
            number: re.compile(f"(?=({term.pattern}))")
            for number, term in enumerate(terms)
            if term.pattern
        }
        self._owners = tuple(tuple(numbers) for numbers in owners.values())
        self.literal_of = {
            number: literal for literal, numbers in enumerate(self._owners) for number in numbers
        }
        self._automaton = ahocorasick_rs.AhoCorasick(
            list(owners), matchkind=ahocorasick_rs.MatchKind.Standard, store_patterns=False
        )
        self.scan: Callable[[str], list[tuple[int, int, int]]] = self._scan

    def _scan(self, text: str) -> list[tuple[int, int, int]]:
        """Return (literal, start, end) of every occurrence of every literal."""
        found: list[tuple[int, int, int]] = self._automaton.find_matches_as_indexes(
            text, overlapping=True
        )
        return found

    def found(
        self, document: Document, matches: Sequence[tuple[int, int, int]]
    ) -> dict[int, list[Found]]:
        """Return the places of every term, in order, from the places of its literal."""
        places: dict[int, list[Found]] = {}
        searched: set[int] = set()
        for literal, start, end in matches:
            for number in self._owners[literal]:
                if number in self._patterns:
                    if number not in searched:
                        searched.add(number)
                        self._search(document, number, places)
                else:
                    self._place(document, number, start, end, places)
        return places

    def _search(self, document: Document, number: int, places: dict[int, list[Found]]) -> None:
        found = [Found(*match.span(1)) for match in self._patterns[number].finditer(document.text)]
        if found:
            places[number] = found

    def _place(
        self, document: Document, number: int, start: int, end: int, places: dict[int, list[Found]]
    ) -> None:
        term = self._terms[number]
        start, end = start + term.lead, end - term.trail
        if term.cased and document.cased[start:end] != term.cased:
            return
        if term.grows_right:
            end = document.text.find(" ", end)  # words of a script without spaces never grow
        if term.grows_left:
            start = document.text.rfind(" ", 0, start) + 1
        places.setdefault(number, []).append(Found(start, end))
