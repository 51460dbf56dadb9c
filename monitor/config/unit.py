"""The systemd unit of this installation: `monitor init --systemd` fills in the shipped form."""

import hashlib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import monitor
from monitor.config.defaults import defaults_path
from monitor.errors import MonitorError

_FIELD = re.compile(r"@([A-Z]+)@")
_WRITTEN = re.compile(r"^# Written by sanctions-monitor \S+, form ([0-9a-f]{8})\.$", re.MULTILINE)
_LENT = re.compile(r"^LoadCredential=secrets:(/\S+)$", re.MULTILINE)
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9/._+@-]*")  # nothing that systemd reads as more than a path
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))  # what ProtectHome= hides
_CONFIGURATIONS = Path("/etc")  # what ConfigurationDirectory= starts at
_STATES = Path("/var/lib")  # what StateDirectory= starts at


@dataclass(frozen=True, kw_only=True)
class Installation:
    """What a unit must know: the command, what it reads, where it writes, as whom.

    `user` "" lets systemd make one up while the service runs. `written` are paths beside the state
    directory that the configuration writes to.
    """

    name: str
    command: tuple[str, ...]
    program: tuple[Path, ...]
    config: Path
    user: str = ""
    written: tuple[Path, ...] = ()

    @property
    def state(self) -> Path:
        """Return the directory that systemd makes for the service."""
        return _STATES / self.name


def this_installation() -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """Return the command that starts this very program, and the directories it is read from."""
    script = Path(sys.executable).parent / "monitor"
    command = (str(script),) if script.exists() else (sys.executable, "-P", "-m", "monitor")
    read = (Path(sys.prefix), Path(sys.base_prefix), Path(monitor.__file__).resolve().parents[1])
    return command, read


def render(form: str, installation: Installation) -> str:
    """Return the unit file of an installation.

    Raises:
        MonitorError: a path or a name that a unit file cannot hold as it is.
    """
    one = installation
    for path in (*map(Path, one.command[:1]), *one.program, one.config, *one.written):
        _check(str(path), _PLAIN_PATH, "a path of letters, digits and / . _ + @ - only")
    for name in filter(None, (one.name, one.user)):
        _check(name, _NAME, "a name of small letters, digits, _ and -")
    values = {
        "VERSION": monitor.__version__,
        "FORM": name_of(form),
        "NAME": one.name,
        "COMMAND": " ".join(one.command),
        "CONFIG": str(one.config),
        "STATE": str(one.state),
        "USER": f"User={one.user}" if one.user else "DynamicUser=yes",
        "CONFIGURATION": _configuration(one.config),
        "HOME": "tmpfs" if _hidden(one) else "yes",
        "PATHS": "\n".join(_paths(one)),
    }
    return _FIELD.sub(lambda match: values[match[1]], form)


def shipped_form() -> str:
    """Return the form of the unit that this version ships."""
    return (defaults_path("config") / "deploy/sanctions-monitor.service").read_text("utf-8")


def name_of(form: str) -> str:
    """Return what tells a form from another one."""
    return hashlib.sha256(form.encode()).hexdigest()[:8]


def is_ours(unit: str) -> bool:
    """Return whether this program wrote a unit, of whatever version."""
    return _WRITTEN.search(unit) is not None


def lent_directories(unit: str) -> tuple[Path, ...]:
    """Return the directories whose files a unit lends to the service: they must exist."""
    return tuple(map(Path, _LENT.findall(unit)))


def is_outdated(unit: str, form: str) -> bool:
    """Return whether a unit was written from another form than this; one by hand never is."""
    match = _WRITTEN.search(unit)
    return match is not None and match[1] != name_of(form)


def next_steps(installation: Installation, unit: Path, *, has_config: bool) -> str:
    """Return what is left to do, as commands."""
    one = installation
    secrets = one.config / "secrets"
    steps = [] if has_config else [f"monitor init {one.config}"]
    if one.user:
        steps.append(
            f"useradd --system --home-dir {one.state} --shell /usr/sbin/nologin {one.user}"
        )
    steps += [
        f"install -d -m 700 {secrets}      # needed, may be empty; one file of mode 600 a secret",
        f"editor {one.config}/routes.yaml      # name them: ${{file:secrets/smtp-url}}",
        f"monitor check --config {one.config}",
        f"systemctl daemon-reload && systemctl enable --now {unit.name}",
        f"systemctl status {one.name}; journalctl -u {one.name} -f",
    ]
    lines = [f"  {number}. {step}" for number, step in enumerate(steps, start=1)]
    by_hand = (
        f"Commands by hand find the database when {one.config}/monitor.yaml says\n"
        f"  storage: {{database: {one.state}/monitor.db}}"
    )
    return "\n".join(["Next, as root:", *lines, by_hand])


def _check(text: str, allowed: re.Pattern[str], wanted: str) -> None:
    if not allowed.fullmatch(text):
        raise MonitorError(f'"{text}" cannot stand in a unit file: it takes {wanted}')


def _configuration(config: Path) -> str:
    """Return the lines that make the directory known to systemd, where it lies under /etc."""
    if not config.is_relative_to(_CONFIGURATIONS):
        return ""
    return f"ConfigurationDirectory={config.relative_to(_CONFIGURATIONS)}"


def _paths(one: Installation) -> list[str]:
    """Return what is lent to the service, or written by it, beside the state directory."""
    lines = [f"BindReadOnlyPaths={path}" for path in _hidden(one)]
    lines.append(f"ReadOnlyPaths={one.config}")
    return [*lines, *(f"ReadWritePaths={path}" for path in one.written)]


def _hidden(one: Installation) -> list[Path]:
    """Return the paths that the service reads and that ProtectHome= would hide."""
    return _outermost(path for path in (*one.program, one.config) if _is_home(path))


def _is_home(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in _HOMES)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return the paths without those that lie within another one."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(outer) for outer in kept):
            kept.append(path)
    return kept
