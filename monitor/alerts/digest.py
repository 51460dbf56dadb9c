"""When a digest is due: one for each local date, whatever the clocks do."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, kw_only=True)
class Window:
    """The period that a digest covers; `local_date` names it and can occur once."""

    local_date: str
    since: datetime
    until: datetime


def due_window(
    *,
    now: datetime,
    at: time,
    zone: ZoneInfo,
    started_at: datetime,
    last: tuple[str, datetime] | None,
) -> Window | None:
    """Return the window to close now, or None.

    `last` is the local date and closing time of the digest before; without one the window begins
    when the watch was first started. After days of standstill one digest covers all of them.
    """
    due_date = now.astimezone(zone).date()
    if first_at(due_date, at, zone) > now:
        due_date -= timedelta(days=1)
    due_at = first_at(due_date, at, zone)
    last_date, since = last or ("", started_at)
    if due_date.isoformat() <= last_date or due_at <= started_at:
        return None
    return Window(local_date=due_date.isoformat(), since=since, until=now)


def first_at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a local time occurs first; in the hour that a change of clocks skips, just after.

    A time that occurs twice means its first occurrence (fold 0).
    """
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
