"""Bodies as servers really encode them."""

import gzip
import zlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import FetchError
from monitor.fetch.decode import decode

FEED = b"<?xml version='1.0'?><rss><channel><title>Sanctions</title></channel></rss>" * 20
MAX = 100_000


def raw_deflate(data: bytes) -> bytes:
    """Return `data` deflated without the zlib header and checksum."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ZIPPED = gzip.compress(FEED)


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (FEED, ""),
        (FEED, "identity"),
        (FEED, "utf-8"),
        (ZIPPED, "gzip"),
        (ZIPPED, "GZip"),
        (ZIPPED, "x-gzip"),
        (ZIPPED, ""),
        (FEED, "gzip"),
        (gzip.compress(ZIPPED), "gzip"),
        (gzip.compress(ZIPPED), "gzip, gzip"),
        (ZIPPED, "gzip, gzip"),
        (gzip.compress(FEED[:500]) + gzip.compress(FEED[500:]), "gzip"),
        (ZIPPED + b"\0" * 512, "gzip"),
        (ZIPPED + b"<!-- served by cache-3 -->", "gzip"),
        (zlib.compress(FEED), "deflate"),
        (zlib.compress(FEED, 9), "deflate"),
        (raw_deflate(FEED), "deflate"),
        (FEED, "deflate"),
        (b"\n " + FEED, "deflate"),
        (zlib.compress(ZIPPED), "gzip, deflate"),
    ],
    ids=[
        "plain", "identity", "not-an-encoding", "gzip", "capitals", "x-gzip", "gzip-unnamed",
        "plain-called-gzip", "gzip-twice-named-once", "gzip-twice", "gzip-once-named-twice",
        "two-members", "zero-padding", "comment-behind", "deflate", "deflate-9", "raw-deflate",
        "plain-called-deflate", "plain-after-blank-line", "gzip-then-deflate",
    ],
)  # fmt: skip
def test_edge_13_what_can_be_read_is_read(raw: bytes, encoding: str) -> None:
    """Right, wrong and missing labels all give the same document."""
    assert decode(raw, encoding, MAX).lstrip() == FEED


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (ZIPPED[:-9], "gzip"),
        (ZIPPED[:40], "gzip"),
        (ZIPPED[:2], "gzip"),
        (ZIPPED[:30] + b"\xff" * 30 + ZIPPED[60:], "gzip"),
        (gzip.compress(FEED[:500]) + gzip.compress(FEED[500:])[:30], "gzip"),
        (zlib.compress(FEED)[:-3], "deflate"),
        (raw_deflate(FEED)[:-3], "deflate"),
        (b"\xff\xfe\xfd", "deflate"),
        (b"", "deflate"),
        (FEED, "br"),
        (FEED, "zstd"),
        (FEED, "compress"),
        (b"", "br"),
        (gzip.compress(gzip.compress(gzip.compress(ZIPPED))), "gzip"),
    ],
    ids=[
        "no-trailer", "half", "magic-only", "damaged", "second-member-cut", "zlib-cut", "raw-cut",
        "no-deflate", "nothing", "no-br", "no-zstd", "compress", "empty-br", "four-layers",
    ],
)  # fmt: skip
def test_edge_12_a_damaged_body_is_an_error_never_a_shorter_document(
    raw: bytes, encoding: str
) -> None:
    """Truncated, damaged or unknown: the kind is `decompress` and the old state stays."""
    with pytest.raises(FetchError) as info:
        decode(raw, encoding, MAX)

    assert info.value.kind == "decompress"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_edge_12_a_bomb_is_not_inflated_beyond_the_cap(encoding: str) -> None:
    """300 MB in 300 kB stop at the cap."""
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(100)) + packer.flush()

    with pytest.raises(FetchError, match="larger than 100,000 bytes") as info:
        decode(bomb, encoding, MAX)

    assert info.value.kind == "too-large"


def test_edge_12_many_small_members_count_together() -> None:
    """The cap is on the whole, not on each member."""
    with pytest.raises(FetchError) as info:
        decode(gzip.compress(bytes(60_000)) * 3, "gzip", MAX)

    assert info.value.kind == "too-large"


def test_a_body_of_exactly_the_cap_passes() -> None:
    """The cap is the largest size that is read."""
    assert len(decode(gzip.compress(bytes(MAX)), "gzip", MAX)) == MAX


@given(raw=st.binary(max_size=300), encoding=st.sampled_from(["", "gzip", "deflate", "gzip, br"]))
@settings(max_examples=200)
def test_any_bytes_end_in_a_body_or_a_named_error(raw: bytes, encoding: str) -> None:
    """Nothing else than FetchError leaves the decoder."""
    with suppress(FetchError):
        assert len(decode(raw, encoding, MAX)) <= MAX
