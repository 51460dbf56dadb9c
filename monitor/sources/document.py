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


@dataclass(frozen=True, kw_only=True)
class SourceType:
    """A kind of document: how to recognise it, and how to read it."""

    name: str
    recognises: Callable[[Document], bool]
    read: Callable[[Document, Collection[bytes]], Reading]


def entry_hash(entry: bytes) -> bytes:
    """Return the hash that names an entry's bytes."""
    return hashlib.blake2b(entry, digest_size=_HASH_BYTES).digest()


def beginning(document: Document, size: int = 4096) -> bytes:
    """Return the first bytes of the body that mean something: no BOM, no white space."""
    return re.sub(rb"^(?:\s|\xef\xbb\xbf)+", b"", document.body[:size])


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
