"""All judges in the order in which their findings are told."""

from collections.abc import Callable, Iterator, Sequence

from monitor.doctor import judge_machine, judge_watch
from monitor.doctor.facts import Facts
from monitor.doctor.findings import Finding

JUDGES: Sequence[Callable[[Facts], Iterator[Finding]]] = (
    judge_machine.software,
    judge_watch.configuration,
    judge_machine.volume,
    judge_machine.permissions,
    judge_watch.database,
    judge_watch.backup,
    judge_watch.worker,
    judge_watch.messages,
    judge_watch.sources,
    judge_watch.channels,
    judge_machine.clock,
    judge_machine.limits,
    judge_machine.units,
)


def judge(facts: Facts) -> tuple[Finding, ...]:
    """Return what the facts mean, check by check."""
    return tuple(finding for one in JUDGES for finding in one(facts))
