"""`notify`: try a channel before it matters."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, read_config
from monitor.errors import DeliveryError

if TYPE_CHECKING:
    from monitor.config import Config


@click.group()
def notify() -> None:
    """Send a test message, or preview an alert."""


@notify.command("test")
@click.argument("channel")
@directory_option
def test_channel(*, channel: str, directory: Path) -> None:
    """Send a test message through CHANNEL to each of its recipients; exit code 1 if one refuses."""
    config = read_config(directory)
    if channel not in config.channels:
        names = ", ".join(config.channels)
        raise click.BadParameter(f'no channel "{channel}" in routes.yaml; there is: {names}')
    results = asyncio.run(_send(config, channel))
    for recipient, refusal in results:
        click.echo(f"{channel} {recipient}".strip() + f": {refusal or 'accepted'}")
    if any(refusal for _, refusal in results):
        sys.exit(EXIT_PROBLEM)


async def _send(config: "Config", name: str) -> list[tuple[str, str]]:
    from monitor.engine.local import utc_now
    from monitor.model import Alert, AlertId, Probe, stable_id
    from monitor.service import build_channels, building_tools

    now = utc_now()
    alert_id = AlertId(stable_id("a-", "test", name, now.isoformat()))
    alert = Alert(id=alert_id, occurred_at=now, body=Probe(channel=name))
    results = []
    async with building_tools(config) as tools:
        channel = build_channels(config, tools)[name]
        for recipient in channel.recipients():
            try:
                await channel.send(channel.compose(alert, recipient), recipient, now)
                results.append((recipient, ""))
            except DeliveryError as error:
                results.append((recipient, str(error)))
    return results


@notify.command()
@click.argument("directory_out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--story", "story_id", help="A stored story instead of an example.")
@directory_option
def preview(*, directory_out: Path, story_id: str | None, directory: Path) -> None:
    """Write an alert as mail would show it, alert.html and alert.txt, into DIRECTORY_OUT."""
    from monitor.notify.preview import preview as render

    config = read_config(directory)
    alert = _stored_alert(config, story_id) if story_id else _example(config)
    directory_out.mkdir(parents=True, exist_ok=True)
    for suffix, text in render(alert).items():
        path = directory_out / f"alert.{suffix}"
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))
