"""The unit file as text: paths, users, what is refused, when it is outdated."""

from pathlib import Path

import pytest

from monitor.config.unit import Installation, is_outdated, next_steps, render, shipped_form
from monitor.errors import MonitorError


def _installation(**changes: object) -> Installation:
    values: dict[str, object] = {
        "name": "sanctions-monitor",
        "command": ("/opt/monitor/bin/monitor",),
        "program": (Path("/opt/monitor"), Path("/usr")),
        "config": Path("/etc/sanctions-monitor"),
    }
    return Installation(**{**values, **changes})  # type: ignore[arg-type]


def test_every_place_is_filled_in() -> None:
    """No placeholder is left, and nothing of a home directory is opened without need."""
    unit = render(shipped_form(), _installation())

    assert "ExecStart=/opt/monitor/bin/monitor run\n" in unit
    assert "LoadCredential=secrets:/etc/sanctions-monitor/secrets\n" in unit
    assert "ConfigurationDirectory=sanctions-monitor\n" in unit
    assert "ProtectHome=yes\n" in unit
    assert "BindReadOnlyPaths" not in unit
    assert "@" not in unit.replace("@system-service", "").replace("~@privileged @resources", "")


def test_a_program_in_a_home_directory_is_lent_to_the_service() -> None:
    """The home is hidden, and only what the program needs is bound into it, once."""
    program = (Path("/home/ana/app/.venv"), Path("/home/ana/app"), Path("/home/ana/python"))
    one = _installation(program=program, config=Path("/home/ana/app/config"))

    unit = render(shipped_form(), one)

    assert "ProtectHome=tmpfs\n" in unit
    bound = [line for line in unit.splitlines() if line.startswith("BindReadOnly")]
    assert bound == ["BindReadOnlyPaths=/home/ana/app", "BindReadOnlyPaths=/home/ana/python"]
    assert "ConfigurationDirectory=" not in unit


def test_what_is_written_elsewhere_is_opened() -> None:
    """A database or a file channel outside the state directory."""
    unit = render(shipped_form(), _installation(written=(Path("/srv/alerts"),), user="watch"))

    assert "ReadWritePaths=/srv/alerts\n" in unit
    assert "User=watch\n" in unit
    assert "DynamicUser" not in unit


@pytest.mark.parametrize(
    "changes",
    [{"config": Path("/etc/our monitor")}, {"user": "a b"}, {"command": ("/opt/100%/monitor",)},
     {"name": "x\nExecStart=/bin/sh"}, {"written": (Path("/srv/a:b"),)}],
    ids=["blank", "user", "specifier", "line", "colon"],
)  # fmt: skip
def test_what_a_unit_cannot_hold_is_refused(changes: dict[str, object]) -> None:
    """Blanks, specifiers and line ends would mean something else to systemd."""
    with pytest.raises(MonitorError, match="cannot stand in a unit file"):
        render(shipped_form(), _installation(**changes))


def test_a_unit_of_another_form_is_outdated_one_by_hand_is_not() -> None:
    """The comment at the top names the form."""
    unit = render(shipped_form(), _installation())

    assert not is_outdated(unit, shipped_form())
    assert is_outdated(unit, shipped_form() + "# more\n")
    assert not is_outdated("[Service]\nExecStart=/opt/monitor run\n", shipped_form())


def test_steps_that_are_done_are_not_named() -> None:
    """A configuration that exists is not written, a user that systemd makes up is not added."""
    said = next_steps(_installation(), Path("/etc/systemd/system/x.service"), has_config=True)

    assert "monitor init" not in said
    assert "useradd" not in said
    assert "enable --now x.service" in said
