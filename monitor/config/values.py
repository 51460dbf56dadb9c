"""The kinds of values that settings are made of: text in, typed values out, plain words when wrong.

Every scalar of a file is text; these types read it. The same types print the JSON Schema.
"""

import ipaddress
import re
import zoneinfo
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema

from monitor.alerts.cap import Cap
from monitor.alerts.repeat import Repeat
from monitor.model import Severity
from monitor.text.fold import fold
from monitor.yamlnodes import did_you_mean

SEVERITIES = tuple(severity.label for severity in Severity)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}  # seconds
_DATE_LENGTH = len("2024-09-05")
_LONGEST = 100 * _UNITS["y"]  # a clock minus this is still a date
_DURATION = re.compile(r"([0-9]{1,6})\s*([smhdwy])")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2, token
_CAP = re.compile(r"([0-9]{1,4})\s+per\s+(hour|day|[0-9]{1,6}\s*[smhdw])")
_REPEAT = re.compile(r"([0-9]{1,6}\s*[smhdw])\s*,\s*([0-9]{1,2})\s+times?")
_SHORTEST_REPEAT = timedelta(minutes=1)
_SHORTEST_PATIENCE = timedelta(seconds=20)  # the slowest tick comes every 15 s
_POLLS = re.compile(r"([0-9]{1,4})(?:\s*polls?)?")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


class Wrong(ValueError):
    """A value that cannot be read; `hint` is what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def read_duration(value: object) -> timedelta:
    """Return the time span that a text like `15m`, `72h` or `90d` names."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise Wrong("is not a duration; write for example 15m, 2h or 1d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        raise Wrong("is longer than 100 years")
    return timedelta(seconds=seconds)


def read_pace(value: object) -> timedelta:
    """Return a duration of at least a second."""
    duration = read_duration(value)
    if duration < timedelta(seconds=1):
        raise Wrong("is too short; the least is 1s")
    return duration


def write_duration(value: timedelta) -> str:
    """Return the shortest text that reads back as this duration."""
    seconds = int(value.total_seconds())
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"


def read_clock(value: object) -> time:
    """Return the time of day that a text like `07:00` names."""
    if isinstance(value, time):
        return value
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Wrong('is not a time of day; write for example "07:00"')
    return time(int(match[1]), int(match[2]))


def read_moment(value: object) -> datetime:
    """Return the moment that a date, or a date and a time, names; a date means its end, in UTC."""
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value).strip())
        if len(str(value).strip()) <= _DATE_LENGTH:
            moment += timedelta(days=1)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        hint = "write for example 2024-09-05, which means its end, or 2024-09-05T18:00+09:00"
        raise Wrong("is not a date", hint) from error


def read_said(value: object) -> str:
    """Return a text of one line that says something."""
    text = str(value).strip()
    if not text or not text.isprintable():
        raise Wrong("needs a few words on one line")
    return text


def read_words(value: object) -> str:
    """Return words to look for; each may end in `*`, none may be a star alone."""
    text = read_said(value)
    if any(not fold(word.rstrip("*")).strip() for word in text.split()):
        raise Wrong("holds a word without a letter or digit", "* goes behind the beginning of one")
    return text


def read_cap(value: object) -> Cap:
    """Return the cap that a text like `10 per hour` or `3 per 15m` names."""
    if isinstance(value, Cap):
        return value
    match = _CAP.fullmatch(str(value).strip())
    if not match or int(match[1]) < 1:
        raise Wrong("is not a number of messages in a time; write for example 10 per hour")
    unit = match[2]
    return Cap(count=int(match[1]), per=read_pace({"hour": "1h", "day": "1d"}.get(unit, unit)))


def write_cap(cap: Cap) -> str:
    """Return the text that reads back as this cap."""
    return f"{cap.count} per {write_duration(cap.per)}"


def read_repeat(value: object) -> Repeat:
    """Return what a text like `30m, 3 times` names."""
    if isinstance(value, Repeat):
        return value
    match = _REPEAT.fullmatch(str(value).strip())
    if not match or int(match[2]) < 1:
        raise Wrong("is not how long and how often; write for example 30m, 3 times")
    every = read_duration(match[1])
    if every < _SHORTEST_REPEAT:
        raise Wrong("is too short; the least is 1m")
    return Repeat(every=every, times=int(match[2]))


