"""Count how common words and facts are in real news, and write the package's frozen IDF table.

    build_idf.py [CORPUS.jsonl.gz [OUT.gz]]

Only counts leave the corpus. The two dense windows that stories are evaluated on are left out, so
that the table is not tuned on them.
"""

import gzip
import json
import math
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from monitor.stories import idf
from monitor.stories.facts import facts
from monitor.stories.headlines import headline, lead
from monitor.stories.words import folded, words

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("MONITOR_SHARED", ROOT.parent / "shared"))
EVALUATED = (("2024-10-14", "2024-10-18"), ("2025-10-20", "2025-11-10"))
MIN_ITEMS = 1000  # of a language, below which its shares mean little
MIN_COUNT = 3  # of a word, below which it is as good as unknown
MIN_DOMAIN = 80  # items on the watched subject, below which a language says nothing of it
SUBJECT = "c:nk"


class Counts:
    """Items in which each word and each fact stands, by language."""

    def __init__(self) -> None:
        self.items: Counter[str] = Counter()
        self.words: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.facts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.domain_items: Counter[str] = Counter()
        self.domain_facts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, row: dict[str, Any]) -> None:
        lang = row["lang"]
        text = folded(headline(row["title"]) + "\n" + lead(row.get("summary") or ""))
        found = set(facts(text))
        self.items[lang] += 1
        self.words[lang].update(set(words(text)))
        self.facts[lang].update(found)
        if SUBJECT in found:
            self.domain_items[lang] += 1
            self.domain_facts[lang].update(found)


def read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if not any(start <= (row.get("date") or "") < end for start, end in EVALUATED):
                yield row


def weights(rows: Iterable[dict[str, Any]]) -> dict[str, float]:
    """Return the weight of every word and fact, by its share where it is most common."""
    counts = Counts()
    for row in rows:
        counts.add(row)
    langs = [lang for lang, items in counts.items.items() if items >= MIN_ITEMS]
    domain = [lang for lang, items in counts.domain_items.items() if items >= MIN_DOMAIN]
    table: dict[str, float] = {}
    for lang in langs:
        for word, count in counts.words[lang].items():
            if count >= MIN_COUNT:
                weight = math.log((counts.items[lang] + 1) / (count + 1))
                table[word] = min(weight, table.get(word, weight))
    for fact in set().union(*(counts.facts[lang] for lang in langs)):
        total = sum(counts.facts[lang][fact] for lang in langs)
        if fact.startswith("n:") and total < MIN_COUNT:
            continue
        anywhere = max((counts.facts[g][fact] + 1) / (counts.items[g] + 1) for g in langs)
        on_subject = sum(
            (counts.domain_facts[g][fact] + 0.5) / (counts.domain_items[g] + 1) for g in domain
        ) / max(len(domain), 1)
        table[fact] = -math.log(min(max(anywhere, on_subject), 1))
    return table


def main(corpus: str = "", out: str = "") -> None:
    source = Path(corpus or SHARED / "data/corpus.jsonl.gz")
    target = Path(out or ROOT / "monitor/stories" / idf.NAME)
    packed = idf.pack(weights(read(source)))
    target.write_bytes(packed)
    print(f"{target}: {len(idf.parse(packed)):,} entries, {len(packed):,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
