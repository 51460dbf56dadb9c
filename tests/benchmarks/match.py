"""Measures the matcher and prints ratios: python tests/benchmarks/match.py [--quick] [--corpus N].

CPU time of one process, medians of five. The corpus part needs the labelled data beside the
checkout (MONITOR_SHARED) and is left out where it is absent.
"""

# ruff: noqa: E501 - tables and printed lines

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from monitor import rules  # noqa: E402
from monitor.model import Item, ItemId, SourceId  # noqa: E402
from monitor.rules.document import Document  # noqa: E402

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SHARED = Path(os.environ.get("MONITOR_SHARED", str(ROOT.parent / "shared")))
ROUNDS = 5


def item(title: str, summary: str = "") -> Item:
    return Item(
        id=ItemId("i"), source_id=SourceId("s"), title=title, summary=summary, when=NOW, seen_at=NOW
    )


def median(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the median CPU seconds of some runs."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


class World:
    """Made-up words with the frequencies of a language, rules and documents of them."""

    def __init__(self) -> None:
        draw = random.Random(7)
        syllables = [
            a + b for a in "bcdfghklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "or")
        ]
        self.words = list(
            dict.fromkeys(
                "".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(60_000)
            )
        )
        self.weights = [1 / (rank + 3) for rank in range(len(self.words))]

    def documents(self, count: int, words: int) -> list[Item]:
        draw = random.Random(11)
        out = []
        for _ in range(count):
            text = draw.choices(self.words, self.weights, k=words)
            title, body = " ".join(text[:10]).capitalize(), " ".join(text[10:])
            out.append(item(f"{title}.", f"{body.capitalize()}."))
        return out

    def rules(self, count: int, ranks: tuple[int, int], seed: int) -> list[tuple[list[str], ...]]:
        """Return rules: one of five and one of six terms, and none of two."""
        draw = random.Random(seed)
        pool = self.words[ranks[0] : ranks[1]]
        return [tuple(self._terms(draw, pool, n) for n in (5, 6, 2)) for _ in range(count)]

    def _terms(self, draw: random.Random, pool: Sequence[str], count: int) -> list[str]:
        kinds = draw.choices(["word", "phrase", "prefix"], [6, 3, 1], k=count)
        return [
            " ".join(draw.choices(pool, k=2))
            if kind == "phrase"
            else draw.choice(pool) + "*" * (kind == "prefix")
            for kind in kinds
        ]


def rule_text(parts: Sequence[tuple[list[str], ...]], start: int = 0) -> str:
    lines = ["version: 1", "rules:"]
    for number, (first, second, none) in enumerate(parts, start):
        lines += [
            f"  - id: rule-{number}",
            f"    title: Rule {number}",
            "    severity: high",
            "    when:",
            "      all:",
            f"        - act: [{', '.join(first)}]",
            f"        - goods: [{', '.join(second)}]",
            f"    unless: [{', '.join(none)}]",
            f'    match: ["{first[0].strip("*")} {second[0].strip("*")}"]',
        ]
    return "\n".join(lines) + "\n"


def without_clashes(parts: Sequence[tuple[list[str], ...]]) -> list[tuple[list[str], ...]]:
    """Return the rules whose example their own `unless` does not suppress."""
    kept: list[tuple[list[str], ...]] = []
    for first, second, none in parts:
        text = rule_text([(first, second, none)])
        try:
            rules.load([("one.yaml", text)])
        except rules_error():
            continue
        kept.append((first, second, none))
    return kept


def rules_error() -> type[Exception]:
    from monitor.errors import ConfigError

    return ConfigError


def naive_loop(parts: Sequence[tuple[list[str], ...]]) -> Callable[[str], int]:
    """Return what filter scripts do: a compiled expression for every term, tried one by one."""
    compiled = [
        tuple(
            [
                re.compile(rf"\b{re.escape(t.strip('*'))}" + ("" if "*" in t else r"\b"))
                for t in part
            ]
            for part in parts_
        )
        for parts_ in parts
    ]

    def count(text: str) -> int:
        return sum(
            any(p.search(text) for p in first)
            and any(p.search(text) for p in second)
            and not any(p.search(text) for p in none)
            for first, second, none in compiled
        )

    return count


def bench_engine(world: World, documents: int) -> None:
    items = world.documents(documents, 60)
    folded = [Document.of(each).text for each in items]
    hot = without_clashes(world.rules(14, (60, 1_500), 3))[:10]
    cold = without_clashes(world.rules(1010, (3_000, 40_000), 5))[:990]
    print(f"documents: {documents} of 60 words; rules: any of 5, any of 6, unless any of 2")
    print("rules   match us/doc   raw automaton us/doc   ratio   hits/doc   literals/doc")
    per_doc = {}
    for count in (10, 100, 1000):
        parts = (hot + cold)[:count]
        ruleset = rules.load([("bench.yaml", rule_text(parts))])
        hits = sum(len(rules.match(each, ruleset, NOW)) for each in items) / documents
        found = sum(len(ruleset.automaton.scan(text)) for text in folded) / documents
        whole = median(lambda r=ruleset: [rules.match(each, r, NOW) for each in items])  # type: ignore[misc]
        raw = median(lambda r=ruleset: [r.automaton.scan(text) for text in folded])  # type: ignore[misc]
        per_doc[count] = whole / documents
        print(
            f"{count:5d}   {whole / documents * 1e6:12.2f}   {raw / documents * 1e6:20.2f}"
            f"   {whole / raw:5.2f}   {hits:8.3f}   {found:12.2f}"
        )
    print(f"from 10 to 1,000 rules: {per_doc[1000] / per_doc[10]:.2f} x slower (goal <= 2)")
    loop, few = naive_loop(hot + cold), folded[:30]
    slow = median(lambda: [loop(text) for text in few]) / len(few)
    print(
        f"loop of re.search, 1,000 rules: {slow * 1e6:.0f} us/doc; ratio {slow / per_doc[1000]:.0f} x (goal >= 300)"
    )


def bench_load(world: World) -> None:
    parts = without_clashes(world.rules(1010, (30, 40_000), 9))[:1000]
    text = rule_text(parts)
    seconds = median(lambda: rules.load([("bench.yaml", text)]))
    print(
        f"load of {len(parts)} rules with examples ({len(text)} characters): {seconds:.2f} s CPU (goal <= 1)"
    )
    tenth = len(parts) // 10
    files = [rule_text(parts[n * tenth : (n + 1) * tenth], n * tenth) for n in range(10)]
    for label, texts in (("ten files", files), ("one file", [text])):
        late = statistics.median(asyncio.run(ticks_beside(texts)) for _ in range(ROUNDS))
        print(
            f"latest tick of a loop beside that load from {label}: {late * 1000:.0f} ms (goal <= 50)"
        )


async def ticks_beside(texts: Sequence[str], every: float = 0.01) -> float:
    """Return how late a ticking loop was at worst while a thread loads rules."""
    worst, loop = 0.0, asyncio.get_running_loop()
    named = [(f"bench{number}.yaml", text) for number, text in enumerate(texts)]
    loading = loop.run_in_executor(None, lambda: rules.load(named))
    while not loading.done():
        due = loop.time() + every
        await asyncio.sleep(every)
        worst = max(worst, loop.time() - due)
    return worst


NAMES_CODE = """
import random, resource, sys, time
sys.path.insert(0, {root!r})
from monitor import rules
def memory(key):
    return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith(key)) / 1024
draw = random.Random(5)
syllables = [a + b for a in 'bcdfghjklmnprstvz' for b in ('a', 'e', 'i', 'o', 'u', 'an', 'in')]
words = [''.join(draw.choices(syllables, k=draw.randint(2, 4))).upper() for _ in range(60000)]
lines = ['id,name,aliases']
for number in range({count}):
    name = ' '.join(draw.choices(words, k=draw.choice([2, 3, 3, 4])))
    lines.append(f'{{number}},{{name}},')
text = '\\n'.join(lines) + '\\n'
del lines
rule = 'rules: [{{id: listed, when: $names, match: ["a %s b"]}}]' % text.split('\\n', 2)[1].split(',')[1]
before = memory('VmRSS')
begin = time.process_time()
ruleset = rules.load([('r.yaml', rule)], [('names.csv', text)])
seconds = time.process_time() - begin
print(f'{{seconds:.1f}} s CPU, {{memory("VmRSS") - before:.0f}} MB kept, {{memory("VmHWM") - before:.0f}} MB at the peak')
"""


def bench_names(count: int) -> None:
    code = NAMES_CODE.format(root=str(ROOT), count=count)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    print(f"watch list of {count:,} names: {done.stdout.strip()} (goal <= 15 s, <= 250 MB)")


def corpus(count: int) -> Iterator[tuple[str, Item]]:
    with gzip.open(SHARED / "data" / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            if number == count:
                return
            row = json.loads(line)
            yield row.get("lang", ""), item(row.get("title") or "", row.get("summary") or "")


def bench_corpus(count: int) -> None:
    if not (SHARED / "data" / "corpus.jsonl.gz").exists():
        print(f"corpus: left out, {SHARED}/data is not there")
        return
    files = sorted((ROOT / "config" / "rules").glob("*.yaml"))
    texts = [(file.name, file.read_text(encoding="utf-8")) for file in files]
    lists = sorted((ROOT / "config" / "watchlists").glob("*.csv"))
    ruleset = rules.load(texts, [(file.name, file.read_text(encoding="utf-8")) for file in lists])
    spent: dict[str, list[float]] = {}
    hits: dict[str, int] = {}
    for lang, each in corpus(count):
        begin = time.process_time()
        found = rules.match(each, ruleset, NOW)
        row = spent.setdefault(lang, [0.0, 0.0, 0.0])
        row[0] += time.process_time() - begin
        row[1] += 1
        row[2] += len(found)
        for hit in found:
            hits[hit.rule] = hits.get(hit.rule, 0) + 1
    total, number = sum(row[0] for row in spent.values()), sum(row[1] for row in spent.values())
    print(f"corpus with the {len(ruleset.rules)} shipped rules: {number / total:,.0f} items/s CPU")
    for lang, (seconds, items, found_) in sorted(spent.items(), key=lambda pair: -pair[1][1]):
        if items >= 100:
            print(
                f"  {lang or '?':3s} {items / seconds:9,.0f} items/s   {items:7.0f} items   {found_:6.0f} hits"
            )
    print("  hits:", ", ".join(f"{key} {value}" for key, value in sorted(hits.items())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--corpus", type=int, default=200_000)
    parser.add_argument("--only", choices=["engine", "load", "names", "corpus"])
    options = parser.parse_args()
    world = World()
    if options.only in (None, "engine"):
        bench_engine(world, options.documents)
    if options.only in (None, "load"):
        bench_load(world)
    if options.only in (None, "names"):
        bench_names(options.names)
    if options.only in (None, "corpus"):
        bench_corpus(options.corpus)


if __name__ == "__main__":
    main()
