"""Undoing `Content-Encoding`, with a cap on what comes out.

Servers mislabel: plain bodies called gzip, gzip twice, deflate without its zlib header. What can
be read is read; a truncated or damaged body is an error, never a shorter document.
"""

import zlib
from collections.abc import Mapping

from monitor.fetch.codecs import Undo, damaged, optional_codecs, too_large

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS = 16 + zlib.MAX_WBITS
_MAX_GZIP_LAYERS = 3  # gzip in gzip is seen in the wild, deeper nesting is an attack
_PLAIN_STARTS = (b"<", b"{", b"\xef\xbb\xbf")  # XML, JSON, a byte order mark


def decode(raw: bytes, encoding: str, max_bytes: int) -> bytes:
    """Return the body that `raw` stands for under the header `Content-Encoding: encoding`.

    Gzip is told by its first two bytes, whatever the header says (so `.xml.gz` files are read
    too); an unknown name is taken for a mistake and the body for plain.

    Raises:
        FetchError: `decompress` (damaged, truncated, or in an encoding that was not asked for),
            `too-large` (more than `max_bytes` come out; no more than that is ever inflated).
    """
    body = raw
    for name in reversed(encoding.lower().split(",")):  # named in the order they were applied
        undo = _UNDO.get(name.strip())
        if undo is not None:
            body = undo(body, max_bytes)
    for _ in range(_MAX_GZIP_LAYERS):
        if not body.startswith(_GZIP_MAGIC):
            return body
        body = _gunzip(body, max_bytes)
    raise damaged("gzip in gzip without end")


def _gunzip(data: bytes, max_bytes: int) -> bytes:
    """Inflate every member of a gzip file; what follows the last one is padding."""
    body = b""
    while data.startswith(_GZIP_MAGIC):
        inflater = zlib.decompressobj(_GZIP_BITS)
        body += _inflate(inflater, data, max_bytes - len(body), "gzip")
        data = inflater.unused_data
    return body


def _undo_gzip(data: bytes, max_bytes: int) -> bytes:
    return _gunzip(data, max_bytes) if data.startswith(_GZIP_MAGIC) else data


def _undo_deflate(data: bytes, max_bytes: int) -> bytes:
    """RFC 9110 means the zlib format; raw deflate is common, plain text happens."""
    is_zlib = data[:1] == b"x" and int.from_bytes(data[:2], "big") % 31 == 0  # RFC 1950, 2.2
    if not is_zlib and data.lstrip().startswith(_PLAIN_STARTS):
        return data
    bits = zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
    return _inflate(zlib.decompressobj(bits), data, max_bytes, "deflate")


def _inflate(inflater: "zlib._Decompress", data: bytes, max_bytes: int, name: str) -> bytes:
    try:
        body = inflater.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise damaged(f"damaged {name}: {error}") from None
    if len(body) > max_bytes:
        raise too_large(max_bytes)
    if not inflater.eof:
        raise damaged(f"truncated {name}")
    return body


def _refuse(name: str) -> Undo:
    def undo(data: bytes, max_bytes: int) -> bytes:  # noqa: ARG001 - the shape of an Undo
        raise damaged(f"encoded as {name}, which was not asked for")

    return undo


_OPTIONAL = optional_codecs()
_UNDO: Mapping[str, Undo] = {
    "gzip": _undo_gzip,
    "x-gzip": _undo_gzip,
    "deflate": _undo_deflate,
    **{name: _refuse(name) for name in ("br", "zstd", "compress", "x-compress")},
    **_OPTIONAL,
}
ACCEPT_ENCODING = ", ".join(("gzip", "deflate", *_OPTIONAL))
