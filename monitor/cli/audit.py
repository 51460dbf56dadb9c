"""`feeds audit`: every feed of the list is looked at, and the list as it should read is shown."""

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PARTLY, EXIT_PROBLEM
from monitor.cli.options import directory_option, environment, read_config
from monitor.cli.output import to_json
from monitor.errors import MonitorError

if TYPE_CHECKING:
    from monitor.alerts.audit import Finding
    from monitor.audit import Proposal
    from monitor.config import Config
    from monitor.model import Source

_FILE = "feeds.yaml"
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_NOBODY = (
    "Not one feed could be read: is this machine offline? Nothing is proposed; try again later."
)


@click.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@directory_option
@click.option("--write", is_flag=True, help="Write the changes into feeds.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print findings and diff as one JSON object.")
def audit(*, ids: tuple[str, ...], directory: Path, write: bool, as_json: bool) -> None:
    """Look at every feed of feeds.yaml, on or off, and print what to change in it as a diff.

    Nothing is stored, and nothing written without --write. Exit code 0: all is as it should be, or
    was written. 1: there are changes to write, or nothing could be read. 4: some feeds could not
    be read.
    """
    from monitor.audit import propose
    from monitor.engine.clock import utc_now

    config = read_config(directory)
    sources = _chosen(config, ids, directory)
    path = directory / _FILE
    before = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    now = utc_now()
    findings = asyncio.run(_findings(config, sources, now))
    proposal = propose(before, findings, f"{now:%Y-%m-%d}")
    diff = proposal.diff(before, f"{directory.name}/{_FILE}")
    if as_json:
        click.echo(to_json(_summary(findings, proposal, diff)))
    else:
        _tell(findings, proposal)
        _show(diff)
    if write and diff:
        _write(directory, path, before, proposal)
    sys.exit(_exit_code(findings, is_left=bool(diff) and not write))


def _chosen(config: "Config", ids: Sequence[str], directory: Path) -> "list[Source]":
    known = {source.id: source for source in config.sources}
    unknown = [one for one in ids if one not in known]
    if unknown:
        raise MonitorError(f"{directory / _FILE} has no feed {', '.join(unknown)}")
    return [source for source in config.sources if not ids or source.id in ids]


async def _findings(
    config: "Config", sources: "Sequence[Source]", now: datetime
) -> "list[Finding]":
    """Return what was found in the order of the list; addresses may hold a key, which is hidden."""
    from monitor.audit import Eyes, look
    from monitor.cli.run import progress
    from monitor.config.secrets import redact
    from monitor.engine.clock import utc_now
    from monitor.fetch.sandbox import Sandbox
    from monitor.service import fetching

    found: list[Finding] = []
    sandbox = Sandbox()
    try:
        async with fetching(config, utc_now) as fetcher:
            at_once = config.service.polling.at_once
            eyes = Eyes(fetch=fetcher.fetch, read=sandbox.read, at_once=at_once)
            with progress(len(sources), "feeds") as advance:
                async for some in look(sources, eyes, now):
                    found += some
                    advance()
    finally:
        await sandbox.close()
    order = {source.id: number for number, source in enumerate(sources)}
    found.sort(key=lambda one: order[one.source.id])
    return [replace(one, detail=redact(one.detail, config.secrets)) for one in found]


def _tell(findings: "Sequence[Finding]", proposal: "Proposal") -> None:
    """Say what was found, for people: what asks for something first, then the counts."""
    from monitor.alerts.audit import is_offline
    from monitor.text.clean import one_line

    counts = Counter(one.state for one in findings)
    wide = max((len(one.source.id) for one in findings), default=0)
    for one in findings:
        if one.state not in ("ok", "off"):
            what = proposal.left.get(one.source.id) if one.key else ""
            note = f" ({what})" if what else ""
            line = f"{one.state:13}  {one.source.id:{wide}}  {one_line(one.detail)}{note}"
            click.echo(line, err=True)
    shown = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    click.echo(f"{len({one.source.id for one in findings})} feeds: {shown}.", err=True)
    if findings and is_offline(findings):
        click.echo(_NOBODY, err=True)


def _show(diff: str) -> None:
    """Print a diff, in colours on a terminal."""
    for line in diff.splitlines():
        colour = _COLOURS.get(line[:1]) if not line.startswith(("+++", "---")) else None
        click.echo(click.style(line, fg=colour, bold=line.startswith(("+++", "---"))))


def _summary(findings: "Sequence[Finding]", proposal: "Proposal", diff: str) -> dict[str, Any]:
    return {
        "feeds": len({one.source.id for one in findings}),
        "states": dict(Counter(one.state for one in findings)),
        "findings": [
            {
                "id": one.source.id,
                "state": one.state,
                "detail": one.detail,
                "change": {one.key: one.value} if one in proposal.changes else {},
                "left": proposal.left.get(one.source.id, "") if one.key else "",
            }
            for one in findings
        ],
        "diff": diff,
    }


def _write(directory: Path, path: Path, before: str, proposal: "Proposal") -> None:
    from monitor.config.files import write_file
    from monitor.service import check_change

    check_change(directory, environment(), {_FILE: proposal.text})
    write_file(path, before, proposal.text)
    feeds = len({one.source.id for one in proposal.changes})
    click.echo(f"{path}: {len(proposal.changes)} changes to {feeds} feeds written.", err=True)


def _exit_code(findings: "Sequence[Finding]", *, is_left: bool) -> int:
    from monitor.alerts.audit import is_offline

    if is_left or (findings and is_offline(findings)):
        return EXIT_PROBLEM
    return EXIT_PARTLY if any(one.state == "failing" for one in findings) else 0
