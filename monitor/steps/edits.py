"""What a configuration that comes into force changes, and whose edit it was; kept for good."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.config.changes import Change, changes
from monitor.steps.watch import Settings
from monitor.store import Transaction

_MOST = 200  # changes that are logged one by one; who replaces everything sees it in the files
_FIRST = "first configuration of this database"


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What differs from the set before, and who saved the files that differ."""

    who: str
    changes: tuple[Change, ...] = ()
    is_first: bool = False


def edit_of(before: Mapping[str, str] | None, settings: Settings) -> Edit:
    """Return what the files in the settings change of those that were in force, if any were."""
    old = before or {}
    names = [name for name, text in settings.files.items() if old.get(name) != text]
    who = ", ".join(sorted({settings.authors.get(name, "") for name in names} - {""}))
    if before is None:
        return Edit(who=who, is_first=True)
    return Edit(who=who, changes=changes(before, settings.files))


def take_over(tx: Transaction, settings: Settings, edit: Edit, now: datetime) -> None:
    """Store the set that comes into force and each change of it, unless it is in force already."""
    lines = [_FIRST] if edit.is_first else [change.said for change in edit.changes]
    shown = [*lines[:_MOST], f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else lines
    who = edit.who or "unknown"
    if not tx.log.put_ruleset(settings.ruleset.hash, settings.files, now, who=who, changes=shown):
        return
    for one in edit.changes[:_MOST]:
        tx.log.put_activity(now, who, f"{one.what} {one.action}", one.name, one.detail)
    for line in shown[len(edit.changes[:_MOST]) :]:
        tx.log.put_activity(now, who, "configuration", settings.ruleset.hash[:12], line)
