"""Ask the grouping again about the pairs that people split or merged.

    python tests/evaluation/mended.py [DATABASE]          data/monitor.db by default

Each split and merge (`monitor story split|merge`) says of pairs of items whether they tell one
event. For every pair the later item is assigned with the earlier one alone in the window; printed
is where people and program agree. Without a database or without pairs it says so and ends.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from monitor.cli.story import labelled_pairs
from monitor.model import StoryId
from monitor.store import SqliteStore
from monitor.stories import Fingerprint, Window, assign


def main(database: Path) -> None:
    """Print one JSON object: pairs, agreement, and the pairs that differ."""
    if not database.exists():
        print(json.dumps({"pairs": 0, "why": f"{database} does not exist"}))
        return
    store = SqliteStore(database)
    store.open(datetime.now(UTC))
    with store.read() as tx:
        pairs = labelled_pairs(tx)
        long_ago = datetime(1990, 1, 1, tzinfo=UTC)
        members = tx.stories.members_after(0, long_ago)
        prints = {one.item_id: Fingerprint.from_json(one.fingerprint) for one in members}
    store.close()
    answers = [(pair, _joins(prints[pair["a"]], prints[pair["b"]])) for pair in pairs]
    differing = [pair for pair, joins in answers if joins != pair["same"]]
    right = len(answers) - len(differing)
    print(json.dumps({"pairs": len(pairs), "right": right, "differing": differing}, indent=2))


def _joins(one: Fingerprint, other: Fingerprint) -> bool:
    first, second = sorted((one, other), key=lambda found: (found.when, found.item_id))
    window = Window()
    window.add(StoryId("s-first"), first)
    return assign(second, window).story_id is not None


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "data/monitor.db"))
