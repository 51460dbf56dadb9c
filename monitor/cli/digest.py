"""`digest`: what the next digest would say if it closed now; nothing is closed and nothing sent."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import directory_option, stored

_KINDS = {False: "day", True: "week"}


@click.command()
@directory_option
@click.option("--week", is_flag=True, help="The weekly one.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write it here too.")
@click.option("--csv", type=click.Path(path_type=Path, dir_okay=False), help="Its table, likewise.")
def digest(*, directory: Path, week: bool, html: Path | None, csv: Path | None) -> None:
    """Print what the next digest would say if it closed now: since the last one, until now.

    Nothing is closed, nothing is sent; the next digest will say it again.
    """
    from monitor.engine.clock import utc_now
    from monitor.notify.preview import preview

    with stored(directory) as (config, tx):
        alert = _alert(tx, config, _KINDS[week], utc_now())
    parts = preview(alert, str(config.service.web.public_url or ""))
    click.echo(_without_subject(parts["txt"]), nl=False)
    for path, suffix in ((html, "html"), (csv, "csv")):
        if path is not None:
            path.write_text(parts[suffix], encoding="utf-8")
            click.echo(f"written: {path}", err=True)


def _alert(tx: Any, config: Any, kind: str, now: datetime) -> Any:
    from monitor.alerts.digest import Window
    from monitor.model import Alert, AlertId
    from monitor.service import settings_of
    from monitor.steps.digest import begun_at, digest_of, plans

    settings = settings_of(config)
    plan = next(one for one in plans(settings) if one.kind == kind)
    local_date = now.astimezone(settings.digest_zone).date().isoformat()
    window = Window(local_date=local_date, since=begun_at(tx, plan, now), until=now)
    body = digest_of(tx, settings, plan, window)
    return Alert(id=AlertId("a-preview"), occurred_at=now, body=body)


def _without_subject(text: str) -> str:
    return text.split("\n\n", 1)[1]
