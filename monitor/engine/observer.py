"""What an onlooker hears of the lines as they run; the metrics are one."""

from datetime import timedelta
from typing import Literal

from monitor.steps.due import DueReport
from monitor.steps.record import PollReport
from monitor.store import Outcome

Reload = Literal["begun", "loaded", "refused", "postponed"]


class Observer:
    """Hears everything and does nothing; an onlooker overrides what it is for."""

    def saw_poll(self, report: PollReport) -> None:
        """Hear what a poll came to."""

    def saw_due(self, report: DueReport) -> None:
        """Hear what time has brought."""

    def saw_outcome(self, channel: str, outcome: Outcome) -> None:
        """Hear what became of a message's try."""

    def saw_reload(self, reload: Reload, took_s: float) -> None:
        """Hear that a changed configuration is looked at, and what became of it, and how long."""

    def saw_jump(self, jump: timedelta) -> None:
        """Hear that the wall clock jumped."""

    def saw_ping(self, signal: str, *, is_taken: bool) -> None:
        """Hear that the dead-man was pinged."""
