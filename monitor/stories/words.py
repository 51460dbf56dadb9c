"""Words of any script as comparable tokens: folded, shortened, pairs where no space parts words."""

import re
import unicodedata
from collections.abc import Iterator

from monitor.stories.han import SIMPLIFIED

_STEM = 6  # letters kept of an alphabetic word: takes off most endings in every language here
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0640\u0670\u00ad\u200b-\u200f]")
_RUN = re.compile(
    r"(?P<hangul>[\uac00-\ud7a3]+)"
    r"|(?P<han>[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]+)"
    r"|(?P<katakana>[\u30a1-\u30fa\u30fc]+)"
    r"|(?P<hiragana>[\u3041-\u309f]+)"
    r"|(?P<digits>\d+(?:[.,:]\d+)*)"
    r"|(?P<word>[^\W\d_]+)"
)
# Letters that Unicode does not take apart, and the Han of two countries as one.
_ONE_FORM = str.maketrans("łøđıæœð", "lodiaod") | SIMPLIFIED
# Scripts that one language uses among those we read; the others need the publisher's word for it.
_SCRIPTS = (
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("ja", re.compile("[\u3041-\u30ff]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
)


def folded(text: str) -> str:
    """Return the text without case, accents, vowel points and invisible characters.

    Unlike `monitor.text.fold` it keeps the points of `1.4` and `S/2024/215`, and writes the Han
    characters of China, Taiwan and Japan in one form.
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold().translate(_ONE_FORM)
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed))


def language(tag: str, text: str) -> str:
    """Return the main part of a language tag (`zh` of `zh-TW`), or what the script tells."""
    main = tag.replace("_", "-").partition("-")[0].lower()
    if main:
        return main
    return next((name for name, script in _SCRIPTS if script.search(text)), "")


def words(text: str) -> Iterator[str]:
    """Yield the tokens of a folded text, in order, repeated ones too.

    Hangul and Han give pairs of characters, katakana whole words, hiragana (endings) nothing.
    """
    for run in _RUN.finditer(text):
        kind, found = run.lastgroup, run[0]
        if kind in ("hangul", "han"):
            yield from _pairs(found)
        elif kind == "digits":
            yield found
        elif kind == "katakana" or (kind == "word" and len(found) > 1):
            yield found[:_STEM]


def _pairs(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for i in range(len(run) - 1):
        yield run[i : i + 2]
