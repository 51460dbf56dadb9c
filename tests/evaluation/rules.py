"""Judge the shipped rules on labelled news, beside the keyword alerts an analyst would set up.

    python tests/evaluation/rules.py            the tuning parts, with their errors, and the corpus
    python tests/evaluation/rules.py --check    the first check part: scores alone, no errors
    python tests/evaluation/rules.py --write docs/evaluation.md    and put the tables there

Where the labels come from and how they are split stands in tests/evaluation/labels.py and
docs/evaluation.md, which also has every score a check part ever got.
"""

import argparse
import importlib.util
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from monitor.model import Hit, Item, ItemId
from monitor.rules import RuleSet, load, match
from tests.evaluation.labels import Labelled, corpus, first, rule_id, second, third

ROOT = Path(__file__).parents[2]
RULES = (
    "expert-panel", "veto", "petroleum-imports", "workers-abroad", "cyber-attacks",
    "weapons-trade", "missile-nuclear", "sanctions-measures",
)  # fmt: skip
AUXILIARY = "dprk-troops-russia"  # labelled by tag only, so scored beside the eight, not with them
FEW = 20  # positives: below this every remaining error is listed
_Z = 1.96  # 95 %
_RESAMPLES = 400
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_START, _END = "<!-- rules: tables, written by make evaluate -->", "<!-- rules: end -->"

# Nets far wider than any rule: an item that neither catches has nothing to do with the subject.
_DPRK = re.compile(
    r"north korea|n\.? ?korea|nkorea|dprk|pyongyang|kim jong|kim yo|kcna|북|北|평양|김정은|대북"
    r"|朝鲜|朝鮮|平壤|平壌|金正|ロ朝|露朝|кндр|северн?о?\w* ?коре|північн\w* коре|пхеньян|ким чен"
    r"|cor[ée]e du nord|nord-cor|corea del n|norcore|coreia do n|norte-core|nordkore|pj.ngjang"
    r"|phenian|pjongjang|kore\w+ p[łó]|północnokor|kim dzong|كوري\w* (?:ال)?شمال|بيونغ"
    r"|צפון[ -]קוריאה|उत्\u200d?तर कोरिया|किम जोंग"
    r"|lazarus|kimsuky|scarcruft|andariel|darkseoul|operation troy",
    re.IGNORECASE,
)
_SANCTIONS = re.compile(
    r"sanction|embargo|제재|санкц|制裁|禁运|禁運|sanci|sank[tc]|sanç|عقوبات|סנקצי|प्रतिबंध|veto|거부권",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Counts:
    """Hits that are right, hits that are wrong, and what was missed."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Return both together."""
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """Return the share of the hits that are right; 0 when nothing was hit."""
        return _share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Return the share of the positives that were hit; 0 when there are none."""
        return _share(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall."""
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)


Predicted = Mapping[ItemId, frozenset[str]]


def shared_folder() -> Path:
    """Return where the labelled data is expected: $MONITOR_SHARED, or beside the checkout."""
    return Path(os.environ.get("MONITOR_SHARED", ROOT.parent / "shared"))


def shipped() -> RuleSet:
    """Return the rules of `config/rules`, in the order of the file names."""
    files = sorted((ROOT / "config" / "rules").glob("*.yaml"))
    return load([(file.name, file.read_text(encoding="utf-8")) for file in files])


def rules_hit(item: Item, ruleset: RuleSet) -> frozenset[str]:
    """Return the ids of the rules that hit an item."""
    return frozenset(hit.rule for hit in match(item, ruleset, _NOW))


def predict(items: Sequence[Labelled], ruleset: RuleSet) -> Predicted:
    """Return which rules hit each item."""
    return {one.item.id: rules_hit(one.item, ruleset) for one in items}


def keyword_alerts(shared: Path, items: Sequence[Labelled]) -> Predicted:
    """Return what the keyword alerts of bench/keyword_baseline.py find."""
    path = shared / "bench" / "keyword_baseline.py"
    spec = importlib.util.spec_from_file_location("keyword_baseline", path)
    assert spec, "a .py file has a loader"
    assert spec.loader, "a .py file has a loader"
    baseline = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(baseline)
    return {
        one.item.id: frozenset(
            map(rule_id, baseline.predict({"title": one.item.title, "summary": one.item.summary}))
        )
        for one in items
    }


def count(items: Iterable[Labelled], predicted: Predicted, rule: str) -> Counts:
    """Return the counts of one rule over some items."""
    return sum((_judge(one, predicted, rule) for one in items), Counts())


