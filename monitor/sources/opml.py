"""OPML 2.0 (http://opml.org/spec2.opml): how lists of feeds move between feed readers.

What an export holds comes back whole from an import, but for secrets, which are never written.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal, get_args
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from monitor.errors import ParseError
from monitor.model import Source, SourceId
from monitor.text import urls
from monitor.text.clean import one_line, visible

_NAMESPACE = "https://sanctions-monitor.org/opml"
_OWN_ID = "monitor:id"
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_DEPTH = 50  # folders in folders
_FirstPoll = Literal["alert", "digest", "silent"]


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The sources of an OPML document in its order, and what was left out, with the reason."""

    sources: tuple[Source, ...]
    skipped: tuple[str, ...] = ()


def load(text: bytes) -> Imported:
    """Return the feeds of an OPML document; folders become tags.

    A feed that is listed twice (in two folders) is one source with the tags of both.

    Raises:
        ParseError: the text is no XML, or no OPML.
    """
    outlines = _outlines(text)
    sources: dict[str, Source] = {}
    skipped = []
    for outline in outlines:
        url = outline.attributes.get("xmlUrl", "").strip()
        if not urls.is_http(url):
            if not outline.has_children:
                skipped.append(f"line {outline.line}: {_name(outline) or 'an outline'}: no xmlUrl")
            continue
        key = urls.key(url)  # http and https are one feed
        if key in sources:
            known = sources[key]
            sources[key] = replace(known, tags=known.tags | _tags(outline))
            skipped.append(f"line {outline.line}: {url}: listed twice, as {known.id} before")
        else:
            sources[key] = _source(outline, url, {source.id for source in sources.values()})
    return Imported(sources=tuple(sources.values()), skipped=tuple(skipped))


def dump(sources: Iterable[Source], *, title: str = "Sources") -> str:
    """Return an OPML document with all sources, one a line, without their secrets."""
    lines = "".join(f"    <outline {_attributes(source)}/>\n" for source in sources)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<opml version="2.0" xmlns:monitor="{_NAMESPACE}">\n'
        f"  <head><title>{escape(one_line(title))}</title></head>\n"
        f"  <body>\n{lines}  </body>\n</opml>\n"
    )


def _attributes(source: Source) -> str:
    values = {
        "type": "rss",
        "text": source.name or source.id,
        "title": source.name,
        "xmlUrl": source.url,
        "category": ",".join(sorted(source.tags)),
        "language": source.lang,
        "description": source.note,
        _OWN_ID: source.id,
        "monitor:type": source.type,
        "monitor:every": f"{source.every.total_seconds():.0f}",
        "monitor:timeout": f"{source.timeout.total_seconds():.0f}",
        "monitor:trust": str(source.trust),
        "monitor:enabled": str(source.enabled).lower(),
        "monitor:fullText": str(source.full_text).lower(),
        "monitor:verifyTls": str(source.verify_tls).lower(),
        "monitor:firstPoll": source.first_poll,
    }
    return " ".join(
        f"{name}={quoteattr(visible(value))}" for name, value in values.items() if value
    )


@dataclass
class _Outline:
    attributes: Mapping[str, str]
    folders: tuple[str, ...]
    line: int
    has_children: bool = False


@dataclass
class _Tree:
    """What the handlers collect: every outline, and those that are open."""

    parser: expat.XMLParserType
    root: str = ""
    found: list[_Outline] = field(default_factory=list)
    open: list[_Outline] = field(default_factory=list)

    def on_start(self, name: str, attributes: dict[str, str]) -> None:
        self.root = self.root or name
        if name != "outline":
            return
        if len(self.open) >= _MAX_DEPTH:
            raise ParseError(f"folders are nested deeper than {_MAX_DEPTH}", kind="too-deep")
        folders = []
        if self.open:
            parent = self.open[-1]
            parent.has_children = True
            folders = [*parent.folders, *([] if "xmlUrl" in parent.attributes else [_name(parent)])]
        outline = _Outline(attributes, tuple(folders), self.parser.CurrentLineNumber)
        self.found.append(outline)
        self.open.append(outline)

    def on_end(self, name: str) -> None:
        if name == "outline":
            self.open.pop()


def _outlines(text: bytes) -> list[_Outline]:
    parser = expat.ParserCreate()
    tree = _Tree(parser)
    parser.StartElementHandler = tree.on_start
    parser.EndElementHandler = tree.on_end
    try:
        parser.Parse(text, True)  # noqa: FBT003 - positional only
    except expat.ExpatError as error:
        raise ParseError(f"not readable as OPML: {error}", kind="xml") from error
    if tree.root != "opml":
        raise ParseError(f"not an OPML document: its root is <{tree.root}>", kind="xml")
    return tree.found


def _name(outline: _Outline) -> str:
    return one_line(outline.attributes.get("title") or outline.attributes.get("text") or "")


def _tags(outline: _Outline) -> frozenset[str]:
    """Return the tags: those in `category` (`/a/b` from other programs), and the folders."""
    separator = r"," if _OWN_ID in outline.attributes else r"[,/]"
    named = re.split(separator, outline.attributes.get("category", ""))
    return frozenset(filter(None, [*map(str.strip, named), *map(slug, outline.folders)]))


def _source(outline: _Outline, url: str, taken: Iterable[str]) -> Source:
    get = outline.attributes.get
    own_id = get(_OWN_ID, "")
    name = get("title", "") if own_id else _name(outline)
    wanted = own_id if _ID.fullmatch(own_id) else slug(name) or slug(urls.key(url))
    source = Source(
        id=SourceId(_free(wanted, taken)),
        url=url,
        name=name,
        type=get("monitor:type", "feed"),
        lang=get("language", ""),
        tags=_tags(outline),
        note=get("description", ""),
        enabled=get("monitor:enabled") != "false",
        full_text=get("monitor:fullText") == "true",
        verify_tls=get("monitor:verifyTls") != "false",
    )
    return _tuned(source, outline.attributes)


def _tuned(source: Source, attributes: Mapping[str, str]) -> Source:
    """Return the source with the numbers of our own export, where they are numbers."""
    number = {
        name: int(attributes[f"monitor:{name}"])
        for name in ("every", "timeout", "trust")
        if re.fullmatch(r"\d{1,7}", attributes.get(f"monitor:{name}", ""))
    }
    first_poll = attributes.get("monitor:firstPoll", "")
    choices: tuple[_FirstPoll, ...] = get_args(_FirstPoll)
    return replace(
        source,
        every=timedelta(seconds=number["every"]) if "every" in number else source.every,
        timeout=timedelta(seconds=number["timeout"]) if "timeout" in number else source.timeout,
        trust=number.get("trust", source.trust),
        first_poll=next((it for it in choices if it == first_poll), source.first_poll),
    )


def slug(text: str) -> str:
    """Return the text as an id: at most 60 ASCII letters, digits and hyphens; perhaps empty."""
    letters = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:60].strip("-")


def _free(wanted: str, taken: Iterable[str]) -> str:
    """Return the id, with a number where another source has it."""
    wanted, taken, number = wanted or "source", frozenset(taken), 2
    if wanted not in taken:
        return wanted
    while f"{wanted}-{number}" in taken:
        number += 1
    return f"{wanted}-{number}"
