"""Whether an item's hits make an alert, and why: the closed list of reasons of `Reason`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.model import Hit, Reason, Severity, Story


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a story that fell quiet alerts again: after this much quiet, with so many sources."""

    quiet: timedelta = timedelta(hours=24)
    sources: int = 3


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What reached a story: the hits of one item, and how it came.

    `is_backlog`: the source is read for the first time and its policy keeps old news quiet.
    `is_edit`: the item is known and its text changed. `is_denial`: it takes back the story's event.
    `silenced` names the silences that cover its other hits; `hits` are those that none covers.
    """

    hits: Sequence[Hit]
    is_backlog: bool = False
    is_edit: bool = False
    is_denial: bool = False
    silenced: str = ""

    @property
    def severity(self) -> Severity:
        """Return the worst severity of the hits."""
        return max(hit.severity for hit in self.hits)


def decide(story: Story, arrival: Arrival, policy: Policy) -> tuple[Reason, str]:
    """Return why people are told of an arrival, or why not, with a detail for the alert.

    `story` is the story with the item in it; what its readers know stands in `alerted_*`.
    """
    if story.muted:
        return Reason.MUTED, ""
    if arrival.is_backlog:
        return Reason.BACKLOG, ""
    if not arrival.hits:
        return Reason.SILENCED, arrival.silenced
    if story.alerted_severity is None:
        return Reason.NEW_STORY, ""
    return _again(story, story.alerted_severity, arrival, policy)


def _again(story: Story, told: Severity, arrival: Arrival, policy: Policy) -> tuple[Reason, str]:
    """Return the reason for a second alert, the most telling first, or for none."""
    if arrival.severity > told:
        return Reason.SEVERITY_ROSE, f"{arrival.severity.label}, was {told.label}"
    new_rules = {hit.rule for hit in arrival.hits} - story.alerted_rules
    if new_rules:
        return Reason.ANOTHER_RULE, ", ".join(sorted(new_rules))
    names = {name for hit in arrival.hits for name in hit.listed_names} - story.alerted_names
    if names:
        return Reason.LISTED_NAME, ", ".join(sorted(names))
    if arrival.is_denial:
        return Reason.DENIED, ""
    if _is_back(story, policy):
        return Reason.QUIET_THEN_BACK, f"{story.sources_since_return} sources"
    return (Reason.EDITED if arrival.is_edit else Reason.JOINED), ""


def _is_back(story: Story, policy: Policy) -> bool:
    """Return whether enough sources came back since the quiet, and people were not told yet."""
    if story.returned_at is None or story.sources_since_return < policy.sources:
        return False
    return story.last_alert_at is None or story.last_alert_at < story.returned_at


def returned_at(latest_at: datetime, now: datetime, policy: Policy) -> datetime | None:
    """Return `now` when an item ends a quiet time of a story, else None."""
    return now if now - latest_at >= policy.quiet else None
