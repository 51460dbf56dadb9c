"""Judges the machine: software, disk, permissions, clock, limits, unit files."""

import re
from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from monitor.doctor.facts import Facts, Mode, UnitFile, Volume
from monitor.doctor.findings import Finding, fault, note, ok, warning

# Databases in WAL mode could be corrupted when a checkpoint met a reset (sqlite.org/wal.html).
_MENDED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))
_REMOTE = re.compile(r"nfs4?|cifs|smb\w*|9p|afs|(fuse\.)?(ceph|glusterfs)|lustre|beegfs|fuse\.\w+")
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MB = 1_000_000
_FULL, _SHORT = 50 * _MB, 500 * _MB
_SOON = timedelta(days=30)
_OTHERS = 0o077
_SKEW, _FAR_OFF = timedelta(minutes=1), timedelta(minutes=5)
_ZONES_YEARS = 2  # governments change their clocks; older tables send a digest at the wrong hour
_LEAST_FILES = 256
_LEAST_MEMORY = 400 * _MB  # the parser may take 300 MB for one hostile document


def software(facts: Facts) -> Iterator[Finding]:
    """Judge versions."""
    one = facts.software
    said = f"sanctions-monitor {one.version}, Python {one.python}, {one.system}"
    yield ok("software", said)
    said = f"SQLite {one.sqlite} ({one.sqlite_module})"
    if _may_corrupt(one.sqlite):
        yield warning(
            "sqlite",
            f"{said} has the WAL-reset bug",
            "two processes that write at the same moment can corrupt the database; it is rare",
            "install pysqlite3 (pip install 'pysqlite3>=0.6.1'; wheels for Linux x86_64), or a "
            "Python with SQLite 3.51.3 or newer; keep backups (monitor db backup)",
        )
    else:
        yield ok("sqlite", said)
    yield from _zones(facts)


def _may_corrupt(version: str) -> bool:
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    return not any(
        numbers >= mended and (mended == _MENDED[0] or numbers[:2] == mended[:2])
        for mended in _MENDED
    )


def _zones(facts: Facts) -> Iterator[Finding]:
    version = facts.software.packages.get("tzdata", "")
    if version[:4].isdigit() and int(version[:4]) <= facts.at.year - _ZONES_YEARS:
        yield warning(
            "time zones",
            f"the time zone data are of {version}",
            "digests and quiet hours can be an hour off where the rules have changed",
            "upgrade them: pip install --upgrade tzdata",
        )


def volume(facts: Facts) -> Iterator[Finding]:
    """Judge where the database lies, and the room that is left."""
    one = facts.volume
    if one is None:
        return
    where = str(one.database.parent)
    if not one.is_known:
        yield fault(
            "volume",
            f"{where}: {one.refusal}",
            "neither the disk nor the database could be looked at",
            "run this as the user of the watch, or with sudo; is storage.database right?",
        )
        return
    if one.is_emptied:
        yield fault(
            "volume",
            f"{one.database} is gone, and {one.database.name}.was-here says that it was there",
            "the volume is not mounted, or was emptied; the watch does not start on it",
            "mount it; or put a copy back: monitor db restore COPY; to begin anew remove "
            f"{one.database}.was-here",
        )
    if one.refusal:
        yield fault(
            "volume",
            f"{where}: nothing can be written: {one.refusal}",
            "nothing can be stored: every poll is undone and comes again",
            "free the disk, remount it for writing, or give the directory to the user that runs "
            f"the watch: chown -R USER {where}",
        )
    elif not one.is_emptied:
        yield ok("volume", f"{where} can be written to ({one.filesystem or 'file system unknown'})")
    yield from _filesystem(one)
    yield from _room(facts, one)


def _filesystem(one: Volume) -> Iterator[Finding]:
    if _REMOTE.fullmatch(one.filesystem):
        yield warning(
            "file system",
            f"{one.database.parent} is on a network file system ({one.filesystem})",
            "SQLite's log needs memory that processes share: over a network it can be corrupted",
            "move the database to a local disk (storage.database); copies may lie elsewhere",
        )
    if one.filesystem in _IN_MEMORY:
        yield warning(
            "file system",
            f"{one.database.parent} lies in memory ({one.filesystem})",
            "all that was found is lost at the next restart of the machine",
            "move the database to a disk (storage.database)",
        )


