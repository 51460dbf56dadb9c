"""The world of the soak test: feeds, a mail server and two hooks on loopback that misbehave.

Each feed has a host of its own (127.20.x.y), so that politeness is that of real life. What is
published, and what arrives, is kept for the ledger.
"""

import asyncio
import gzip
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.faults.kills import word
from tests.kit import rss

WINDOW = 60  # items that a feed shows
_HANG_S = 7.0  # longer than the time limit of a source here
_SLOW_S = 2.0
_PIECE = 400  # bytes

Headers = Mapping[str, str]


@dataclass
class Feed:
    """A feed: what it shows, newest first, and how often it changed."""

    name: str
    host: str
    port: int = 0
    items: list[tuple[str, str]] = field(default_factory=list)
    version: int = 0


@dataclass
class World:
    """What was published and what arrived; `is_calm` ends the faults."""

    rng: random.Random
    rules: Sequence[str]
    feeds: Sequence[Feed]
    is_calm: bool = False
    published: int = 0
    hits: set[str] = field(default_factory=set)  # titles
    arrived: dict[str, list[str]] = field(default_factory=dict)  # channel -> ids, in order
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    changed_bodies: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    pings: Counter[str] = field(default_factory=Counter)
    hook_is_down: bool = False

    def publish(self, hit_share: float) -> None:
        """Let a feed gain an item; a part of them are hits, each a story of its own."""
        feed = self.rng.choice(self.feeds)
        words = [word(self.rng) for _ in range(4)]
        is_hit = self.rng.random() < hit_share
        title = " ".join([self.rng.choice(self.rules) if is_hit else word(self.rng), *words[:2]])
        feed.items.insert(0, (title, " ".join(words)))
        del feed.items[WINDOW:]
        feed.version += 1
        self.published += 1
        if is_hit:
            self.hits.add(title)

    def take(self, channel: str, message_id: str, body: bytes) -> None:
        """Keep what a receiver accepted."""
        self.arrived.setdefault(channel, []).append(message_id)
        known = self.bodies.setdefault((channel, message_id), body)
        self.changed_bodies += known != body

    def fault(self, *kinds: str, share: float) -> str:
        """Return a kind of fault, or "" for none."""
        if self.is_calm or self.rng.random() >= share:
            return ""
        kind = self.rng.choice(kinds)
        self.faults[kind] += 1
        return kind


# ---------------------------------------------------------------- HTTP

