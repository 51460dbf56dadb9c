"""`init`, `check` and `config`: before the watch runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from monitor.cli.edits import diff_config
from monitor.cli.options import directory_option, environment, read_config
from monitor.cli.output import to_json
from monitor.errors import ConfigError, MonitorError

_SYSTEM_CONFIG = Path("/etc/sanctions-monitor")


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--systemd", is_flag=True, help="Write a systemd unit for DIRECTORY instead.")
@click.option("--print", "print_", is_flag=True, help="With --systemd: print the unit.")
@click.option(
    "--unit",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("/etc/systemd/system/sanctions-monitor.service"),
    show_default=True,
    help="With --systemd: the file to write; its name is the service's.",
)
@click.option("--user", default="", help="With --systemd: run as this user, not as one made up.")
def init(*, directory: Path | None, systemd: bool, print_: bool, unit: Path, user: str) -> None:
    """Write a commented configuration (feeds, rules, routes) into a new DIRECTORY.

    With --systemd, write the hardened unit that runs this installation on DIRECTORY
    (/etc/sanctions-monitor), and say what is left to do.
    """
    if print_ and not systemd:
        raise click.UsageError("--print shows the unit: give --systemd too")
    if systemd:
        _init_unit(directory or _SYSTEM_CONFIG, unit, user, print_=print_)
        return
    if directory is None:
        raise click.UsageError("Missing argument 'DIRECTORY'.")
    from monitor.config import write_defaults

    write_defaults(directory)
    click.echo(
        f"Written: {directory}. Edit {directory / 'feeds.yaml'}, {directory / 'rules'} and "
        f"{directory / 'routes.yaml'}, then: monitor check --config {directory}"
    )


def _init_unit(directory: Path, unit: Path, user: str, *, print_: bool) -> None:
    from monitor.config.unit import (
        Installation,
        next_steps,
        render,
        shipped_form,
        this_installation,
    )

    command, program = this_installation()
    one = Installation(
        name=unit.stem,
        command=command,
        program=program,
        config=directory.resolve(),
        user=user,
    )
    one = replace(one, written=_written_beside(one.config, one.state))
    text = render(shipped_form(), one)
    if print_:
        click.echo(text, nl=False)
        return
    _write_new(unit, text)
    click.echo(f"Written: {unit}\n\n{next_steps(one, unit, has_config=directory.is_dir())}")


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        hint = "see what would change: monitor init --systemd --print | diff"
        raise MonitorError(f"{path} exists: it is not written over; {hint} {path} -") from error
    except OSError as error:
        hint = "--print shows the unit, --unit chooses another file"
        raise MonitorError(f"{path} cannot be written: {error.strerror}; {hint}") from error


def _written_beside(directory: Path, state: Path) -> tuple[Path, ...]:
    """Return the directories outside the state directory that a configuration writes to.

    A configuration that is not there yet, or not right, names none: `check` tells of that.
    """
    environ = {**environment(), "MONITOR_DATABASE": str(state / "monitor.db")}
    try:
        from monitor.service import read_config as read

        config = read(directory, environ)
    except ConfigError:
        return ()
    files = [Path(config.service.storage.database)]
    channels = [one for one in config.channels.values() if one.kind == "file"]
    files += [Path(one.settings.model_dump()["path"]) for one in channels]
    outside = {path.parent for path in files if path.is_absolute()}
    return tuple(sorted(path for path in outside if not path.is_relative_to(state)))


@click.command()
@directory_option
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def check(*, directory: Path, as_json: bool) -> None:
    """Check every file and run every rule's examples; exit code 3 with every error located."""
    config = read_config(directory, tell_warnings=True)
    enabled = sum(source.enabled for source in config.sources)
    outcome = {
        "sources": len(config.sources),
        "enabled": enabled,
        "rules": len(config.ruleset.rules),
        "channels": len(config.channels),
        "routes": len(config.routes),
        "warnings": len(config.warnings),
        "ruleset": config.ruleset.hash,
    }
    if as_json:
        click.echo(to_json(outcome))
        return
    click.echo(
        f"{directory}: good. {enabled} of {len(config.sources)} sources enabled, "
        f"{outcome['rules']} rules with their examples, {outcome['channels']} channels, "
        f"{outcome['warnings']} warnings."
    )


@click.group()
def config() -> None:
    """Show the effective settings, what an edit changes, or the schema for editors."""


config.add_command(diff_config)


@config.command("show")
@directory_option
def show_config(*, directory: Path) -> None:
    """Print every effective setting as JSON, secrets as ***."""
    from monitor.config import show

    click.echo(json.dumps(show(read_config(directory)), ensure_ascii=False, indent=2, default=str))


@config.command("schema")
@click.argument("name", required=False)
@click.option(
    "--write",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write one file per schema into this directory.",
)
def schema(*, name: str | None, write: Path | None) -> None:
    """Print the JSON Schema of a configuration file (feeds.yaml, rules.yaml, ...), or of all."""
    schemas = all_schemas()
    if name is not None:
        if name not in schemas:
            raise click.BadParameter(f'no schema "{name}"; one of: {", ".join(schemas)}')
        schemas = {name: schemas[name]}
    if write is None:
        chosen = schemas[name] if name else schemas
        click.echo(json.dumps(chosen, ensure_ascii=False, indent=2))
        return
    write.mkdir(parents=True, exist_ok=True)
    for file, content in schemas.items():
        path = write / f"{Path(file).stem}.v1.json"
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        click.echo(str(path))


def all_schemas() -> dict[str, Any]:
    """Return the JSON Schema of every configuration file by its name."""
    from monitor import rules
    from monitor.config import schemas
    from monitor.notify import CHANNELS

    channels = {kind: channel.settings for kind, channel in CHANNELS.items()}
    return {**schemas(channels), "rules.yaml": rules.schema()}
