"""CPU of a 304 poll: our client beside plain httpx.AsyncClient, on loopback, in one run.

    .venv/bin/python tests/benchmarks/fetch.py [--polls 2000] [--hosts 50] [--at-once 50]

The server is a process of its own, so that only the client's CPU is counted. Each way runs three
times, by turns; the best round of each is printed: the others were disturbed.
"""

import argparse
import asyncio
import multiprocessing
import resource
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection

import httpx
import trustme

from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.model import NotModified, Source, SourceId, Validators

ETAG = 'W/"5f3a-18c"'
REPLY = (
    b"HTTP/1.1 304 Not Modified\r\nETag: " + ETAG.encode() + b"\r\nCache-Control: max-age=300\r\n"
    b"Date: Mon, 23 Nov 2026 10:00:00 GMT\r\n"
)
ROUNDS = 3

Poll = Callable[[str], Awaitable[bool]]


class Server(asyncio.Protocol):
    """Answers every request with a 304."""

    def __init__(self, *, keep: bool) -> None:
        self.keep = keep
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            _, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            self.transport.write(REPLY + (b"\r\n" if self.keep else b"Connection: close\r\n\r\n"))
            if not self.keep:
                self.transport.close()


def serve(ready: Connection, hosts: int, context: ssl.SSLContext | None, *, keep: bool) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        names = [f"127.0.0.{n}" for n in range(1, hosts + 1)]
        first = await loop.create_server(lambda: Server(keep=keep), names[0], 0, ssl=context)
        port = first.sockets[0].getsockname()[1]
        await loop.create_server(
            lambda: Server(keep=keep), names[1:], port, ssl=context, backlog=1024
        )
        ready.send(port)
        await first.serve_forever()

    asyncio.run(main())


@contextmanager
def server(hosts: int, context: ssl.SSLContext | None, *, keep: bool) -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=serve, args=(theirs, hosts, context), kwargs={"keep": keep}, daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def measure(poll: Poll, urls: list[str], at_once: int) -> float:
    """Return milliseconds of CPU per poll."""
    queue = iter(urls)

    async def work() -> None:
        for url in queue:
            assert await poll(url), "every poll must end in a 304"

    started = cpu_s()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return 1e3 * (cpu_s() - started) / len(urls)


async def ours(urls: list[str], at_once: int, context: ssl.SSLContext) -> float:
    gate = Gate(monotonic=time.monotonic, gap=timedelta(0), limit=at_once)
    settings = FetchSettings(user_agent="bench/1", allow_networks=["127.0.0.0/8"])
    fetcher = Fetcher(settings, gate=gate, clock=lambda: datetime.now(UTC), ssl_context=context)
    known = Validators(etag=ETAG, last_modified="Mon, 23 Nov 2026 10:00:00 GMT")

    async def poll(url: str) -> bool:
        source = Source(id=SourceId("bench"), url=url)
        return isinstance(await fetcher.fetch(source, known), NotModified)

    try:
        return await measure(poll, urls, at_once)
    finally:
        await fetcher.aclose()


async def plain(urls: list[str], at_once: int, context: ssl.SSLContext) -> float:
    headers = {
        "User-Agent": "bench/1",
        "If-None-Match": ETAG,
        "If-Modified-Since": "Mon, 23 Nov 2026 10:00:00 GMT",
    }
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=20) as client:

        async def poll(url: str) -> bool:
            return (await client.get(url, headers=headers)).status_code == 304

        return await measure(poll, urls, at_once)


async def all_due(port: int, hosts: int, at_once: int) -> float:
    """Poll `hosts` hosts that are due at one moment; return milliseconds of CPU per poll."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    gate = Gate(monotonic=time.monotonic, limit=at_once)
    settings = FetchSettings(user_agent="bench/1", allow_networks=["127.0.0.0/8"])
    fetcher = Fetcher(settings, gate=gate, clock=lambda: datetime.now(UTC), resolve=resolve)
    known = Validators(etag=ETAG)

    async def poll(n: int) -> None:
        source = Source(id=SourceId(str(n)), url=f"http://h{n}.test:{port}/feed.xml")
        assert isinstance(await fetcher.fetch(source, known), NotModified)

    started = cpu_s()
    await asyncio.gather(*(poll(n) for n in range(hosts)))
    spent = 1e3 * (cpu_s() - started) / hosts
    await fetcher.aclose()
    return spent


def scale(at_once: int) -> None:
    """Print what many hosts cost: per poll, and in memory."""
    with server(1, None, keep=True) as port:
        for hosts in (100, 1_000, 10_000):
            spent = min(asyncio.run(all_due(port, hosts, at_once)) for _ in range(ROUNDS))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{hosts:>6} hosts due at once: {spent:.2f} ms a poll, peak {peak:.0f} MB")


def compare(name: str, scheme: str, args: argparse.Namespace, *, keep: bool) -> None:
    authority = trustme.CA()
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    server_context = None
    if scheme == "https":
        server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = [f"127.0.0.{n}" for n in range(1, args.hosts + 1)]
        authority.issue_cert(*names).configure_cert(server_context)
    with server(args.hosts, server_context, keep=keep) as port:
        urls = [
            f"{scheme}://127.0.0.{1 + n % args.hosts}:{port}/{n}.xml" for n in range(args.polls)
        ]
        us, them = [], []
        for _ in range(ROUNDS):
            us.append(asyncio.run(ours(urls, args.at_once, client_context)))
            them.append(asyncio.run(plain(urls, args.at_once, client_context)))
    ratio = min(them) / min(us)
    print(f"{name:34} ours {min(us):.2f} ms  httpx {min(them):.2f} ms  ratio {ratio:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--polls", type=int, default=2_000)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--at-once", type=int, default=50)
    args = parser.parse_args()
    print(f"CPU per 304, {args.polls} polls, {args.hosts} hosts, {args.at_once} at once")
    scale(args.at_once)
    compare("http, connections kept", "http", args, keep=True)
    compare("http, a connection per poll", "http", args, keep=False)
    compare("https, a connection per poll", "https", args, keep=False)


if __name__ == "__main__":
    main()
