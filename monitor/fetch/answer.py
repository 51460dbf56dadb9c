"""Reading an answer: its headers, its body within bounds, the validators that it brings."""

import asyncio
import hashlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx

from monitor.errors import FetchError
from monitor.fetch.codecs import too_large
from monitor.fetch.decode import decode
from monitor.model import Validators

WHOLE = frozenset({200, 203})  # 204, 206 and 226 bring no document, or not the whole of it
_MAX_VALIDATOR = 1_024  # characters; longer ones, sent back, earn a 431
_MAX_CHUNKS = 50_000  # 10 MB in chunks of one byte would cost minutes of CPU
_SKIMMED_BYTES = 16_384  # of an answer without use, read so that its connection can be kept
_SKIMMED_DECODED = 262_144
_SKIM_S = 1.0
_INLINE_BYTES = 1 << 18  # larger bodies are inflated in a thread
_LISTS = frozenset({"cache-control", "content-encoding"})  # several headers are one list


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said: header names in lower case; the decoded body where the status is WHOLE.

    Of another answer the body is what was skimmed of it, empty where that cannot be decoded.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""


async def receive(
    response: httpx.Response, max_bytes: int, media_types: Collection[str] = ()
) -> Answer:
    """Return the answer, its body at most `max_bytes` long on the wire and decoded.

    A body that says it is none of `media_types` is not read; none named takes any.

    Raises:
        FetchError: `too-large`, `decompress`, `truncated`, `protocol`, `reset`, `media-type`.
    """
    headers = read_headers(response)
    if response.status_code not in WHOLE:
        start = await _skim(response, headers.get("content-encoding", ""))
        return Answer(status=response.status_code, headers=headers, body=start)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_types and media_type and media_type not in media_types:
        raise FetchError(f"{media_type[:100]} came", kind="media-type", status=response.status_code)
    length = headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > max_bytes:
        raise too_large(max_bytes)
    raw, is_whole = await read_body(response, max_bytes)
    if not is_whole:
        raise too_large(max_bytes)
    encoding = headers.get("content-encoding", "")
    if len(raw) > _INLINE_BYTES:
        body = await asyncio.to_thread(decode, raw, encoding, max_bytes)
    else:
        body = decode(raw, encoding, max_bytes)
    return Answer(status=response.status_code, headers=headers, body=body)


async def _skim(response: httpx.Response, encoding: str) -> bytes:
    """Return a little of a body that is no document, to see whose page it is.

    It also frees the connection for the next request.
    """
    with suppress(FetchError, TimeoutError):
        async with asyncio.timeout(_SKIM_S):
            raw, _ = await read_body(response, _SKIMMED_BYTES)
        return decode(raw, encoding, _SKIMMED_DECODED)
    return b""


async def read_body(response: httpx.Response, max_bytes: int) -> tuple[bytes, bool]:
    """Return at most `max_bytes` of the body as sent, and whether that is all of it."""
    assert isinstance(response.stream, httpx.AsyncByteStream), "made by our transport"
    raw = bytearray()
    chunks = 0
    async for chunk in response.stream:
        raw += chunk
        chunks += 1
        if len(raw) > max_bytes:
            return bytes(raw[:max_bytes]), False
        if chunks > _MAX_CHUNKS:
            raise FetchError("the body comes in crumbs", kind="too-large")
    return bytes(raw), True


def read_headers(response: httpx.Response) -> Mapping[str, str]:
    """Return the headers read as latin-1, which loses no byte; of repeated ones the first."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in headers and name in _LISTS:
            headers[name] += ", " + value
        else:
            headers.setdefault(name, value)
    return headers


def validators_of(answer: Answer) -> Validators:
    """Return what a document is asked for again with."""
    return Validators(
        etag=_short(answer.headers.get("etag", "")),
        last_modified=_short(answer.headers.get("last-modified", "")),
        body_hash=hashlib.blake2b(answer.body, digest_size=16).digest(),
    )


def renewed(known: Validators, answer: Answer) -> Validators:
    """Return the validators after a 304, which may bring new ones (RFC 9111, 4.3.4)."""
    return Validators(
        etag=_short(answer.headers.get("etag", "")) or known.etag,
        last_modified=_short(answer.headers.get("last-modified", "")) or known.last_modified,
        body_hash=known.body_hash,
    )


def _short(value: str) -> str:
    return value if len(value) <= _MAX_VALIDATOR else ""
