"""`match`: rules, and stories on request, over items from a file; nothing is stored or sent."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from monitor.cli import EXIT_PARTLY
from monitor.cli.options import directory_option, read_config
from monitor.errors import MonitorError
from monitor.model import Hit, Item

_Matched = tuple[Item, object, tuple[Hit, ...]]  # item, its id as given, hits


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default=Path("-"))
@directory_option
@click.option(
    "--stories",
    type=click.Choice(["hits", "all"]),
    help="Group into stories the items that hit a rule, or all of them.",
)
def match(*, file: Path, directory: Path, stories: str | None) -> None:
    """Match items of a JSON Lines FILE (or - for stdin), one JSON line out per item, in order.

    An item has id, title, summary, content, url, published, lang, source; all but title may be
    missing. Offsets count characters of the named field, as given. With --stories the whole input
    is held in memory and grouped in the order of the published times.
    """
    from monitor import rules
    from monitor.cli.jsonl import BadLine, line_of, read_items
    from monitor.engine.clock import utc_now

    ruleset = read_config(directory).ruleset
    now = utc_now()
    bad = 0
    held: list[_Matched] = []
    with _opened(file) as lines:
        for one in read_items(lines):
            if isinstance(one, BadLine):
                bad += 1
                click.echo(f"{file}:{one.number}: error: {one.message}", err=True)
                continue
            item, name = one
            hits = rules.match(item, ruleset, now)
            if stories is None:
                _write(line_of(name, hits, None))
            else:
                held.append((item, name, hits))
    if stories is not None:
        story_of = _grouped(held, only_hits=stories == "hits")
        for item, name, hits in held:
            _write(line_of(name, hits, story_of.get(item.id)))
    sys.stdout.flush()
    if bad:
        click.echo(f"{bad} lines are no items", err=True)
        sys.exit(EXIT_PARTLY)


def _write(line: str) -> None:
    """Write a line; what no encoding can hold (a lone surrogate) is written as an escape."""
    sys.stdout.write(line.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    if str(file) == "-":
        yield sys.stdin.buffer
        return
    try:
        lines = file.open("rb")
    except OSError as error:
        raise MonitorError(f"{file}: {error.strerror}") from error
    with lines:
        yield lines


def _grouped(held: Sequence[_Matched], *, only_hits: bool) -> dict[str, str]:
    """Return the story of each item, decided in the order of their times, standing for arrival."""
    from monitor.stories import cluster

    taken = [(item, hits) for item, _, hits in held if hits or not only_hits]
    taken.sort(key=lambda pair: pair[0].when)
    return {item_id: story_id for item_id, story_id, _ in cluster(taken)}
