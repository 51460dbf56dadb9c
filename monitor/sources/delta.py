"""Delta parse: cut out of a document what has been read before, so that only the rest is parsed.

An entry is named by the hash of its bytes. The cuts fall on ASCII bytes, between elements: what
is left is the same document with fewer entries.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
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
class Cut:
    """A document without its known entries.

    `kept` are the byte ranges of the entries that are left, `hashes` theirs; `all_hashes` names
    the known ones too. `repeated` are the places in `kept` whose claimed id is claimed by others.
    """

    body: bytes
    kept: tuple[tuple[int, int], ...]
    hashes: tuple[bytes, ...]
    all_hashes: tuple[bytes, ...]
    repeated: frozenset[int]
    is_partial: bool


def cut(body: bytes, outline: Outline, known: Collection[bytes]) -> Cut:
    """Return the document without the entries whose hash is known.

    An entry that the document's end cuts off is left out and not named, so that the next poll
    reads it whole. No more than MAX_ENTRIES are kept; the others are not named either.
    """
    names = [entry_hash(body[start:end]) for start, end in outline.spans]
    is_new = [name not in known for name in names]
    places = [place for place, new in enumerate(is_new) if new]
    over = frozenset(places[MAX_ENTRIES:])
    places = places[:MAX_ENTRIES]
    kept = tuple(outline.spans[place] for place in places)
    dropped = [
        span for place, span in enumerate(outline.spans) if not is_new[place] or place in over
    ]
    return Cut(
        body=_without(body, dropped, outline),
        kept=kept,
        hashes=tuple(names[place] for place in places),
        all_hashes=tuple(name for place, name in enumerate(names) if place not in over),
        repeated=_repeated(body, outline.spans, places),
        is_partial=outline.cut_at is not None or bool(over),
    )


def _without(body: bytes, spans: Sequence[tuple[int, int]], outline: Outline) -> bytes:
    pieces, at = [], 0
    for start, end in spans:
        pieces.append(body[at:start])
        at = end
    if outline.cut_at is None:
        return b"".join([*pieces, body[at:]])
    return b"".join([*pieces, body[at : outline.cut_at], outline.closing])


def _repeated(
    body: bytes, spans: Sequence[tuple[int, int]], places: Sequence[int]
) -> frozenset[int]:
    """Return which of `places`, counted from 0, claim what another entry claims too."""
    if not places:
        return frozenset()
    claims = [_claim(body[start:end]) for start, end in spans]
    count = Counter(claims)
    return frozenset(number for number, place in enumerate(places) if count[claims[place]] > 1)


def _claim(entry: bytes) -> bytes:
    return next((found[1] for claim in _CLAIMS if (found := claim.search(entry))), b"")
