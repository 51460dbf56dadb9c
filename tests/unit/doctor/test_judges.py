"""Judgements on facts that are hard to plant: old SQLite, network disks, growth, stalled lines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.doctor.facts import Facts, FeedAnswer, Files, Holder, Limits, Mode, Software, Volume
from monitor.doctor.findings import Grade, worst
from monitor.doctor.gather_machine import filesystem_of, flocks_on, volume
from monitor.doctor.gather_network import ahead_of, sample
from monitor.doctor.judge import judge
from monitor.doctor.paste import paste, scrub
from monitor.model import Source, SourceId
from monitor.store.survey import Survey

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GB = 10**9
SOFTWARE = Software(
    version="1.0", python="3.11.9", system="Linux", sqlite="3.53.4", sqlite_module="pysqlite3"
)
VOLUME = Volume(
    database=Path("/data/monitor.db"), filesystem="ext4", free_bytes=50 * GB, total_bytes=90 * GB
)
JUDGED: dict[str, Any] = {"at": NOW.isoformat(), "alive": True, "ready": True, "problems": []}
ENDED = JUDGED | {"alive": False, "ready": False, "ended": True}
SURVEY = Survey(size_bytes=10_000_000, wal_bytes=0, outbox={"sent": 3}, judged=JUDGED)
HOLDER = Holder(pid=7, command="monitor run")
WELL = Facts(
    at=NOW,
    software=SOFTWARE,
    files=Files(directory="config", sources=2, enabled=2, rules=9),
    volume=VOLUME,
    survey=SURVEY,
    holder=HOLDER,
    feeds=(FeedAnswer(id="a", ahead=timedelta(seconds=2)),),
    channels=(),
)


def _bad(facts: Facts) -> list[tuple[str, str, str]]:
    found = [one for one in judge(facts) if one.grade >= Grade.WARNING]
    assert all(one.means and one.what_to_do for one in found)
    return [(one.check, one.grade.label, one.said) for one in found]


def test_all_is_well() -> None:
    """Facts of a healthy watch make no warning; no facts at all make none either."""
    assert _bad(WELL) == []
    assert _bad(Facts(at=NOW, software=SOFTWARE, files=Files(directory="config"))) == []
    assert worst(()) is Grade.OK


@pytest.mark.parametrize(
    ("version", "is_bad"),
    [("3.40.1", True), ("3.44.5", True), ("3.44.6", False), ("3.45.0", True), ("3.50.6", True),
     ("3.50.7", False), ("3.51.2", True), ("3.51.3", False), ("3.53.4", False)],
)  # fmt: skip
def test_sqlite_with_the_reset_bug_is_named(version: str, is_bad: bool) -> None:
    """Fixed in 3.51.3 and in two older branches."""
    found = _bad(replace(WELL, software=replace(SOFTWARE, sqlite=version)))

    assert [check for check, _, _ in found] == (["sqlite"] if is_bad else [])


def test_old_time_zones_are_named() -> None:
    """Two years are long for tables that governments change."""
    software = replace(SOFTWARE, packages={"tzdata": "2024.1"})

    assert [check for check, _, _ in _bad(replace(WELL, software=software))] == ["time zones"]


@pytest.mark.parametrize(
    ("changes", "survey", "grade", "said"),
    [
        ({"free_bytes": 10_000_000}, {}, "fault", "10 MB of 90.0 GB free"),
        ({"free_bytes": 300_000_000}, {}, "warning", "300 MB of 90.0 GB free"),
        ({}, {"growth": 2.5 * GB}, "warning", "it grows by 2.5 GB a day, full in 20 days"),
        ({"free_bytes": GB}, {"size_bytes": 2 * GB}, "warning", "1.0 GB of 90.0 GB free"),
    ],
    ids=["full", "short", "growth", "no-room-for-a-copy"],
)
def test_room_that_ends(
    changes: dict[str, Any], survey: dict[str, Any], grade: str, said: str
) -> None:
    """Now, soon, or at the next upgrade."""
    facts = replace(
        WELL, volume=replace(VOLUME, **changes), survey=replace(SURVEY, **survey)
    )  # fmt: skip

    [(check, found, text)] = _bad(facts)

    assert (check, found) == ("disk", grade)
    assert said in text


@pytest.mark.parametrize(
    ("survey", "found"),
    [
        ({}, [("note", "never made a copy")]),
        ({"backed_up_at": NOW - timedelta(days=7)}, [("ok", "monitor db backup last")]),
        ({"backed_up_at": NOW - timedelta(days=9)}, [("warning", "monitor db backup last")]),
        ({"litestream_at": NOW - timedelta(minutes=1)}, [("ok", "Litestream last")]),
        (
            {"backed_up_at": NOW, "litestream_at": NOW - timedelta(days=2)},
            [("warning", "Litestream last"), ("ok", "monitor db backup last")],
        ),
    ],
)
def test_copies_that_somebody_stopped_making(
    survey: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    """Who never made one here may have another way: that is a note."""
    facts = replace(WELL, survey=replace(SURVEY, **survey))
    rows = [one for one in judge(facts) if one.check == "backup"]

    assert [one.grade.label for one in rows] == [grade for grade, _ in found]
    assert all(said in one.said for one, (_, said) in zip(rows, found, strict=True))


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", "tmpfs"])
def test_disks_that_are_no_place_for_a_database(kind: str) -> None:
    """Over a network, or in memory."""
    found = _bad(replace(WELL, volume=replace(VOLUME, filesystem=kind)))

    assert [check for check, _, _ in found] == ["file system"]


def test_a_file_of_another_user_is_a_fault_one_that_others_read_a_warning() -> None:
    """Both have the command that mends them."""
    mode = Mode(path="/data/monitor.db", what="the database", bits=0o640, owner=0)
    facts = replace(WELL, volume=replace(VOLUME, expected_owner=5, modes=(mode,)))

    assert [(check, grade) for check, grade, _ in _bad(facts)] == [
        ("permissions", "warning"),
        ("permissions", "fault"),
    ]


@pytest.mark.parametrize(
    ("judged", "holder", "found"),
    [
        (JUDGED, None, []),
        (None, None, []),
        (None, HOLDER, ["fault"]),
        (JUDGED | {"ready": False, "problems": ["configuration: x"]}, HOLDER, ["warning"]),
        (JUDGED | {"alive": False, "problems": ["line poll stands still"]}, HOLDER, ["fault"]),
        (JUDGED | {"at": (NOW - timedelta(hours=1)).isoformat()}, None, ["fault"]),
        (ENDED, None, []),
        (ENDED, HOLDER, []),
        (ENDED | {"at": (NOW - timedelta(hours=1)).isoformat()}, None, ["fault"]),
        (ENDED | {"at": (NOW - timedelta(hours=1)).isoformat()}, HOLDER, []),
    ],
    ids=[
        "killed",
        "never-ran",
        "silent",
        "not-ready",
        "stalled",
        "gone",
        "ended",
        "starts-again",
        "ended-long-ago",
        "starts-after-long",
    ],
)
def test_the_watch_is_judged_by_its_lock_and_its_own_word(
    judged: dict[str, Any] | None, holder: Holder | None, found: list[str]
) -> None:
    """Nobody, somebody who works, somebody who does not."""
    facts = replace(WELL, survey=replace(SURVEY, judged=judged), holder=holder)

    assert [grade for check, grade, _ in _bad(facts) if check == "watch"] == found


def test_a_database_of_another_version_says_nothing_of_the_watch() -> None:
    """Beside an old watch during an upgrade: its own word cannot be read yet."""
    survey = Survey(size_bytes=1, wal_bytes=0, lacking=("m999_next",))

    assert [check for check, _, _ in _bad(replace(WELL, survey=survey))] == ["database"]
    said = [one.said for one in judge(replace(WELL, survey=survey)) if one.check == "watch"]
    assert said == ["process 7 (monitor run) holds the lock; what it says of itself cannot be read"]


@pytest.mark.parametrize(("hours", "is_bad"), [(5, False), (7, True)])
def test_a_watch_that_reads_nothing_is_blind(hours: int, is_bad: bool) -> None:
    """It works, and no source was read for hours."""
    survey = replace(SURVEY, last_read_at=NOW - timedelta(hours=hours))

    assert [check for check, _, _ in _bad(replace(WELL, survey=survey))] == ["polling"] * is_bad
    assert _bad(replace(WELL, survey=survey, holder=None)) == []


def test_many_failed_sources_are_told_in_one_line() -> None:
    """Three by themselves, the rest by name."""
    feeds = tuple(FeedAnswer(id=f"s{number}", error="HTTP 500") for number in range(5))

    found = _bad(replace(WELL, feeds=(*feeds, FeedAnswer(id="good"))))

    assert [said for _, _, said in found][-1] == "2 more do not answer: s3, s4"
    assert len(found) == 4


def test_one_server_with_a_wrong_clock_is_not_believed() -> None:
    """The median of the servers is."""
    feeds = [FeedAnswer(id=str(s), ahead=timedelta(seconds=s)) for s in (-1, 0, 90_000)]

    assert _bad(replace(WELL, feeds=tuple(feeds))) == []


def test_little_memory_is_named() -> None:
    """A container of 256 MB kills the parser of one large document."""
    facts = replace(WELL, limits=Limits(open_files=1024, memory_bytes=256_000_000))

    assert [check for check, _, _ in _bad(facts)] == ["limits"]


def test_the_innermost_mount_counts() -> None:
    """Blanks in mount points are written in octal."""
    lines = [
        "22 1 253:0 / / rw - ext4 /dev/vda rw",
        "30 22 0:40 / /srv/our\\040data rw shared:1 - nfs4 host:/x rw",
    ]

    assert filesystem_of(Path("/srv/our data/db"), lines) == "nfs4"
    assert filesystem_of(Path("/srv"), lines) == "ext4"
    assert filesystem_of(Path("/srv"), []) == ""


def test_a_volume_that_may_not_be_looked_at_is_a_fault() -> None:
    """The system's reason is told; nothing is read of the database."""
    found = volume(Path("/tmp") / ("x" * 300) / "monitor.db")

    assert (found.refusal, found.has_database) == ("File name too long", False)
    faults = _bad(replace(WELL, volume=found, survey=None, holder=None))
    assert [(check, grade) for check, grade, _ in faults] == [("volume", "fault")]