def _room(facts: Facts, one: Volume) -> Iterator[Finding]:
    size = facts.survey.size_bytes if facts.survey else 0
    growth = facts.survey.growth if facts.survey else None
    left = _lasts(one.free_bytes, growth)
    said = f"{_amount(one.free_bytes)} of {_amount(one.total_bytes)} free"
    if growth is not None:
        said += f"; it grows by {_amount(growth)} a day" + (f", full in {left}" if left else "")
    free = "free some: monitor db prune drops the bytes of old messages; or move the database"
    if one.free_bytes < _FULL:
        means = "soon nothing can be stored; items come again with the next poll, alerts wait"
        yield fault("disk", said, means, free)
    elif one.free_bytes < _SHORT or (growth and one.free_bytes / growth < _SOON.days):
        yield warning("disk", said, "the disk fills up, and then nothing can be stored", free)
    elif one.free_bytes < size:
        means = f"an upgrade keeps a copy of the database: {_amount(size)} are needed"
        yield warning("disk", said, means, free)
    else:
        yield ok("disk", said)


def _lasts(free: float, growth: float | None) -> str:
    """Return how long the room lasts, "" where nobody needs to know."""
    days = free / growth if growth else float("inf")
    if days > 3650:  # noqa: PLR2004 (ten years)
        return ""
    return f"{days:,.0f} days" if days < 730 else f"{days / 365:,.0f} years"  # noqa: PLR2004


def _amount(size: float) -> str:
    """Return bytes for people."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:  # noqa: PLR2004
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB"


def permissions(facts: Facts) -> Iterator[Finding]:
    """Judge who can read the database and the secrets, and whose they are."""
    modes = (*(facts.volume.modes if facts.volume else ()), *facts.secrets)
    open_ = [mode for mode in modes if mode.bits & _OTHERS]
    for mode in open_:
        yield warning(
            "permissions",
            f"{mode.what} {mode.path} has mode {mode.bits:04o}",
            "other users of this machine can read it",
            f"chmod 600 {mode.path}",
        )
    strangers = list(_strangers(facts.volume)) if facts.volume else []
    for mode in strangers:
        assert facts.volume is not None, "its modes were looked at"
        yield fault(
            "permissions",
            f"{mode.path} belongs to user {mode.owner}, its directory to "
            f"{facts.volume.expected_owner}",
            "a command that was run as another user left it; the service cannot write to it",
            f"chown --reference={facts.volume.database.parent} {mode.path}",
        )
    if modes and not open_ and not strangers:
        yield ok("permissions", f"{len(modes)} files of the database and of secrets are private")


def _strangers(one: Volume) -> Iterator[Mode]:
    return (mode for mode in one.modes if mode.owner != one.expected_owner)


def clock(facts: Facts) -> Iterator[Finding]:
    """Judge our clock against those of the servers that answered: half of them cannot all err."""
    ahead = [one.ahead.total_seconds() for one in facts.feeds or () if one.ahead is not None]
    if not ahead:
        return
    skew = timedelta(seconds=round(median(ahead)))
    told = f"{abs(skew).total_seconds():,.0f} s {'behind' if skew > timedelta(0) else 'ahead of'}"
    said = f"this clock is {told} those of {len(ahead)} servers"
    mend = "set the clock and keep it set: timedatectl set-ntp true (or chrony, ntpd)"
    if abs(skew) > _FAR_OFF:
        means = "receivers refuse signed webhooks that are 5 minutes off; times and digests err"
        yield fault("clock", said, means, mend)
    elif abs(skew) > _SKEW:
        yield warning("clock", said, "times of items, digests and quiet hours err by that", mend)
    else:
        yield ok("clock", f"within {_SKEW.seconds} s of those of {len(ahead)} servers")


def limits(facts: Facts) -> Iterator[Finding]:
    """Judge what the machine allows to this process."""
    files, memory = facts.limits.open_files, facts.limits.memory_bytes
    if files is not None and files < _LEAST_FILES:
        yield warning(
            "limits",
            f"{files} open files are allowed",
            "with many sources connections fail",
            "raise it: ulimit -n 1024, LimitNOFILE= in a unit, --ulimit nofile= for a container",
        )
    if memory is not None and memory < _LEAST_MEMORY:
        yield warning(
            "limits",
            f"{_amount(memory)} of memory are allowed",
            "reading one large document can take 300 MB: its parser is killed, the source fails",
            "allow 512 MB at least, 1 GB to be safe (MemoryMax=, mem_limit)",
        )


def units(facts: Facts) -> Iterator[Finding]:
    """Judge the systemd units that were written for this program."""
    for one in facts.units:
        yield from _unit(one)


def _unit(one: UnitFile) -> Iterator[Finding]:
    for directory in one.missing:
        yield fault(
            "unit file",
            f"{one.path} names {directory}, which does not exist",
            "systemd does not start the service (status=243/CREDENTIALS)",
            f"install -d -m 700 {directory}",
        )
    if one.is_outdated:
        yield warning(
            "unit file",
            f"{one.path} was written by another version",
            "it may lack limits, or rights, that this version counts on",
            f"compare: monitor init --systemd --print | diff {one.path} - ; then write it anew",
        )
    elif not one.missing:
        yield note("unit file", f"{one.path} is of this version")
