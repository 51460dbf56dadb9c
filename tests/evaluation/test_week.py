"""A day of the replayed week: the same program, kills and ledger, in two minutes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WEEK = Path(__file__).with_name("week.py")


@pytest.mark.shared
@pytest.mark.long
@pytest.mark.timeout(420)
def test_a_day_of_real_news_balances_though_the_watch_is_killed_three_times(
    shared: Path, tmp_path: Path
) -> None:
    """Every item served is stored once, every hit decided, every alert received once each."""
    command = [sys.executable, str(WEEK), "--hours", "24", "--out", str(tmp_path / "week")]
    environ = {"MONITOR_SHARED": str(shared), "PATH": "/usr/bin:/bin"}

    run = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=400, check=False
    )

    summary: dict[str, Any] = (
        json.loads(run.stdout) if run.stdout else {"problems": run.stderr[-2000:]}
    )
    assert summary["problems"] == []
    assert summary["kills"] == 3
    assert summary["alerts"] > 0
    assert run.returncode == 0
