"""What an edit of the configuration changes: feeds, channels, routes, silences, rules, settings.

It compares texts as stored or as read, secrets unresolved, so that it needs no environment and
says something of sets that this version would refuse, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.errors import ConfigError
from monitor.yamlnodes import load

_LONGEST_FILE = 4_000_000  # characters; beyond that a file is compared as a whole
_LONGEST_VALUE = 80  # characters of a value that is shown
_UNSAID = frozenset({"url", "auth", "headers"})  # values that may hold a key
_Plain = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that an edit adds, removes, changes or renames (then `detail` is the old name)."""

    action: Literal["added", "removed", "changed", "renamed"]
    what: str  # feed, channel, route, silence, rule, term list, watchlist, setting, file
    name: str
    file: str
    detail: str = ""

    @property
    def said(self) -> str:
        """Return the change as a line: `rule veto changed: severity high, was critical`."""
        return f"{self.what} {self.name} {self.action}" + (
            f": {self.detail}" if self.detail else ""
        )


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """Return what makes the new files differ from the old ones, in order of the files."""
    files = [name for name in dict.fromkeys((*new, *old)) if old.get(name) != new.get(name)]
    found = [change for name in files for change in _of_file(name, old, new)]
    return _with_renames(found)


def _of_file(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    before, after = old.get(name, ""), new.get(name, "")
    if name.startswith("watchlists/"):
        yield from _watchlist(name, before, after)
        return
    if max(len(before), len(after)) > _LONGEST_FILE:
        yield Change(action="changed", what="file", name=name, file=name)
        return
    one, other = _plain(name, before), _plain(name, after)
    if name == "monitor.yaml":
        yield from _settings("setting", name, _flat(one), _flat(other))
    elif name == "feeds.yaml":
        yield from _settings("setting", name, _flat(_part(one)), _flat(_part(other)))
        yield from _named("feed", name, _by_id(one, "feeds"), _by_id(other, "feeds"))
    elif name == "routes.yaml":
        yield from _named("channel", name, _mapping(one, "channels"), _mapping(other, "channels"))
        yield from _unnamed("route", name, _list(one, "routes"), _list(other, "routes"))
        yield from _unnamed("silence", name, _list(one, "silences"), _list(other, "silences"))
    else:
        yield from _named("term list", name, _mapping(one, "terms"), _mapping(other, "terms"))
        yield from _named("rule", name, _by_id(one, "rules"), _by_id(other, "rules"))


# ---------------------------------------------------------------- comparing


def _named(what: str, file: str, old: _Plain, new: _Plain) -> Iterator[Change]:
    """Compare entries that have names of their own."""
    for name in dict.fromkeys((*new, *old)):
        if name not in old:
            detail = _of_added(what, name, old, new)
            yield Change(action="added", what=what, name=name, file=file, detail=detail)
        elif name not in new:
            yield Change(action="removed", what=what, name=name, file=file)
        elif old[name] != new[name]:
            detail = _differences(old[name], new[name])
            yield Change(action="changed", what=what, name=name, file=file, detail=detail)


def _of_added(what: str, name: str, old: _Plain, new: _Plain) -> str:
    """Return what an entry says it was called, or that it looks like one that is gone."""
    if _was(new[name]):
        return f"was {_was(new[name])}"
    gone = (other for other in old if other not in new and what == "rule")
    twin = next((one for one in gone if _body(old[one]) == _body(new[name])), "")
    return f'like {twin}, which is gone; "was: {twin}" keeps its history' if twin else ""


def _body(entry: object) -> object:
    """Return an entry without what names it."""
    if not isinstance(entry, dict):
        return entry
    return {key: value for key, value in entry.items() if key not in ("id", "title", "was")}


def _unnamed(
    what: str, file: str, old: Sequence[object], new: Sequence[object]
) -> Iterator[Change]:
    """Compare entries without names: what stands in one list only was added or removed."""
    for entry in new:
        if entry not in old:
            yield Change(action="added", what=what, name=_title(entry), file=file)
    for entry in old:
        if entry not in new:
            yield Change(action="removed", what=what, name=_title(entry), file=file)


def _settings(what: str, file: str, old: _Plain, new: _Plain) -> Iterator[Change]:
    for name in dict.fromkeys((*new, *old)):
        if old.get(name) != new.get(name):
            before, after = _shown(old.get(name)), _shown(new.get(name))
            detail = f"{after or 'default'}, was {before or 'default'}"
            yield Change(action="changed", what=what, name=name, file=file, detail=detail)


def _watchlist(name: str, old: str, new: str) -> Iterator[Change]:
    before, after = set(old.splitlines()), set(new.splitlines())
    action: Literal["added", "removed", "changed"] = "changed"
    if not old or not new:
        action = "removed" if old else "added"
    detail = f"{len(after - before)} lines more, {len(before - after)} lines less"
    short = name.removeprefix("watchlists/")
    yield Change(action=action, what="watchlist", name=short, file=name, detail=detail)


def _with_renames(found: Sequence[Change]) -> tuple[Change, ...]:
    """Make one change of a rule that went and one that came with `was:` its name.

    A thing that moved to another file is not said to be removed and added.
    """
    gone = {(one.what, one.name): one for one in found if one.action == "removed"}
    kept: list[Change] = []
    taken: set[tuple[str, str]] = set()
    for one in found:
        old_name = one.detail.removeprefix("was ") if one.detail.startswith("was ") else ""
        if one.action == "added" and (one.what, old_name) in gone:
            taken.add((one.what, old_name))
            kept.append(
                Change(
                    action="renamed", what=one.what, name=one.name, file=one.file, detail=old_name
                )
            )
        elif one.action == "added" and (one.what, one.name) in gone:
            moved = gone[one.what, one.name]
            taken.add((one.what, one.name))
            detail = f"moved here from {moved.file}"
            kept.append(
                Change(action="changed", what=one.what, name=one.name, file=one.file, detail=detail)
            )
        else:
            kept.append(one)
    return tuple(
        one for one in kept if (one.what, one.name) not in taken or one.action != "removed"
    )


# ---------------------------------------------------------------- reading


def _plain(name: str, text: str) -> _Plain:
    try:
        value = load(name, text).plain()
    except ConfigError:  # a text of another version, or half written: nothing stands in it
        return {}
    return value if isinstance(value, dict) else {}


def _part(feeds: _Plain) -> _Plain:
    return {"defaults": feeds["defaults"]} if "defaults" in feeds else {}


def _mapping(value: _Plain, key: str) -> _Plain:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _list(value: _Plain, key: str) -> Sequence[object]:
    found = value.get(key)
    return found if isinstance(found, list) else []


def _by_id(value: _Plain, key: str) -> _Plain:
    entries = (one for one in _list(value, key) if isinstance(one, dict) and "id" in one)
    return {str(entry["id"]): entry for entry in entries}


def _was(entry: object) -> str:
    was = entry.get("was", "") if isinstance(entry, dict) else ""
    return was if isinstance(was, str) else ""


def _flat(value: _Plain, prefix: str = "") -> dict[str, object]:
    """Return `{"digest": {"at": "07:00"}}` as `{"digest.at": "07:00"}`."""
    found: dict[str, object] = {}
    for name, below in value.items():
        if isinstance(below, dict):
            found |= _flat(below, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = below
    return found


# ---------------------------------------------------------------- saying


def _differences(old: object, new: object) -> str:
    """Return which keys of an entry differ, with both values where they are short words."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return ""
    names = [name for name in dict.fromkeys((*new, *old)) if old.get(name) != new.get(name)]
    return "; ".join(_difference(name, old.get(name), new.get(name)) for name in names)


def _difference(name: str, old: object, new: object) -> str:
    if name in _UNSAID or isinstance(old, list | dict) or isinstance(new, list | dict):
        return name
    return f"{name} {_shown(new) or 'default'}, was {_shown(old) or 'default'}"


def _title(entry: object) -> str:
    """Return an entry of a list in one line, as it could stand in the file."""
    if not isinstance(entry, dict):
        return _shown(entry)
    parts = (f"{key}: {_shown(value)}" for key, value in entry.items() if key not in _UNSAID)
    return "{" + ", ".join(parts) + "}"


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return _title(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