Answer = Callable[[str, Headers, bytes, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes] | None:
    """Return path, headers and body of a request, None when the client has left."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return first.split(" ")[1], headers, body


async def serve_http(host: str, answer: Answer) -> tuple[asyncio.Server, int]:
    """Serve on a free port of a loopback address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while request := await _request(reader):
                await answer(*request, writer)
        writer.close()

    server = await asyncio.start_server(talk, host, 0)
    return server, server.sockets[0].getsockname()[1]


def _head(status: int, length: int, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


_FEED_FAULTS = (
    "500",
    "503",
    "hang",
    "reset",
    "truncated",
    "garbage",
    "page",
    "drip",
    "gzip",
)
_INSTEAD = {
    "500": _head(500, 0),
    "503": _head(503, 0, retry_after="3"),
    "garbage": _head(200, 3000) + b"\x00\xff<<<_" * 500,
    "page": _head(200, 33) + b"<html><body>Sign in</body></html>",
}


def publisher(world: World, feed: Feed) -> Answer:
    """Answer polls of one feed: mostly well, else in one of the ways that feeds fail."""

    async def answer(
        _path: str, headers: Headers, _body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        kind = world.fault(*_FEED_FAULTS, share=0.08)
        if kind in _INSTEAD:
            writer.write(_INSTEAD[kind])
        elif kind in {"hang", "reset"}:
            await asyncio.sleep(_HANG_S if kind == "hang" else 0)
            writer.transport.abort()
        else:
            await _show(feed, headers, kind, writer)
        await writer.drain()

    return answer


async def _show(feed: Feed, headers: Headers, kind: str, writer: asyncio.StreamWriter) -> None:
    """Send the document, or that it is unchanged; packed, slowly or cut off where that is asked."""
    etag = f'"v{feed.version}"'
    document = rss(*feed.items, base=f"https://{feed.name}.example.org").encode()
    if kind == "truncated":
        writer.write(_head(200, len(document), etag=etag) + document[: len(document) // 2])
        await writer.drain()
        writer.transport.abort()
    elif kind == "gzip":
        packed = gzip.compress(document)
        writer.write(_head(200, len(packed), etag=etag, content_encoding="gzip") + packed)
    elif headers.get("if-none-match") == etag:
        writer.write(_head(304, 0, etag=etag))
    else:
        answer = _head(200, len(document), etag=etag) + document
        await _send(writer, answer, is_slow=kind == "drip")


async def _send(writer: asyncio.StreamWriter, data: bytes, *, is_slow: bool) -> None:
    if not is_slow:
        writer.write(data)
        return
    pieces = range(0, len(data), _PIECE)
    for start in pieces:
        writer.write(data[start : start + _PIECE])
        await writer.drain()
        await asyncio.sleep(_SLOW_S / len(pieces))


_HOOK_FAULTS = ("hook 503", "hook 429", "hook reset", "hook forgets", "hook slow")
_REFUSALS = {"hook 503": _head(503, 0), "hook 429": _head(429, 0, retry_after="2")}


def receiver(world: World) -> Answer:
    """Take messages of /CHANNEL and pings of /ping; /moody misbehaves, /steady hardly ever."""

    async def answer(
        path: str, headers: Headers, body: bytes, writer: asyncio.StreamWriter
    ) -> None:
        name = path.split("/")[1]
        if name == "ping":
            world.pings[path.removeprefix("/ping/uuid").strip("/") or "ok"] += 1
            writer.write(_head(200, 0))
            return
        await _take(world, name, headers["webhook-id"], body, writer)
        await writer.drain()

    return answer


async def _take(
    world: World, name: str, message_id: str, body: bytes, writer: asyncio.StreamWriter
) -> None:
    kind = world.fault(*_HOOK_FAULTS, share=0.10 if name == "moody" else 0.01)
    if name == "moody" and world.hook_is_down and not world.is_calm:
        kind = "hook 503"
    if kind in _REFUSALS:
        writer.write(_REFUSALS[kind])
        return
    if kind != "hook reset":
        await asyncio.sleep(_SLOW_S if kind == "hook slow" else 0)
        world.take(name, message_id, body)
    if kind in {"hook reset", "hook forgets"}:  # forgotten: it accepted, and we never hear of it
        writer.transport.abort()
    else:
        writer.write(_head(200, 0))


# ---------------------------------------------------------------- SMTP


async def serve_mail(world: World) -> tuple[asyncio.Server, int]:
    """Take mail in clear text; now and then it is refused for now, or the connection breaks."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await _converse(world, reader, writer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 20)
    return server, server.sockets[0].getsockname()[1]


async def _converse(
    world: World, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    kind = world.fault("mail 421", "mail 451", "mail forgets", share=0.05)
    writer.write(b"421 busy\r\n" if kind == "mail 421" else b"220 ready\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"QUIT":
            writer.write(b"221 bye\r\n")
            break
        if verb == b"DATA":
            writer.write(b"354 go\r\n")
            body = await reader.readuntil(b"\r\n.\r\n")
            if kind == "mail 451":
                writer.write(b"451 later\r\n")
                continue
            found = re.search(rb"(?im)^message-id:\s*<([^@]+)@", body)
            assert found, "every mail has an id"
            world.take("desk", found[1].decode(), body)
            if kind == "mail forgets":
                writer.transport.abort()
                return
        writer.write(b"250 ok\r\n")
        await writer.drain()


@asynccontextmanager
async def served(world: World) -> AsyncIterator[tuple[str, int]]:
    """Serve everything; gives the address of the hooks and the port of the mail server."""
    servers = []
    for feed in world.feeds:
        server, feed.port = await serve_http(feed.host, publisher(world, feed))
        servers.append(server)
    hooks, hook_port = await serve_http("127.0.0.1", receiver(world))
    mail, mail_port = await serve_mail(world)
    try:
        yield f"http://127.0.0.1:{hook_port}", mail_port
    finally:
        for server in (*servers, hooks, mail):
            server.close()


def make_world(feeds: int, rules: int, seed: int) -> World:
    """Return a world in which nothing is published yet."""
    rng = random.Random(seed)
    hosts = (f"127.20.{1 + n // 200}.{1 + n % 200}" for n in range(feeds))
    return World(
        rng=rng,
        rules=[word(rng) for _ in range(rules)],
        feeds=[Feed(name=f"f{n}", host=host) for n, host in enumerate(hosts)],
    )


def config_of(world: World, folder: str, hooks: str, mail_port: int, port: int) -> dict[str, str]:
    """Return the files of the configuration."""
    entries = [
        {"id": one.name, "url": f"http://{one.host}:{one.port}/feed.xml"} for one in world.feeds
    ]
    defaults = {"first_poll": "alert", "every": "30s", "timeout": "5s"}
    rules = [
        {
            "id": f"r-{name.lower()}",
            "title": name,
            "theme": "t",
            "severity": "high",
            "when": {"all": [{"act": [name]}]},
            "match": [f"{name} came"],
            "no_match": ["none"],
        }
        for name in world.rules
    ]
    secret = "whsec_c2VjcmV0LW9mLXR3ZW50eS1mb3VyLWJ5dGVzIQ=="
    channels = {
        name: {"webhook": {"url": f"{hooks}/{name}", "secret": secret}}
        for name in ("steady", "moody")
    }
    desk = {
        "to": "desk@example.org",
        "from": "monitor@example.org",
        "smtp": f"smtp://127.0.0.1:{mail_port}",
        "tls": "off",
    }
    service = {
        "version": "1",
        "storage": {"database": f"{folder}/data/monitor.db"},
        "polling": {"allow_networks": ["127.0.0.0/8"], "host_gap": "0s", "at_once": "16"},
        "http": {"listen": f"127.0.0.1:{port}"},
        "health": {"dead_man": {"url": f"{hooks}/ping/uuid", "every": "10s"}},
    }
    return {
        "feeds.yaml": json.dumps({"version": "1", "defaults": defaults, "feeds": entries}),
        "rules/soak.yaml": json.dumps({"version": "1", "rules": rules}),
        "routes.yaml": json.dumps(
            {"version": "1", "channels": {**channels, "desk": {"email": desk}}}
        ),
        "monitor.yaml": json.dumps(service),
    }
