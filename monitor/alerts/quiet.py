"""Hours in which a route holds its messages, by the clock on the wall whatever the clocks do."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.alerts.digest import first_at


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """From one local time to another, overnight where `end` is not later than `start`."""

    start: time
    end: time
    zone: ZoneInfo


def held_until(quiet: Quiet, now: datetime) -> datetime | None:
    """Return when the quiet that holds now ends, or None when none does.

    A local time that occurs twice means its first occurrence; one that is skipped, just after.
    """
    today = now.astimezone(quiet.zone).date()
    for day in (today - timedelta(days=1), today):
        start, end = _window(quiet, day)
        if start <= now < end:
            return end
    return None


def _window(quiet: Quiet, day: date) -> tuple[datetime, datetime]:
    """Return start and end of the quiet that begins on a day."""
    last = day if quiet.start < quiet.end else day + timedelta(days=1)
    return first_at(day, quiet.start, quiet.zone), first_at(last, quiet.end, quiet.zone)
