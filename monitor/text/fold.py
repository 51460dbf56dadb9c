"""Folding: text as the matcher sees it, and the way back to the original characters.

Folded text is words in lower case between single spaces, with a space at both ends. Accents,
dashes, quotes, full width, soft hyphens, zero-width marks and look-alike letters of another script
are gone; a change between Latin-like letters, Hangul and Han/kana ends a word. `SENTENCE_END`
stands between sentences, as a word of its own, so that no phrase can cross it.
"""

import html
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

SENTENCE_END = "\x01"
FIELD_END = "\x02"  # never in folded text; whoever joins fields puts it between them

# Scripts written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han.
NO_SPACE = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
HANGUL = "\uac00-\ud7a3"

_LATIN = "A-Za-z"
_TWINNED = "\u0370-\u052f"  # Greek and Cyrillic: the scripts whose letters are passed off as Latin
_LOWER = "a-zß-öø-ÿа-яёα-ω"
_OPENING = "\"'“‘«„(\\["
_CLOSING = "\"'”’»“)\\]"

# Removed before anything else: soft hyphen, joiners, bidi marks, tatweel, combining marks of Latin,
# Greek, Cyrillic, Hebrew and Arabic (not kana voicing, not Indic or Thai vowels: they are letters).
_DROPPED = (
    "\u00ad\u034f\u061c\u0640\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
)
# Sequences that make one letter: Hangul jamo, voiced kana, half-width kana, и with breve (й is a
# letter of its own in Russian, so it keeps its breve).
_SEQUENCE = (
    "[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[\uac00-\ud7a3][\u11a8-\u11c2]"
    "|[\u3041-\u30ff][\u3099\u309a]|[\uff66-\uff9d][\uff9e\uff9f]?|[иИ]\u0306"
)
_RARE = re.compile(f"[{_DROPPED}\u1100-\u11ff\u3099\u309a\uff66-\uff9f]")
_RESERVED = re.compile("[\x01\x02]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_COMPOSED = re.compile(_SEQUENCE)
_INVISIBLE = re.compile(f"[{_DROPPED}]+")
_MIXED = re.compile(f"[{_LATIN}][{_TWINNED}]|[{_TWINNED}][{_LATIN}]")
_WORD = re.compile(r"[^\W\d_]+")
# The dot between single letters, U.N. -> UN. The literal comes first: the search is then a memchr.
ACRONYM = re.compile(r"\.(?<=\b[^\W\d_]\.)(?=[^\W\d_]\b)")
# Abbreviations that a capital letter or a number follows without a new sentence.
_ABBREVIATIONS = (
    "Mr Ms Dr St Jr Sr Lt Co No Nr vs Mt Ft Rd им ул гл Amb Min Dir Ave "
    "Mrs Gen Col Maj Sgt Adm Rep Sen Gov Ltd Inc Nos Art "
    "Res Vol Fig Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec Mme Hon Rev Sra Bhd Pte тыс млн руб "
    "Corp Capt Cmdr Prof Pres Sept Mlle Dept Univ млрд"
)
_NOT_ABBREVIATED = "".join(
    rf"(?<!\b(?:{'|'.join(word for word in _ABBREVIATIONS.split() if len(word) == length)})\.)"
    for length in (2, 3, 4)
)
_AFTER_WORD = rf"(?:(?<=[^\W\d_][^\W\d_]\.)|(?<=\d\d\d\.)|(?<=[{_CLOSING}%]\.)){_NOT_ABBREVIATED}"
_AFTER_STOP = rf"[.!?؟]*+[{_CLOSING}]*+\s++(?![{_OPENING}]*+[{_LOWER}])"
# The character comes first: the search skips to the next one at C speed. The first expression is
# the second for texts whose only stops are full stops, four times as fast.
_FULL_STOP = re.compile(rf"\.{_AFTER_WORD}{_AFTER_STOP}")
_STOP = re.compile(rf"[.!?؟](?:(?<=[!?؟])|{_AFTER_WORD}){_AFTER_STOP}")
_CJK_STOP = re.compile("[。！？｡।॥۔]")
_NEWLINE = re.compile(rf"\n(?!\s*+[{_LOWER}])")
_BREAK = f" {SENTENCE_END} "
BARE = re.compile(f"[{NO_SPACE}{HANGUL}]")
_HANGUL_LETTER = re.compile(f"[{HANGUL}]")
_NO_SPACE_RUN = re.compile(f"[{NO_SPACE}]+")
_OTHER_RUN = re.compile(f"[^ {SENTENCE_END}{NO_SPACE}{HANGUL}]+")
_PADDED = r" \g<0> "
MARKED = re.compile("[&\x01\x02]")


def _twins() -> dict[str, str]:
    """Return the Latin letter that each Cyrillic or Greek letter can be taken for."""
    cyrillic = zip("аеіјкморԛѕстхуһԁԝ", "aeijkmopqsctxyhdw", strict=True)
    capital = zip("АВЕІЈКМНОРЅСТХУ", "ABEIJKMHOPSCTXY", strict=True)
    greek = zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυ", "ABEZHIKMNOPTYXaikvopu", strict=True)
    return dict([*greek, *cyrillic, *capital])


_TO_LATIN = _twins()
_TO_CYRILLIC = {latin: twin for twin, latin in _TO_LATIN.items() if twin >= "\u0400"}


def _one_script(found: re.Match[str]) -> str:
    """Return a word of mixed scripts in the one script that it can be wholly written in.

    `Nоrth` with a Cyrillic о becomes Latin, `Сeверной` with a Latin e Cyrillic. Where both are
    possible the script of more letters wins; where neither is, the word stays as it is.
    """
    word = found.group()
    latin = [c for c in word if c.isascii()]
    foreign = [c for c in word if "\u0370" <= c <= "\u052f"]
    if not latin or not foreign:
        return word
    can_be_latin = all(c in _TO_LATIN for c in foreign)
    can_be_cyrillic = all(c in _TO_CYRILLIC for c in latin) and min(foreign) >= "\u0400"
    if can_be_latin and not (can_be_cyrillic and len(foreign) > len(latin)):
        return "".join(_TO_LATIN.get(c, c) for c in word)
    return "".join(_TO_CYRILLIC.get(c, c) for c in word) if can_be_cyrillic else word


def _entity(found: re.Match[str]) -> str:
    return html.unescape(found.group())


def _compose(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", found.group())


@dataclass(frozen=True)
class Step:
    """A rewriting of the text: `is_needed` is a cheap look that saves the search."""

    is_needed: Callable[[str], object]
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]


FIRST = (
    Step(lambda text: "\x01" in text or "\x02" in text, _RESERVED, " "),
    Step(lambda text: "&" in text, _ENTITY, _entity),
)
UNICODE = (
    Step(_RARE.search, _COMPOSED, _compose),
    Step(_RARE.search, _INVISIBLE, ""),
    Step(_MIXED.search, _WORD, _one_script),
    Step(lambda _: True, _CJK_STOP, _BREAK),
)
COMMON = (  # stops before acronyms: the last dot of "U.N. Security Council" ends no sentence
    Step(lambda text: "." in text or "!" in text or "?" in text or "؟" in text, _STOP, _BREAK),
    Step(lambda text: "." in text, ACRONYM, ""),
    Step(lambda text: "\n" in text, _NEWLINE, _BREAK),
)
SCRIPTS = (
    Step(lambda _: True, _OTHER_RUN, _PADDED),
    Step(_HANGUL_LETTER.search, _NO_SPACE_RUN, _PADDED),
)

# Letters that no decomposition brings to what a reader would type.
_SPECIAL = dict(zip("łŁøØđĐħıйЙٱىیةکґ", "llooddhiййاييهكґ", strict=True)) | {
    "æ": "ae",
    "Æ": "ae",
    "œ": "oe",
    "Œ": "oe",
    SENTENCE_END: SENTENCE_END,
}
_KEPT = re.compile("[\u3040-\u30ff\uac00-\ud7a3]")  # would fall apart: kana voicing, syllables
_TERM_MARKS = ("Mn", "Mc")  # vowel signs of Indic and South-East Asian scripts


def _fold_character(character: str) -> str:
    """Return what one character folds to; a space for everything that is no letter or digit."""
    special = _SPECIAL.get(character)
    if special is not None:
        return special
    if _KEPT.match(character) and character.isalnum():
        return character
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    folded = _bare(_bare(character).casefold())
    return "".join(
        _SPECIAL.get(c, c) if c.isalnum() or unicodedata.category(c) in _TERM_MARKS else " "
        for c in folded
    )


def _bare(text: str) -> str:
    return _INVISIBLE.sub("", unicodedata.normalize("NFKD", text))


class _Folded(dict[int, str]):
    """A translation table that grows with the characters it meets (at most one per code point)."""

    def __missing__(self, code: int) -> str:
        value = self[code] = _fold_character(chr(code))
        return value


class _Cased(dict[int, str]):
    """The same, except that a capital stays one: letter for letter as long as `_Folded`."""

    def __missing__(self, code: int) -> str:
        folded, capital = FOLDED[code], FOLDED[code].upper()
        is_capital = chr(code).isupper() and len(capital) == len(folded)
        value = self[code] = capital if is_capital else folded
        return value


_ASCII_CODES = range(128)
FOLDED = _Folded()
_CASED = _Cased()
ASCII = bytes(ord(FOLDED[code]) if code in _ASCII_CODES else 32 for code in range(256))
_ASCII_CASED = bytes(ord(_CASED[code]) if code in _ASCII_CODES else 32 for code in range(256))


def fold(text: str) -> str:
    """Return the folded text; what it holds is described at the top of this module."""
    return _fold(text, FOLDED, ASCII)


def fold_cased(text: str) -> str:
    """Return the folded text with its capitals, position for position the same as `fold`."""
    return _fold(text, _CASED, _ASCII_CASED)


def _fold(text: str, table: dict[int, str], ascii_table: bytes) -> str:
    if text.isascii() and "&" not in text and "\x01" not in text and "\x02" not in text:
        return _fold_ascii(text, ascii_table)
    text = _rewrite(text, FIRST)
    if not text.isascii():
        text = _rewrite(text, UNICODE)
    if text.isascii():
        return _fold_ascii(text, ascii_table)
    text = _rewrite(text, COMMON).translate(table)
    if BARE.search(text):
        text = _rewrite(text, SCRIPTS)
    folded = " ".join(filter(None, text.split(" ")))
    return f" {folded} " if folded else " "


def _fold_ascii(text: str, table: bytes) -> str:
    """Return what the steps in `COMMON` and the table give, at C speed: three texts in four."""
    if "!" in text or "?" in text:
        text = _STOP.sub(_BREAK, text)
    elif "." in text:
        text = _FULL_STOP.sub(_BREAK, text)
    if "." in text:
        text = ACRONYM.sub("", text)
    if "\n" in text:
        text = _NEWLINE.sub(_BREAK, text)
    folded = b" ".join(text.encode().translate(table).split()).decode("ascii")
    return f" {folded} " if folded else " "


def _rewrite(text: str, steps: tuple[Step, ...]) -> str:
    for step in steps:
        if step.is_needed(text):
            text = step.pattern.sub(step.replacement, text)
    return text
