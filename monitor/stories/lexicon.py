"""Names, things and acts that survive translation: one id for the terms of many languages."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from monitor.stories.words import folded

_CJK = "\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff々"
_WORD = re.compile(rf"(?:(?![{_CJK}])[^\W_])+")
_INSIDE = re.compile(rf"[{_CJK}]")
_SHORTHAND = re.compile(r"[\u3400-\u9fff]|(?<![\uac00-\ud7a3\d])[\uac00-\ud7a3](?![\uac00-\ud7a3])")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_LETTERS = str.maketrans("ةى", "هي")  # spelt either way in Arabic headlines
_PREFIXES = re.compile("[وفبكل]?(?:ال)?|[והבלמשכ]{1,2}")  # written onto the next word: ar, he

NAME = "lexicon.v1.txt"  # a change of its lines that changes stories is a new version

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Lexicon:
    """Terms by how they are looked up; every value is a concept, `kind:id`."""

    inside: dict[str, str] = field(default_factory=dict)
    korean: dict[str, str] = field(default_factory=dict)
    phrases: dict[str, list[tuple[Phrase, str]]] = field(default_factory=dict)
    longest: int = 1


def concepts(text: str, lexicon: "Lexicon") -> Iterator[str]:
    """Yield the concepts that the folded text names, repeated ones too; longest term first."""
    plain = text.translate(_LETTERS)
    yield from _inside(plain, lexicon)
    yield from _spelt(_WORD.findall(plain), lexicon)


def _inside(text: str, lexicon: Lexicon) -> Iterator[str]:
    if _HANGUL.search(text):
        for token in _SHORTHAND.findall(text):
            if token in lexicon.korean:
                yield lexicon.korean[token]
    start = 0
    while found := _INSIDE.search(text, start):
        start = found.start()
        for end in range(min(len(text), start + lexicon.longest), start, -1):
            if text[start:end] in lexicon.inside:
                yield lexicon.inside[text[start:end]]
                start = end
                break
        else:
            start += 1


def _spelt(words: list[str], lexicon: Lexicon) -> Iterator[str]:
    at = 0
    while at < len(words):
        length, concept = _longest(words, at, lexicon.phrases)
        if concept:
            yield concept
        at += length


def _longest(
    words: list[str], at: int, phrases: Mapping[str, list[tuple[Phrase, str]]]
) -> tuple[int, str]:
    best = (1, 0, "")
    for word in _variants(words[at]):
        for cut in range(min(len(word), 14), 1, -1):
            for phrase, concept in phrases.get(word[:cut], ()):
                if (len(phrase), cut) > best[:2] and _matches(
                    (word, *words[at + 1 : at + len(phrase)]), phrase
                ):
                    best = (len(phrase), cut, concept)
    return best[0], best[2]


def _variants(word: str) -> Iterator[str]:
    yield word
    if "\u0590" < word[0] < "\u06ff":
        for cut in (1, 2, 3):
            if len(word) - cut > 1 and _PREFIXES.fullmatch(word[:cut]):
                yield word[cut:]


def _matches(words: tuple[str, ...], phrase: Phrase) -> bool:
    return len(words) == len(phrase) and all(
        word.startswith(term[:-1]) if term.endswith("*") else word == term
        for word, term in zip(words, phrase, strict=True)
    )


@cache
def load() -> Lexicon:
    """Return the lexicon shipped with the package; read once."""
    return parse(files("monitor.stories").joinpath(NAME).read_bytes().decode("utf-8"))


def parse(text: str) -> Lexicon:
    """Return the lexicon of a text of lines `kind id: term, term*, =한`."""
    inside: dict[str, str] = {}
    korean: dict[str, str] = {}
    phrases: dict[str, list[tuple[Phrase, str]]] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, terms = line.partition(": ")
        concept = ":".join(head.split())
        for term in filter(None, (folded(t).strip() for t in terms.split(","))):
            if term.startswith("="):
                korean[term[1:]] = concept
            elif _INSIDE.search(term):
                inside.setdefault(term, concept)
            else:
                phrase = tuple(re.findall(r"[^\W_]+\*?", term.translate(_LETTERS)))
                phrases.setdefault(phrase[0].rstrip("*"), []).append((phrase, concept))
    return Lexicon(inside, korean, phrases, max(map(len, inside), default=1))
