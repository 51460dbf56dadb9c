"""`feeds`: what is watched, whether it can be read, and how to find and carry feeds."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli import EXIT_PROBLEM
from monitor.cli.audit import audit
from monitor.cli.options import directory_option, output_options, read_config, reading
from monitor.cli.output import emit, since, to_json
from monitor.errors import FetchError, MonitorError, ParseError

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.model import Document, RawItem, Reading, Source


@click.group()
def feeds() -> None:
    """List, test, audit, find, import and export sources."""


feeds.add_command(audit)


@feeds.command("list")
@directory_option
@click.option("--problems", is_flag=True, help="Only sources that are not, or not well, read.")
@click.option("--all", "show_all", is_flag=True, help="Also those that are switched off.")
@output_options
def list_feeds(*, directory: Path, problems: bool, show_all: bool, output: str) -> None:
    """List sources, the worst first: state, since when, the evidence, what to do.

    Exit code with --problems: 1 where there are any.
    """
    from monitor.cli.feedlist import COLUMNS, redacted, rows_of
    from monitor.engine.clock import utc_now

    config, now = read_config(directory), utc_now()
    rows = [redacted(row, config.secrets) for row in rows_of(config, now)]
    rows = [row for row in rows if show_all or row["state"] != "off"]
    watched = sum(row["state"] != "off" for row in rows)
    if problems:
        rows = [row for row in rows if row["state"] not in ("ok", "new", "off")]
        if not rows:
            click.echo("no problems", err=True)
            return
    if output == "table" and sys.stdout.isatty() and rows:
        from monitor.cli.feedtable import show

        show(rows, watched, now)
    else:
        emit(rows, output, COLUMNS)
    if problems:
        click.echo(f"{len(rows)} of {watched} sources", err=True)
        sys.exit(EXIT_PROBLEM)


@feeds.command()
@directory_option
@click.option("--since", "since_text", default="7d", show_default=True, help="30d, 12h or a date.")
@output_options
def articles(*, directory: Path, since_text: str, output: str) -> None:
    """Count for each feed with full_text what came of its articles: read, or why not."""
    from monitor.engine.clock import utc_now

    config = read_config(directory)
    wanted = [source.id for source in config.sources if source.full_text and source.enabled]
    with reading(Path(config.service.storage.database)) as tx:
        tally = tx.full_text.tally(since(since_text, utc_now()))
    rows = [_article_row(name, tally.get(name, {})) for name in dict.fromkeys((*wanted, *tally))]
    emit(rows, output, ("id", "asked", "read", "failed", "why"))


def _article_row(source_id: str, counts: Mapping[str, int]) -> dict[str, Any]:
    failed = {kind: count for kind, count in counts.items() if kind != "read"}
    return {
        "id": source_id,
        "asked": sum(counts.values()),
        "read": counts.get("read", 0),
        "failed": sum(failed.values()),
        "why": ", ".join(f"{kind} {count}" for kind, count in failed.items()),
        "kinds": failed,
    }


@feeds.command("test")
@click.argument("what")
@directory_option
@click.option("--json", "as_json", is_flag=True, help="One JSON line per item.")
@click.option(
    "--articles",
    "count",
    type=click.IntRange(0, 50),
    default=0,
    metavar="N",
    help="Also read the articles of the N newest items, as full_text would.",
)
def test_feed(*, what: str, directory: Path, as_json: bool, count: int) -> None:
    """Read one document (a FILE, a URL or the id of a source) and print what it parses to.

    Nothing is stored. Exit code 1 when it cannot be read, with the reason.
    """
    try:
        document = _document(what, directory)
        result = _read(document)
    except (FetchError, ParseError) as error:
        click.echo(f"{what}: {error} ({error.kind})", err=True)
        sys.exit(EXIT_PROBLEM)
    if result.partial:
        click.echo(f"{what}: the document breaks off; this is what it holds", err=True)
    read = _articles(what, directory, result, count) if count else {}
    if as_json:
        for place, item in enumerate(result.items):
            article = {"article": read.get(place)} if count else {}
            click.echo(to_json({**_item_row(item, result), **article}))
        return
    click.echo(f"{what}: {result.format}, {len(result.items)} items: {result.title}", err=True)
    _tabulate(result, read, with_articles=bool(count))


def _articles(
    what: str, directory: Path, result: "Reading", count: int
) -> "Mapping[int, dict[str, Any]]":
    """Return what came of articles, by the place of their item; a source's own login goes along."""
    from monitor.cli.trial import articles_of
    from monitor.model import Source, SourceId

    config = _config_or_defaults(directory)
    sources = {source.id: source for source in config.sources}
    source = sources.get(SourceId(what)) or Source(id=SourceId("test"), url=what)
    return asyncio.run(articles_of(config, source, result, count))


def _tabulate(
    result: "Reading", read: "Mapping[int, dict[str, Any]]", *, with_articles: bool
) -> None:
    rows = [
        {**_item_row(item, result), "published": _shown(item), "article": _said(read.get(place))}
        for place, item in enumerate(result.items)
    ]
    emit(rows, "table", ("published", "lang", "title", "article" if with_articles else "link"))