def write_repeat(repeat: Repeat) -> str:
    """Return the text that reads back as this."""
    return f"{write_duration(repeat.every)}, {repeat.times} times"


def read_zone(value: object) -> zoneinfo.ZoneInfo:
    """Return the time zone of a name that the zone data knows."""
    if isinstance(value, zoneinfo.ZoneInfo):
        return value
    name = str(value)
    example = "write for example Europe/Amsterdam or UTC"
    if not _ZONE.fullmatch(name):
        raise Wrong("is not a time zone", example)
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, KeyError, OSError) as error:
        near = did_you_mean(name, zoneinfo.available_timezones())
        raise Wrong("is not a time zone", near or example) from error


def read_flag(value: object) -> bool:
    """Return True for `true` and False for `false`; nothing else is a yes or a no."""
    if isinstance(value, bool):
        return value
    if value not in {"true", "false"}:
        raise Wrong("is neither true nor false")
    return value == "true"


def read_id(value: object) -> str:
    """Return a name that fits in commands, file names and URLs."""
    if not isinstance(value, str) or not _ID.fullmatch(value):
        hint = "use small letters, digits, dots, - and _, at most 64, a letter or digit first"
        raise Wrong("is not an id", hint)
    return value


def read_url(value: object) -> str:
    """Return an http or https address with a host and without a login."""
    text = str(value).strip()
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise Wrong("is not a web address", str(error)) from error
    if _UNPRINTABLE.search(text) or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Wrong("is not a web address", "write for example https://example.org/rss.xml")
    if "@" in parts.netloc:
        raise Wrong("holds a login", 'write it as auth: {basic: "${USER}:${PASSWORD}"}')
    return text


def read_secret_url(value: object) -> object:
    """Return a web address that is itself a secret, or nothing."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value).strip()
    if text:
        read_url(text)
    return text


def read_patience(value: object) -> timedelta:
    """Return how long a line may stand still: longer than its slowest tick."""
    duration = read_duration(value)
    if duration < _SHORTEST_PATIENCE:
        raise Wrong("is too short; the least is 20s")
    return duration


def read_listen(value: object) -> str:
    """Return an address and a port to listen at, for example `127.0.0.1:8788` or `[::1]:8788`."""
    host, colon, port = str(value).strip().rpartition(":")
    hint = "write an address and a port, for example 127.0.0.1:8788"
    if not colon or not port.isdecimal() or not 0 < int(port) < 65_536:  # noqa: PLR2004 (TCP)
        raise Wrong("is not an address and a port", hint)
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise Wrong("does not begin with an IP address", hint) from error
    is_bracketed = host.startswith("[") and host.endswith("]")
    if (address.version == 6) != is_bracketed:  # noqa: PLR2004 (of IP)
        raise Wrong("is not an address and a port", "write IPv6 as [::1]:8788")
    return f"{host}:{port}"


def is_loopback(listen: str) -> bool:
    """Return whether only this machine reaches an address and port."""
    return ipaddress.ip_address(listen.rpartition(":")[0].strip("[]")).is_loopback


def read_polls(value: object) -> int:
    """Return the number of a text like `3 polls` or `3`."""
    match = _POLLS.fullmatch(str(value))
    if not match or int(match[1]) < 1:
        raise Wrong("is not a number of polls; write for example 3 polls")
    return int(match[1])


def read_network(value: object) -> str:
    """Return an address range in its canonical form, for example `10.0.0.0/8`."""
    try:
        return str(ipaddress.ip_network(str(value)))
    except ValueError as error:
        raise Wrong("is not an address range; write for example 10.0.0.0/8 or ::1/128") from error


def read_header_name(value: object) -> str:
    """Return the name of an HTTP header."""
    if not _HEADER.fullmatch(str(value)):
        raise Wrong("is not the name of a header")
    return str(value)


def read_header_value(value: object) -> object:
    """Return the value of an HTTP header, refused when it would break out of its line."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if not text.isprintable():
        raise Wrong("holds a character that no header may hold")
    return value


