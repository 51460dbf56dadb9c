"""Documents written for these tests, by name."""

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.model import Document

FEEDS = Path(__file__).parents[2] / "data" / "feeds"


@pytest.fixture
def document() -> Callable[[str], Document]:
    """Return a function that loads a document of tests/data/feeds."""

    def load(name: str) -> Document:
        return Document((FEEDS / name).read_bytes(), url="https://wire.example/feed")

    return load
