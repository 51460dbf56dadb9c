"""The figures of story assignment hold on the labelled stream, and do not depend on a restart."""

from pathlib import Path

import pytest

from monitor.model import StoryId
from monitor.stories import Fingerprint, Window, assign, fingerprint, story_id
from tests.evaluation import stories


@pytest.mark.shared
def test_figures_hold(shared: Path) -> None:
    """Precision, F1, stories per event and confusable pairs reach what the issue asks."""
    rows = sorted(stories.read(shared / "data/events-dev.jsonl"), key=stories.published)
    pairs = stories.read(shared / "data/events-dev-pairs.jsonl")

    figures = stories.score(stories.ours([stories.item(row) for row in rows]), rows, pairs)

    assert stories.missed(figures) == []


@pytest.mark.shared
def test_restart_in_the_middle_changes_nothing(shared: Path) -> None:
    """A window rebuilt from stored members gives every later item the same story."""
    rows = sorted(stories.read(shared / "data/events-dev.jsonl"), key=stories.published)[:300]
    prints = [fingerprint(stories.item(row), ()) for row in rows]
    live = Window()
    stored: list[tuple[StoryId, str]] = []
    for one in prints[:200]:
        story = assign(one, live).story_id or story_id(one)
        live.add(story, one)
        stored.append((story, one.to_json()))

    rebuilt = Window()
    for story, text in stored:
        rebuilt.add(story, Fingerprint.from_json(text))

    for one in prints[200:]:
        answer = assign(one, live)
        assert assign(one, rebuilt) == answer
        for window in (live, rebuilt):
            window.add(answer.story_id or story_id(one), one)
