"""The dead-man ping: sent while promises hold, silent otherwise, told once where that is taken."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitor.engine.deadman import DeadMan, Signal, address_of, broken_lines
from monitor.engine.pulse import Line, Pulse
from monitor.engine.vitals import Vitals
from monitor.errors import FetchError
from monitor.model import Reply

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
URL = "https://ping.example.org/3f6c"


class _Receiver:
    """Takes pings, or not."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str]] = []
        self.answer: int | FetchError = 200

    async def post(self, url: str, body: bytes, _headers: Mapping[str, str], _s: float) -> Reply:
        self.got.append((url.removeprefix(URL), body.decode()))
        if isinstance(self.answer, FetchError):
            raise self.answer
        return Reply(status=self.answer, headers={}, body=b"")


def _dead_man(receiver: _Receiver, heard: list[Any], *, tells: bool = True) -> DeadMan:
    return DeadMan(
        post=receiver.post,
        url=URL,
        every=timedelta(seconds=60),
        start_and_fail=tells,
        on_ping=lambda signal, is_taken: heard.append((signal, is_taken)),
    )


def _looks(
    looks: Sequence[Sequence[str] | None], answers: Sequence[Any] = (), *, tells: bool = True
) -> tuple[list[tuple[str, str]], list[Any]]:
    receiver, heard = _Receiver(), []  # type: ignore[var-annotated]

    async def run() -> None:
        one = _dead_man(receiver, heard, tells=tells)
        for number, problems in enumerate(looks):
            if number < len(answers):
                receiver.answer = answers[number]
            await one.look(problems)

    asyncio.run(run())
    return receiver.got, heard


def test_it_pings_while_all_is_well_and_tells_a_break_once() -> None:
    """Two good looks, three bad ones, a good one, a bad one."""
    got, heard = _looks([(), (), ("a", "b"), ("a",), ("a",), (), ("c",)])

    assert got == [("", ""), ("", ""), ("/fail", "a\nb"), ("", ""), ("/fail", "c")]
    assert heard[2] == ("fail", True)


def test_a_failure_is_told_until_it_was_heard() -> None:
    """A receiver that is down, or answers 500, is told again at the next look."""
    down = FetchError("the connection broke", kind="reset")
    got, heard = _looks([("a",), ("a",), ("a",), ("a",)], [down, 500, 200])

    assert got == [("/fail", "a")] * 3
    assert heard == [("fail", False), ("fail", False), ("fail", True)]


def test_a_receiver_that_takes_plain_pings_only_hears_silence() -> None:
    """Without `start_and_fail` a break is no request at all."""
    got, _ = _looks([(), ("a",), ()], tells=False)

    assert got == [("", ""), ("", "")]


def test_before_the_first_cycle_nothing_is_said() -> None:
    """It is neither well nor broken."""
    assert _looks([None, None]) == ([], [])


def test_the_start_is_told_first() -> None:
    """Then the looks begin."""
    receiver, heard = _Receiver(), []  # type: ignore[var-annotated]

    async def run() -> None:
        looked = asyncio.Event()

        async def broken() -> Sequence[str]:
            looked.set()
            return ()

        running = asyncio.create_task(_dead_man(receiver, heard).run(broken))
        await looked.wait()
        await asyncio.sleep(0)
        running.cancel()

    asyncio.run(run())

    assert heard[0] == ("start", True)


@pytest.mark.parametrize(
    ("url", "signal", "address"),
    [
        (URL, "ok", URL),
        (URL, "start", f"{URL}/start"),
        (f"{URL}/", "fail", f"{URL}/fail"),
        (f"{URL}?key=1", "fail", f"{URL}/fail?key=1"),
    ],
)
def test_signals_stand_behind_the_path(url: str, signal: Signal, address: str) -> None:
    """As healthchecks.io takes them; a query stays a query."""
    assert address_of(url, signal) == address


def test_lines_database_and_lock_break_promises_and_refused_files_do_not() -> None:
    """The last good configuration keeps every promise."""
    seconds = [0.0]
    vitals = Vitals(Pulse(lambda: seconds[0], 45), lambda: seconds[0])
    for line in Line:
        vitals.pulse.moved(line)
    vitals.written()
    vitals.configuration_fault = "refused"
    assert broken_lines(vitals.judge(NOW)) == ()

    seconds[0] = 50.0
    vitals.pulse.moved(Line.POLL)
    vitals.pulse.moved(Line.DELIVER)
    vitals.pulse.refused(Line.DECIDE)
    vitals.refused("disk full")

    assert broken_lines(vitals.judge(NOW)) == (
        "line decide is refused for 50 s",
        "database: disk full",
    )


def test_the_address_is_in_no_repr() -> None:
    """It is a secret: who knows it can keep the alarm quiet."""
    assert "3f6c" not in repr(_dead_man(_Receiver(), []))
