"""The meaning of the rule language, slowly: plain `re` and loops over folded text.

Written from docs/rules.md, not from the engine. Rules are small trees of tuples; `to_yaml` writes
them as an analyst would, `holds` says what they must give.
"""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass

from monitor.text.fold import fold, fold_cased

HAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
STOP, FIELD = "\x01", "\x02"
Place = tuple[int, int]
Tree = tuple[object, ...]

TERMS = [
    "korea", "north korea", "North Korea*", "koreans", "kore*", "*rea", "*ore*", "oil", "fuel oil",
    "ship-to-ship", "ship", "U.N.", "=UN", "=IT", "IT worker*", "Yahoo! Japan", "sanction*",
    "pan* exp*", "s*p", "veto", "naïve", "Straße", "1718", "1718 committee", "S/2024",
    "북한", "=북", "대북제재", "제재", "*제재", "미사일", "전문가 패널", "북한 미사일", "IT인력", "미사일 IT",
    "制裁", "朝鲜", "=北", "北朝鮮", "制裁委员会", "1718委员会", "ミサイル", "金正恩",
    "санкци*", "Совет* Безопасности", "КНДР", "северн*", "*кор*",
    "عقوبات", "السودان", "كوريا الشمالية", "صاروخ*",
]  # fmt: skip
PIECES = [
    "North", "north", "Korea", "KOREA", "korean", "Koreans", "South", "oil", "fuel", "Ship", "to", "shiptoship",
    "ship-to-ship", "U.N.", "UN", "un", "IT", "it", "worker", "workers", "Yahoo! Japan", "Yahoo Japan", "sanctions",
    "Sanction", "panel", "expert", "experts", "veto", "vetoes", "naïve", "nai\u0308ve", "STRASSE", "Straße", "1718",
    "committee", "S/2024/15", "N\u043erth", "Ko\u00adrea", "Ｋｏｒｅａ", "kor\u200bea", "&amp;", "O&#8209;il", "step",
    "북한", "북한이", "탈북한", "북", "대북제재", "제재", "대북", "탄도미사일", "미사일", "전문가", "패널", "전문가 패널이", "IT인력",
    "制裁", "朝鲜", "北", "北京", "北朝鮮", "委员会", "ミサイル", "金正恩", "美北정상",
    "санкции", "Совета", "Безопасности", "КНДР", "Северной", "Кореи", "С\u0435верной", "Cеверной",
    "العقوبات", "والسودان", "للسودان", "السودان", "كوريا", "الشمالية", "صواريخ", "بصاروخه", "كُوريَا",
]  # fmt: skip
GLUE = [
    " ",
    " ",
    " ",
    " ",
    " ",
    "-",
    "",
    ", ",
    ". ",
    "! ",
    "? ",
    "。",
    "\n",
    "’s ",
    "・",
    "…",
    " \x01",
    ".",
    "”. “",
]


def document(draw: random.Random, words: int) -> str:
    """Return a text of pieces that nearly are the terms."""
    out = []
    for _ in range(draw.randrange(words + 1)):
        out += [draw.choice(PIECES), draw.choice(GLUE)]
    return "".join(out)


def tree(draw: random.Random, depth: int) -> Tree:
    """Return a random expression."""
    kinds = ["word"] * 3 + (
        ["any", "all", "at_least", "in", "first", "score", "none"] if depth else []
    )
    kind = draw.choice([*kinds, "near", "near", "same_sentence", "alternatives"])
    if kind == "word":
        return ("word", draw.choice(TERMS))
    if kind in ("near", "same_sentence", "alternatives"):
        return _local(draw, kind)
    below = [tree(draw, depth - 1) for _ in range(draw.randint(1, 3))]
    if kind == "at_least":
        below = [tree(draw, depth - 1) for _ in range(draw.randint(2, 4))]
        return (kind, draw.randint(1, len(below)), *below)
    if kind == "in":
        return (
            kind,
            tuple(draw.sample(["title", "summary", "content"], draw.randint(1, 2))),
            below[0],
        )
    if kind == "first":
        return (kind, draw.randint(1, 12), below[0])
    if kind == "score":
        words = draw.sample(TERMS, draw.randint(2, 4))
        weights = [draw.choice([1, 2, 3, -1, 0.5]) for _ in words]
        most = sum(weight for weight in weights if weight > 0)
        if most <= 0:
            return ("word", words[0])
        return (kind, draw.choice([most, most / 2]), *zip(words, weights, strict=True))
    return (kind, *below)


def _local(draw: random.Random, kind: str) -> Tree:
    words = [draw.choice(TERMS) for _ in range(draw.randint(2, 3))]
    if kind == "alternatives":
        return ("any", *(("word", word) for word in words))
    if kind == "near":
        links = [(draw.choice(["near", "then"]), draw.randint(1, 6)) for _ in words[1:]]
        return (kind, tuple(words), tuple(links))
    parts: list[Tree] = [("word", word) for word in words]
    if draw.random() < 0.3:
        parts[0] = _local(draw, "near")
    return (kind, *parts)


