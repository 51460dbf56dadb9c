"""How telling a word is: one frozen table, built by tests/evaluation/build_idf.py.

A table learnt from the store would change stories after a restart, in replay and between workers.
The name carries the version: a new table is a new file and a changelog entry.
"""

import gzip
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

NAME = "idf.v1.gz"
UNKNOWN = 8.0  # of a token that the table lacks: rarer than about one item in 3,000
_STEP = 0.25  # the table's resolution


def weight(token: str) -> float:
    """Return how telling a token or fact is: the logarithm of one over its share of items.

    The share is that in the language where it is most common, so that one table serves all.
    """
    return _table().get(token, UNKNOWN)


@cache
def _table() -> Mapping[str, float]:
    return parse(files("monitor.stories").joinpath(NAME).read_bytes())


def parse(packed: bytes) -> dict[str, float]:
    """Return the weights in a packed table: lines of a level and the tokens that have it."""
    table: dict[str, float] = {}
    for line in gzip.decompress(packed).decode("utf-8").splitlines():
        level, *tokens = line.split(" ")
        table.update(dict.fromkeys(tokens, int(level) * _STEP))
    return table


def pack(weights: Mapping[str, float]) -> bytes:
    """Return the table as bytes that depend on the weights alone; `parse` reads it."""
    levels: dict[int, list[str]] = {}
    for token in sorted(weights):
        levels.setdefault(round(weights[token] / _STEP), []).append(token)
    lines = (" ".join([str(level), *tokens]) for level, tokens in sorted(levels.items()))
    return gzip.compress("\n".join(lines).encode("utf-8"), mtime=0)
