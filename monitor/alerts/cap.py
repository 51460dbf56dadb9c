"""How many messages a channel gets in a window of time; the rest waits for the window's end."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Cap:
    """At most `count` messages in each window of the length `per`."""

    count: int
    per: timedelta

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the window that holds now, end excluded; an hour is one of the UTC clock."""
        start = now - (now - _EPOCH) % self.per
        return start, start + self.per


def looser(one: Cap | None, other: Cap | None) -> Cap | None:
    """Return the cap that lets more through, of which None lets everything."""
    if one is None or other is None:
        return None
    return max(one, other, key=lambda cap: (cap.count / cap.per.total_seconds(), cap.count))
