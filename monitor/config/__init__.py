"""The settings of the program: files and environment in, one frozen Config or every problem out.

`load_config` reads a directory, `fingerprint` says cheaply whether it changed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel

from monitor import rules
from monitor.config.assemble import assemble
from monitor.config.changes import Change, changes
from monitor.config.defaults import defaults_path, write_defaults
from monitor.config.effective import ChannelConfig, Config, waiting_settings, waits_for_start
from monitor.config.files import authors_of, fingerprint, read_files, read_one, read_secret_file
from monitor.config.jsonschema import schemas
from monitor.config.parts import LoadRules, Reader, Surroundings
from monitor.config.schema import (
    WEEKDAYS,
    FeedsFile,
    RoutesFile,
    ServiceSettings,
    WeeklySettings,
)
from monitor.config.show import shown as show

_AUTHOR = "MONITOR_AUTHOR"

__all__ = [
    "WEEKDAYS",
    "Change",
    "ChannelConfig",
    "Config",
    "FeedsFile",
    "RoutesFile",
    "ServiceSettings",
    "WeeklySettings",
    "changes",
    "check_change",
    "defaults_path",
    "fingerprint",
    "load_config",
    "read_service",
    "schemas",
    "show",
    "waiting_settings",
    "waits_for_start",
    "write_defaults",
]


def load_config(
    directory: Path,
    environ: Mapping[str, str],
    channels: Mapping[str, type[BaseModel]],
    *,
    load_rules: LoadRules = rules.load,
    rules_from: Path | None = None,
    now: datetime | None = None,
) -> Config:
    """Return the configuration of a directory; files that are absent have defaults.

    `channels` names the settings of each kind of channel. `rules_from` is another directory to
    take rules and watchlists from. `now` tells what is over.

    Raises:
        ConfigError: with every problem of every file.
    """
    files, problems = read_files(directory, rules_from)
    around = _surroundings(directory, environ, channels, load_rules, now)
    config = assemble(files, around, directory, problems)
    return replace(config, authors=_authors(directory, environ))


def read_service(directory: Path, environ: Mapping[str, str]) -> ServiceSettings:
    """Return what monitor.yaml says: quick, and whatever is wrong with the other files.

    Raises:
        ConfigError: with every problem of that file.
    """
    files, problems = read_one(directory, "monitor.yaml")
    around = _surroundings(directory, environ, {}, rules.load, None)
    return Reader(files, around, problems).service()


def check_change(
    directory: Path,
    environ: Mapping[str, str],
    channels: Mapping[str, type[BaseModel]],
    load_rules: LoadRules,
    changed: Mapping[str, str],
) -> None:
    """Return when a configuration loads with these texts in place of the files of their names.

    Raises:
        ConfigError: with every problem of every file.
    """
    files, problems = read_files(directory)
    around = _surroundings(directory, environ, channels, load_rules, None)
    assemble({**files, **changed}, around, directory, problems)


def _surroundings(
    directory: Path,
    environ: Mapping[str, str],
    channels: Mapping[str, type[BaseModel]],
    load_rules: LoadRules,
    now: datetime | None,
) -> Surroundings:
    credentials = environ.get("CREDENTIALS_DIRECTORY", "")
    return Surroundings(
        environ=environ,
        read_secret=lambda path: read_secret_file(directory, path, credentials),
        channels=channels,
        load_rules=load_rules,
        can_read_articles=find_spec("trafilatura") is not None,
        now=now,
    )


def _authors(directory: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return who saved each file; whoever deploys them says so in MONITOR_AUTHOR instead."""
    authors = authors_of(directory)
    name = environ.get(_AUTHOR, "").strip()
    return dict.fromkeys(authors, name) if name else authors
