"""What is shipped: the wheel carries the configuration and the samples."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_configuration_and_samples(tmp_path: Path) -> None:
    """A wheel built from the checkout holds every file of config/ and seeds/ and the tables."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)

    [wheel] = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for kind in ("config", "seeds"):
        for path in (ROOT / kind).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert f"monitor/defaults/{path.relative_to(ROOT)}" in names
    for kept in ("monitor/stories/idf.v1.gz", "monitor/notify/schema/alert.v1.json"):
        assert kept in names
    assert not any(name.startswith("tests/") for name in names)
