"""Faults on real sockets: mail servers and hooks that misbehave, a proxy between, Postfix's sink.

The names of the tests begin with the number of the fault in docs/reliability.md.
"""

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.model import Alert
from monitor.notify import Tools
from monitor.notify.email import EmailChannel, EmailSettings
from monitor.notify.smtp import Deadlines
from monitor.pipeline import deliver_due
from monitor.steps.tell import enqueue
from monitor.steps.watch import Channel, Watch
from monitor.testing import make_story_alert
from tests.integration.notify.conftest import (
    authority,
    ca_file,
    mailbox,
    open_mailbox,
    script,
    server_tls,
    tls_mailbox,
)

__all__ = ["authority", "ca_file", "mailbox", "open_mailbox", "server_tls", "tls_mailbox"]

FAST = Deadlines(connect_s=2, command_s=2, final_dot_s=5)


@dataclass
class Lane:
    """The outbox and real channels of a kit, without feeds: alerts in, deliveries out."""

    kit: Any
    mail_url: str = "smtp://127.0.0.1:1"
    ca_file: str | None = None
    to: Sequence[str] = ("desk@example.org",)
    tls: str = "required"
    deadlines: Deadlines = FAST
    extra: Mapping[str, Channel] = field(default_factory=dict)

    def channels(self, tools: Tools) -> dict[str, Channel]:
        """Return `desk` (mail), `hook` (webhook) and the extra ones."""
        settings = EmailSettings.model_validate(
            {
                "to": list(self.to),
                "smtp": self.mail_url,
                "from": "monitor <monitor@example.org>",
                "ca_file": self.ca_file,
                "tls": self.tls,
            }
        )
        desk = EmailChannel(name="desk", settings=settings, tools=tools, deadlines=self.deadlines)
        return {"desk": desk, **self.kit.channels(tools), **self.extra}

    def run(self, work: Callable[[Watch], Any]) -> Any:
        """Open the watch, run some work with it."""
        return self.kit.run(
            [],
            work,
            channels=self.channels,
            ops_channels=("hook", "desk"),
            digest_channels=(),
        )


async def put(
    watch: Watch, count: int, *channels: str, alert: Alert | None = None, first: int = 0
) -> None:
    """Put so many alerts into the outbox for these channels."""
    now = (alert or make_story_alert()).occurred_at
    alerts = [alert or make_story_alert(id=f"a-{first + n}", occurred_at=now) for n in range(count)]
    await watch.write(lambda tx: [enqueue(tx, watch, one, channels) for one in alerts])


async def deliver(watch: Watch, kit: Any, name: str) -> list[str]:
    """Run a channel's lane; return what its tries came to."""
    outcomes = await deliver_due(watch, watch.channels[name], kit.clock)
    return [outcome.result for outcome in outcomes]


async def deliver_for(watch: Watch, kit: Any, name: str, tries: int = 9) -> list[str]:
    """Run a lane as time goes on: from one due time to the next, until nothing waits."""
    results: list[str] = []
    for _ in range(tries):
        results += await deliver(watch, kit, name)
        due = await watch.read(lambda tx: tx.outbox.next_due())
        if due is None:
            break
        circuit = await watch.read(lambda tx: tx.outbox.channel(name))
        kit.now = max(due, circuit.probe_at or due, kit.now)
    return results


async def states(watch: Watch) -> dict[str, int]:
    """Return how many rows are in each state."""
    return await watch.read(lambda tx: tx.outbox.counts())


async def rows(watch: Watch) -> list[dict[str, Any]]:
    """Return every row whole, in order."""

    def step(tx: Any) -> list[dict[str, Any]]:
        return [tx.outbox.row(one["id"]) for one in reversed(tx.outbox.rows(None, 100_000))]

    return await watch.read(step)


@pytest.fixture
def lane(kit: Any) -> Lane:
    """Return a lane whose clock is that of the alerts."""
    kit.now = make_story_alert().occurred_at + timedelta(seconds=1)
    return Lane(kit)


# ---------------------------------------------------------------- a proxy between


@dataclass
class Proxy:
    """A TCP proxy that hurts: `edit` changes what the server says, `seen` is what the client did.

    `mode`: pass, hang (accept and say nothing), drip (a byte a tenth of a second), reset.
    """

    target: int
    mode: str = "pass"
    edit: Callable[[bytes], bytes] = bytes
    seen: bytearray = field(default_factory=bytearray)
    port: int = 0
    tls: ssl.SSLContext | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Treat one connection as the mode says."""
        try:
            if self.mode == "hang":
                await reader.read()
            elif self.mode == "drip":
                while True:
                    writer.write(b"2")
                    await writer.drain()
                    await asyncio.sleep(0.1)
            elif self.mode == "reset":
                writer.transport.abort()
            else:
                await self._join(reader, writer)
        except ConnectionError:
            return

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.target)

        async def there() -> None:
            while data := await reader.read(65_536):
                self.seen += data
                back_writer.write(data)
            back_writer.close()

        async def here() -> None:
            while data := await back_reader.read(65_536):
                writer.write(self.edit(data))
            writer.close()

        try:
            await asyncio.gather(there(), here())
        finally:
            await _closed(back_writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


@contextmanager
def proxied(target: int, **changes: Any) -> Iterator[Proxy]:
    """Serve a proxy before a port, in a loop of its own."""
    proxy = Proxy(target=target, **changes)
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await proxy.serve(reader, writer)
        except asyncio.CancelledError:
            return
        finally:
            await _closed(writer)

    starting = asyncio.start_server(serve, "127.0.0.1", 0, ssl=proxy.tls)
    server = loop.run_until_complete(starting)
    proxy.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def talking(**said: Any) -> Iterator[int]:
    """Serve a scripted SMTP conversation (see `script`) and give its port."""
    talk = script(**said)
    with proxied(0) as proxy:
        proxy.serve = talk  # type: ignore[method-assign,assignment]
        yield proxy.port


# ---------------------------------------------------------------- Postfix's smtp-sink

_SINKS = (os.environ.get("SMTP_SINK", ""), shutil.which("smtp-sink") or "", "/usr/sbin/smtp-sink")


@pytest.fixture
def smtp_sink(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Return what starts Postfix's smtp-sink with some flags and gives its port."""
    found = next((path for path in _SINKS if path and Path(path).exists()), None)
    if found is None:
        pytest.skip("no smtp-sink: set SMTP_SINK to Postfix's (.ci/run shows how)")
    library = str(Path(found).parents[1] / "lib" / "postfix")
    started: list[subprocess.Popen[bytes]] = []

    def start(*flags: str) -> int:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        command = [found, *user, *flags, f"127.0.0.1:{port}", "10"]
        env = {**os.environ, "LD_LIBRARY_PATH": library}
        started.append(subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL))
        _wait_for(port)
        return port

    yield start
    for process in started:
        process.kill()
        process.wait(10)


def _wait_for(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        signal.sigtimedwait([], 0.02)
    raise AssertionError("smtp-sink does not listen")
