"""Options that commands share, and what they open."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from monitor.errors import ConfigError, Problem

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.store import SqliteStore, Transaction

_Command = TypeVar("_Command", bound=Callable[..., Any])

directory_option = click.option(
    "--config",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="MONITOR_CONFIG",
    default=Path("config"),
    show_default=True,
    help="Directory of the configuration.",
)


def output_options(command: _Command) -> _Command:
    """Add `-o table|json|jsonl|csv` and its short form `--json`."""
    formats = click.Choice(["table", "json", "jsonl", "csv"])
    command = click.option("-o", "--output", type=formats, default="table", show_default=True)(
        command
    )
    return click.option("--json", "output", flag_value="json", help="Short for -o json.")(command)


def environment() -> Mapping[str, str]:
    """Return the environment; the only place of the command line that reads it."""
    return os.environ


def read_config(directory: Path, *, tell_warnings: bool = False) -> "Config":
    """Return the checked configuration; `check` tells its warnings, others leave them to it.

    Raises:
        ConfigError: with every problem.
    """
    from monitor.service import read_config as read  # heavy: only for commands that need it

    if not directory.is_dir():
        hint = f"write one: monitor init {directory}"
        raise ConfigError(
            [Problem(file=str(directory), line=0, column=0, message="no such directory", hint=hint)]
        )
    config = read(directory, environment())
    if tell_warnings:
        for warning in config.warnings:
            click.echo(warning.render(), err=True)
    return config


@contextmanager
def stored(directory: Path) -> "Iterator[tuple[Config, Transaction]]":
    """Open the database of a configuration for reading, beside a running watch."""
    config = read_config(directory)
    with reading(Path(config.service.storage.database)) as tx:
        yield config, tx


def database_of(directory: Path) -> Path:
    """Return where the database lies: monitor.yaml alone is read, whatever is wrong elsewhere.

    Raises:
        ConfigError: with every problem of that file.
    """
    from monitor.config import read_service

    return Path(read_service(directory, environment()).storage.database)


@contextmanager
def looking(directory: Path) -> "Iterator[Transaction]":
    """Open the database of a configuration for reading, without its rules and routes."""
    with reading(database_of(directory)) as tx:
        yield tx


@contextmanager
def reading(database: Path) -> "Iterator[Transaction]":
    """Open a database for reading; one that does not exist yet is an error, not an empty one.

    It is opened read only and never migrated: a watch of another version may be at work.
    """
    with _existing(database) as store:
        store.look()
        with store.read() as tx:
            yield tx


@contextmanager
def writing(database: Path) -> "Iterator[Transaction]":
    """Open a database for one change, beside a running watch; it is never migrated."""
    with _existing(database) as store:
        store.join()
        with store.write() as tx:
            yield tx


@contextmanager
def _existing(database: Path) -> "Iterator[SqliteStore]":
    from monitor.store import SqliteStore

    store = SqliteStore(database)
    try:
        yield store
    finally:
        store.close()


def who() -> str:
    """Return who gives a command, for the activity log."""
    return environment().get("USER", "") or "unknown"
