"""What is known of an installation before anything is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from monitor.store.survey import Survey


@dataclass(frozen=True, kw_only=True)
class Software:
    """Versions; `sqlite_module` is what brings the SQLite along."""

    version: str
    python: str
    system: str
    sqlite: str
    sqlite_module: str
    packages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Files:
    """The configuration: its errors as they are shown, or what it holds."""

    directory: str
    errors: tuple[str, ...] = ()
    warnings: int = 0
    sources: int = 0
    enabled: int = 0
    rules: int = 0
    channels: tuple[tuple[str, str], ...] = ()  # name and kind


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A file that others should not read: what it is, its permissions and its owner."""

    path: str
    what: str
    bits: int
    owner: int


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Where the database lies; `refusal` is why nothing can be written there, "" if it can.

    `expected_owner` owns the directory: what another user left there, the service cannot write.
    """

    database: Path
    refusal: str = ""
    filesystem: str = ""
    free_bytes: int = 0
    total_bytes: int = 0
    has_database: bool = False
    is_emptied: bool = False
    expected_owner: int = 0
    modes: tuple[Mode, ...] = ()

    @property
    def is_known(self) -> bool:
        """Return whether it could be looked at."""
        return self.total_bytes > 0


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The process that holds the instance lock."""

    pid: int
    command: str


@dataclass(frozen=True, kw_only=True)
class FeedAnswer:
    """How a source answered: an error, or by how much its clock is ahead of ours."""

    id: str
    error: str = ""
    kind: str = ""
    ahead: timedelta | None = None


@dataclass(frozen=True, kw_only=True)
class ChannelAnswer:
    """How a channel's receiver answered; `refusal` "" is well."""

    name: str
    kind: str
    said: str = ""
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the machine allows; None is no limit."""

    open_files: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class UnitFile:
    """A systemd unit of ours; `missing` are the directories that it names and that do not exist."""

    path: str
    is_outdated: bool = False
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that was found; None and empty mean that it was not looked at."""

    at: datetime
    software: Software
    files: Files
    volume: Volume | None = None
    survey: Survey | None = None
    holder: Holder | None = None
    secrets: tuple[Mode, ...] = ()
    limits: Limits = Limits()
    units: tuple[UnitFile, ...] = ()
    feeds: tuple[FeedAnswer, ...] | None = None
    channels: tuple[ChannelAnswer, ...] | None = None
