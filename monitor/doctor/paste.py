"""The block for an issue: versions, counts and findings, and nothing that is nobody's business."""

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from monitor.config import Config
from monitor.doctor.facts import Facts
from monitor.doctor.findings import Finding, Grade

_ADDRESS = re.compile(r"[^\s<>\"'(:/]+@[^\s<>\"'):,;]+")
_URL = re.compile(r"\b([a-z][a-z+.-]*)://[^\s\"'<>)]+", re.IGNORECASE)
_HOST_PORT = re.compile(r"\b(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+:\d{2,5}\b")
_SHORTEST = 4  # characters; shorter secrets stand in any word


def paste(facts: Facts, findings: Iterable[Finding], hidden: Sequence[str]) -> str:
    """Return a fenced block; addresses of people, hosts and what is `hidden` are left out."""
    return "\n".join(["```", *(scrub(line, hidden) for line in _lines(facts, findings)), "```"])


def _lines(facts: Facts, findings: Iterable[Finding]) -> Iterator[str]:
    one = facts.software
    yield f"sanctions-monitor {one.version}, Python {one.python}, {one.system}"
    yield f"SQLite {one.sqlite} ({one.sqlite_module})"
    yield ", ".join(f"{name} {version}" for name, version in sorted(one.packages.items()))
    files = facts.files
    kinds = ", ".join(sorted(kind for _, kind in files.channels)) or "none"
    yield (
        f"{files.enabled} of {files.sources} sources, {files.rules} rules, channels: {kinds}; "
        f"{len(files.errors)} errors, {files.warnings} warnings"
    )
    if facts.survey:
        counts = facts.survey.outbox or {}
        told = ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"
        yield f"database {facts.survey.size_bytes:,} bytes; messages: {told}"
    for finding in findings:
        if finding.grade is not Grade.OK:
            yield f"{finding.grade.label}: {finding.check}: {finding.said}"


def scrub(text: str, hidden: Sequence[str]) -> str:
    """Return a text without what is hidden, mail addresses, paths of URLs and hosts with ports."""
    for one in sorted(filter(lambda word: len(word) >= _SHORTEST, hidden), key=len, reverse=True):
        text = text.replace(one, "***")
    text = _URL.sub(r"\1://...", text)
    return _HOST_PORT.sub("HOST", _ADDRESS.sub("ADDRESS", text))


def hidden_in(config: Config | None, environ_home: str) -> tuple[str, ...]:
    """Return what a configuration knows that a stranger must not see."""
    found = [environ_home] if len(environ_home) > 1 else []
    if config is None:
        return tuple(found)
    found += config.secrets
    found += [one for one in _hosts(config) if one]
    return tuple(found)


def _hosts(config: Config) -> Iterator[str]:
    """Return the hosts, users and recipients of channels: whatever their settings hold."""
    for channel in config.channels.values():
        for value in channel.settings.model_dump().values():
            for one in value if isinstance(value, (list, tuple)) else (value,):
                text = one.get_secret_value() if hasattr(one, "get_secret_value") else str(one)
                parts = urlsplit(text) if "://" in text else None
                yield from (parts.hostname or "", parts.username or "") if parts else (text,)
