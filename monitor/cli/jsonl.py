"""Items as JSON Lines: the form of `monitor match` in and out (DESIGN.md section 12)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.model import Hit, Item, ItemId, SourceId
from monitor.store.codec import clause_to_dict
from monitor.text import urls

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class BadLine:
    """A line that is no item; `number` counts from 1."""

    number: int
    message: str


def read_items(lines: Iterable[bytes]) -> Iterator[tuple[Item, object] | BadLine]:
    """Yield items with the id as given, in order; a line that is none does not stop the rest.

    A time without a zone is UTC, a bare date stands for noon. An item without a time stands at
    the time of the one before it.
    """
    latest = _EPOCH
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield BadLine(number, f"not JSON: {error}")
            continue
        if not isinstance(row, dict):
            yield BadLine(number, "not a JSON object")
            continue
        item = _item(row, number, latest)
        latest = item.when
        yield item, row.get("id", number)


def _item(row: Mapping[str, Any], number: int, latest: datetime) -> Item:
    published = _time(row.get("published") or row.get("date"))
    url = _text(row.get("url"))
    when = published or latest
    return Item(
        # Ids need not be unique in the input, members of stories must be.
        id=ItemId(f"{number}:{row.get('id', '')}"),
        source_id=SourceId(_text(row.get("source") or row.get("publisher"))),
        title=_text(row.get("title")),
        summary=_text(row.get("summary")),
        content=_text(row.get("content")),
        url=url,
        canonical_url=urls.canonical(url),
        lang=_text(row.get("lang")),
        published=published,
        when=when,
        seen_at=when,
        tags=_tags(row.get("tags")),
    )


def _tags(value: object) -> frozenset[str]:
    return frozenset(map(str, value)) if isinstance(value, list) else frozenset()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _time(value: object) -> datetime | None:
    """Return the time of an ISO 8601 text, noon for a bare date, or None where it is none."""
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if time is None:
        return None
    if isinstance(value, str) and len(value) <= len("2024-03-28"):
        time += timedelta(hours=12)  # midnight would put a day's story before it happened
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the first and the last day of all time, in some zones
        return None


def line_of(name: object, hits: Iterable[Hit], story: str | None) -> str:
    """Return the line of one item."""
    row = {
        "id": name,
        "hits": [
            {
                "rule": hit.rule,
                "severity": hit.severity.label,
                "clauses": [clause_to_dict(clause) for clause in hit.clauses],
            }
            for hit in hits
        ],
        "story": story,
    }
    return json.dumps(row, ensure_ascii=False)
