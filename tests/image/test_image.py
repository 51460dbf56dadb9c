"""The container image: built from the Dockerfile, run as an operator should run it.

`make test-image`; needs root, and buildah and mmdebstrap of Debian.
"""

import os
import re
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.test_worker import FEEDS, ROUTES, SERVICE, VETO, until
from tests.image.containers import Container, Image, Store, built, inner_pid

missing = [tool for tool in ("buildah", "mmdebstrap") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.image,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root"),
]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Return the image, built once; MONITOR_IMAGE_STORE keeps the base image between runs."""
    kept = os.environ.get("MONITOR_IMAGE_STORE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("images")
    store = Store(folder)
    yield built(store)
    store.buildah("umount", "--all")
    store.buildah("rm", "--all")
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def data(tmp_path: Path, image: Image) -> Path:
    """Return an empty volume that belongs to the image's user."""
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o700)
    os.chown(folder, int(image.user), int(image.user))
    for parent in [tmp_path, *tmp_path.parents][:3]:
        parent.chmod(parent.stat().st_mode | 0o711)
    return folder


def test_the_image_is_as_it_is_documented(image: Image) -> None:
    """No root, no shell for the health check, no installer in the environment, no sources."""
    settings = image.settings
    packages = {path.name.lower() for path in image.tree.glob("opt/monitor/lib/*/site-packages/*")}

    assert image.user == "10001"
    assert image.health_command == ["/opt/monitor/bin/monitor", "health"]
    assert settings["StopSignal"] == "SIGTERM"
    assert list(settings["Volumes"]) == ["/data"]
    assert not {"pip", "setuptools", "hatchling"} & packages
    assert not (image.tree / "src").exists()
    owned = (image.tree / "opt/monitor/bin/monitor").stat()
    assert owned.st_uid == 0
    assert not owned.st_mode & stat.S_IWOTH


def test_the_demo_runs_without_root_on_a_read_only_root(image: Image, data: Path) -> None:
    """Every story is printed and posted; the root file system is untouched and cannot be."""
    box = Container(image=image, data=data, environment={})

    shown = box.run("/opt/monitor/bin/monitor", "demo", "--database", "/data/demo.db")
    who = box.run("/usr/bin/id", "-u")
    wrote = box.run("/usr/bin/touch", "/opt/monitor/x", "/config/x", "/x")
    rights = box.run("/bin/grep", "-E", "^(CapEff|CapBnd|NoNewPrivs)", "/proc/self/status")

    assert shown.returncode == 0, shown.stderr
    assert re.search(r"Webhooks accepted by the local receiver: [1-9]\d+\.", shown.stderr)
    assert who.stdout == "10001\n"
    assert wrote.returncode == 1
    assert wrote.stderr.count("Read-only file system") == 3
    nothing = "0" * 16
    assert rights.stdout.split() == ["CapEff:", nothing, "CapBnd:", nothing, "NoNewPrivs:", "1"]
    kept = (data / "demo.db").stat()
    assert (kept.st_uid, stat.S_IMODE(kept.st_mode)) == (10001, 0o600)


def test_the_health_check_turns_healthy_and_a_stop_is_orderly(
    image: Image, data: Path, tmp_path: Path, kit: Any
) -> None:
    """Unhealthy before the start, healthy after the first cycle, 0 after SIGTERM; one alert."""
    kit.feeds.put("/wire.xml", kit.rss(VETO))
    config = tmp_path / "config"
    (config / "rules").mkdir(parents=True)
    for name, text in {
        "feeds.yaml": FEEDS.format(url=kit.feeds.url),
        "routes.yaml": ROUTES,
        "monitor.yaml": SERVICE.format(folder="").replace("/data/data", "/data"),
        "rules/test.yaml": kit.rules,
    }.items():
        (config / name).write_text(text, encoding="utf-8")
    box = Container(
        image=image, data=data, config=config,
        environment={"HOOK": kit.hook.url, "SECRET": kit.secret},
    )  # fmt: skip

    before = box.run(*image.health_command)
    with box.running(tmp_path / "log") as process:
        until(lambda: box.run(*image.health_command).returncode == 0, "health", seconds=60)
        until(kit.hook.posts, "the alert", seconds=60)
        os.kill(inner_pid(process), signal.SIGTERM)
        code = process.wait(60)

    assert before.returncode == 1
    assert code == 0, (tmp_path / "log").read_text()
    assert len(kit.hook.posts()) == 1
