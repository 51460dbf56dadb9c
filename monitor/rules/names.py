"""The names of watch lists, a million of them, found in one walk over the words of a text.

Names in scripts with spaces are hashed: an array of hashes of names and a filter of hashes of
their beginnings, 30 bytes a name, where an automaton takes 200 and four times that while it is
built. Names in other scripts, which may stand inside words, go through the automaton.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from monitor.rules.document import Document, Found
from monitor.rules.lexicon import Automaton
from monitor.rules.terms import Term, TermError, compile_term
from monitor.text.fold import fold

_SHARDS = 1024  # sorted one by one: a loop beside the load waits for no more than one of them
_PLAIN_MARKS = frozenset("-=*.!?&\n")  # marks that make more of a term than its folded words


class Entry(NamedTuple):
    """A row of a watch list: the name to show, everything to look for, the IMO number or ''."""

    name: str
    written: tuple[str, ...]
    imo: str


class NameSource(Protocol):
    """A list to be indexed."""

    def entries(self) -> Iterator[Entry]:
        """Return the entries in order."""

    def too_short(self, name: str) -> None:
        """Hear of a name that cannot be looked for."""


@dataclass(frozen=True)
class Listed:
    """A name of a list that was found."""

    number: int  # of the list
    found: Found
    name: str


class _Shard:
    """Some of the names: hashes in order, and the entry that each belongs to."""

    __slots__ = ("_keys", "_owners")

    def __init__(self) -> None:
        self._keys = array("q")
        self._owners = array("I")

    def add(self, key: int, owner: int) -> None:
        self._keys.append(key)
        self._owners.append(owner)

    def sort(self) -> None:
        order = sorted(range(len(self._keys)), key=self._keys.__getitem__)
        self._keys = array("q", [self._keys[index] for index in order])
        self._owners = array("I", [self._owners[index] for index in order])

    def owners(self, key: int) -> Iterator[int]:
        # No second look at the letters: two texts of one 64-bit hash, which differs from process
        # to process, meet once in ten thousand billion look-ups of a million names.
        position = bisect_left(self._keys, key)
        while position < len(self._keys) and self._keys[position] == key:
            yield self._owners[position]
            position += 1


class Names:
    """The index of all watch lists that rules use. Lists have negative numbers: -1, -2, ..."""

    def __init__(self, lists: Sequence[NameSource | None] = ()) -> None:
        self._shown: list[str] = []
        self._firsts: list[int] = []  # number of the first entry of each list
        self._shards = [_Shard() for _ in range(_SHARDS)]
        self._terms: list[Term] = []
        self._term_owners: list[int] = []
        starts = array("q")
        for source in lists:
            self._firsts.append(len(self._shown))
            if source is not None:
                for entry in source.entries():
                    self._add(entry, starts, source.too_short)
        for shard in self._shards:
            shard.sort()
        self._filter = _filter(starts)
        self._automaton = Automaton(self._terms) if self._terms else None

    def __bool__(self) -> bool:
        return bool(self._shown)

    def _add(self, entry: Entry, starts: "array[int]", too_short: Callable[[str], None]) -> None:
        owner = len(self._shown)
        self._shown.append(entry.name)
        for written in entry.written:
            try:
                for term in _terms(written):
                    self._add_term(term, owner, starts)
            except TermError:
                too_short(written)
        if entry.imo:
            for text in (entry.imo, f"imo{entry.imo}"):
                self._add_words(text, owner, starts)

    def _add_term(self, term: str | Term, owner: int, starts: "array[int]") -> None:
        if isinstance(term, str):
            self._add_words(term, owner, starts)
        elif term.lead and term.trail and not term.cased:
            self._add_words(term.literal.strip(), owner, starts)
        else:
            self._terms.append(term)
            self._term_owners.append(owner)

    def _add_words(self, text: str, owner: int, starts: "array[int]") -> None:
        key = hash(text)
        self._shards[key % _SHARDS].add(key, owner)
        end = text.find(" ")
        while end >= 0:
            starts.append(hash(text[:end]))
            end = text.find(" ", end + 1)
        starts.append(key)

    def find(self, document: Document) -> list[Listed]:
        """Return the names found in a document, those of hashed scripts first."""
        found = [
            Listed(self._list_of(owner), place, self._shown[owner])
            for place, owner in self._walk(document.text)
        ]
        if self._automaton is not None:
            matches = self._automaton.scan(document.text)
            for number, places in self._automaton.found(document, matches).items():
                owner = self._term_owners[number]
                shown, own = self._shown[owner], self._list_of(owner)
                found += [Listed(own, place, shown) for place in places]
        return found

    def _list_of(self, owner: int) -> int:
        return -bisect_right(self._firsts, owner)

    def _walk(self, text: str) -> Iterator[tuple[Found, int]]:
        begins, mask = self._filter, len(self._filter) - 1
        words = text.split(" ")
        start = 0
        for index, word in enumerate(words):
            key = hash(word)
            if begins[key & mask] and word:
                yield from self._names_at(words, index, start)
            start += len(word) + 1

    def _names_at(
        self, words: Sequence[str], index: int, start: int
    ) -> Iterator[tuple[Found, int]]:
        """Return the names that begin with a word, as long as something longer may follow."""
        mask = len(self._filter) - 1
        text = words[index]
        while self._filter[hash(text) & mask]:
            place = Found(start, start + len(text))
            key = hash(text)
            yield from ((place, owner) for owner in self._shards[key % _SHARDS].owners(key))
            index += 1
            if index == len(words) or not words[index]:
                return
            text = f"{text} {words[index]}"


def _terms(written: str) -> Sequence[str | Term]:
    """Return what to look for; the folded text itself for the plain names that most are."""
    if written.isascii() and _PLAIN_MARKS.isdisjoint(written):
        folded = fold(written).strip()
        if len(folded) > 1:
            return (folded,)
    return compile_term(written.replace("*", " ").lstrip("="))


def _filter(starts: "array[int]") -> bytearray:
    """Return one byte for each of a power of two of hashes: one in four or fewer is set."""
    size = 1 << (4 * len(starts)).bit_length()
    begins = bytearray(size)
    for key in starts:
        begins[key & (size - 1)] = 1
    return begins
