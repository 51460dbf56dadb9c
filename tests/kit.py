"""A real watch on real files and sockets: feeds and receivers are servers on loopback."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from monitor import rules
from monitor.alerts.route import Route
from monitor.engine.local import start_up
from monitor.fetch.articles import Articles
from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.fetch.robots import RobotsFiles
from monitor.fetch.sandbox import Sandbox
from monitor.model import Reply, Source, SourceId
from monitor.notify import Tools
from monitor.notify.webhook import WEBHOOK, WebhookSettings
from monitor.steps.watch import Channel, RecentStories, Settings, Watch
from monitor.store import SqliteStore

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0LW9mLXR3ZW50eS1mb3VyLWJ5dGVzIQ=="
RULES = """
version: 1
rules:
  - id: veto
    title: Veto
    theme: monitoring
    severity: critical
    when:
      all:
        - act: [veto*]
        - body: [Security Council]
    match: [Russia vetoes a text in the Security Council]
    no_match: [The governor vetoes a budget]
  - id: oil
    title: Oil
    theme: petroleum
    severity: high
    when:
      all:
        - who: [North Korea*]
        - goods: [oil, petroleum]
    match: [North Korea imports oil]
    no_match: [Norway exports oil]
"""


@dataclass
class Server:
    """What is served at each path, and every request that came: (method, path, headers, body)."""

    url: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    status: Callable[[int], int] = lambda count: 200
    pause_s: float = 0.0
    extra: Mapping[str, str] = field(default_factory=dict)  # headers of every answer to a POST
    slow: set[str] = field(default_factory=set)  # paths that are answered after five seconds

    def put(self, path: str, body: str | bytes, status: int = 200, **headers: str) -> str:
        """Serve a body at a path; returns the address."""
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = (status, headers, data)
        return f"{self.url}{path}"

    def posts(self) -> list[tuple[dict[str, str], bytes]]:
        """Return headers and body of every POST, in order."""
        return [(headers, body) for method, _, headers, body in self.requests if method == "POST"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        known: Server = self.server.known
        headers = {name.lower(): value for name, value in self.headers.items()}
        known.requests.append(("GET", self.path, headers, b""))
        if self.path in known.slow:
            threading.Event().wait(5)
        status, extra, body = known.pages.get(self.path, (404, {}, b"not here"))
        etag = extra.get("etag")
        if etag and headers.get("if-none-match") == etag:
            status, body = 304, b""
        self._answer(status, {name.replace("_", "-"): v for name, v in extra.items()}, body)

    def do_POST(self) -> None:
        known: Server = self.server.known
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the sender died in the middle: nobody accepts half a request
        known.requests.append(("POST", self.path, headers, body))
        if known.pause_s:
            threading.Event().wait(known.pause_s)
        self._answer(known.status(len(known.posts())), known.extra, b"")

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients of these tests are killed in the middle of a request."""


@contextmanager
def serving() -> Iterator[Server]:
    """Serve on a free loopback port."""
    server = _Http(("127.0.0.1", 0), _Handler)
    known = Server(url=f"http://127.0.0.1:{server.server_port}")
    server.known = known  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rss(*items: tuple[str, str], base: str = "https://news.example.org", lang: str = "en") -> str:
    """Return an RSS document of (title, text) pairs, dated an hour before NOW."""
    date = (NOW - timedelta(hours=1)).strftime("%a, %d %b %Y %H:%M:%S +0000")
    entries = "".join(
        f"<item><title>{escape(title)}</title><description>{escape(text)}</description>"
        f"<link>{base}/{abs(hash_of(title))}</link><guid>{base}/{abs(hash_of(title))}</guid>"
        f"<pubDate>{date}</pubDate></item>"
        for title, text in items
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>News</title>'
        f"<language>{lang}</language>{entries}</channel></rss>"
    )


def hash_of(text: str) -> int:
    """Return a number that names a text, the same in every process."""
    return int.from_bytes(text.encode()[:40], "big") % 10**12


@dataclass
class Kit:
    """What tests build watches with."""

    folder: Path
    feeds: Server
    hook: Server
    now: datetime = NOW
    rules: str = RULES

    rss = staticmethod(rss)
    secret = SECRET

    def clock(self) -> datetime:
        """Return the test's time."""
        return self.now

    def source(self, name: str, **changes: Any) -> Source:
        """Return a source that the feed server serves at /NAME.xml."""
        plain = Source(id=SourceId(name), url=f"{self.feeds.url}/{name}.xml", first_poll="alert")
        return replace(plain, **changes)

    def settings(self, sources: Sequence[Source], **changes: Any) -> Settings:
        """Return settings that send everything to the hook."""
        plain = Settings(
            ruleset=rules.load([("rules/test.yaml", self.rules)]),
            sources={source.id: source for source in sources},
            routes=(Route(send=("hook",)),),
            ops_channels=("hook",),
            digest_channels=("hook",),
        )
        return replace(plain, **changes)

    def run(
        self,
        sources: Sequence[Source],
        work: Callable[[Watch], Awaitable[Any]],
        *,
        channels: Callable[[Tools], Mapping[str, Channel]] | None = None,
        **changes: Any,
    ) -> Any:
        """Open a watch on the kit's database, run some work with it, close everything."""
        return asyncio.run(self._run(sources, work, channels or self.channels, changes))

    async def _run(self, sources: Any, work: Any, channels: Any, changes: Any) -> Any:
        store = SqliteStore(self.folder / "monitor.db")
        sandbox, pages = Sandbox(), Sandbox(reader="article")
        fetcher = Fetcher(
            FetchSettings(user_agent="test", allow_networks=("127.0.0.0/8",)),
            gate=Gate(monotonic=time.monotonic, gap=timedelta(0)),
            clock=self.clock,
        )
        tools = Tools(post=fetcher.post, domain="example.org")
        robots = RobotsFiles(fetcher.get, "test", self.clock)
        with ThreadPoolExecutor(1) as writer:
            try:
                store.open(self.now)
                watch = Watch(
                    settings=self.settings(sources, **changes),
                    channels=channels(tools),
                    store=store,
                    fetch=fetcher.fetch,
                    parse=sandbox.read,
                    writer=writer,
                    recent=RecentStories(),
                    articles=Articles(fetcher, robots, pages.read, self.clock).of,
                )
                await start_up(watch, self.now)
                return await work(watch)
            finally:
                await sandbox.close()
                await pages.close()
                await fetcher.aclose()
                store.close()

    def channels(self, tools: Tools) -> Mapping[str, Channel]:
        """Return one webhook channel that posts to the hook server."""
        settings = WebhookSettings(
            url=SecretStr(f"{self.hook.url}/hook"), secret=(SecretStr(SECRET),)
        )
        return {"hook": WEBHOOK.build("hook", settings, tools)}


async def unused_post(
    _url: str, _body: bytes, _headers: Mapping[str, str], _wait_s: float
) -> Reply:
    """Stand for the client where nothing is posted."""
    raise NotImplementedError


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    """Give a kit with a feed server, a hook server and an empty folder."""
    with serving() as feeds, serving() as hook:
        yield Kit(folder=tmp_path, feeds=feeds, hook=hook)
