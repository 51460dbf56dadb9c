"""CPU cost of a story assignment at 5,000 live stories, on real items: `stories.py [STORIES]`.

Prints milliseconds an item for fingerprint, assignment and adding, the memory of the window, and
whether the short list ever changed an answer.
"""

import gzip
import json
import os
import sys
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.model import Item, ItemId, SourceId
from monitor.stories import Fingerprint, Window, assign, fingerprint, story_id, window
from monitor.stories.words import folded

SHARED = Path(os.environ.get("MONITOR_SHARED", Path(__file__).parents[3] / "shared"))
START = datetime(2024, 11, 1, tzinfo=UTC)
MEASURED = 300


def items(count: int) -> list[Item]:
    """Return items on the watched subject first: the hardest case, all alike."""
    found: list[tuple[bool, int, dict[str, Any]]] = []
    with gzip.open(SHARED / "data/corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            text = folded(row["title"] + (row.get("summary") or ""))
            alike = any(word in text for word in ("korea", "북한", "朝鲜", "коре", "sanction"))
            found.append((not alike, len(found), row))
    found.sort(key=lambda row: row[:2])
    step = timedelta(hours=48) / count
    return [
        Item(
            id=ItemId(row["id"]),
            source_id=SourceId(row.get("publisher") or "?"),
            title=row["title"],
            summary=row.get("summary") or "",
            lang=row["lang"],
            when=START + i * step,
            seen_at=START + i * step,
        )
        for i, (_, _, row) in enumerate(found[:count])
    ]


def fill(prints: list[Fingerprint]) -> Window:
    """Return a window in which every item is a story of its own."""
    live = Window()
    for one in prints:
        live.add(story_id(one), one)
    return live


def milliseconds(work: float, count: int) -> str:
    return f"{work / count * 1000:.2f} ms"


def main(stories: int = 5000) -> None:
    all_items = items(stories + MEASURED)
    prints = [fingerprint(one, ()) for one in all_items]
    tracemalloc.start()
    live = fill(prints[:stories])
    print(f"{stories:,} live stories, {tracemalloc.get_traced_memory()[0] / 1e6:.0f} MB")
    tracemalloc.stop()
    new = prints[stories:]
    started = time.process_time()
    for arrived in all_items[stories:]:
        fingerprint(arrived, ())
    made = time.process_time()
    answers = [assign(one, live).story_id for one in new]
    assigned = time.process_time()
    for one in new:
        live.add(story_id(one), one)
    added = time.process_time()
    print("fingerprint", milliseconds(made - started, len(new)))
    print("assign     ", milliseconds(assigned - made, len(new)))
    print("add        ", milliseconds(added - assigned, len(new)))
    live = fill(prints[:stories])
    window.SHORT_LIST, window.VISITS = stories, 10**9
    same = sum(
        assign(one, live).story_id == answer for one, answer in zip(new, answers, strict=True)
    )
    print(f"same answer when every story is compared in full: {same} of {len(new)}")
    size = sum(len(one.to_json().encode()) for one in new) / len(new)
    print(f"stored with a member: {size:,.0f} bytes")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
