"""Delta parse: cut out of a document what has been read before, so that only the rest is parsed.

An entry is named by the hash of its bytes. The cuts fall on ASCII bytes, between elements: what
is left is the same document with fewer entries.
"""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from monitor.sources.document import MAX_ENTRIES, entry_hash
from monitor.sources.prescan import Outline

# What an entry says it is: its own id, else its link. Read from bytes, to see repeated ids among
# entries that are not parsed.
_CLAIMS = (
    re.compile(rb"<(?:\w+:)?(?:guid|id)\b[^>]*>\s*(.*?)\s*</", re.DOTALL | re.IGNORECASE),
    re.compile(rb"\brdf:about\s*=\s*[\"']([^\"']+)"),
    re.compile(rb"<link\b[^>]*>\s*([^<\s][^<]*?)\s*</", re.IGNORECASE),
    re.compile(rb"<link\b[^>]*\bhref\s*=\s*[\"']([^\"']+)", re.IGNORECASE),
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry that is left: its place among all, its bytes, their hash.

    `is_repeated` says that another entry of the document claims the same id.
    """

    place: int
    raw: bytes
    hash: bytes
    is_repeated: bool


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A document without its known entries; `hashes` names these too."""

    body: bytes
    entries: tuple[Entry, ...]
    hashes: tuple[bytes, ...]
    is_partial: bool


def cut(body: bytes, outline: Outline, known: Collection[bytes]) -> Cut:
    """Return the document without the entries whose hash is known.

    An entry that the document's end cuts off is left out and not named, so that the next poll
    reads it whole. No more than MAX_ENTRIES are kept; the others are not named either.
    """
    raws = [body[start:end] for start, end in outline.spans]
    hashes = [entry_hash(raw) for raw in raws]
    unknown = [place for place, name in enumerate(hashes) if name not in known]
    kept, over = unknown[:MAX_ENTRIES], frozenset(unknown[MAX_ENTRIES:])
    count = Counter(map(_claim, raws)) if kept else Counter()
    entries = tuple(
        Entry(
            place=place,
            raw=raws[place],
            hash=hashes[place],
            is_repeated=count[_claim(raws[place])] > 1,
        )
        for place in kept
    )
    return Cut(
        body=_without(body, outline, frozenset(kept)),
        entries=entries,
        hashes=tuple(name for place, name in enumerate(hashes) if place not in over),
        is_partial=outline.cut_at is not None or bool(over),
    )


def _without(body: bytes, outline: Outline, kept: Collection[int]) -> bytes:
    """Return the document with the entries at `kept` alone, closed where it breaks off."""
    pieces, at = [], 0
    for place, (start, end) in enumerate(outline.spans):
        if place not in kept:
            pieces.append(body[at:start])
            at = end
    return b"".join([*pieces, body[at : outline.cut_at], outline.closing])


def _claim(entry: bytes) -> bytes:
    return next((found[1] for claim in _CLAIMS if (found := claim.search(entry))), b"")