def test_who_waits_for_a_lock_does_not_hold_it() -> None:
    """Lines with an arrow are of those who wait; other kinds of lock are not ours."""
    lines = [
        "1: POSIX  ADVISORY  WRITE 11 fd:00:99 0 EOF",
        "2: FLOCK  ADVISORY  WRITE 12 fd:00:99 0 EOF",
        "2: -> FLOCK  ADVISORY  WRITE 13 fd:00:99 0 EOF",
    ]

    assert list(flocks_on(99, lines)) == [(12, "fd:00")]
    assert list(flocks_on(98, lines)) == []
    assert list(flocks_on(99, lines[2:])) == []


def test_a_cached_answer_has_aged() -> None:
    """Age is added to the Date of the origin."""
    headers = {"date": "Fri, 01 May 2026 11:00:00 GMT", "age": "3600"}

    assert ahead_of(headers, NOW) == timedelta(0)
    assert ahead_of({}, NOW) is None


def test_a_sample_is_spread_over_hosts() -> None:
    """One source of each host before a second one; 0 asks for all."""
    urls = [f"https://h{n // 10}.example/{n}" for n in range(100)]
    sources = [Source(id=SourceId(f"s{n}"), url=url) for n, url in enumerate(urls)]

    assert [source.id for source in sample(sources, 5)] == ["s0", "s20", "s40", "s60", "s80"]
    assert len(sample(sources, 20)) == 10
    assert len(sample(sources, 0)) == 100
    assert len(sample(sources[:3], 5)) == 3


def test_what_is_pasted_is_scrubbed() -> None:
    """Mail addresses, URLs' paths, hosts with ports, and what is known to be hidden."""
    text = "ana@bank.example at https://hooks.example/T0/x: smtp.bank.example:587 says hunter22"

    assert scrub(text, ["hunter22", "x"]) == "ADDRESS at https://... HOST says ***"
    block = paste(WELL, judge(WELL), [])
    assert block.splitlines()[1] == "sanctions-monitor 1.0, Python 3.11.9, Linux"
    assert "messages: 3 sent" in block
