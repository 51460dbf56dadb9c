"""The few connections to one host, by way of httpcore."""

import importlib.util
import sys
from typing import Any

import httpcore
import httpx

if importlib.util.find_spec("sniffio") is None:
    # httpcore 1.0.9 tries `import sniffio` for every lock it makes, four times a request, and each
    # failure searches the whole path: 40 % of a 304 poll.  This entry makes it fail at once.
    # It can go when httpcore asks once (encode/httpcore, `_synchronization.py`).
    sys.modules["sniffio"] = None  # type: ignore[assignment]

_RETRIED = (httpcore.RemoteProtocolError, httpcore.ReadError, httpcore.WriteError)


class Pool:
    """Connections to one host; `busy` counts the requests that use them now."""

    __slots__ = ("busy", "connections")

    def __init__(self, connections: httpcore.AsyncConnectionPool) -> None:
        self.connections = connections
        self.busy = 0

    async def send(self, request: httpx.Request) -> httpcore.Response:
        """Send a request; a GET that met a connection just closed by the server is sent again."""
        is_reused = any(connection.is_idle() for connection in self.connections.connections)
        try:
            return await self.connections.handle_async_request(_to_core(request))
        except _RETRIED:
            if not is_reused or request.method != "GET":
                raise
            return await self.connections.handle_async_request(_to_core(request))

    async def drop_spoilt(self) -> None:
        """Close idle connections that hold bytes nobody asked for.

        httpcore 1.0.9 would read what follows an answer in the same packet as the answer to the
        next request: on a host with many tenants one of them could speak for another.
        """
        for connection in self.connections.connections:
            if connection.is_idle() and _left_over(connection):
                await connection.aclose()


def _left_over(connection: httpcore.AsyncConnectionInterface) -> bytes:
    """Return what was received and not read; there is no public way (a test fails if it moves)."""
    inner: Any = connection
    while inner is not None and not hasattr(inner, "_h11_state"):
        inner = getattr(inner, "_connection", None)  # a proxied connection wraps another one
    left: bytes = inner._h11_state.trailing_data[0] if inner is not None else b""  # noqa: SLF001
    return left


def _to_core(request: httpx.Request) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        ),
        headers=request.headers.raw,
        content=request.stream,
    )
