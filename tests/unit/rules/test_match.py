"""The engine: equal to the naive meaning of the language, with exact spans."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import rules
from monitor.rules.document import Document
from monitor.rules.match import look, masking
from tests.unit.rules import differential
from tests.unit.rules.factory import NOW, hit_texts, hits, make_item


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=0, max_value=2**48))
def test_the_engine_finds_what_the_naive_evaluation_finds(seed: int) -> None:
    """Random rules over random items: the same rules hit, with the same places."""
    assert differential.difference(seed) is None
