"""Nine days of sixteen feeds: the simulated month in small."""

from pathlib import Path

import pytest

from tests.evaluation.month import run


@pytest.mark.timeout(600)
def test_every_fault_gets_its_state_and_every_item_is_accounted_for(tmp_path: Path) -> None:
    """In time, without a false word, in one message a cause; what was lost lies in a gap."""
    month, verdict = run(7, tmp_path, days=9, feeds=16)

    assert month.polls > 1_000
    assert verdict.faults >= 5
    assert verdict.counts["visible"] > 1_000
    assert (verdict.late, verdict.false, verdict.repeated, verdict.lost) == ([], [], [], [])
