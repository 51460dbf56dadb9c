"""The manual names every key, and its examples load."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from monitor.config import Config
from monitor.config.schema import (
    READ_AT_START,
    ChannelEntry,
    FeedEntry,
    FeedsFile,
    RouteEntry,
    RoutesFile,
    SilenceEntry,
)
from monitor.config.schema import ServiceSettings as MonitorFile
from monitor.config.values import read_duration
from monitor.errors import ConfigError

MANUAL = (Path(__file__).resolve().parents[3] / "docs" / "configuration.md").read_text("utf-8")


def _section(title: str) -> str:
    return MANUAL.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        below = next(_models(field.annotation), None)
        if below is None or below is not model:
            yield prefix + (field.alias or name)
        if below is not None:
            yield from _keys(below, f"{prefix}{name}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        if argument is not Ellipsis:
            yield from _models(argument)


def _documented(section: str) -> set[str]:
    """Return the keys in the first column of the section's tables."""
    return set(re.findall(r"^\| `([a-z_.]+)`", _section(section), flags=re.MULTILINE))


def test_every_key_of_monitor_yaml_is_documented() -> None:
    """And none that does not exist."""
    leaves = {key for key in _keys(MonitorFile) if not _is_section(key)}

    assert _documented("monitor.yaml") == leaves


def test_the_settings_that_wait_for_a_start_are_those_of_the_code() -> None:
    """Sections by their names, single keys after the section they stand in."""
    [sentence] = re.findall(r"^Every change takes effect .*$", MANUAL, flags=re.MULTILINE)
    sections = {name.partition(".")[0] for name in READ_AT_START}
    keys = {name.partition(".")[2] for name in READ_AT_START if "." in name}

    assert set(re.findall(r"`([a-z_]+)`", sentence)) == sections | keys


def _is_section(key: str) -> bool:
    return any(other.startswith(f"{key}.") for other in _keys(MonitorFile))


def test_every_key_of_feeds_yaml_is_documented() -> None:
    """The keys of the file, of a feed, and those that have a default for all."""
    keys = set(FeedsFile.model_fields) | set(_keys(FeedEntry))

    assert _documented("feeds.yaml") == keys
    (defaults,) = re.findall(r"^\| `defaults` .*$", _section("feeds.yaml"), flags=re.MULTILINE)
    fields = next(_models(FeedsFile.model_fields["defaults"].annotation)).model_fields
    assert set(re.findall(r"`([a-z_]+)`", defaults)) == {"defaults", *fields}


def test_every_key_of_routes_yaml_is_documented() -> None:
    """The keys of the file, of a channel, of a route and of a silence."""
    keys = {*RoutesFile.model_fields, *ChannelEntry.model_fields, *_keys(RouteEntry)}
    keys |= set(_keys(SilenceEntry))

    assert _documented("routes.yaml") == keys


def test_the_defaults_are_those_of_the_models() -> None:
    """Each default that is a single value stands in the manual."""
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| `?\"?([^`|\"]+)", MANUAL, flags=re.MULTILINE))

    shown = MonitorFile().model_dump(mode="json")
    compared = 0
    for key, documented in rows.items():
        value: Any = shown
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, (str, int)) and value != "" and key != "polling.user_agent":
            assert _same(documented.split()[0].lower(), str(value).lower()), key
            compared += 1
    assert compared >= 9


def _same(documented: str, value: str) -> bool:
    if documented == value:
        return True
    return read_duration(documented) == read_duration(value)


def test_the_example_loads(load: Callable[..., Config]) -> None:
    """As it stands, but for kinds of channel that this package does not know."""
    (example,) = re.findall(r"```yaml\n(.*?)```", _section("routes.yaml"), flags=re.DOTALL)

    with pytest.raises(ConfigError) as caught:
        load(routes=example, environ={"SMTP_URL": "x"})

    messages = [one.message for one in caught.value.problems if not one.is_warning]
    assert messages == ['there is no kind of channel "email"']