def read_login(value: object) -> object:
    """Return a user and a password with a colon between them."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if ":" not in text:
        raise Wrong("is not a user and a password", 'write "${USER}:${PASSWORD}"')
    return value


def read_one_or_more(value: object) -> object:
    """Return a list of what was written as a list or as one word."""
    return [value] if isinstance(value, str) else value


def read_severities(value: object) -> object:
    """Return the severities that are meant: one word means that one and all that are worse."""
    if value in SEVERITIES:
        return SEVERITIES[SEVERITIES.index(str(value)) :]
    return read_one_or_more(value)


def read_version(value: object) -> int:
    """Return the version of the file format, of which there is one."""
    if str(value) != "1":
        raise Wrong("is a version that this program does not read", "write version: 1")
    return 1


_DURATION_SCHEMA = {"type": "string", "pattern": r"^[0-9]{1,6}\s*[smhdwy]$", "examples": ["15m"]}
_POLLS_SCHEMA = {"type": ["string", "integer"], "pattern": r"^[0-9]{1,4}(\s*polls?)?$"}

_written = PlainSerializer(write_duration, return_type=str)

Duration = Annotated[
    timedelta, BeforeValidator(read_duration), _written, WithJsonSchema(_DURATION_SCHEMA)
]
Pace = Annotated[timedelta, BeforeValidator(read_pace), _written, WithJsonSchema(_DURATION_SCHEMA)]
Clock = Annotated[
    time,
    BeforeValidator(read_clock),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLOCK.pattern}$", "examples": ["07:00"]}),
]
Zone = Annotated[
    zoneinfo.ZoneInfo,
    BeforeValidator(read_zone),
    PlainSerializer(lambda zone: zone.key, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["Europe/Amsterdam"]}),
]
Moment = Annotated[
    datetime,
    BeforeValidator(read_moment),
    PlainSerializer(lambda value: value.isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "examples": ["2024-09-05"]}),
]
Said = Annotated[str, BeforeValidator(read_said)]
Words = Annotated[str, BeforeValidator(read_words)]
RateCap = Annotated[
    Cap,
    BeforeValidator(read_cap),
    PlainSerializer(write_cap, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_CAP.pattern}$", "examples": ["10 per hour"]}),
]
Repeats = Annotated[
    Repeat,
    BeforeValidator(read_repeat),
    PlainSerializer(write_repeat, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_REPEAT.pattern}$", "examples": ["30m, 3 times"]}
    ),
]
Flag = Annotated[bool, BeforeValidator(read_flag), WithJsonSchema({"type": "boolean"})]
Id = Annotated[
    str,
    BeforeValidator(read_id),
    WithJsonSchema({"type": "string", "pattern": f"^{_ID.pattern}$"}),
]
Patience = Annotated[
    timedelta, BeforeValidator(read_patience), _written, WithJsonSchema(_DURATION_SCHEMA)
]
SecretAddress = Annotated[SecretStr, BeforeValidator(read_secret_url)]
Listen = Annotated[
    str,
    BeforeValidator(read_listen),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8788", "[::1]:8788"]}),
]
WebAddress = Annotated[str, BeforeValidator(read_url), WithJsonSchema({"type": "string"})]
Polls = Annotated[int, BeforeValidator(read_polls), WithJsonSchema(_POLLS_SCHEMA)]
Network = Annotated[str, BeforeValidator(read_network)]
HeaderName = Annotated[str, BeforeValidator(read_header_name)]
HeaderValue = Annotated[SecretStr, BeforeValidator(read_header_value)]
Login = Annotated[SecretStr, BeforeValidator(read_login)]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(read_one_or_more),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
SeverityName = Literal["low", "medium", "high", "critical"]
_SEVERITY_SCHEMA = {"type": "string", "enum": list(SEVERITIES)}
Severities = Annotated[
    tuple[SeverityName, ...],
    BeforeValidator(read_severities),
    WithJsonSchema({"anyOf": [_SEVERITY_SCHEMA, {"type": "array", "items": _SEVERITY_SCHEMA}]}),
]
Version = Annotated[int, BeforeValidator(read_version), WithJsonSchema({"const": 1})]