def micro(items: Sequence[Labelled], predicted: Predicted, rules: Sequence[str] = RULES) -> Counts:
    """Return the counts of several rules together."""
    return sum((count(items, predicted, rule) for rule in rules), Counts())


def by_language(items: Sequence[Labelled]) -> dict[str, list[Labelled]]:
    """Return the items of each language that has a positive, most positives first."""
    languages = Counter[str]()
    for one in items:
        languages[one.item.lang] += len(one.gold & {*RULES, AUXILIARY})
    return {
        lang: [one for one in items if one.item.lang == lang]
        for lang, positives in languages.most_common()
        if positives
    }


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share; (0, 1) of nothing.

    Source: Wilson, "Probable inference", JASA 22 (1927).
    """
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    spread = _Z / (1 + square / of) * (share * (1 - share) / of + square / (4 * of * of)) ** 0.5
    return max(0.0, middle - spread), min(1.0, middle + spread)


def bootstrap(
    items: Sequence[Labelled], judge: Callable[[Labelled], Counts]
) -> tuple[float, float]:
    """Return the 95 % interval of F1 over items drawn again and again, always the same draws."""
    judged = [judge(one) for one in items]
    draw = random.Random(2397)
    scores = sorted(
        sum(draw.choices(judged, k=len(judged)), Counts()).f1 for _ in range(_RESAMPLES)
    )
    cut = int(_RESAMPLES * 0.025)
    return scores[cut], scores[-cut - 1]


def score_table(items: Sequence[Labelled], ours: Predicted, theirs: Predicted) -> list[str]:
    """Return the table of rules and languages as lines of Markdown."""
    out = [
        "| | positives | TP | FP | FN | precision | recall | F1 | keyword alerts: TP FP FN | F1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    out += [_row(rule, items, ours, theirs, (rule,)) for rule in RULES]
    out.append(_row("**eight rules, micro**", items, ours, theirs, RULES))
    out.append(_row(AUXILIARY, items, ours, theirs, (AUXILIARY,)))
    nine = (*RULES, AUXILIARY)
    for lang, some in by_language(items).items():
        out.append(_row(f"language {lang}, nine rules", some, ours, theirs, nine))
    return out


def errors(items: Sequence[Labelled], ours: Predicted) -> list[str]:
    """Return the ids of what is wrong or missed, rule by rule; a star marks the small classes."""
    out = []
    for rule in (*RULES, AUXILIARY):
        wrong = [o.item.id for o in items if rule in ours[o.item.id] - o.gold]
        missed = [o.item.id for o in items if rule in o.gold - ours[o.item.id]]
        small = " *" if count(items, ours, rule).tp + len(missed) < FEW else ""
        if wrong or missed:
            out.append(f"| {rule}{small} | {_ids(wrong)} | {_ids(missed)} |")
    return ["| rule | wrong hits | missed |", "|---|---|---|", *out]


def false_words(items: Sequence[Labelled], ruleset: RuleSet, top: int = 15) -> list[str]:
    """Return the words that took part in most wrong hits."""
    found = Counter[tuple[str, str]]()
    for one in items:
        for hit in match(one.item, ruleset, _NOW):
            if hit.rule not in one.gold:
                found.update({(hit.rule, word) for word in _words(hit)})
    most = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:top]
    rows = [f"| {rule} | {word} | {times} |" for (rule, word), times in most]
    return ["| rule | word | wrong hits |", "|---|---|---|", *rows]


def alarm_table(items: Iterable[Item], ruleset: RuleSet) -> list[str]:
    """Return hits per 100,000 items per rule: all, and those on news about something else."""
    total, hits, strays = 0, Counter[str](), Counter[str]()
    for item in items:
        total += 1
        rules = rules_hit(item, ruleset)
        if rules:
            stray = is_unrelated(item)
            hits.update(["items with a hit", *rules])
            strays.update(["items with a hit", *rules] if stray else [])
    per = partial(_per_100_000, total)
    rows = [f"| {name} | {per(hits[name])} | {per(strays[name])} |" for name in sorted(hits)]
    head = f"| rule | hits per 100,000 of {total:,} items | of these on unrelated news |"
    return [head, "|---|---|---|", *rows]


def is_unrelated(item: Item) -> bool:
    """Return whether the text speaks neither of the DPRK nor of sanctions."""
    text = f"{item.title} {item.summary}"
    return not _DPRK.search(text) and not _SANCTIONS.search(text)


def report(shared: Path, *, check: bool, with_corpus: bool) -> str:
    """Return the tables as Markdown; of the check parts nothing that could be tuned on."""
    ruleset = shipped()
    lines = _first_set(shared, ruleset, check=check)
    if not check:
        lines += later_sets(shared, ruleset)
        if with_corpus:
            lines += ["", "### Alarms on the corpus", "", *alarm_table(corpus(shared), ruleset)]
    return "\n".join([*lines, ""])


def later_sets(shared: Path, ruleset: RuleSet) -> list[str]:
    """Return the tables of the second set's tuning part, and a line of each part nobody reads."""
    tune = second(shared, "tune")
    unread = {"check part": second(shared, "check"), "third set": third(shared)}
    ours, theirs = predict(tune, ruleset), keyword_alerts(shared, tune)
    doubted = [one.item.id for one in tune if one.doubt]
    return [
        "",
        f"### The second set, tuning part: {len(tune)} items",
        "",
        *score_table(tune, ours, theirs),
        *(_unread_row(name, items, shared, ruleset) for name, items in unread.items()),
        "",
        "### Remaining errors of the second set (a star: fewer than 20 positives)",
        "",
        *errors(tune, ours),
        "",
        f"Labels on which its readers were in doubt: {_ids(doubted)}.",
    ]


