"""The file channel on a real disk: whole lines, synced, mended after a cut."""

import asyncio
import json
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ChannelPaused, DeliveryError
from monitor.notify import CHANNELS, Channel, Tools
from monitor.notify.http import post
from monitor.testing import NOW, make_digest, make_story_alert


def channel(path: Path) -> Channel:
    """Return the channel of a file."""
    kind = CHANNELS["file"]
    return kind.build("log", kind.settings.model_validate({"path": str(path)}), Tools(post=post))


def send(log: Channel, alert: Any = None) -> None:
    """Append an alert, a story by default."""
    asyncio.run(log.send(log.compose(alert or make_story_alert(), ""), "", NOW))


def test_alerts_become_lines_of_json_in_order(tmp_path: Path) -> None:
    """One line each, readable by its owner alone."""
    path = tmp_path / "alerts.jsonl"

    send(channel(path))
    send(channel(path), make_digest())

    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert ids == ["a-test", "d-test"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_was_cut_short_is_closed_first(tmp_path: Path) -> None:
    """A crash in the middle of a line spoils that line alone."""
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"id":"half')

    send(channel(path))

    half, whole = path.read_text().splitlines()
    assert half == '{"id":"half'
    assert json.loads(whole)["id"] == "a-test"


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let no file grow beyond 2,000 bytes: what a full disk looks like."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_tried_again_and_leaves_no_half_line(
    tmp_path: Path, full_disk: None
) -> None:
    """What was written before stays; the line that did not fit is taken back."""
    path = tmp_path / "alerts.jsonl"
    before = b'{"id":"earlier"}\n' * 20
    path.write_bytes(before)

    with pytest.raises(DeliveryError, match=r"alerts\.jsonl") as caught:
        send(channel(path), make_story_alert(detail="x" * 1900))

    assert type(caught.value) is DeliveryError
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["missing/alerts.jsonl", "."])
def test_a_wrong_path_pauses_the_channel(tmp_path: Path, place: str) -> None:
    """A missing folder is the operator's matter."""
    with pytest.raises(ChannelPaused):
        send(channel(tmp_path / place))
