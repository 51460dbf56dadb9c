"""A web server on loopback that does exactly what a test scripts, and a client for it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import trustme

from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.model import Source, SourceId

NOW = datetime(2024, 3, 28, 12, 0, tzinfo=UTC)
LOOPBACK = ("127.0.0.0/8",)


@dataclass(frozen=True)
class Request:
    """What arrived: names of headers in lower case, values as bytes."""

    method: str
    target: str
    headers: Mapping[str, bytes]
    body: bytes = b""


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A listening server, what it was asked, and how many connections it saw."""

    port: int = 0
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, count: int) -> None:
        """Wait until `count` requests have arrived."""
        while len(self.requests) < count:
            self._news.clear()
            await self._news.wait()

    def arrived(self, request: Request) -> None:
        self.requests.append(request)
        self._news.set()

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]


def reply(
    status: str = "200 OK",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> bytes:
    """Return the bytes of a response; `length` lies about the size of the body."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def say(*answers: bytes) -> Script:
    """Return a script that gives these answers in turn, the last one for ever."""
    left = list(answers)

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return script


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines if line)
    headers = {name.lower(): value.encode("latin-1") for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", b"0")))
    return Request(method, target, headers, body)


@asynccontextmanager
async def serving(script: Script, context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Listen on 127.0.0.1 and answer each request by `script` until the block ends."""
    server = Server(scheme="https" if context else "http")
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        with suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
            while not writer.is_closing() and (request := await _read(reader)):
                server.arrived(request)
                await script(request, writer)
        writer.transport.abort()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Names:
    """A resolver of our own: names to answers; a list of answers is given one by one."""

    def __init__(self, **answers: Sequence[str] | Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(answer) for name, answer in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.answers.get(host.rstrip("."), [host])
        if answer and not isinstance(answer[0], str):
            return list(answer.pop(0) if len(answer) > 1 else answer[0])
        return [text for text in answer if isinstance(text, str)]


@asynccontextmanager
async def fetching(
    *,
    resolve: Any = None,
    context: ssl.SSLContext | None = None,
    gate: Gate | None = None,
    allow: Sequence[str] = LOOPBACK,
    **settings: Any,
) -> AsyncIterator[Fetcher]:
    """Give a client that may reach loopback, without gaps between requests."""
    fetcher = Fetcher(
        FetchSettings(user_agent="monitor-test/1", allow_networks=allow, **settings),
        gate=gate or make_gate(),
        clock=lambda: NOW,
        resolve=resolve,
        ssl_context=context or shared_context(),
    )
    try:
        yield fetcher
    finally:
        await fetcher.aclose()


def make_gate() -> Gate:
    """Return a gate without gaps."""
    return Gate(monotonic=lambda: asyncio.get_running_loop().time(), gap=timedelta(0))


def make_source(url: str, **changes: Any) -> Source:
    """Return a source that gives up after two seconds."""
    return Source(**{"id": SourceId("s"), "url": url, "timeout": timedelta(seconds=2), **changes})


@cache
def shared_context() -> ssl.SSLContext:
    """Return the context of most clients: reading the authorities takes 20 ms."""
    return ssl.create_default_context()


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the context of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a client that trusts this authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context
