"""Labelled news: what readers said an item is about, split before the rules were tuned on it.

The first set is dev.jsonl of the shared data, text and all. The second and the third one are
`labels-2.jsonl` and `labels-3.jsonl` beside this file: ids and labels alone, joined with the
corpus when it is read. The third one is all check part.
"""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from monitor.model import Item, ItemId, SourceId

SECOND = Path(__file__).with_name("labels-2.jsonl")
THIRD = Path(__file__).with_name("labels-3.jsonl")
CHECK_SHARE = 77  # of 256: 30 % of the first set are never read or tuned on
_NOW = datetime(2026, 1, 1, tzinfo=UTC)

Part = Literal["tune", "check"]


@dataclass(frozen=True)
class Labelled:
    """An item of the labelled news with what it is about, as ids of rules."""

    item: Item
    gold: frozenset[str]
    doubt: bool = False


def is_check(item_id: str) -> bool:
    """Return whether an item of the first set is in its check part, decided by its id alone."""
    return hashlib.sha256(item_id.encode()).digest()[0] < CHECK_SHARE


def first(shared: Path, *, check: bool) -> list[Labelled]:
    """Return one part of the first set, in the order of the file."""
    lines = (shared / "data" / "dev.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Labelled(_item(row), _gold(row)) for row in rows if is_check(row["id"]) == check]


def second(shared: Path, part: Part) -> list[Labelled]:
    """Return one part of the second set; raises as `joined`."""
    return joined(shared, part, SECOND)


def third(shared: Path) -> list[Labelled]:
    """Return the third set; raises as `joined`."""
    return joined(shared, "check", THIRD)


def joined(shared: Path, part: Part, labels: Path) -> list[Labelled]:
    """Return one part of a set of labels with the text of the corpus, in the order of that.

    Raises:
        LookupError: an id is not in the corpus, so the figures would be of other news.
    """
    rows = _rows(part, labels)
    found = [
        Labelled(item, _gold(rows[item.id]), bool(rows[item.id].get("doubt")))
        for item in corpus(shared)
        if item.id in rows
    ]
    if len(found) != len(rows):
        raise LookupError(f"{labels.name}: {len(rows) - len(found)} ids are not in the corpus")
    return found


def corpus(shared: Path) -> Iterator[Item]:
    """Return the unlabelled items one by one."""
    with gzip.open(shared / "data" / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield _item(json.loads(line))


def rule_id(label: str) -> str:
    """Return the rule that is to find what a label names."""
    return label.replace("_", "-")


def _rows(part: Part, labels: Path) -> dict[str, Mapping[str, object]]:
    rows = map(json.loads, labels.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row for row in rows if row["part"] == part}


def _gold(row: Mapping[str, object]) -> frozenset[str]:
    named: list[str] = []
    for key in ("labels", "aux"):
        words = row.get(key) or ()
        assert isinstance(words, Sequence), f"{row['id']}: {key} is a list"
        named += words
    return frozenset(map(rule_id, named))


def _item(row: Mapping[str, str]) -> Item:
    return Item(
        id=ItemId(row["id"]),
        source_id=SourceId("labelled"),
        title=row["title"],
        summary=row.get("summary") or "",
        lang=row["lang"],
        when=_NOW,
        seen_at=_NOW,
    )
