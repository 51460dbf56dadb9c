"""`notify`: try a channel before it matters."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import directory_option, read_config, stored
from monitor.errors import DeliveryError, MonitorError

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.model import Alert
    from monitor.store import Transaction


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
    from monitor.engine.clock import utc_now
    from monitor.model import Alert, AlertId, Probe, stable_id
    from monitor.service import build_channels, fetching, tools_of

    now = utc_now()
    alert_id = AlertId(stable_id("a-", "test", name, now.isoformat()))
    alert = Alert(id=alert_id, occurred_at=now, body=Probe(channel=name))
    results = []
    async with fetching(config, utc_now) as fetcher:
        channel = build_channels(config, tools_of(config, fetcher, sys.stdout))[name]
        for recipient in channel.recipients():
            try:
                await channel.send(channel.compose(alert, recipient), recipient, now)
                results.append((recipient, ""))
            except DeliveryError as error:
                results.append((recipient, str(error)))
    return results


@notify.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--story", "story_id", help="This story; the latest one by default.")
@directory_option
def preview(*, out: Path, story_id: str | None, directory: Path) -> None:
    """Write the alert of a stored story as a mail shows it, alert.html and alert.txt, into OUT."""
    from monitor.notify.preview import preview as render

    with stored(directory) as (config, tx):
        alert = _alert_of(tx, config, story_id)
    out.mkdir(parents=True, exist_ok=True)
    public_url = str(config.service.web.public_url or "")
    for suffix, text in render(alert, public_url).items():
        path = out / f"alert.{suffix}"
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))


def _alert_of(tx: "Transaction", config: "Config", prefix: str | None) -> "Alert":
    """Return the alert that a story's latest item would make."""
    from monitor.model import Alert, AlertId, Reason
    from monitor.service import settings_of
    from monitor.steps.tell import Cause, story_alert

    story_id = tx.stories.latest() if prefix is None else next(iter(tx.stories.find(prefix)), None)
    story = tx.stories.get(story_id) if story_id else None
    if story is None:
        raise MonitorError("there is no such story yet: monitor once or monitor demo finds some")
    members = tx.stories.members(story.id)
    item = tx.items.get(members[-1]["id"])
    assert item is not None, "members are stored items"
    hits = tx.items.hits(item.id)
    cause = Cause(story=story, item=item, hits=hits, reason=Reason.NEW_STORY)
    body = story_alert(tx, settings_of(config), cause)
    return Alert(id=AlertId("a-preview"), occurred_at=item.seen_at, body=body)