def _said(article: "Mapping[str, Any] | None") -> str:
    """Return what came of an article in a few words."""
    if article is None:
        return ""
    if article["text"]:
        return f"read, {len(article['text'])} characters"
    return f"{article['result']}: {article['detail']}" if article["detail"] else article["result"]


def _shown(item: "RawItem") -> str:
    return f"{item.published:%Y-%m-%d %H:%M}" if item.published else ""


def _read(document: "Document") -> "Reading":
    from monitor.fetch.sandbox import Sandbox

    sandbox = Sandbox()
    try:
        return sandbox.read_now(document)
    finally:
        sandbox.close_now()


def _item_row(item: "RawItem", reading: "Reading") -> dict[str, Any]:
    times = {name: getattr(item, name) for name in ("published", "updated")}
    return {
        "id": item.id,
        "title": item.title,
        "link": item.link,
        "text": item.text,
        **{name: time.isoformat() if time else None for name, time in times.items()},
        "lang": item.lang or reading.lang,
    }


def _document(what: str, directory: Path) -> "Document":
    """Return a document from a file, from the network, or of a configured source."""
    from monitor.model import Document

    if "://" not in what and Path(what).is_file():
        return Document(body=Path(what).read_bytes())
    return asyncio.run(_fetched(what, directory))


async def _fetched(what: str, directory: Path) -> "Document":
    from monitor.engine.clock import utc_now
    from monitor.model import Fetched, Source, SourceId, Validators
    from monitor.service import fetching

    config = _config_or_defaults(directory)
    sources = {source.id: source for source in config.sources}
    if "://" not in what and what not in sources:
        raise MonitorError(f'"{what}" is no file, no address and no source of {directory}')
    source = sources.get(SourceId(what)) or Source(id=SourceId("test"), url=what)
    async with fetching(config, utc_now) as fetcher:
        answer = await fetcher.fetch(source, Validators())
    assert isinstance(answer, Fetched), "an unconditional request brings a document"
    return answer.document


def _config_or_defaults(directory: Path) -> "Config":
    """Return the configuration; without one the shipped one, for its network settings."""
    from monitor.config import defaults_path

    return read_config(directory if directory.is_dir() else defaults_path("config"))


@feeds.command()
@click.argument("url")
@directory_option
@output_options
def discover(*, url: str, directory: Path, output: str) -> None:
    """Find the feeds of a home page: those it names, else those at the usual places."""
    rows = asyncio.run(_discover(url, directory))
    emit(rows, output, ("format", "items", "title", "url"))
    if not rows:
        click.echo(f"{url}: no feed found", err=True)
        sys.exit(EXIT_PROBLEM)


async def _discover(url: str, directory: Path) -> list[dict[str, Any]]:
    from monitor.engine.clock import utc_now
    from monitor.fetch.sandbox import Sandbox
    from monitor.service import fetching
    from monitor.sources.discover import likely_places

    feeds, pages = Sandbox(), Sandbox(reader="feed-links")
    found = []
    try:
        async with fetching(_config_or_defaults(directory), utc_now) as fetcher:
            page = await fetcher.get(url)
            named = [link.link for link in (await pages.read(page)).items]
            for candidate in named or likely_places(page.url or url):
                row = await _tried(candidate, fetcher.get, feeds.read)
                if row:
                    found.append(row)
    finally:
        await feeds.close()
        await pages.close()
    return found


async def _tried(url: str, get: Any, read: Any) -> dict[str, Any] | None:
    try:
        result = await read(await get(url))
    except (FetchError, ParseError):
        return None
    return {
        "url": url,
        "format": result.format,
        "title": result.title,
        "items": len(result.items),
    }


@feeds.command("import-opml")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@directory_option
def import_opml(*, file: Path, directory: Path) -> None:
    """Print the feeds of an OPML FILE as lines for feeds.yaml; known addresses are left out."""
    from monitor.sources import opml

    sources = read_config(directory).sources
    known_urls, known_ids = {one.url for one in sources}, {one.id for one in sources}
    found = opml.load(file.read_bytes())
    fresh = [one for one in found.sources if one.url not in known_urls]
    for source in fresh:
        if source.id in known_ids:
            click.echo(f"{source.id}: the id is taken in feeds.yaml, choose another", err=True)
        click.echo(_entry(source))
    for reason in found.skipped:
        click.echo(f"{file}: {reason}", err=True)
    known = len(found.sources) - len(fresh)
    click.echo(f"{len(fresh)} new, {known} known already; add the lines to feeds.yaml", err=True)


def _entry(source: "Source") -> str:
    """Return a source as a line of feeds.yaml; JSON is YAML, so nothing needs more quotes."""
    entry: dict[str, Any] = {"id": source.id, "name": source.name, "url": source.url}
    entry |= {"lang": source.lang, "tags": sorted(source.tags), "note": source.note}
    entry |= {"full_text": source.full_text}
    return "  - " + to_json({name: value for name, value in entry.items() if value})


@feeds.command("export-opml")
@directory_option
def export_opml(*, directory: Path) -> None:
    """Print the sources as OPML."""
    from monitor.sources import opml

    click.echo(opml.dump(read_config(directory).sources), nl=False)
