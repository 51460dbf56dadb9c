"""Times as publishers write them, and what we believe of them."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_AHEAD = timedelta(minutes=10)  # clocks of publishers run this far ahead without meaning it
_OLDEST = datetime(
    1990, 1, 1, tzinfo=UTC
)  # nothing on the web is older: 1970 and year 1 are faults


def parse(text: str) -> datetime | None:
    """Return the time that ISO 8601 (W3C: `2024`, `2024-03`, ...) or RFC 5322 text names, in UTC.

    A time without a zone is UTC. None when the text is no time.
    """
    text = text.strip()
    return _iso(text) or _rfc5322(text)


def clamp(when: datetime | None, seen_at: datetime) -> tuple[datetime, str]:
    """Return a believable time and the flag that says what was mended (empty when nothing was)."""
    if when is None:
        return seen_at, "date-missing"
    if when > seen_at + _AHEAD:
        return seen_at, "date-future"
    if when < _OLDEST:
        return seen_at, "date-ancient"
    return when, ""


def _iso(text: str) -> datetime | None:
    if re.fullmatch(r"\d{4}(-\d\d)?", text):
        text = (text + "-01-01")[:10]
    try:
        return _utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def _rfc5322(text: str) -> datetime | None:
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