def main(arguments: Sequence[str]) -> int:
    """Print the report, and write it between its marks where --write names a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="score the check part")
    parser.add_argument("--no-corpus", action="store_true", help="leave the corpus out: 2 seconds")
    parser.add_argument("--write", type=Path, metavar="FILE", help="replace the tables in FILE")
    options = parser.parse_args(arguments)
    shared = shared_folder()
    if not (shared / "data" / "dev.jsonl").is_file():
        print(f"rules: no labelled news at {shared}: set MONITOR_SHARED", file=sys.stderr)
        return 1
    text = report(shared, check=options.check, with_corpus=not options.no_corpus)
    print(text)
    if options.write:
        _put(options.write, text)
    return 0


def _first_set(shared: Path, ruleset: RuleSet, *, check: bool) -> list[str]:
    items = first(shared, check=check)
    ours, theirs = predict(items, ruleset), keyword_alerts(shared, items)
    part = "check" if check else "tuning"
    lines = [f"### The {part} part: {len(items)} items", "", *score_table(items, ours, theirs)]
    if not check:
        lines += ["", "### Remaining errors (a star: fewer than 20 positives)", ""]
        lines += errors(items, ours)
        lines += ["", "### Words in most wrong hits", "", *false_words(items, ruleset)]
    return lines


def _put(file: Path, text: str) -> None:
    before, mark, rest = file.read_text(encoding="utf-8").partition(_START)
    _old, end, after = rest.partition(_END)
    if not (mark and end):
        raise SystemExit(f"{file} has no marks {_START} and {_END}")
    file.write_text(f"{before}{_START}\n\n{text}\n{_END}{after}", encoding="utf-8")


def _unread_row(name: str, items: Sequence[Labelled], shared: Path, ruleset: RuleSet) -> str:
    ours, theirs = predict(items, ruleset), keyword_alerts(shared, items)
    return _row(f"**{name}, {len(items)} items, micro**", items, ours, theirs, RULES)


def _row(
    name: str,
    items: Sequence[Labelled],
    ours: Predicted,
    theirs: Predicted,
    rules: Sequence[str],
) -> str:
    own, other = micro(items, ours, rules), micro(items, theirs, rules)
    low, high = bootstrap(items, lambda one: micro([one], ours, rules))
    cells = (
        name,
        f"{own.tp + own.fn}",
        f"{own.tp}",
        f"{own.fp}",
        f"{own.fn}",
        f"{own.precision:.3f} ({_range(*wilson(own.tp, own.tp + own.fp))})",
        f"{own.recall:.3f} ({_range(*wilson(own.tp, own.tp + own.fn))})",
        f"**{own.f1:.3f}** ({_range(low, high)})",
        f"{other.tp} {other.fp} {other.fn}",
        f"{other.f1:.3f}",
    )
    return f"| {' | '.join(cells)} |"


def _judge(one: Labelled, predicted: Predicted, rule: str) -> Counts:
    is_hit, is_true = rule in predicted[one.item.id], rule in one.gold
    return Counts(int(is_hit and is_true), int(is_hit and not is_true), int(is_true and not is_hit))


def _words(hit: Hit) -> Iterator[str]:
    for clause in hit.clauses:
        for span in clause.matched:
            yield span.text.casefold()


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _range(low: float, high: float) -> str:
    return f"{low:.2f}-{high:.2f}"


def _per_100_000(total: int, hits: int) -> str:
    return f"{hits * 100_000 / total:.1f}"


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(ids) or "-"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
