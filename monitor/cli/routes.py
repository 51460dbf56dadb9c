"""`routes`: who would get a story, when, and why."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import directory_option, output_options, stored
from monitor.cli.output import emit
from monitor.errors import MonitorError


@click.group()
def routes() -> None:
    """Say who would get a story, when, and why."""


@routes.command()
@click.argument("story_id", required=False)
@directory_option
@click.option("--at", default=None, help="2024-03-30T03:00, by the clock of digest.zone; now.")
@output_options
def test(*, story_id: str | None, directory: Path, at: str | None, output: str) -> None:
    """Say which channels would get the latest article of a story (the latest one); sends nothing.

    One row for each route: its channels, and since when and why, or what does not fit.
    """
    with stored(directory) as (config, tx):
        now = _moment(at, config.service.digest.zone)
        story, item, hits, silenced = _asked(tx, config, story_id, now)
        click.echo(f"{story.id} {story.title}, at {now:%Y-%m-%d %H:%M %Z}", err=True)
        rows = [] if not hits else _rows(config, _traits(config, story, item, hits), now)
    if story.muted or not hits:
        click.echo(f"Nobody is told: {'the story is muted' if story.muted else silenced}", err=True)
    emit([] if story.muted else rows, output, ("route", "send", "told", "why"))


def _moment(at: str | None, zone: Any) -> datetime:
    from monitor.engine.clock import utc_now

    if at is None:
        return utc_now().astimezone(zone)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise click.UsageError(
            f"--at {at} is no time; write for example 2024-03-30T03:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _asked(tx: Any, config: Any, prefix: str | None, now: datetime) -> tuple[Any, Any, Any, str]:
    """Return the story, its latest item, the hits no silence covers, and what covers the rest."""
    from monitor.alerts.silence import heard

    ids = [tx.stories.latest()] if prefix is None else list(tx.stories.find(prefix))
    if len(ids) != 1 or ids[0] is None:
        raise MonitorError("names no story, or several; see monitor stories")
    story = tx.stories.get(ids[0])
    item = tx.items.get(tx.stories.members(story.id)[-1]["id"])
    rules = config.ruleset.rules
    hits = [hit for hit in tx.items.hits(item.id) if hit.rule in rules]
    if not hits:
        raise MonitorError("no rule that is in force finds its latest article any more")
    silences = (*config.silences, *tx.attention.silences(now))
    return (story, item, *heard(item, hits, rules, silences, now))


def _traits(config: Any, story: Any, item: Any, hits: Any) -> Any:
    from monitor.model import Reason
    from monitor.service import settings_of
    from monitor.steps.tell import Cause, traits_of

    cause = Cause(story=story, item=item, hits=hits, reason=Reason.NEW_STORY)
    return traits_of(settings_of(config), cause)


def _rows(config: Any, traits: Any, now: datetime) -> list[dict[str, Any]]:
    from monitor.alerts.route import misses, route

    rows = []
    for number, one in enumerate(config.routes, start=1):
        missing = misses(one, traits)
        ways = route(traits, [one], now)
        told = "no" if missing else _told(ways, now)
        why = f"other {', '.join(missing)}" if missing else _why(one, ways)
        rows.append({"route": number, "send": ", ".join(one.send), "told": told, "why": why})
    return rows


def _told(ways: Any, now: datetime) -> str:
    if not ways:
        return "in the digest"
    until = ways[0].held_until
    return f"{until.astimezone(now.tzinfo):%a %H:%M}" if until else "at once"


def _why(route: Any, ways: Any) -> str:
    """Return what holds the messages of a route that fits."""
    parts = ["it fits"]
    if ways and ways[0].held_until:
        parts.append(f"quiet until {route.quiet.end:%H:%M} {route.quiet.zone.key}")
    if ways and ways[0].cap:
        parts.append(f"at most {ways[0].cap.count} in {ways[0].cap.per}")
    if ways and ways[0].repeat:
        parts.append(f"again {ways[0].repeat.times} times every {ways[0].repeat.every}")
    return ", ".join(parts)
