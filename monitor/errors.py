"""Every error that the program raises on purpose.

MonitorError
├── ConfigError            the configuration is wrong: tell the operator, all problems at once
├── FetchError             a source could not be read this time: try again later
│   └── RefusedAddress     the address may not be reached (SSRF): tell the operator
├── ParseError             the document cannot be read: try again, nothing is recorded
│   └── NotAFeed           a page came where a feed was expected
├── StoreError             the database said no
│   ├── StoreBusy          somebody else holds the lock: exit code 5
│   ├── OlderSchema        written by an older version: only a watch that starts migrates it
│   └── NewerSchema        written by a newer version: exit code 6
└── DeliveryError          not accepted now: try again
    ├── ChannelPaused      the channel is refused (401, 403, 535): its rows wait
    └── PermanentDeliveryError  never accepted: give up
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


class MonitorError(Exception):
    """Base of all errors raised on purpose; its text is fit to be shown to the operator."""


def _width(text: str) -> int:
    """Return how many columns a terminal gives a text: two to a Chinese or Korean character."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One fault of a configuration file; `line` and `column` count from 1, 0 means the whole file.

    `hint` says what to do (`did you mean "severity"?`); `source_line` is the text for the caret.
    """

    file: str
    line: int
    column: int
    message: str
    hint: str = ""
    source_line: str = ""
    is_warning: bool = False

    def render(self) -> str:
        """Return `file:line:col: error: message` with the line, a caret and the hint below."""
        kind = "warning" if self.is_warning else "error"
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        head = f"{place}: {kind}: {self.message}"
        if not self.line:
            return f"{head}\n       | {self.hint}" if self.hint else head
        caret = " " * _width(self.source_line[: self.column - 1]) + "^"
        caret += f" {self.hint}" if self.hint else ""
        return f"{head}\n {self.line:>5} | {self.source_line}\n       | {caret}"


class ConfigError(MonitorError):
    """The configuration cannot be used; `problems` holds every fault that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problem(s) in the configuration")
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(problem.render() for problem in self.problems)


class FetchError(MonitorError):
    """A document could not be fetched this time.

    `kind` is a short stable name (`timeout`, `dns`, `tls`, `http`, `too-large`, `redirect`, ...);
    `status` is the HTTP status where there is one; `retry_after` what the server asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        status: int | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after


class RefusedAddress(FetchError):
    """The host resolves to an address that must not be reached from here."""

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="refused-address")


class ParseError(MonitorError):
    """The document could not be read; `kind` is a short stable name (`slow-document`, ...).

    `cpu_s` is what the attempt cost in seconds of CPU, 0 where nobody measured it.
    """

    def __init__(self, message: str, *, kind: str = "unreadable", cpu_s: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.cpu_s = cpu_s


class NotAFeed(ParseError):
    """The document is something else than a feed: a web page, a challenge page, an empty body."""

    def __init__(self, message: str, *, kind: str = "not-a-feed", cpu_s: float = 0.0) -> None:
        super().__init__(message, kind=kind, cpu_s=cpu_s)


class StoreError(MonitorError):
    """The database refused or is damaged."""


class StoreBusy(StoreError):
    """Another process holds the database or the instance lock."""


class OlderSchema(StoreError):
    """The database lacks tables of this version; what looks at it does not add them."""


class NewerSchema(StoreError):
    """The database was written by a newer version of the program."""


class DeliveryError(MonitorError):
    """The receiver did not accept the message now; it may be tried again.

    `code` is the HTTP or SMTP status where there is one; `retry_after` is a floor for the next try.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after = retry_after


class ChannelPaused(DeliveryError):
    """The channel refuses us (credentials): its rows wait until an operator mends it."""


class PermanentDeliveryError(DeliveryError):
    """The receiver will never accept this message."""