def to_yaml(node: Tree) -> object:
    """Return the expression as a rule file writes it (JSON is YAML)."""
    match node:
        case ("word", term):
            return term
        case ("near", words, links):
            text = str(words[0])  # type: ignore[index]
            for (word, distance), term in zip(links, words[1:], strict=True):  # type: ignore[call-overload, index]
                text += f" {word}/{distance} {term}"
            return text
        case ("at_least", count, *below):
            return {"at_least": count, "of": [to_yaml(part) for part in below]}  # type: ignore[arg-type]
        case ("in" | "first" as key, value, body):
            plain = list(value) if isinstance(value, tuple) else value
            return {key: plain, "all": [to_yaml(body)]}  # type: ignore[arg-type]
        case ("score", threshold, *pairs):
            return {"score": dict(pairs), "threshold": threshold}  # type: ignore[arg-type]
        case (key, *below):
            return {str(key): [to_yaml(part) for part in below]}  # type: ignore[arg-type]
    raise AssertionError(node)


def rule_file(rules: dict[str, dict[str, object]]) -> str:
    """Return a rule file of rules: id -> the other keys."""
    return json.dumps({"rules": [{"id": key, **value} for key, value in rules.items()]})


@dataclass
class Text:
    """An item: three folded fields with a mark between them, and what a context leaves of it."""

    fields: tuple[str, str, str]

    def __post_init__(self) -> None:
        self.folded = FIELD.join(map(fold, self.fields))
        self.cased = FIELD.join(map(fold_cased, self.fields))
        cuts = [i for i, c in enumerate(self.folded) if c == FIELD]
        self.bounds = [(0, cuts[0]), (cuts[0] + 1, cuts[1]), (cuts[1] + 1, len(self.folded))]
        self.tokens = [
            m.start() for m in re.finditer(rf"[{HAN}]|[^ {STOP}{FIELD}{HAN}]+", self.folded)
        ]

    def field(self, at: int) -> int:
        """Return the number of the field at a position."""
        return self.folded[:at].count(FIELD)

    def token(self, at: int) -> int:
        """Return how many words begin at or before a position."""
        return sum(start <= at for start in self.tokens)

    def sentence(self, at: int) -> tuple[int, int]:
        """Return the sentence; the title is one."""
        field = self.field(at)
        return field, self.folded[self.bounds[field][0] : at].count(STOP) if field else 0


def term_places(term: str, text: Text) -> set[Place]:
    """Return every place of a term."""
    if term.startswith("="):
        word = re.escape(fold_cased(term[1:]).strip())
        return _overlapping(f"(?<= ){word}(?= )", text.cased)
    forms = {term, re.sub(r"(?<=\w)-(?=\w)", "", term)}
    places: set[Place] = set()
    for form in forms:
        for plain in {form, form.replace("!", "")}:
            places |= _overlapping(_regex(plain), text.folded)
    return places


def _regex(term: str) -> str:
    words = [(word, fold(word.replace("*", "")).strip()) for word in re.split(r"\s+", term)]
    folded = " ".join(text for _, text in words)
    if "*" not in term:
        folded = fold(term).strip()
    in_word = f"[^ {STOP}{FIELD}{HAN}]*"
    body = " ".join(_word(raw, text, in_word) for raw, text in words)
    if "*" not in term:
        body = re.escape(folded)
    first, last = folded[0], folded[-1]
    is_open_left = term[0] == "*" or re.match(f"[{HAN}]|[가-힣]{{3}}", folded)
    before = "" if is_open_left else "(?<= )"
    if re.match("[ء-ي]", first) and term[0] != "*":
        article = body.startswith("ال")
        before += "[وف]?(?:[بك]?ال|لل)" if article else "[وف]?(?:ال|بال|كال|لل|[بكل])?"
        body = body.removeprefix("ال") if article else body
    after = "" if term[-1] == "*" or re.match(f"[{HAN}가-힣]", last) else "(?= )"
    return before + body + after


def _word(raw: str, folded: str, in_word: str) -> str:
    if "*" not in raw:
        return re.escape(folded)
    if "*" in raw.strip("*"):
        return in_word.join(re.escape(fold(part).strip()) for part in raw.split("*"))
    if raw.startswith("*"):  # the growth to the left is looked for backwards: see _overlapping
        folded = f"LEFT{folded}"
    middle = re.escape(folded).replace("LEFT", f"(?:{in_word})")
    return middle + (in_word if raw.endswith("*") else "")


def _overlapping(pattern: str, text: str) -> set[Place]:
    """Return the place of a match for every character where one can begin."""
    places = set()
    if pattern.startswith("(?:["):  # *suffix: every occurrence grows to the start of its word
        grow, _, rest = pattern.partition("*)")
        growth = re.compile(grow[3:] + "*$")
        for found in re.finditer(f"(?=({rest}))", text):
            begin = growth.search(text, 0, found.start())
            assert begin
            places.add((begin.start(), found.end(1)))
        return places
    for found in re.finditer(f"(?=({pattern}))", text):
        places.add(found.span(1))
    return places


