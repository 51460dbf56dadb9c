"""`silence`: what nobody is told of for a while, with an end, a reason and a name."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import (
    directory_option,
    looking,
    output_options,
    read_config,
    who,
    writing,
)
from monitor.cli.output import emit
from monitor.errors import MonitorError
from monitor.model import stable_id


@click.group()
def silence() -> None:
    """Tell nobody of what is known and harmless, until a time; it is still stored and shown."""


@silence.command()
@directory_option
@click.option("--rule", "rules", multiple=True, help="Hits of this rule; may be given again.")
@click.option("--source", "sources", multiple=True, help="Items of this source.")
@click.option("--theme", "themes", multiple=True, help="Hits of rules of this theme.")
@click.option("--text", default="", help="Items with these words in a row: 'exercise Ulchi*'.")
@click.option("--until", required=True, help="8h, 14d, 2024-09-05 (its end, UTC) or a full time.")
@click.option("--reason", required=True, help="Why; shown with everything it silences.")
@click.option("--by", default=None, help="Who says so; your login by default.")
def add(*, directory: Path, until: str, reason: str, by: str | None, **conditions: Any) -> None:
    """Silence what fits every condition given."""
    from monitor.engine.clock import utc_now

    config = read_config(directory)
    now = utc_now()
    silence = _silence(conditions, (until, by or who(), reason), now)
    _refuse_unknown(config, silence)
    with writing(Path(config.service.storage.database)) as tx:
        tx.attention.put_silence(silence, now)
        tx.log.put_activity(now, silence.by, "silence", silence.name, silence.said)
    end = f"monitor silence expire {silence.name}"
    click.echo(f"{silence.name} stands until {silence.until:%Y-%m-%d %H:%M} UTC; to end it: {end}")


def _silence(conditions: dict[str, Any], words: tuple[str, str, str], now: datetime) -> Any:
    from pydantic import ValidationError

    from monitor.config.effective import silence_of
    from monitor.config.schema import SilenceEntry

    until, by, reason = words
    named = {"rule": "rules", "source": "sources", "theme": "themes", "text": "text"}
    given = {key: conditions[name] for key, name in named.items() if conditions[name]}
    try:
        entry = SilenceEntry.model_validate(
            {**given, "until": _end(until, now), "by": by, "reason": reason}
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"--{part}: " for part in first["loc"][:1])
        raise click.UsageError(place + first["msg"].removeprefix("Value error, ")) from error
    if entry.until <= now:
        raise click.UsageError(f"--until {until} is over already")
    parts = (*sorted(map(str, given.items())), entry.until.isoformat(), now.isoformat())
    return silence_of(stable_id("q-", *parts, length=6), entry)


def _end(until: str, now: datetime) -> object:
    """Return the moment that is so far from now, or the text where it is no time span."""
    from monitor.config.values import Wrong, read_duration

    try:
        return now + read_duration(until)
    except Wrong:
        return until


def _refuse_unknown(config: Any, silence: Any) -> None:
    """Refuse names that do not exist: the silence would never cover anything."""
    rules = config.ruleset.rules
    known = (
        ("rule", silence.rules, set(rules)),
        ("source", silence.sources, {source.id for source in config.sources}),
        ("theme", silence.themes, {info.theme for info in rules.values()}),
    )
    for what, names, existing in known:
        for name in sorted(names - existing):
            raise click.UsageError(f'there is no {what} "{name}"')


@silence.command("list")
@directory_option
@click.option("--all", "with_over", is_flag=True, help="Those that are over, too.")
@output_options
def list_silences(*, directory: Path, with_over: bool, output: str) -> None:
    """List the silences of routes.yaml and of `silence add`."""
    from monitor.engine.clock import utc_now

    now = utc_now()
    config = read_config(directory)
    with looking(directory) as tx:
        kept = tx.attention.silences(None)
    rows = [_row(one, now) for one in (*config.silences, *kept) if with_over or one.until > now]
    emit(rows, output, ("name", "until", "state", "covers", "by", "reason"))


def _row(silence: Any, now: datetime) -> dict[str, Any]:
    covers = [f"{key}: {', '.join(sorted(names))}" for key, names in _conditions(silence) if names]
    return {
        "name": silence.name,
        "until": silence.until.isoformat(),
        "state": "stands" if silence.until > now else "over",
        "covers": "; ".join(covers),
        "by": silence.by,
        "reason": silence.reason,
    }


def _conditions(silence: Any) -> tuple[tuple[str, Any], ...]:
    return (
        ("rule", silence.rules),
        ("source", silence.sources),
        ("theme", silence.themes),
        ("text", [silence.text] if silence.text else []),
    )


@silence.command()
@click.argument("name")
@directory_option
@click.option("--by", default=None, help="Who says so; your login by default.")
def expire(*, name: str, directory: Path, by: str | None) -> None:
    """End a silence now; what comes next is told again, also of stories it kept quiet."""
    from monitor.engine.clock import utc_now

    config, now = read_config(directory), utc_now()
    with writing(Path(config.service.storage.database)) as tx:
        if not tx.attention.end_silence(name, now):
            hint = "see monitor silence list; those of routes.yaml are ended there"
            raise MonitorError(f"no silence {name} stands; {hint}")
        tx.log.put_activity(now, by or who(), "unsilence", name)
    click.echo(f"{name} is over")
