"""How far our reading of feeds agrees with feedparser's own.

Run it with `python -m tests.evaluation.conformance`.
The documents are those of public test suites and real feeds (`conformance.tgz` of the shared
data), the reference is what feedparser 6.0.14 read from each, cached beside them. Prints the
agreement on each field and every difference under a named reason; ends with 1 when agreement is
below 99.5 % or a difference has no name.
"""

import calendar
import hashlib
import html
import io
import json
import os
import re
import sys
import tarfile
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import feedparser

from monitor import sources
from monitor.errors import ParseError
from monitor.model import Document, RawItem
from monitor.sources import encoding

SHARED = Path(os.environ.get("MONITOR_SHARED") or Path(__file__).parents[3] / "shared")
ARCHIVE = SHARED / "data" / "conformance.tgz"
FIELDS = ("title", "link", "text", "when")
WANTED = 99.5  # per cent, of each field

REASONS = {
    "json-feed": "feedparser 6.0.14 reads no JSON Feed: 0 entries, no error",
    "cut-entry": "the document breaks off in the entry; it is read when it comes whole",
    "spacing": "an initial stays with its word, punctuation with what it follows",
    "code": "what stands in script, style and template elements is no text",
    "brackets": "markup that was escaped twice is shown by one side and dropped by the other",
    "encoding": "noise in no known encoding is decoded in another one",
}

_HEADER = re.compile(rb"^Header:\s+([^:\r\n]+):([^\r\n]*)", re.MULTILINE)
_TAG = re.compile(
    r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|</?[A-Za-z!?][^<>]*>", re.DOTALL | re.IGNORECASE
)
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\ufeff\u00ad"), None)


@dataclass
class Result:
    """What the comparison found; `differences` lists document and field under their reason."""

    documents: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    agreed: Counter[str] = field(default_factory=Counter)
    json_feeds: int = 0
    differences: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def agreement(self, name: str) -> float:
        """Return the share of entries on which both agree, in per cent."""
        return 100 * self.agreed[name] / self.compared


def unpack(folder: Path) -> Path:
    """Return the unpacked corpus."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return next(path.parent for path in folder.rglob("reference-6.0.14.json"))


def documents(corpus: Path) -> Iterator[tuple[str, Document, Sequence[Mapping[str, Any]]]]:
    """Return name, document and the reference's entries of every document."""
    reference = json.loads((corpus / "reference-6.0.14.json").read_text())
    for key, read in reference.items():
        name = key.rpartition(":")[0]
        body = (corpus / "raw" / name).read_bytes()
        headers = _headers(body)
        yield name, Document(body, headers, headers["content-location"]), read["entries"]


def compare(corpus: Path) -> Result:
    """Return the comparison of all documents."""
    result = Result()
    for name, document, expected in documents(corpus):
        result.documents += 1
        try:
            reading = sources.read(document)
        except ParseError as error:
            result.refused[error.kind] += 1
            if expected:
                result.differences["lost"].append(f"{name}: {error}")
            continue
        result.json_feeds += reading.format.startswith("json")
        if len(reading.items) != len(expected):
            reason = "json-feed" if reading.format.startswith("json") else "unknown"
            reason = "cut-entry" if reading.partial else reason
            result.differences[reason].append(f"{name}: {len(expected)} -> {len(reading.items)}")
        for index, (entry, item) in enumerate(_pairs(expected, reading.items)):
            _compare_entry(result, f"{name}#{index}", document, entry, item)
    return result


def main() -> int:
    """Print the comparison."""
    with tempfile.TemporaryDirectory() as folder:
        result = compare(unpack(Path(folder)))
    print(
        f"{result.documents} documents, {result.compared} entries, {result.json_feeds} JSON Feeds"
    )
    print("refused:", dict(result.refused))
    for name in FIELDS:
        print(
            f"{name:6s} {result.agreement(name):7.3f} %  ({result.agreed[name]}/{result.compared})"
        )
    for reason, places in sorted(result.differences.items()):
        print(f"\n{reason} ({len(places)}): {REASONS.get(reason, 'NOT EXPLAINED')}")
        print("".join(f"    {place}\n" for place in places[:8]), end="")
    is_good = all(result.agreement(name) >= WANTED for name in FIELDS)
    return 0 if is_good and set(result.differences) <= set(REASONS) else 1


def _headers(body: bytes) -> dict[str, str]:
    """Return the HTTP headers that a test document declares in its comments."""
    headers = {"content-type": "text/xml", "content-location": "http://127.0.0.1:8097/t"}
    for name, value in _HEADER.findall(body[:4096]):
        headers[name.decode("latin1").strip().lower()] = value.decode("latin1").strip()
    return headers


def _pairs(
    expected: Sequence[Mapping[str, Any]], items: Sequence[RawItem]
) -> list[tuple[Mapping[str, Any], RawItem]]:
    if len(expected) == len(items):
        return list(zip(expected, items, strict=True))
    by_claim = {item.id or item.link or item.title: item for item in reversed(items)}
    claims = [(entry, entry["id"] or entry["link"] or entry["title"]) for entry in expected]
    return [(entry, by_claim[claim]) for entry, claim in claims if claim in by_claim]


def _compare_entry(
    result: Result, place: str, document: Document, entry: Mapping[str, Any], item: RawItem
) -> None:
    result.compared += 1
    when = None if item.when is None else calendar.timegm(item.when.utctimetuple())
    equal = {
        "title": _shown(item.title) == entry["title"],
        "link": item.link == entry["link"],
        "text": _hash(_words(item.text)) == entry["words"],
        "when": when == (None if entry["when"] is None else int(entry["when"])),
    }
    for name, is_equal in equal.items():
        result.agreed[name] += is_equal
        if not is_equal:
            result.differences[_reason(name, place, document, item)].append(f"{place} {name}")


def _reason(name: str, place: str, document: Document, item: RawItem) -> str:
    """Return the name of a difference in words; others have none."""
    if name not in ("title", "text"):
        return "unknown"
    feed = feedparser.parse(io.BytesIO(document.body), response_headers=dict(document.headers))
    entry = feed.entries[int(place.rpartition("#")[2])]
    contents = [part.get("value", "") for part in entry.get("content", ())]
    theirs = [entry.get("title", "")] if name == "title" else [*contents, entry.get("summary", "")]
    ours = item.title if name == "title" else item.text
    letters = {"".join(_words(_visible(text))) for text in theirs}
    if "".join(_words(ours)) in letters:
        return "spacing"
    if re.search(rb"(<|&lt;)(script|style|template)", document.body, re.IGNORECASE):
        return "code"
    if encoding.detect(document).startswith("cp125"):
        return "encoding"
    return "brackets" if "<" in ours + "".join(map(_visible, theirs)) else "unknown"


def _visible(text: str) -> str:
    """Return HTML as the reference shows it: every tag is a space, unescaped twice."""
    text = html.unescape(_TAG.sub(" ", text))
    return _shown(html.unescape(_TAG.sub(" ", text)))


def _shown(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", _shown(text).lower())


def _hash(words: Sequence[str]) -> str:
    return hashlib.md5(" ".join(words).encode(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