@dataclass
class Scope:
    """What part of a text counts."""

    text: Text
    windows: list[Place] | None = None
    masks: tuple[Place, ...] = ()

    def word(self, term: str) -> set[Place]:
        """Return the places of a term that count."""
        return {place for place in term_places(term, self.text) if self._counts(place)}

    def _counts(self, place: Place) -> bool:
        inside = [
            a <= place[0] and place[1] <= b for a, b in self.windows or [(0, len(self.text.folded))]
        ]
        masked = [a <= place[0] and place[1] <= b for a, b in self.masks]
        return any(inside) and not any(masked)


def holds(node: Tree, scope: Scope) -> set[Place] | None:
    """Return the places of an expression, or None when it does not hold."""
    match node:
        case ("word", str(term)):
            return scope.word(term) or None
        case ("near", words, links):
            return _near(words, links, scope)  # type: ignore[arg-type]
        case ("same_sentence", *parts):
            return _same_sentence(parts, scope)  # type: ignore[arg-type]
        case ("in", names, body):
            bounds = [scope.text.bounds[("title", "summary", "content").index(n)] for n in names]  # type: ignore[attr-defined]
            return holds(body, Scope(scope.text, _meet(scope.windows, bounds), scope.masks))  # type: ignore[arg-type]
        case ("first", int(count), body):
            return holds(body, Scope(scope.text, _first(count, scope), scope.masks))  # type: ignore[arg-type]
        case ("score", threshold, *pairs):
            return _score(float(str(threshold)), dict(pairs), scope)  # type: ignore[arg-type]
    return _logic(node, scope)


def _score(threshold: float, weights: dict[str, float], scope: Scope) -> set[Place] | None:
    found = {term: scope.word(term) for term in weights}
    total = sum(weights[term] for term, places in found.items() if places)
    positive = [places for term, places in found.items() if weights[term] > 0]
    return set[Place]().union(*positive) if total >= threshold else None


def _logic(node: Tree, scope: Scope) -> set[Place] | None:
    parts = node[2:] if node[0] == "at_least" else node[1:]
    results = [holds(part, scope) for part in parts]  # type: ignore[arg-type]
    held = [found for found in results if found is not None]
    together: set[Place] = set().union(*held)
    if node[0] == "none":
        return None if held else set()
    least = {"any": 1, "all": len(parts), "at_least": node[1]}[str(node[0])]
    return together if len(held) >= least else None  # type: ignore[operator]


def _meet(outer: list[Place] | None, inner: list[Place]) -> list[Place]:
    pairs = (
        [(a, b, c, d) for a, b in outer or [(0, 10**9)] for c, d in inner] if outer != [] else []
    )
    return [(max(a, c), min(b, d)) for a, b, c, d in pairs if max(a, c) < min(b, d)] or [(-1, -1)]


def _first(count: int, scope: Scope) -> list[Place]:
    windows = scope.windows or [(0, len(scope.text.folded))]
    inside = [(t, w) for w in sorted(windows) for t in scope.text.tokens if w[0] <= t < w[1]]
    kept, dropped = inside[:count], inside[count:]
    if not kept:
        return [(-1, -1)]
    out = []
    for window in sorted({w for _, w in kept}):
        after = [t for t, w in dropped if w == window]
        out.append((window[0], min([*after, window[1]])))
    return out


def _near(
    words: tuple[str, ...], links: tuple[tuple[str, int], ...], scope: Scope
) -> set[Place] | None:
    chains = [[place] for place in scope.word(words[0])]
    for word, (kind, distance) in zip(words[1:], links, strict=True):
        options = scope.word(word)
        chains = [
            [*chain, place]
            for chain in chains
            for place in options
            if _close(chain[-1], place, distance, scope.text)
            or (kind == "near" and _close(place, chain[-1], distance, scope.text))
        ]
    return {place for chain in chains for place in chain} or None


def _close(left: Place, right: Place, distance: int, text: Text) -> bool:
    if left[1] > right[0] or text.field(left[0]) != text.field(right[0]):
        return False
    return text.token(right[0]) - text.token(left[1] - 1) <= distance


def _same_sentence(parts: list[Tree], scope: Scope) -> set[Place] | None:
    results = [holds(part, scope) for part in parts]
    found = [places or set() for places in results]
    sentences = {scope.text.sentence(place[0]) for places in found for place in places} | {(0, 0)}
    kept: set[Place] = set()
    for sentence in sentences:
        here = [
            {p for p in places if scope.text.sentence(p[0]) in (sentence, (0, 0))}
            for places in found
        ]
        if all(here):
            kept |= set().union(*here)
    return kept or None
