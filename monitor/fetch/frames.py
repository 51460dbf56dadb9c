"""What parent and child of the sandbox say to each other: a frame is JSON plus bytes.

JSON, and every value checked on arrival: the child has read hostile bytes, so what it says is not
trusted. Nothing here can make the parent run code, unlike pickle.
"""

import json
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.errors import NotAFeed, ParseError
from monitor.model import Document, RawItem, Reading

LENGTHS = struct.Struct("!II")  # of the JSON and of the bytes
Head = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an answer cost: memory that the child holds, seconds of CPU that it used."""

    held_bytes: int = 0
    cpu_s: float = 0.0

    def told(self) -> Head:
        """Return what stands in a frame."""
        return {"held": self.held_bytes, "cpu": self.cpu_s}


_FREE = Cost()


def frame(head: Head, body: bytes = b"") -> bytes:
    """Return the bytes of one frame."""
    text = json.dumps(head, separators=(",", ":")).encode("ascii")
    return LENGTHS.pack(len(text), len(body)) + text + body


def receive(read: Callable[[int], bytes]) -> tuple[Head, bytes] | None:
    """Return the next frame, or None at the end; `read` returns fewer bytes only there."""
    lengths = read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_size, body_size = LENGTHS.unpack(lengths)
    text, body = read(head_size), read(body_size)
    if len(text) < head_size or len(body) < body_size:
        return None
    head = json.loads(text)
    return (head, body) if isinstance(head, dict) else None


def question(document: Document, known: Collection[bytes]) -> bytes:
    """Return the frame that asks for a reading."""
    head = {
        "url": document.url,
        "status": document.status,
        "headers": dict(document.headers),
        "known": [name.hex() for name in known],
    }
    return frame(head, document.body)


def asked(head: Head, body: bytes) -> tuple[Document, frozenset[bytes]]:
    """Return the document and the known hashes of a question."""
    document = Document(body, head["headers"], head["url"], head["status"])
    return document, frozenset(map(bytes.fromhex, head["known"]))


def answer(reading: Reading, cost: Cost = _FREE) -> bytes:
    """Return the frame that tells a reading, and what it cost."""
    head = {
        "items": [_packed(item) for item in reading.items],
        "hashes": [name.hex() for name in reading.hashes],
        "format": reading.format,
        "title": reading.title,
        "lang": reading.lang,
        "ttl": None if reading.ttl is None else reading.ttl.total_seconds(),
        "partial": reading.partial,
        "children": reading.children,
        "repeated": sorted(reading.repeated),
        **cost.told(),
    }
    return frame(head, b"".join(item.raw for item in reading.items))


def refusal(error: ParseError, cost: Cost = _FREE) -> bytes:
    """Return the frame that tells why there is no reading, and what finding out cost."""
    is_feed = not isinstance(error, NotAFeed)
    return frame({"error": str(error), "kind": error.kind, "is_feed": is_feed, **cost.told()})


def reading(head: Head, body: bytes) -> Reading:
    """Return the reading of an answer.

    Raises:
        NotAFeed, ParseError: what the child refused; kind `crashed` when the answer makes no sense.
    """
    try:
        return _reading(head, body)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ParseError(
            f"the parser's answer makes no sense: {error!r}", kind="crashed"
        ) from error


def _reading(head: Head, body: bytes) -> Reading:
    if "error" in head:
        error = ParseError if head["is_feed"] else NotAFeed
        raise error(_text(head["error"]), kind=_text(head["kind"]), cpu_s=float(head["cpu"]))
    items, at = [], 0
    for packed in head["items"]:
        size = int(packed["raw"])
        items.append(_unpacked(packed, body[at : at + size]))
        at += size
    return Reading(
        items=tuple(items),
        hashes=tuple(map(bytes.fromhex, head["hashes"])),
        format=_text(head["format"]),
        title=_text(head["title"]),
        lang=_text(head["lang"]),
        ttl=None if head["ttl"] is None else timedelta(seconds=float(head["ttl"])),
        partial=bool(head["partial"]),
        children=tuple(map(_text, head["children"])),
        repeated=frozenset(map(_text, head["repeated"])),
        cpu_s=float(head["cpu"]),
    )


_TEXTS = ("id", "title", "link", "text", "lang")


def _packed(item: RawItem) -> dict[str, object]:
    return {
        **{name: getattr(item, name) for name in _TEXTS},
        "published": item.published and item.published.isoformat(),
        "updated": item.updated and item.updated.isoformat(),
        "hash": item.hash.hex(),
        "raw": len(item.raw),
        "index": item.index,
    }


def _unpacked(packed: Head, raw: bytes) -> RawItem:
    return RawItem(
        **{name: _text(packed[name]) for name in _TEXTS},
        published=_time(packed["published"]),
        updated=_time(packed["updated"]),
        hash=bytes.fromhex(packed["hash"]),
        raw=raw,
        index=int(packed["index"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text was expected, not {type(value).__name__}")
    return value


def _time(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(_text(value)).astimezone(UTC)
