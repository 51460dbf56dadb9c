"""When a digest is due: one for each local date, or each week, whatever the clocks do."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A time of the local day; with a `weekday` (0 is Monday) only on that day of the week."""

    at: time
    zone: ZoneInfo
    weekday: int | None = None

    @property
    def step(self) -> timedelta:
        """Return the calendar days from one digest to the next."""
        return DAY if self.weekday is None else 7 * DAY

    def last_due(self, now: datetime) -> date:
        """Return the latest local date whose digest is due now."""
        day = now.astimezone(self.zone).date()
        if first_at(day, self.at, self.zone) > now:
            day -= DAY
        behind = 0 if self.weekday is None else (day.weekday() - self.weekday) % 7
        return day - behind * DAY

    def bounds(self, last: date, count: int) -> list[datetime]:
        """Return the `count` + 1 times between which `count` periods lie that end on a date."""
        days = (last - number * self.step for number in range(count, -1, -1))
        return [first_at(day, self.at, self.zone) for day in days]


@dataclass(frozen=True, kw_only=True)
class Window:
    """The period that a digest covers; `local_date` names it and can occur once."""

    local_date: str
    since: datetime
    until: datetime


def due_window(
    *,
    now: datetime,
    schedule: Schedule,
    started_at: datetime,
    last: tuple[str, datetime] | None,
) -> Window | None:
    """Return the window to close now, or None.

    `last` is the local date and closing time of the digest before; without one the window begins
    when the watch was first started. After days of standstill one digest covers all of them.
    """
    due_date = schedule.last_due(now)
    last_date, since = last or ("", started_at)
    is_first_due = first_at(due_date, schedule.at, schedule.zone) <= started_at
    if due_date.isoformat() <= last_date or is_first_due:
        return None
    return Window(local_date=due_date.isoformat(), since=since, until=now)


def first_at(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return when a local time occurs first; in the hour that a change of clocks skips, just after.

    A time that occurs twice means its first occurrence (fold 0).
    """
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
