"""What a digest could not see: sources one by one, or many by what ails them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.model import Digest, SourceProblem
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
