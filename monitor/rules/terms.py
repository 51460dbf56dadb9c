"""One term as an analyst writes it, and what the automaton has to look for.

A term is words to be found next to each other: `Security Council`, `sanction*`, `'*제재'`, `=IT`.
"""

import itertools
import re
from dataclasses import dataclass

from monitor.text.fold import HANGUL, NO_SPACE, SENTENCE_END, fold, fold_cased

_HYPHEN = re.compile(r"(?<=\w)[-‐‑](?=\w)")
_HAS_HANGUL = re.compile(f"[{HANGUL}]")
_LONG_HANGUL = re.compile(f"[{HANGUL}]{{3}}")  # shorter words turn up inside others: 대북 in 절대북
_FREE = re.compile(f"[{NO_SPACE}]")  # letters of scripts without spaces: no boundary beside them
_ARABIC = re.compile("[\u0620-\u064a\u066e-\u06d3]")
_REST_OF_WORD = f"[^ {SENTENCE_END}{NO_SPACE}]*"
# What Arabic writes before a word without a space: and, so; with, like, for; the. `لل` is ل + ال.
_PROCLITIC = "(?:[وف]?(?:ال|بال|كال|لل|[بكل])?)"
_PROCLITIC_ARTICLE = "(?:[وف]?(?:[بك]?ال|لل))"
_ARTICLE = "ال"
_SHORT = 2  # letters: "UN" is also the French article, "IT" the English pronoun


class TermError(Exception):
    """The term cannot be used; `hint` says what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Term:
    """A folded term.

    `literal` is what the automaton finds; its first `lead` and last `trail` characters are
    boundaries that do not belong to the match. `grows_left` and `grows_right` stretch the match to
    the whole word. Where a literal is not enough, `pattern` finds the matches; where capitals
    matter, `cased` is the text with its capitals.
    """

    literal: str
    lead: int = 0
    trail: int = 0
    grows_left: bool = False
    grows_right: bool = False
    pattern: str = ""
    cased: str = ""


def compile_term(text: str) -> tuple[Term, ...]:
    """Return the terms that a written term stands for: `cyber-attack` is also `cyberattack`.

    Raises:
        TermError: nothing is left to look for, or it would be found everywhere.
    """
    is_exact = text.startswith("=")
    body = text[1:].strip() if is_exact else text.strip()
    if is_exact and "*" in body:
        raise TermError("= asks for one exact word, a star for many", "leave out the = or the *")
    terms = [term for form in _forms(body) for term in _compiled(form, is_exact=is_exact)]
    return tuple(dict.fromkeys(terms))


def shortness(text: str) -> str:
    """Return why a term that can be used may be found too often, or an empty text."""
    if text.startswith("="):
        return ""
    folded = fold(text.replace("*", "")).strip()
    if len(folded) > _SHORT or _FREE.search(folded) or _HAS_HANGUL.search(folded):
        return ""
    return f'"{text}" is short: it is found as "{folded}" in any language and in any case'


def _forms(body: str) -> list[str]:
    joined = _HYPHEN.sub("", body)
    return [body] if joined == body else [body, joined]


def _compiled(body: str, *, is_exact: bool) -> list[Term]:
    folded = _fold_with_stars(body)
    _check_length(body, folded, is_exact=is_exact)
    if is_exact:
        return [Term(f" {folded} ", 1, 1, cased=fold_cased(body).strip())]
    if SENTENCE_END not in folded:
        return [_term(folded)]
    plain = " ".join(folded.replace(SENTENCE_END, " ").split())
    return [_term(folded), _term(plain)]  # "Yahoo! Japan": with and without its stop


def _fold_with_stars(body: str) -> str:
    """Return the folded words with their stars; a star stays attached to the word beside it."""
    pieces = body.split("*")
    out = fold(pieces[0]).strip()
    for left, right in itertools.pairwise(pieces):
        out += "*" if not out or (left and not left[-1].isspace()) else " *"
        word = fold(right).strip()
        out += word if not word or not right[0].isspace() else f" {word}"
    return out


def _check_length(body: str, folded: str, *, is_exact: bool) -> None:
    letters = folded.replace("*", "").replace(" ", "").replace(SENTENCE_END, "")
    if not letters:
        raise TermError(f'"{body}" holds no letter or digit')
    if len(letters) == 1 and not is_exact:
        raise TermError(
            f'"{body}" is too short: one character is found everywhere',
            f'write "={body.strip("*")}" for the word that stands alone, or a longer term',
        )
    if any(not word.strip("*") for word in folded.split()):
        raise TermError("a star belongs to the start or the end of a word", "write word* or *word")
    if any(_has_wild_stars(word) for word in folded.split()):
        raise TermError(
            "a word can hold one star, or one at each end", "write word*, *word, wo*rd or *word*"
        )


def _has_wild_stars(word: str) -> bool:
    inner = word.strip("*").count("*")
    return inner > 1 or bool(inner and (word.startswith("*") or word.endswith("*"))) or "**" in word


def _term(folded: str) -> Term:
    core = folded.strip("*")
    is_open_left = folded.startswith("*") or _is_free_left(core)
    is_open_right = folded.endswith("*") or bool(
        _FREE.match(core[-1]) or _HAS_HANGUL.match(core[-1])
    )
    left, right = "" if is_open_left else " ", "" if is_open_right else " "
    if _ARABIC.match(core[0]) and not is_open_left:
        return _arabic_term(core, right)
    if "*" in core:
        pattern = _stars(core)
        return Term(_anchor(left, core, right), pattern=_between(left, pattern, right, folded))
    return Term(
        left + core + right,
        len(left),
        len(right),
        grows_left=folded.startswith("*") and not _FREE.match(core[0]),
        grows_right=folded.endswith("*") and not _FREE.match(core[-1]),
    )


def _is_free_left(core: str) -> bool:
    """Return whether a match may begin inside a word of the text."""
    if _FREE.match(core[0]):
        return True
    return bool(_LONG_HANGUL.match(core))


def _anchor(left: str, core: str, right: str) -> str:
    """Return the longest literal of a term with inner stars."""
    parts = f"{left}{core}{right}".split("*")
    return max(parts, key=len)


def _stars(core: str) -> str:
    return _REST_OF_WORD.join(re.escape(part) for part in core.split("*"))


def _between(left: str, pattern: str, right: str, folded: str) -> str:
    before = "(?<= )" if left else (_REST_OF_WORD if folded.startswith("*") else "")
    after = "(?= )" if right else (_REST_OF_WORD if folded.endswith("*") else "")
    return before + pattern + after


def _arabic_term(core: str, right: str) -> Term:
    has_article = core.startswith(_ARTICLE) and len(core) > len(_ARTICLE) + 1
    bare = core.removeprefix(_ARTICLE) if has_article else core
    proclitic = _PROCLITIC_ARTICLE if has_article else _PROCLITIC
    after = "(?= )" if right else _REST_OF_WORD
    anchor = max(f"{bare}{right}".split("*"), key=len)
    return Term(anchor, pattern=f"(?<= ){proclitic}{_stars(bare)}{after}")
