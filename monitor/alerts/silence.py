"""What nobody wants to be told of for a while; every silence ends, and says who and why."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from monitor.model import Hit, Item, RuleInfo
from monitor.text.fold import BARE, fold


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Every condition that is set must fit; one at least is set. `name` is its id or its place.

    `text` are words in a row, as they stand in one field of an item; `*` ends the beginning of a
    word (`annual exercise Ulchi*`).
    """

    name: str
    until: datetime
    by: str
    reason: str
    rules: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    themes: frozenset[str] = frozenset()
    text: str = ""

    @property
    def said(self) -> str:
        """Return the silence as a decision names it."""
        return f"{self.name} by {self.by} until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


def heard(
    item: Item,
    hits: Sequence[Hit],
    rules: Mapping[str, RuleInfo],
    silences: Sequence[Silence],
    now: datetime,
) -> tuple[tuple[Hit, ...], str]:
    """Return the hits that no silence covers now, and which silences cover the others."""
    standing = [one for one in silences if now < one.until and _fits_item(one, item)]
    covering = {hit.rule: _covering(hit.rule, rules, standing) for hit in hits}
    loud = tuple(hit for hit in hits if covering[hit.rule] is None)
    names = dict.fromkeys(one.said for one in covering.values() if one is not None)
    return loud, "; ".join(names)


def _covering(
    rule: str, rules: Mapping[str, RuleInfo], standing: Sequence[Silence]
) -> Silence | None:
    """Return the first silence that covers the hits of a rule."""
    theme = rules[rule].theme if rule in rules else ""
    fitting = (
        one
        for one in standing
        if (not one.rules or rule in one.rules) and (not one.themes or theme in one.themes)
    )
    return next(fitting, None)


def _fits_item(silence: Silence, item: Item) -> bool:
    if silence.sources and item.source_id not in silence.sources:
        return False
    if not silence.text:
        return True
    pattern = _pattern(silence.text)
    return any(pattern.search(fold(text)) for text in (item.title, item.summary, item.content))


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    """Return what finds these words in folded text, where spaces stand around every word."""
    words = [_word(word) for word in text.split()]
    return re.compile(" ".join(word for word in words if word) or r"(?!)")


def _word(written: str) -> str:
    """Return the expression for one word; in scripts without spaces it may stand inside others."""
    stem = fold(written.rstrip("*")).strip()
    if not stem:
        return ""
    before = "" if BARE.match(stem[0]) else r"(?<= )"
    is_open = written.endswith("*") or BARE.match(stem[-1])
    return before + re.escape(stem) + (r"[^ ]*" if is_open else r"(?= )")
