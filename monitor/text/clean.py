"""Text without what nobody can see: control characters, bidi overrides, stray white space."""

import re
import unicodedata

# Invisible characters that can hide or reorder what a reader sees. The joiners (U+200C, U+200D)
# and the zero-width space stay: Persian, Hindi, Thai and Khmer are spelt with them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls that are no white space
    "\xad\u061c\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f"  # soft hyphen, bidi marks, operators
    "\ud800-\udfff\ue000-\uf8ff\ufeff\ufff9-\ufffb\ufffe\uffff"  # surrogates, private use, BOM
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"  # tags, private planes
)
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co"})


def visible(text: str) -> str:
    """Return the text without hidden characters; white space stays as it is."""
    return text if text.isprintable() else _HIDDEN.sub("", text)


def one_line(text: str) -> str:
    """Return the text on one line: no control or format characters, single spaces, trimmed.

    Fit for mail headers, log lines and terminals.
    """
    line = " ".join(text.split())
    if line.isprintable():
        return line
    kept = (char for char in line if unicodedata.category(char) not in _DROPPED)
    return " ".join("".join(kept).split())


def paragraphs(text: str) -> str:
    """Return the text with one line a paragraph: single spaces, no empty lines."""
    lines = (" ".join(line.split()) for line in visible(text).splitlines())
    return "\n".join(line for line in lines if line)


def shortened(text: str, limit: int) -> str:
    """Return the text, or its beginning up to a word's end, at most `limit` characters."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head.rsplit(None, 1)[0] if " " in head[limit // 2 :] else head).rstrip() + "…"
