"""The clock of the running program; in a module of its own, so that asking it imports nothing."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time; the one clock of the running program."""
    return datetime.now(UTC)
