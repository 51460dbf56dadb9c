"""What a digest could not see: sources one by one, or many by what ails them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import Digest, Gap, NotRead, Recovery, SourceProblem
from monitor.notify.digest import clock
from monitor.notify.words import age, count, line, listed

_ALONE = 5  # sources that are told one by one; more are told by what ails them
_GROUPS = 6
_NAMES = 5  # sources named of one group
_DETAIL = 140  # characters of what ails a source


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One source, or several alike: `22 feeds`, `failing, the first for 9 h: HTTP 503`."""

    who: str
    what: str
    feeds: int = 1
    names: str = ""
    what_to_do: str = ""


def troubles(digest: Digest) -> tuple[list[Trouble], int]:
    """Return what was not, or not well, read, and how many sources are left out of that."""
    problems = digest.coverage.problems
    if len(problems) <= _ALONE:
        return [_alone(problem, digest.until) for problem in problems], 0
    groups: dict[tuple[str, str], list[SourceProblem]] = {}
    for problem in problems:
        groups.setdefault((problem.state, _advice(problem)), []).append(problem)
    ranked = sorted(groups.values(), key=len, reverse=True)
    found = [_together(group, digest.until) for group in ranked]
    return found[:_GROUPS], sum(one.feeds for one in found[_GROUPS:])


def also(digest: Digest) -> list[str]:
    """Return what else was not seen in the period, a sentence each: what is over, and gaps."""
    seen = digest.coverage
    again = [
        f"{_name(one)} after {age(one.since, one.until)}{_late(one.late_items)}"
        for one in seen.recoveries
    ]
    told = {one.source for one in seen.recoveries}
    away = [
        f"{_name(one)} {age(digest.until - one.total, digest.until)}{_spells(one)}"
        for one in seen.not_read
        if one.is_over and one.source not in told
    ]
    gaps = [
        f"{_name(one)} {clock(one.since, digest)} to {clock(one.until, digest)}"
        for one in seen.gaps
    ]
    kinds = {
        "Well again": again,
        "Not read for a while": away,
        "Items may have come and gone unseen": gaps,
    }
    return [f"{kind}: {listed(said, _NAMES)}." for kind, said in kinds.items() if said]


def heading(digest: Digest) -> str:
    """Return how many feeds are in trouble now."""
    number = len(digest.coverage.problems)
    return count(number, "feed") if number else "every feed is read now"


def _name(one: NotRead | Gap | Recovery) -> str:
    return line(one.name or one.source)


def _late(items: int) -> str:
    return f" ({count(items, 'item')} came late)" if items else ""


def _spells(one: NotRead) -> str:
    return (
        f" ({one.spells} times){_late(one.late_items)}" if one.spells > 1 else _late(one.late_items)
    )


def _alone(problem: SourceProblem, now: datetime) -> Trouble:
    return Trouble(
        who=line(problem.name or problem.source),
        what=f"{_state(problem)} for {age(problem.since, now)}{_detail(problem)}",
        what_to_do=line(problem.what_to_do),
    )


def _together(group: Sequence[SourceProblem], now: datetime) -> Trouble:
    first = min(group, key=lambda problem: problem.since)
    if len(group) == 1:
        return _alone(first, now)
    names = [line(problem.name or problem.source) for problem in group]
    return Trouble(
        who=count(len(group), "feed"),
        what=f"{_state(first)}, the first for {age(first.since, now)}{_detail(first)}",
        feeds=len(group),
        names=listed(names, _NAMES),
        what_to_do=line(_advice(first)),
    )


def _advice(problem: SourceProblem) -> str:
    """Return what to do without the source's own id, so that equal advice is equal."""
    return problem.what_to_do.replace(problem.source, "ID")


def _state(problem: SourceProblem) -> str:
    return line(problem.state).replace("-", " ")


def _detail(problem: SourceProblem) -> str:
    detail = line(problem.detail, _DETAIL)
    return f": {detail}" if detail else ""
