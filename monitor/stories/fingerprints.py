"""Everything that assignment needs to know of an item, small enough to store with the member."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import Hit, Item, ItemId, SourceId, stable_id
from monitor.stories import idf
from monitor.stories.days import days
from monitor.stories.facts import facts
from monitor.stories.headlines import headline, lead, title_key
from monitor.stories.symbols import symbols
from monitor.stories.words import folded, language, words

Weights = tuple[tuple[str, int], ...]

UNIT = 1000  # length of a vector of weights: whole numbers add up alike in any order
_VERSION = 1
_KEPT = 64  # words kept, the most telling
_TITLE_WORDS = 2.0  # a word of the headline counts as two of the text: research/ section 3.2
_TITLE_FACTS = 1.5
_SERIAL = ("w:", "n:")  # weapons and amounts of a headline tell one event of a series from another
_KINDS = frozenset({"w:missile", "w:nuclear", "w:ammo"})  # too general to tell two apart
_TELLING = 2.2  # weight from which a person is more than one whom every second item names
AGAIN = "v:again"  # a headline that says so opens the next event of a series
_DENIALS = frozenset({"v:deny", "v:retract"})
_HOME_PAGE = re.compile(r"https?://[^/?#]*/?")  # the link of items that have no page of their own
_GLOBAL_GUID = re.compile(r"(?:https?:|urn:|tag:).{8,}")  # a bare number repeats across publishers


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What is compared of an item. Texts are folded; tuples are sorted and hold each entry once.

    `words` and `facts` are vectors of length `UNIT`; `marks` are the facts that distinguish events:
    weapons and amounts of the headline, people of the whole text. `days` are the calendar days
    named, as proleptic ordinals. `guid` is a digest of the publisher's identifier.
    """

    item_id: ItemId
    source_id: SourceId
    when: datetime
    lang: str = ""
    title: str = ""
    guid: str = ""
    urls: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    days: tuple[int, ...] = ()
    words: Weights = ()
    facts: Weights = ()

    @property
    def denies(self) -> bool:
        """Return whether the headline denies or takes back something."""
        return not _DENIALS.isdisjoint(self.marks)

    def to_json(self) -> str:
        """Return the one compact line that `from_json` reads."""
        row = [
            _VERSION,
            *(self.item_id, self.source_id, self.when.isoformat(), self.lang),
            *(self.title, self.guid),
            *(self.urls, self.symbols, self.rules, self.marks, self.days),
            *(dict(self.words), dict(self.facts)),
        ]
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> "Fingerprint":
        """Return the fingerprint that `to_json` wrote."""
        _, item_id, source_id, when, lang, title, guid, *lists, word_map, fact_map = json.loads(
            text
        )
        urls, found, rules, marks, named = map(tuple, lists)
        return Fingerprint(
            item_id=ItemId(item_id),
            source_id=SourceId(source_id),
            when=datetime.fromisoformat(when),
            lang=lang,
            title=title,
            guid=guid,
            urls=urls,
            symbols=found,
            rules=rules,
            marks=marks,
            days=named,
            words=tuple(word_map.items()),
            facts=tuple(fact_map.items()),
        )


def fingerprint(item: Item, hits: Sequence[Hit]) -> Fingerprint:
    """Return what assignment compares of an item and its hits (there may be none)."""
    # Of an article too: a feed whose words say nothing does not say either which event it is.
    title, text = headline(item.title), lead(f"{item.summary}\n{item.content}".strip())
    head, body = folded(title), folded(text)
    in_title, in_text = Counter(facts(head)), Counter(facts(body))
    return Fingerprint(
        item_id=item.id,
        source_id=item.source_id,
        when=item.when,
        lang=language(item.lang, head),
        title=title_key(title),
        guid=stable_id("", item.guid, length=8) if item.guid else "",
        urls=_addresses(item),
        symbols=_unique(symbols(f"{title}\n{text}", item.when.year)),
        rules=_unique(hit.rule for hit in hits),
        marks=_unique(_marks(in_title, in_text)),
        days=tuple(sorted({d.toordinal() for d in days(f"{head}\n{body}", item.when.date())})),
        words=_vector(_blend(Counter(words(head)), Counter(words(body)), _TITLE_WORDS)),
        facts=_vector(_blend(in_title, in_text, _TITLE_FACTS)),
    )


def _marks(title: Iterable[str], text: Iterable[str]) -> Iterator[str]:
    for fact in title:
        if fact in _DENIALS or fact == AGAIN or (fact.startswith(_SERIAL) and fact not in _KINDS):
            yield fact
    for fact in (*title, *text):
        if fact.startswith("p:") and idf.weight(fact) >= _TELLING:
            yield fact


def _addresses(item: Item) -> tuple[str, ...]:
    url = item.canonical_url or item.url
    page = "" if _HOME_PAGE.fullmatch(url) else url
    guid = item.guid if _GLOBAL_GUID.fullmatch(item.guid) else ""
    return _unique(filter(None, (page, guid)))


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _blend(title: Counter[str], text: Counter[str], share: float) -> Mapping[str, float]:
    return {token: share * title[token] + text[token] for token in title | text}


def _vector(counts: Mapping[str, float]) -> Weights:
    weighed = {
        token: (1 + math.log(max(count, 1))) * idf.weight(token) for token, count in counts.items()
    }
    kept = sorted(weighed, key=lambda token: (-weighed[token], token))[:_KEPT]
    length = math.sqrt(math.fsum(weighed[token] ** 2 for token in kept))
    whole = ((token, round(UNIT * weighed[token] / length)) for token in sorted(kept) if length)
    return tuple((token, weight) for token, weight in whole if weight)
