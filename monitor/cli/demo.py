"""`demo`: the worker as it is, over the sample feeds, served and received on this machine."""

import asyncio
import base64
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitor.cli.options import environment
from monitor.cli.run import set_up_logs, summary_of, told

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.engine.local import Cycle

_HOST = "127.0.0.1"
_TYPES = {".xml": "application/xml", ".json": "application/feed+json"}
_MAX_BODY = 1_000_000  # bytes; a webhook has under 20,000


@click.command()
@click.option(
    "--database",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to keep what is found; a second demo on it sends nothing.",
)
@click.option("--webhook-url", help="Post to this receiver instead of one of our own.")
@click.option("--webhook-secret", help="Sign with this secret (whsec_...).")
def demo(*, database: Path | None, webhook_url: str | None, webhook_secret: str | None) -> None:
    """Watch the sample feeds: no network, no accounts.

    The feeds are written for this program; the stories of the March 2024 veto are among them. They
    are served over HTTP on this machine, and every story is printed and posted, signed, once.
    """
    from monitor.config import defaults_path

    set_up_logs()
    secret = webhook_secret or _new_secret()
    receiver = _Receiver()
    with (
        _serving(partial(_Feeds, directory=str(defaults_path("seeds") / "feeds"))) as feeds_url,
        _serving(partial(_Hook, receiver)) as hook_url,
    ):
        environ = {
            **environment(),
            "SEEDS_URL": feeds_url,
            "DEMO_WEBHOOK": "true",
            "DEMO_WEBHOOK_URL": webhook_url or f"{hook_url}/hook",
            "DEMO_WEBHOOK_SECRET": secret,
        }
        config = _config(environ)
        used = database or Path(config.service.storage.database)
        cycle = asyncio.run(_cycle(config, used))
    click.echo(told(cycle, summary_of(cycle)), err=True)
    if not webhook_url:
        click.echo(f"Webhooks accepted by the local receiver: {len(receiver.ids)}.", err=True)
    click.echo(f"Kept in {used}; again on it, nothing is sent. Next: make run", err=True)


def _config(environ: Mapping[str, str]) -> "Config":
    from monitor.config import defaults_path
    from monitor.service import read_config

    seeds = defaults_path("seeds") / "config"
    return read_config(seeds, environ, rules_from=defaults_path("config"))


async def _cycle(config: "Config", database: Path) -> "Cycle":
    from monitor.engine import local
    from monitor.service import Place, opened

    place = Place(database=database)
    async with opened(config, place) as open_:
        at_once = config.service.polling.at_once
        return await local.once(open_.watch, place.clock, at_once, lambda _: None)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


@contextmanager
def _serving(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port of the loopback interface; gives the address."""
    server = ThreadingHTTPServer((_HOST, 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Feeds(SimpleHTTPRequestHandler):
    """Serves the sample feeds as a publisher does, Last-Modified and 304 included."""

    protocol_version = "HTTP/1.1"
    extensions_map = _TYPES

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing: the worker tells what it read."""


@dataclass
class _Receiver:
    """What the demo's webhook receiver accepted; a repeated id counts once."""

    ids: set[str] = field(default_factory=set)


class _Hook(BaseHTTPRequestHandler):
    """Accepts webhooks."""

    protocol_version = "HTTP/1.1"

    def __init__(self, receiver: _Receiver, *args: object) -> None:
        self._receiver = receiver
        super().__init__(*args)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        """Read a webhook and accept it."""
        length = min(int(self.headers.get("content-length") or 0), _MAX_BODY)
        self.rfile.read(length)
        self._receiver.ids.add(self.headers.get("webhook-id") or "")
        self.send_response(204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""
