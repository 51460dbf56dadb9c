"""Brotli and Zstandard, where their packages are installed: offered only then, and with a cap."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from monitor.errors import FetchError

Undo = Callable[[bytes, int], bytes]
_ZSTD_STEP = 256  # bytes in: at most 64 blocks of 128 kB come out before the cap is looked at


def damaged(why: str) -> FetchError:
    """Return the error for a body that cannot be undone."""
    return FetchError(f"the body cannot be decompressed: {why}", kind="decompress")


def too_large(max_bytes: int) -> FetchError:
    """Return the error for a body beyond its cap."""
    return FetchError(f"the body is larger than {max_bytes:,} bytes", kind="too-large")


def optional_codecs() -> Mapping[str, Undo]:
    """Return what can be undone with the packages at hand: `br`, `zstd`, both or neither."""
    makers = {"br": _brotli, "zstd": _zstandard}
    return {name: undo for name, make in makers.items() if (undo := make()) is not None}


def _brotli() -> Undo | None:
    try:
        brotli = import_module("brotli")
        brotli.Decompressor().process(b"", output_buffer_limit=1)
    except (ImportError, TypeError):  # before 1.2 what comes out cannot be bounded
        return None

    def undo(data: bytes, max_bytes: int) -> bytes:
        stream = brotli.Decompressor()
        body = bytearray()
        given = data
        try:
            while not stream.is_finished() and (given or not stream.can_accept_more_data()):
                body += stream.process(given, output_buffer_limit=max_bytes + 1)
                given = b""
                if len(body) > max_bytes:
                    raise too_large(max_bytes)
        except brotli.error:
            raise damaged("damaged br") from None
        return _whole(bytes(body), "br", is_whole=stream.is_finished())

    return undo


def _zstandard() -> Undo | None:
    try:
        zstandard: Any = import_module("zstandard")
    except ImportError:
        return None

    def undo(data: bytes, max_bytes: int) -> bytes:
        # RFC 9659: a window of at most 8 MB, or a small body could ask for gigabytes.
        stream = zstandard.ZstdDecompressor(max_window_size=1 << 23).decompressobj()
        body = bytearray()
        try:
            for start in range(0, len(data), _ZSTD_STEP):
                body += stream.decompress(data[start : start + _ZSTD_STEP])
                if len(body) > max_bytes:
                    raise too_large(max_bytes)
                if stream.eof:
                    break
        except zstandard.ZstdError:
            raise damaged("damaged zstd") from None
        return _whole(bytes(body), "zstd", is_whole=stream.eof)

    return undo


def _whole(body: bytes, name: str, *, is_whole: bool) -> bytes:
    if not is_whole:
        raise damaged(f"truncated {name}")
    return body
