"""What every source type shares: reading a body's first bytes and naming its entries."""

import hashlib
import re
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

from monitor.errors import ParseError
from monitor.model import Document, Reading

MAX_BYTES = 10_000_000  # of a body, decompressed; the largest real feed seen has 4 MB
MAX_ENTRIES = 5_000  # read from one document at a time; the next poll reads on
_HASH_BYTES = 12
# Not where a zero byte follows: that is a blank of UTF-16.
_LEADING = re.compile(rb"(?:\s|\xef\xbb\xbf)+(?!\x00)")


@dataclass(frozen=True, kw_only=True)
class SourceType:
    """A kind of document: how to recognise it, and how to read it."""

    name: str
    recognises: Callable[[Document], bool]
    read: Callable[[Document, Collection[bytes]], Reading]


def entry_hash(entry: bytes) -> bytes:
    """Return the hash that names an entry's bytes."""
    return hashlib.blake2b(entry, digest_size=_HASH_BYTES).digest()


def trimmed(body: bytes) -> bytes:
    """Return the body from its first character on: without blank lines and UTF-8 marks before it.

    Programs print them before the XML declaration, where XML allows none.
    """
    start = _LEADING.match(body)
    return body[start.end() :] if start else body


def inflated(body: bytes) -> bytes:
    """Return the body, unpacked when it is a gzip file (`sitemap.xml.gz`, gzip sent twice).

    Raises:
        ParseError: the body is too large, or a damaged gzip file.
    """
    for _ in range(2):
        if not body.startswith(b"\x1f\x8b"):
            break
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body = unpacker.decompress(body, MAX_BYTES + 1)
        except zlib.error as error:
            raise ParseError(f"damaged gzip body: {error}", kind="gzip") from error
        if not unpacker.eof and len(body) <= MAX_BYTES:
            raise ParseError("the gzip body breaks off", kind="truncated")
    if len(body) > MAX_BYTES:
        raise ParseError(f"the document is larger than {MAX_BYTES:,} bytes", kind="too-large")
    return body
