"""What no single value shows: names that must exist, or must not exist twice.

These checks read the nodes, not the models, so that they still speak when a value beside them is
wrong.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from monitor.alerts.route import Route
from monitor.config.schema import FeedsFile
from monitor.config.values import Wrong, read_moment
from monitor.errors import Problem
from monitor.model import Severity
from monitor.yamlnodes import Node, did_you_mean


def words(node: Node | None) -> Iterator[Node]:
    """Return the text nodes of what may be one word or a list of words."""
    if node is None:
        return
    for one in (node,) if node.items is None else node.items:
        if one.text:
            yield one


def each(node: Node | None) -> Iterator[Node]:
    """Return the nodes of a list; nothing for anything else."""
    yield from (node.items or ()) if node is not None else ()


def unknown(nodes: Iterable[Node], known: Collection[str], what: str) -> Iterator[Problem]:
    """Find names that are not among the known ones."""
    for node in nodes:
        if node.text not in known:
            yield node.problem(f'there is no {what} "{node.text}"', did_you_mean(node.key, known))


def feeds(root: Node) -> Iterator[Problem]:
    """Find ids that are given twice and addresses that are read twice."""
    entries = [entry for entry in each(root.get("feeds")) if entry.entries is not None]
    yield from _twice((entry.get("id") for entry in entries), "feed id", is_warning=False)
    watched = (entry for entry in entries if not _is_off(entry))
    yield from _twice((entry.get("url") for entry in watched), "address", is_warning=True)


def unreadable_articles(root: Node) -> Iterator[Problem]:
    """Find feeds whose articles are asked for where nothing is installed that reads them."""
    defaults = root.get("defaults")
    watched = (entry for entry in each(root.get("feeds")) if not _is_off(entry))
    for section in (defaults, *watched):
        wanted = section.get("full_text") if section else None
        if wanted is not None and wanted.text == "true":
            message = "full_text needs trafilatura, which is not installed"
            yield wanted.problem(message, 'pip install "sanctions-monitor[fulltext]"')


def emptiness(file: FeedsFile | None, files: Collection[str]) -> Iterator[Problem]:
    """Warn when nothing is read, or nothing is looked for."""
    if file is not None and not any(feed.enabled for feed in file.feeds):
        yield _nothing("feeds.yaml", "no feed is on: nothing is read")
    if not any(name.startswith("rules/") for name in files):
        yield _nothing("rules", "there are no rules: nothing will match")


def _nothing(file: str, message: str) -> Problem:
    return Problem(file=file, line=0, column=0, message=message, is_warning=True)


def _is_off(entry: Node) -> bool:
    enabled = entry.get("enabled")
    return enabled is not None and enabled.text == "false"


def _twice(nodes: Iterable[Node | None], what: str, *, is_warning: bool) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for node in nodes:
        if node is None or not node.text:
            continue
        if node.text in first:
            message = f'{what} "{node.text}" is used twice; first on line {first[node.text]}'
            yield node.problem(message, is_warning=is_warning)
        first.setdefault(node.text, node.line)


def conditions(root: Node, known: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Find routes and silences that wait for a rule, theme, tag or source that does not exist."""
    routes = (entry.get("when") for entry in each(root.get("routes")))
    for when in (*routes, *each(root.get("silences"))):
        for key, names in known.items():
            yield from unknown(words(when.get(key) if when else None), names, key)


def expired(root: Node, now: datetime) -> Iterator[Problem]:
    """Warn of silences that are over: they do nothing."""
    for entry in each(root.get("silences")):
        until = entry.get("until")
        if until is not None and _is_past(until, now):
            message = "this silence is over and does nothing"
            yield until.problem(message, "remove it", is_warning=True)


def _is_past(until: Node, now: datetime) -> bool:
    try:
        return until.text is not None and read_moment(until.text) <= now
    except Wrong:
        return False  # told as an error


def uncovered(root: Node, routes: Collection[Route]) -> Iterator[Problem]:
    """Warn of severities that no route takes: their stories would be stored and nobody told."""
    if any(not route.severities for route in routes):
        return
    taken = {severity for route in routes for severity in route.severities}
    left = [severity.label for severity in Severity if severity not in taken]
    place = root.get("routes")
    if left and place is not None:
        message = f"no route takes stories of severity {', '.join(left)}: nobody is told of them"
        yield place.problem(message, is_warning=True)


def mute_canary(
    root: Node, canary: Collection[str], channels: Collection[str]
) -> Iterator[Problem]:
    """Warn when nobody could be told that the canary does not arrive."""
    send = (root.get("canary") or root).get("send")
    if canary and send is not None and set(channels) <= set(canary):
        message = "the canary goes to every channel: none is left to say that it does not arrive"
        yield send.problem(message, is_warning=True)


def unused(root: Node, used: Collection[str]) -> Iterator[Problem]:
    """Warn of channels that nothing is sent to."""
    channels = root.get("channels")
    for key in channels.keys() if channels else ():
        if key.text not in used:
            yield key.problem(f'nothing is sent to channel "{key.text}"', is_warning=True)
