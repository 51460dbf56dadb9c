"""Everything that assignment needs to know of an item, small enough to store with the member."""

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import Hit, Item, ItemId
from monitor.stories.symbols import symbols

_VERSION = 1
_MIN_TITLE = 12  # characters; a shorter headline ("Press release") recurs
_GLOBAL_GUID = re.compile(r"(?:https?:|urn:|tag:).{8,}")  # a bare number repeats across publishers
_PUBLISHER = re.compile(r"\s+(?:[-–—|:]{1,2}|::)\s+[^-–—|]{2,40}$")


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What is compared of an item. Texts are folded; tuples are sorted and hold each entry once."""

    item_id: ItemId
    when: datetime
    lang: str = ""
    title: str = ""
    urls: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the one compact line that `from_json` reads."""
        row = [
            _VERSION,
            self.item_id,
            self.when.isoformat(),
            self.lang,
            self.title,
            self.urls,
            self.symbols,
            self.rules,
        ]
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Fingerprint":
        """Return the fingerprint that `to_json` wrote."""
        _, item_id, when, lang, title, urls, found, rules = json.loads(text)
        return Fingerprint(
            item_id=ItemId(item_id),
            when=datetime.fromisoformat(when),
            lang=lang,
            title=title,
            urls=tuple(urls),
            symbols=tuple(found),
            rules=tuple(rules),
        )


def fingerprint(item: Item, hits: Sequence[Hit]) -> Fingerprint:
    """Return what assignment compares of an item and its hits (there may be none)."""
    text = f"{item.title}\n{item.summary}"
    urls = {item.canonical_url or item.url}
    if _GLOBAL_GUID.fullmatch(item.guid):
        urls.add(item.guid)
    return Fingerprint(
        item_id=item.id,
        when=item.when,
        lang=item.lang,
        title=normalised_title(item.title),
        urls=tuple(sorted(urls - {""})),
        symbols=tuple(sorted(set(symbols(text, item.when.year)))),
        rules=tuple(sorted({hit.rule for hit in hits})),
    )


def normalised_title(title: str) -> str:
    """Return the words of a headline: no publisher at its end, no case, no punctuation.

    A headline too short to name an event gives the empty text.
    """
    folded = unicodedata.normalize("NFKC", title).casefold()
    words = "".join(c if c.isalnum() else " " for c in _PUBLISHER.sub("", folded)).split()
    key = " ".join(words)
    return key if len(key) >= _MIN_TITLE else ""
