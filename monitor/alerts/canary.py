"""The daily canary: when it is due, and whether it has arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from monitor.alerts.digest import first_at
from monitor.model import AlertId

_AGAIN = timedelta(minutes=1)  # after a try that did not come as far as the outbox
_SENT = "sent"


@dataclass(frozen=True, kw_only=True)
class Flight:
    """The canary of one local date; `alert_id` None: it has not come as far as the outbox."""

    local_date: str
    begun_at: datetime
    tried_at: datetime
    alert_id: AlertId | None = None
    error: str = ""
    delivered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Landing:
    """What became of the canary's message for one recipient."""

    channel: str
    state: str
    settled_at: datetime | None = None
    error: str = ""


def due_date(now: datetime, at: time, zone: ZoneInfo, last: Flight | None) -> str | None:
    """Return the local date whose canary is to fly now, or None.

    One for each date, whatever the clocks do; a date that was slept through has none.
    """
    today = now.astimezone(zone).date()
    if first_at(today, at, zone) > now:
        return None
    if last is None or date.fromisoformat(last.local_date) < today:
        return today.isoformat()
    is_broken = last.local_date == today.isoformat() and last.alert_id is None
    return last.local_date if is_broken and now - last.tried_at >= _AGAIN else None


def missing(landings: Sequence[Landing], channels: Sequence[str]) -> Mapping[str, str]:
    """Return the channels that have not taken the canary, each with what is known of it."""
    found = dict.fromkeys(channels, "no message was made")
    for one in landings:
        if one.state == _SENT:
            found.pop(one.channel, None)
    for one in landings:
        if one.state != _SENT and one.channel in channels:
            found[one.channel] = f"{one.state}, {one.error}" if one.error else one.state
    return found


def arrived_at(landings: Sequence[Landing]) -> datetime:
    """Return when the last recipient took the canary; all of them have."""
    return max(one.settled_at for one in landings if one.settled_at is not None)
