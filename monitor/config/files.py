"""Reading the files of a configuration directory, and seeing that they changed."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from monitor.errors import MonitorError, Problem
from monitor.yamlnodes import did_you_mean

NAMES = ("monitor.yaml", "feeds.yaml", "routes.yaml")
FOLDERS = (("rules", ".yaml"), ("watchlists", ".csv"))
_MAX_BYTES = 64 * 1024 * 1024  # a hundred thousand rules are 40 MB
_MAX_SECRET_BYTES = 64 * 1024


def read_files(
    directory: Path, rules_from: Path | None = None
) -> tuple[Mapping[str, str], list[Problem]]:
    """Return name -> text of the files of a configuration, and what could not be read.

    Rules and watchlists come from `rules_from` where it is given.
    """
    try:
        if not directory.is_dir():
            hint = 'write a new one with "monitor init DIR"'
            return {}, [_whole(str(directory), "there is no such directory", hint)]
        return _read_all(directory, rules_from or directory)
    except OSError as error:
        place = str(error.filename or directory)
        return {}, [_whole(place, f"cannot be read: {error.strerror or error}")]


def read_one(directory: Path, name: str) -> tuple[Mapping[str, str], list[Problem]]:
    """Return the text of one file of a configuration, none where it is absent."""
    path = directory / name
    try:
        if not directory.is_dir():
            hint = 'write a new one with "monitor init DIR"'
            return {}, [_whole(str(directory), "there is no such directory", hint)]
        path.lstat()
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [_whole(str(path), f"cannot be read: {error.strerror or error}")]
    found = _read(path, name)
    return ({}, [found]) if isinstance(found, Problem) else ({name: found}, [])


def _read_all(directory: Path, rules_from: Path) -> tuple[Mapping[str, str], list[Problem]]:
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    settings = ((path, directory) for path in _settings(directory))
    rules = ((path, rules_from) for path in _rules(rules_from))
    for path, base in (*settings, *rules):
        name = _printable(path.relative_to(base).as_posix())
        found = _read(path, name)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            texts[name] = found
    return texts, [*problems, *_overlooked(directory)]


def read_secret_file(directory: Path, path: str, credentials: str = "") -> str:
    """Return the text of a secret file; a relative path starts at the configuration.

    `credentials` is systemd's directory of what it lends to a service ("" elsewhere): what lies
    there is taken first, `secrets/smtp` under the name `secrets_smtp` that LoadCredential= gives
    to a file of a directory.

    Raises:
        OSError, ValueError: it cannot be read, or is no UTF-8 text.
    """
    place = directory / path
    if credentials and not Path(path).is_absolute():
        lent = Path(credentials, path.removeprefix("./").replace("/", "_"))
        place = lent if lent.is_file() else place
    with place.open("rb") as file:
        return file.read(_MAX_SECRET_BYTES).decode("utf-8")


def write_file(path: Path, before: str, after: str) -> None:
    """Put a text in place of a file that still holds `before`: whole, or not at all.

    Mode and links stay as they are.

    Raises:
        MonitorError: the file was changed meanwhile, or cannot be written.
    """
    path = path.resolve()
    try:
        if path.read_bytes().decode("utf-8-sig") != before:
            raise MonitorError(f"{path} was changed meanwhile: nothing was written, run it again")
        _replace(path, after)
    except (OSError, UnicodeDecodeError) as error:
        raise MonitorError(f"{path} cannot be written: {error}") from error


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")  # dot names are not read as configuration
    try:
        with part.open("wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        part.chmod(path.stat().st_mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def fingerprint(directory: Path) -> bytes:
    """Return a digest of names, sizes and times of the files: a change of it asks for a reload."""
    digest = hashlib.sha256()
    try:
        for path in (*_settings(directory), *_rules(directory)):
            state = path.stat()
            facts = (path.name, state.st_size, state.st_mtime_ns, state.st_ino)
            digest.update(repr(facts).encode("utf-8"))
    except OSError as error:
        digest.update(repr(error.errno).encode("utf-8"))  # the load that follows says what it is
    return digest.digest()


def authors_of(directory: Path) -> Mapping[str, str]:
    """Return which account owns each file: whoever saved it last, as most editors write files."""
    authors = {}
    for path in (*_settings(directory), *_rules(directory)):
        with suppress(OSError):
            authors[_printable(path.relative_to(directory).as_posix())] = _owner(path)
    return authors


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:  # a container's user has no name
        return f"uid {path.stat().st_uid}"


def _settings(directory: Path) -> Iterator[Path]:
    return (directory / name for name in NAMES if os.path.lexists(directory / name))


def _rules(directory: Path) -> Iterator[Path]:
    """Return the rule files and the watchlists, by name: in this order they are read."""
    for folder, suffix in FOLDERS:
        yield from _listed(directory / folder, suffix)


def _listed(folder: Path, suffix: str) -> list[Path]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    # Dot names are what editors and container volumes leave beside the files.
    return [folder / name for name in names if name.endswith(suffix) and name[0] != "."]


def _printable(name: str) -> str:
    """Return a file name without the lone surrogates that stand for bytes that are not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _read(path: Path, name: str) -> str | Problem:
    if path.exists() and not path.is_file():
        return _whole(name, "is not a file")
    try:
        with path.open("rb") as file:
            body = file.read(_MAX_BYTES + 1)
    except OSError as error:
        return _whole(name, f"cannot be read: {error.strerror or error}")
    if len(body) > _MAX_BYTES:
        return _whole(name, f"is larger than {_MAX_BYTES // 1024 // 1024} MB")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _not_utf8(name, body, error.start)


def _not_utf8(name: str, body: bytes, start: int) -> Problem:
    before = body[:start].decode("utf-8", "replace")
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    shown = body.decode("utf-8", "replace").split("\n")[line - 1].rstrip("\r")
    message = f"is not UTF-8 text: byte 0x{body[start]:02x}"
    return Problem(
        file=name,
        line=line,
        column=column,
        message=message,
        hint="save the file as UTF-8",
        source_line=shown,
    )


def _overlooked(directory: Path) -> Iterator[Problem]:
    """Warn of files that look like configuration but are not read."""
    for path in _listed(directory, ".yaml") + _listed(directory, ".yml"):
        if path.name not in NAMES:
            hint = did_you_mean(path.name, NAMES)
            yield _whole(_printable(path.name), "is not read", hint, is_warning=True)
    for folder, suffix in FOLDERS:
        for path in _listed(directory / folder, ""):
            if not path.name.endswith(suffix) and path.is_file():
                name = f"{folder}/{_printable(path.name)}"
                yield _whole(name, "is not read", f"rename it to end in {suffix}", is_warning=True)


def _whole(name: str, message: str, hint: str = "", *, is_warning: bool = False) -> Problem:
    return Problem(file=name, line=0, column=0, message=message, hint=hint, is_warning=is_warning)
