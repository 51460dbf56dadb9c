"""What a site's robots.txt lets us ask for.

Source: RFC 9309. The parser of the standard library takes the first rule that fits and knows
neither `*` nor `$`: it allows what sites forbid, and forbids what they allow.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from monitor.text.urls import spelt

MAX_BYTES = 512_000  # read of a file; the RFC asks for 500 KiB at least
_MAX_RULE = 2_048  # characters of a path; longer ones fit no address that we ask for
_LINE_END = re.compile(r"\r\n?|\n")
_TOKEN = re.compile(r"[A-Za-z_-]+|\*")
_LONGEST_DELAY_S = 60.0  # what sites ask of crawlers that take all of them can be hours


class _Rule(NamedTuple):
    """A path with wildcards, in the pieces between them; `is_whole` where it ends in `$`."""

    pieces: tuple[str, ...]
    is_whole: bool
    allows: bool
    length: int

    def fits(self, target: str) -> bool:
        """Return whether the pieces stand in the target in order; in linear time."""
        first, *rest = self.pieces
        if not rest and self.is_whole:
            return target == first
        if not target.startswith(first):
            return False
        at = len(first)
        last = rest.pop() if self.is_whole else ""
        for piece in rest:
            found = target.find(piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return target.endswith(last) and len(target) - len(last) >= at


@dataclass(frozen=True, kw_only=True)
class Robots:
    """The rules of one site for us; none of them allows everything.

    `delay` is how long we are asked to wait between two requests (`Crawl-delay`, which no RFC
    knows and many sites write).
    """

    rules: tuple[_Rule, ...] = ()
    delay: timedelta = timedelta()

    def allows(self, url: str) -> bool:
        """Return whether an address may be asked for: the longest rule that fits decides."""
        target = _target(url)
        fitting = [rule for rule in self.rules if rule.fits(target)]
        if not fitting or target == "/robots.txt":
            return True
        return max((rule.length, rule.allows) for rule in fitting)[1]


NOTHING = Robots(rules=(_Rule(("/",), is_whole=False, allows=False, length=1),))
ANYTHING = Robots()


def token_of(user_agent: str) -> str:
    """Return the name by which a robots.txt speaks to a program with this `User-Agent`."""
    found = _TOKEN.match(user_agent.strip())
    return found[0].lower() if found else ""


@dataclass
class _Group:
    agents: set[str] = field(default_factory=set)
    rules: list[_Rule] = field(default_factory=list)
    delay: timedelta = timedelta()


def read(body: bytes, token: str) -> Robots:
    """Return what a robots.txt says to the program of this name; any bytes can be read.

    Groups of one name are one; those for `*` hold where none names us.
    """
    groups = list(_groups(body))
    ours = [one for one in groups if token and token in one.agents]
    ours = ours or [one for one in groups if "*" in one.agents]
    return Robots(
        rules=tuple(rule for one in ours for rule in one.rules),
        delay=max((one.delay for one in ours), default=timedelta()),
    )


def _groups(body: bytes) -> Iterator[_Group]:
    """Return the groups in order; rules before the first one belong to nobody."""
    group, is_open = _Group(), False
    for name, value in _lines(body):
        if name == "user-agent":
            if not is_open:
                yield group
                group, is_open = _Group(), True
            group.agents.add(token_of(value))
        elif name in ("allow", "disallow"):
            is_open = False
            if value and len(value) <= _MAX_RULE:
                group.rules.append(_rule(value, allows=name == "allow"))
        elif name == "crawl-delay":
            group.delay = _delay(value)
    yield group


def _lines(body: bytes) -> Iterator[tuple[str, str]]:
    for line in _LINE_END.split(body[:MAX_BYTES].decode("utf-8-sig", "replace")):
        name, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _rule(path: str, *, allows: bool) -> _Rule:
    is_whole = path.endswith("$")
    pieces = [_literal(spelt(piece)) for piece in path.removesuffix("$").split("*")]
    return _Rule(tuple(pieces), is_whole, allows, sum(map(len, pieces)) + len(pieces) - 1)


def _literal(text: str) -> str:
    return text.replace("*", "%2A").replace("$", "%24")


def _target(url: str) -> str:
    """Return what rules are compared with: path and query, each character in one spelling."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return _literal(spelt((parts.path or "/") + query))


def _delay(value: str) -> timedelta:
    try:
        seconds = float(value)
    except ValueError:
        return timedelta()
    return timedelta(seconds=min(seconds, _LONGEST_DELAY_S)) if seconds > 0 else timedelta()
