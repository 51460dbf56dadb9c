"""Brotli and Zstandard, with their packages where they are installed."""

from collections.abc import Callable
from importlib import import_module, util

import pytest

from monitor.errors import FetchError
from monitor.fetch.codecs import optional_codecs

FEED = b"<rss><channel><title>Sanctions</title></channel></rss>" * 50
MAX = 100_000
PACKAGES = {"br": "brotli", "zstd": "zstandard"}
Pack = Callable[[bytes], bytes]


def packer(name: str) -> Pack:
    """Return the compressor for an encoding; its package is an optional one."""
    module = pytest.importorskip(PACKAGES[name], reason=f"{PACKAGES[name]} is not installed")
    pack: Pack = module.compress
    return pack


def test_offered_is_what_is_installed() -> None:
    """An encoding whose package is missing is not there to be offered."""
    installed = {name for name, module in PACKAGES.items() if util.find_spec(module)}

    assert set(optional_codecs()) == installed


@pytest.mark.parametrize("name", PACKAGES)
def test_edge_13_a_body_is_read(name: str) -> None:
    """What was compressed comes back."""
    packed = packer(name)(FEED)

    assert optional_codecs()[name](packed, MAX) == FEED


@pytest.mark.parametrize("name", PACKAGES)
@pytest.mark.parametrize("cut", [0, 1, 10, -1])
def test_edge_12_a_truncated_body_is_an_error(name: str, cut: int) -> None:
    """Never a shorter document."""
    packed = packer(name)(FEED)

    with pytest.raises(FetchError, match="truncated") as info:
        optional_codecs()[name](packed[:cut], MAX)

    assert info.value.kind == "decompress"


@pytest.mark.parametrize("name", PACKAGES)
def test_edge_12_a_damaged_body_is_an_error(name: str) -> None:
    """Noise is named as such."""
    packer(name)

    with pytest.raises(FetchError, match="damaged"):
        optional_codecs()[name](b"<rss>this is plain text, and no more</rss>", MAX)


@pytest.mark.parametrize("name", PACKAGES)
def test_edge_12_a_bomb_stops_at_the_cap(name: str) -> None:
    """100 MB in a few bytes are not inflated."""
    bomb = packer(name)(bytes(100_000_000))

    with pytest.raises(FetchError) as info:
        optional_codecs()[name](bomb, MAX)

    assert info.value.kind == "too-large"


def test_edge_12_a_window_of_a_gigabyte_is_refused() -> None:
    """A zstd frame may not ask for more memory than RFC 9659 allows."""
    packer("zstd")
    zstandard = import_module("zstandard")
    parameters = zstandard.ZstdCompressionParameters(window_log=30)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = stream.compress(FEED) + stream.flush()

    with pytest.raises(FetchError, match="damaged"):
        optional_codecs()["zstd"](packed, MAX)
