"""Texts for the tests of folding."""

import unicodedata

from hypothesis import strategies as st

# Letters of the scripts we watch, what publishers put between them, and some of everything.
ALPHABET = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from(
        "abzABZ019 .,!?-–’“”\n\t\u00ad\u200b\u0301\u0306\u0640\u064e&;#ßİıéйЙё北朝鮮ガか\u3099"
        "ｶ\uff9e"
        "한국\u1112\u1161\u11abКореясеоرويةأإى。！ＡＢ１�\x01\x02\ue000💣\ud800"
    ),
)
TEXTS = st.text(ALPHABET, max_size=60)


def has_mixed_letters(text: str) -> bool:
    """Return whether look-alike letters may be read by what stands beside them."""
    names = {unicodedata.name(c, "").split(" ")[0] for c in text}
    return "LATIN" in names and bool(names & {"CYRILLIC", "GREEK"})
