"""The configuration for people's eyes: everything in force, secrets as `***`."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from monitor.alerts.quiet import Quiet
from monitor.alerts.route import Route
from monitor.alerts.silence import Silence
from monitor.config.effective import ChannelConfig, Config
from monitor.config.secrets import redact
from monitor.config.values import write_cap, write_duration, write_repeat
from monitor.model import Source

_HIDDEN = "***"
_PYDANTIC_HIDDEN = "**********"  # what a SecretStr dumps as, wherever it stands


def shown(config: Config) -> dict[str, Any]:
    """Return the effective settings as nested dicts, lists and texts, in a fixed order."""
    everything = {
        "monitor": plain(config.service),
        "feeds": [_feed(source) for source in config.sources],
        "channels": {name: _channel(channel) for name, channel in config.channels.items()},
        "routes": [_route(route) for route in config.routes],
        "silences": [_silence(silence) for silence in config.silences],
        "digest_channels": list(config.digest_channels),
        "weekly_channels": list(config.weekly_channels),
        "ops_channels": list(config.ops_channels),
    }
    cleaned = _redacted(everything, config.secrets)
    assert isinstance(cleaned, dict), "a dict stays a dict"
    return cleaned


def plain(settings: BaseModel) -> dict[str, Any]:
    """Return the settings of a model; secrets, and fields that a repr leaves out, as `***`."""
    dumped = settings.model_dump(mode="json", by_alias=True)
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        key = info.alias or name
        if isinstance(value, BaseModel):
            dumped[key] = plain(value)
        elif isinstance(value, SecretStr) or not info.repr:
            dumped[key] = _HIDDEN if _is_set(value) else ""
    return dumped


def _is_set(value: object) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _feed(source: Source) -> dict[str, Any]:
    return {
        "id": source.id,
        "url": source.url,
        "name": source.name,
        "lang": source.lang,
        "every": write_duration(source.every),
        "timeout": write_duration(source.timeout),
        "full_text": source.full_text,
        "trust": source.trust,
        "tags": sorted(source.tags),
        "enabled": source.enabled,
        "note": source.note,
        "first_poll": source.first_poll,
        "auth": _HIDDEN if source.user or source.password else "",
        "headers": dict.fromkeys(sorted(source.headers), _HIDDEN),
        "verify_tls": source.verify_tls,
    }


def _channel(channel: ChannelConfig) -> dict[str, Any]:
    return {channel.kind: plain(channel.settings)}


def _route(route: Route) -> dict[str, Any]:
    conditions: Mapping[str, list[str]] = {
        "severity": [severity.label for severity in sorted(route.severities)],
        "rule": sorted(route.rules),
        "theme": sorted(route.themes),
        "tag": sorted(route.tags),
        "source": sorted(route.sources),
        "lang": sorted(route.langs),
    }
    when = {key: values for key, values in conditions.items() if values}
    shown = {"when": when, "send": list(route.send), "as": route.send_as}
    if route.quiet:
        shown["quiet"] = _quiet(route.quiet)
    if route.at_most:
        shown["at_most"] = write_cap(route.at_most)
    if route.repeat:
        shown["repeat_until_acked"] = write_repeat(route.repeat)
    return shown


def _quiet(quiet: Quiet) -> dict[str, Any]:
    hours = {"from": f"{quiet.start:%H:%M}", "to": f"{quiet.end:%H:%M}"}
    return {**hours, "zone": quiet.zone.key, "then": "hold"}


def _silence(silence: Silence) -> dict[str, Any]:
    conditions: Mapping[str, Any] = {
        "rule": sorted(silence.rules),
        "source": sorted(silence.sources),
        "theme": sorted(silence.themes),
        "text": silence.text,
    }
    return {
        **{key: value for key, value in conditions.items() if value},
        "until": silence.until.isoformat(),
        "by": silence.by,
        "reason": silence.reason,
    }


def _redacted(value: Any, secrets: frozenset[str]) -> Any:
    """Return the value with every secret in any of its texts replaced."""
    if isinstance(value, str):
        return _HIDDEN if value == _PYDANTIC_HIDDEN else redact(value, secrets)
    if isinstance(value, dict):
        return {key: _redacted(below, secrets) for key, below in value.items()}
    if isinstance(value, list):
        return [_redacted(below, secrets) for below in value]
    return value
