"""Fuzzes rule files and watch lists: python tests/evaluation/fuzz_rules.py [--seconds 600] [--seed 1].

A damaged file is either loaded, and then matches items without a fault, or refused with located
errors. Anything else is printed with the file and ends the run with exit code 1.
"""

# ruff: noqa: E501 - tables and printed lines

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from monitor import rules  # noqa: E402
from monitor.errors import ConfigError  # noqa: E402
from monitor.rules.parse import RULE_KEYS  # noqa: E402
from tests.unit.rules import naive  # noqa: E402
from tests.unit.rules.factory import NOW, make_item  # noqa: E402

_KEYS = (
    "any all none at_least of near then within same_sentence in first score threshold re id title when unless "
    "mask severity severity_if near_miss until was enabled lang sources tags match no_match terms rules version "
    "en ko zh why labels theme goods act $dprk $list.en $missing $names title|summary"
)
KEYS = _KEYS.split()
SCALARS = [
    *naive.TERMS, "$dprk", "$dprk.ko", "$names", "$", "$$", "$dprk $dprk", "=", "=*", "*", "**", "a*b*c", "* *", "a | b", "|",
    "A near/8 B", "A near/0 B", "A near/x B", "near/3", "A then/2", "then/2 A", "a near/99999999999999999999 b",
    "", " ", "0", "-1", "1", "8 words", "1e400", "nan", "inf", "2030-01-01", "2030-13-01", "critical", "1 clause", "99 clauses",
    "true", "no", "S/[0-9]+", "(", "(?i)a", "[", "\\", "a{1000000}", "\u0000", "\x01", "\x02", "\ufeff", "é" * 50, "x" * 3000,
    "\u202e", "💣", "ﷺ", "가", "北", "ا", "ال", "السلام", "İ", "ß", "\ud7ff", "~", "null", "? a", "- b", "&a", "*a", "!t x",
]  # fmt: skip
MARKS = list(":-[]{}\"'#&*!|>%@`$=\n\t ,?\\/~<0aZ\u00e9가北ا\u200b\u0301\x00\x85\u2028\ufeff")
CSV = 'id,name,imo,aliases,list,note\nv-1,EXAMPLE STAR,9000003,"STAR EXAMPLE;ESTAR",house,x\nv-2,MV 무지개,,무지개호,house,\n'


def sources() -> list[str]:
    """Return the rule files that the project ships, which damage starts from."""
    files = sorted((ROOT / "config" / "rules").glob("*.yaml"))
    small = [file.read_text(encoding="utf-8")[:6000] for file in files]
    return [
        *small,
        "terms:\n  dprk: {en: [DPRK], ko: [북한]}\nrules:\n  - id: a\n    when: $dprk\n",
    ]


def damaged(draw: random.Random, text: str) -> str:
    """Return the text with some characters, lines or words changed."""
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(text) + 1)
        end = min(len(text), at + draw.choice([0, 1, 1, 3, 20]))
        text = (
            text[:at]
            + draw.choice([*MARKS, draw.choice(KEYS), draw.choice(SCALARS), ""])
            + text[end:]
        )
    return text


def value(draw: random.Random, depth: int) -> object:
    """Return any nesting of keys, lists and odd texts."""
    kind = draw.random()
    if depth == 0 or kind < 0.35:
        return draw.choice(SCALARS)
    if kind < 0.65:
        return [value(draw, depth - 1) for _ in range(draw.randrange(4))]
    return {
        draw.choice([*KEYS, *SCALARS]): value(draw, depth - 1) for _ in range(draw.randrange(4))
    }


def grown(draw: random.Random) -> str:
    """Return a rule file of the right outline and arbitrary content."""
    keys = list(RULE_KEYS)
    chosen = [
        {key: value(draw, 4) for key in draw.sample(keys, draw.randint(1, 6))} for _ in range(2)
    ]
    for number, rule in enumerate(chosen):
        if draw.random() < 0.8:
            rule["id"] = f"r{number}"
        if draw.random() < 0.5:
            rule["when"] = naive.to_yaml(naive.tree(draw, 3))
    file = {"terms": {"dprk": value(draw, 3), "list": {"en": value(draw, 2)}}, "rules": chosen}
    return json.dumps(
        file if draw.random() < 0.95 else value(draw, 4), ensure_ascii=draw.random() < 0.5
    )


def nearly_right(draw: random.Random) -> str:
    """Return a file of sound rules with one place that may hold anything."""
    file: dict[str, object] = {}
    sound = [naive.to_yaml(naive.tree(draw, 3)) for _ in range(4)]
    rule: dict[str, object] = {"id": "r0", "when": {"all": sound[:2]}, "near_miss": 1}
    rule |= {"unless": sound[2], "severity_if": {"critical": sound[3]}, "lang": ["ko", "en"]}
    key = draw.choice(["when", "unless", "mask", "severity_if", "until", "lang", "why", "labels"])
    if draw.random() < 0.7:
        rule[key] = value(draw, draw.randrange(3))
    file["rules"] = [rule]
    file["terms"] = {"dprk": {"ko": draw.sample(naive.TERMS, 3)}, "list": {"en": naive.TERMS[0]}}
    return json.dumps(file, ensure_ascii=draw.random() < 0.5)


def check(draw: random.Random, texts: list[str]) -> str:
    """Run one case; return whether it was loaded or refused."""
    kind = draw.random()
    if kind < 0.3:
        text = grown(draw)
    else:
        text = nearly_right(draw) if kind < 0.7 else damaged(draw, draw.choice(texts))
    lists = damaged(draw, CSV) if draw.random() < 0.5 else CSV
    try:
        ruleset = rules.load([("fuzz.yaml", text)], [("names.csv", lists)])
    except ConfigError as error:
        _check_refusal(error, max(len(text.splitlines()), len(lists.splitlines())) + 1)
        return "refused"
    for _ in range(2):
        item = make_item(naive.document(draw, 8), naive.document(draw, 20))
        found = rules.match(item, ruleset, NOW)
        rules.near_misses(item, ruleset, NOW)
        verdicts = rules.explain(item, ruleset, NOW)
        assert [v.hit for v in verdicts if v.hit] == list(found), "explain and match differ"
    assert rules.fmt(rules.fmt(text)) == rules.fmt(text), "fmt is not idempotent"
    return "loaded"


def _check_refusal(error: ConfigError, lines: int) -> None:
    assert error.problems, "refused without a reason"
    for problem in error.problems:
        assert 0 <= problem.line <= lines, f"no such line: {problem}"
        assert problem.message, f"says nothing: {problem}"
        assert problem.file, f"no file: {problem}"
        assert problem.render()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    texts, counts, seed = sources(), {"loaded": 0, "refused": 0}, options.seed
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        draw = random.Random(seed)
        begin = time.process_time()
        try:
            counts[check(draw, texts)] += 1
        except Exception:  # noqa: BLE001 - any of them is what this looks for
            traceback.print_exc()
            print(f"seed {seed}")
            return 1
        took = time.process_time() - begin
        if took > 5:
            print(f"seed {seed} took {took:.1f} s")
            return 1
        seed += 1
    print(f"{sum(counts.values())} files, none with a traceback: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
