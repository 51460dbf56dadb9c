"""The shipped configuration and the demo feeds: where they lie, and a copy for a new user."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from monitor.config.files import FOLDERS, NAMES
from monitor.errors import ConfigError, Problem

_PACKAGE = Path(__file__).resolve().parent.parent


def defaults_path(kind: Literal["config", "seeds"]) -> Path:
    """Return the shipped directory: inside an installed package, else in the checkout."""
    installed = _PACKAGE / "defaults" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind


def write_defaults(directory: Path) -> tuple[Path, ...]:
    """Write the shipped configuration into a directory and return the files that were written.

    Raises:
        ConfigError: a file is there already, or cannot be written; nothing is overwritten.
    """
    shipped = defaults_path("config")
    pairs = [(path, directory / path.relative_to(shipped)) for path in _shipped_files(shipped)]
    taken = [target for _, target in pairs if target.exists()]
    if taken:
        hint = "choose another directory, or move these files away"
        raise ConfigError([_problem(target, "exists already", hint) for target in taken])
    for path, target in pairs:
        _copy(path, target)
    return tuple(target for _, target in pairs)


def _shipped_files(shipped: Path) -> Iterator[Path]:
    yield from (shipped / name for name in NAMES)
    for folder, suffix in (*FOLDERS, ("schema", ".json")):
        yield from sorted((shipped / folder).glob(f"*{suffix}"))


def _copy(path: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(path.read_bytes())
    except OSError as error:
        raise ConfigError([_problem(target, f"cannot be written: {error.strerror}")]) from error


def _problem(target: Path, message: str, hint: str = "") -> Problem:
    return Problem(file=str(target), line=0, column=0, message=message, hint=hint)
