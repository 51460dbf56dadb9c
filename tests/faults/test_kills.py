"""`kill -9` at random moments (F2); before every statement: tests/acceptance/test_crash.py (F1)."""

import random

import pytest

from tests.faults import kills


@pytest.mark.long
@pytest.mark.timeout(400)
def test_f2_sixty_random_kills_over_five_hundred_deliveries() -> None:
    """Nothing lost; each repeat has its id and bytes; at most one of a lane after a kill."""
    figures = kills.one_round(60, random.Random(7))

    print(f"F2: {figures}")
    assert figures.expected == 500
    assert figures.lost == figures.changed == figures.foreign == 0
    assert figures.repeats <= figures.kills * 2
    assert figures.worst <= 1
