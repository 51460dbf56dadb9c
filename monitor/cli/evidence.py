"""`verify` and `erase`: that no record was changed, and what becomes of one that must go."""

import sys
from pathlib import Path
from typing import Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.options import database_of, directory_option, read_config, reading, who, writing
from monitor.cli.output import to_json
from monitor.errors import MonitorError

_SHORTEST_HEAD = 12  # hex digits; fewer could be found by chance


@click.command()
@directory_option
@click.option("--database", type=click.Path(path_type=Path), help="Instead of the configured one.")
@click.option("--head", default="", help="The hash that an earlier digest, or log, printed.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def verify(*, directory: Path, database: Path | None, head: str, as_json: bool) -> None:
    """Look through the chain of evidence; exit code 1 with every place where it breaks.

    With --head also say whether everything up to that moment is as it was.
    """
    asked = _head(head)
    path = database or database_of(directory)
    with reading(path) as tx:
        verdict = _verified(tx, asked)
    lost = bool(asked) and verdict.found_head is None
    if as_json:
        click.echo(to_json(_outcome(verdict, asked)))
    else:
        click.echo(_told(verdict, asked))
    if verdict.faults or lost:
        sys.exit(EXIT_PROBLEM)


def _verified(tx: Any, head: str) -> Any:
    from monitor.cli.run import progress

    with progress(tx.chain.count(), "records") as advance:
        return tx.chain.verify(head, advance)


def _head(text: str) -> str:
    head = "".join(text.split()).lower()
    if head and (len(head) < _SHORTEST_HEAD or not set(head) <= set("0123456789abcdef")):
        raise click.UsageError(
            f"--head takes the hash of a digest, at least {_SHORTEST_HEAD} of it"
        )
    return head


def _outcome(verdict: Any, head: str) -> dict[str, Any]:
    found = verdict.found_head
    return {
        "records": verdict.records,
        "erased": verdict.erased,
        "head": verdict.head,
        "faults": [vars(fault) for fault in verdict.faults],
        "asked": head or None,
        "found": {"link": found.link, "day": found.day} if found else None,
    }


def _told(verdict: Any, head: str) -> str:
    lines = [f"{fault.record} ({_where(fault)}): {fault.why}" for fault in verdict.faults]
    if not lines:
        erased = f", {verdict.erased} of them erasures" if verdict.erased else ""
        lines = [f"{verdict.records} records{erased}: each is what it was. Head {verdict.head}"]
    found = verdict.found_head
    if head and found is None:
        lines.append(
            f"No record ends in {head}: what stood there then was changed or cut off, or the "
            "hash is of another database."
        )
    elif found is not None and not any(0 < fault.link <= found.link for fault in verdict.faults):
        lines.append(
            f"Everything up to record {found.link} of {found.day} is as it was when that hash "
            "was printed."
        )
    return "\n".join(lines)


def _where(fault: Any) -> str:
    return f"link {fault.link} of {fault.day}" if fault.link else "no link"


@click.command()
@click.argument("items", nargs=-1, required=True)
@directory_option
@click.option("--reason", required=True, help="Why; kept in the chain, beside the hash.")
@click.option("--by", default=None, help="Who says so; your login by default.")
@click.option("--yes", is_flag=True, help="Do not ask: it cannot be taken back.")
def erase(
    *, items: tuple[str, ...], directory: Path, reason: str, by: str | None, yes: bool
) -> None:
    """Blank what is kept of ITEMS (i-...): texts, entry as received, matched words.

    Hashes, times, rules, decisions and deliveries stay; copies and sent messages are yours to
    look after.
    """
    from monitor.engine.clock import utc_now

    if not reason.strip():
        raise click.UsageError("--reason is empty")
    config = read_config(directory)
    if not yes:
        click.confirm(f"Erase {len(items)} item(s) for good?", abort=True)
    name, now = by or who(), utc_now()
    with writing(Path(config.service.storage.database)) as tx:
        for item in items:
            count = tx.chain.erase(item, now, name, reason.strip())
            if not count:
                raise MonitorError(f"{item} has no evidence that is not erased; see monitor hits")
            tx.log.put_activity(now, name, "erase", item, reason.strip())
    click.echo(f"{len(items)} erased; their hashes stay in the chain: monitor verify")
