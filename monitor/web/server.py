"""Serves the application on the loop of the watch; a port that is taken does not end the watch."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.types import ASGIApp

log = structlog.get_logger()

_AGAIN_S = 30.0
_AT_ONCE = 32  # connections; scrapers and probes need few
_BACKLOG = 64


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: those are the daemon's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


async def serve(app: ASGIApp, listen: str) -> None:
    """Serve until cancelled; while the address cannot be had, it is told and tried again."""
    while True:
        try:
            listening = _bound(listen)
        except OSError as error:
            log.error("http cannot listen, tried again", listen=listen, error=str(error))  # noqa: TRY400
            await asyncio.sleep(_AGAIN_S)
            continue
        with listening:
            log.info("http listens", listen=listen)
            await _serve_on(app, listening)


async def _serve_on(app: ASGIApp, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="http")
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


def _bound(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host.strip("[]"), int(port)))
        listening.listen(_BACKLOG)
        listening.setblocking(False)  # noqa: FBT003 (a name of the library)
    except OSError:
        listening.close()
        raise
    return listening
