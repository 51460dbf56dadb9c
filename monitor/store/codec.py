"""How values stand in columns: times as sortable ISO texts, lists as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from monitor.model import ClauseMatch, Span


def to_text(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC with microseconds, so that texts sort like times."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def to_text_or_none(time: datetime | None) -> str | None:
    """Return `to_text(time)`, or None for None."""
    return None if time is None else to_text(time)


def to_time(text: str) -> datetime:
    """Return the time that `to_text` wrote."""
    return datetime.fromisoformat(text)


def to_time_or_none(text: str | None) -> datetime | None:
    """Return `to_time(text)`, or None for NULL."""
    return None if text is None else to_time(text)


def to_json(value: Mapping[str, object] | Sequence[object]) -> str:
    """Return compact JSON with keys in order; lone surrogates are written as escapes."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def names_to_json(names: Iterable[str]) -> str:
    """Return a sorted JSON list."""
    return to_json(sorted(names))


def from_json(text: str) -> Any:
    """Return what `to_json` wrote."""
    return json.loads(text)


def clauses_to_json(clauses: Sequence[ClauseMatch]) -> str:
    """Return clauses as the list that the command line and the payloads show too."""
    return to_json([clause_to_dict(clause) for clause in clauses])


def clause_to_dict(clause: ClauseMatch) -> dict[str, object]:
    """Return `{"clause", "matched": [{"field", "start", "end", "text"}]}`."""
    return {"clause": clause.clause, "matched": [vars(span) for span in clause.matched]}


def clauses_from_json(text: str) -> tuple[ClauseMatch, ...]:
    """Return what `clauses_to_json` wrote."""
    return tuple(
        ClauseMatch(clause=row["clause"], matched=tuple(Span(**span) for span in row["matched"]))
        for row in from_json(text)
    )


def clean(text: str) -> str:
    """Return a text that SQLite can hold: one character for one."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\ufffd")
