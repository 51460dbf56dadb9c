"""`init`, `check` and `config`: before the watch runs."""

import json
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import directory_option, read_config
from monitor.cli.output import to_json


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def init(*, directory: Path) -> None:
    """Write a commented configuration (feeds, rules, routes) into a new DIRECTORY."""
    from monitor.config import write_defaults

    write_defaults(directory)
    click.echo(
        f"Written: {directory}. Edit {directory / 'feeds.yaml'}, {directory / 'rules'} and "
        f"{directory / 'routes.yaml'}, then: monitor check --config {directory}"
    )


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
    """Show the effective settings, or the schema for editors."""


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
