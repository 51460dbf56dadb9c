"""The lowest layer: names to checked addresses, addresses to connections, connections to TLS.

Plugs into httpcore as its network backend. Timeouts are the caller's (`asyncio.timeout` around
the whole exchange), so those that httpcore passes down are not used.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore

from monitor.errors import FetchError
from monitor.fetch.addresses import Network, check_addresses

# host, port -> addresses as text, in the order in which they should be tried
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_CONNECT_S = 5.0  # one address of several: a dead IPv6 route must leave time for IPv4
_MAX_ADDRESSES = 4  # tried of one answer; all are checked
_BUFFER_BYTES = 1 << 18  # unread bytes after which a server is told to wait
_HUNG_UP = "the connection was closed before the handshake"
_DNS_THREADS = 16  # look-ups that hang must not hold up the others


class Resolver:
    """Asks the system, in threads of its own, and starts none for a literal address."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="dns")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of `host`; raises FetchError of the kind `dns`."""
        with suppress(ValueError):
            return (str(ip_address(host)),)
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _look_up, host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label of over 63 characters
            raise FetchError(f"{host} cannot be resolved: {_said(error)}", kind="dns") from error
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Take no more questions; a look-up that hangs is left to end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, checks every address, then dials what was checked: nothing is resolved twice."""

    def __init__(self, resolve: Resolve, allowed: Sequence[Network]) -> None:
        self._resolve = resolve
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature of httpcore
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to one of the addresses of `host`.

        Raises:
            RefusedAddress: one of them is neither public nor allowed.
            FetchError: `dns`, `connect`.
        """
        addresses = await self._resolve(host, port)
        if not addresses:
            raise FetchError(f"{host} has no address", kind="dns")
        check_addresses(host, addresses, self._allowed)
        return await _dial(host, addresses, port)

    async def check(self, host: str, port: int) -> None:
        """Raise RefusedAddress for a host that a proxy will dial, as far as it is known here."""
        try:
            addresses = await self._resolve(host, port)
        except FetchError:
            return  # behind a proxy outside names often do not resolve
        check_addresses(host, addresses, self._allowed)


class ProxyBackend(httpcore.AsyncNetworkBackend):
    """Dials the proxy that the operator named, wherever it is."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - the signature of httpcore
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to the proxy; raises FetchError of the kind `proxy`."""
        try:
            return await _dial(host, await self._resolve(host, port), port)
        except FetchError as error:
            raise FetchError(f"the proxy: {error}", kind="proxy") from error


async def _dial(host: str, addresses: Sequence[str], port: int) -> "Wire":
    """Return a connection to the first of `addresses` that answers."""
    tries = _alternating(addresses)[:_MAX_ADDRESSES]
    errors: list[str] = []
    for address in tries:
        try:
            async with asyncio.timeout(None if address == tries[-1] else _CONNECT_S):
                return await _open(address, port)
        except (OSError, TimeoutError) as error:
            errors.append(f"{address}: {_said(error) or 'no answer'}")
    raise FetchError(f"{host} port {port} cannot be reached: {'; '.join(errors)}", kind="connect")


def _alternating(addresses: Sequence[str]) -> list[str]:
    """Return the addresses with the two families by turns, each in its order (RFC 8305, 4)."""
    rank: dict[str, int] = {}
    seen = {True: 0, False: 0}
    for address in addresses:
        rank[address] = seen[":" in address]
        seen[":" in address] += 1
    return sorted(rank, key=rank.__getitem__)


async def _open(address: str, port: int) -> "Wire":
    loop = asyncio.get_running_loop()
    _, pipe = await loop.create_connection(_Pipe, address, port)
    return Wire(pipe)


class Wire(httpcore.AsyncNetworkStream):
    """A connection as httpcore wants it, over asyncio's own transports.

    anyio's stream, which httpcore takes by default, opens a cancel scope for each read and does
    TLS in Python: half of the cost of a 304.
    """

    def __init__(self, pipe: "_Pipe") -> None:
        self._pipe = pipe

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109
        """Return the next bytes, none at the end of the stream."""
        return await self._pipe.read(max_bytes)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109
        """Send bytes, waiting while the receiver is slow."""
        await self._pipe.write(buffer)

    async def aclose(self) -> None:
        """Drop the connection at once: a close that waits for the other side could wait long."""
        self._pipe.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Return the same connection, encrypted, the certificate checked for `server_hostname`."""
        name = (server_hostname or "").rstrip(".")  # certificates carry no final dot
        try:
            await self._pipe.encrypt(ssl_context, name)
        except OSError as error:  # ssl.SSLError is one
            raise FetchError(f"TLS with {name} failed: {_said(error)}", kind="tls") from error
        return self

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks: `is_readable` on an idle connection means it was closed."""
        if info == "is_readable":
            return self._pipe.is_readable
        return self._pipe.transport.get_extra_info(info)


class _Pipe(asyncio.Protocol):
    """Bytes both ways with bounded buffers."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_over = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._is_full = False
        self._is_held = False

    @property
    def is_readable(self) -> bool:
        return self._is_over or bool(self._buffer)

    async def read(self, max_bytes: int) -> bytes:
        while not self.is_readable:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        if not self._buffer and self._error is not None:
            raise httpcore.ReadError(_said(self._error)) from self._error
        data = bytes(self._buffer[:max_bytes])
        del self._buffer[:max_bytes]
        self._hold(len(self._buffer) > _BUFFER_BYTES)
        return data

    async def write(self, data: bytes) -> None:
        if self._is_over:
            raise httpcore.WriteError("the connection was closed")
        self.transport.write(data)
        while self._is_full and not self._is_over:
            self._writer = asyncio.get_running_loop().create_future()
            await self._writer

    async def encrypt(self, context: ssl.SSLContext, name: str) -> None:
        if self._is_over:  # asyncio would wait a minute for a handshake that cannot begin
            raise ConnectionResetError(_HUNG_UP)
        loop = asyncio.get_running_loop()
        plain = self.transport
        try:
            encrypted = await loop.start_tls(plain, self, context, server_hostname=name)
        except BaseException:
            plain.abort()
            raise
        if encrypted is None:
            raise ConnectionResetError(_HUNG_UP)
        self.transport = encrypted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport), "TCP gives a two-way transport"
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._hold(len(self._buffer) > _BUFFER_BYTES)
        _wake(self._reader)

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(error)

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        _wake(self._writer)

    def _end(self, error: Exception | None) -> None:
        self._is_over = True
        self._error = self._error or error
        _wake(self._reader)
        _wake(self._writer)

    def _hold(self, is_held: bool) -> None:  # noqa: FBT001 - the new state
        if is_held == self._is_held or self._is_over:
            return
        self._is_held = is_held
        if is_held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


def _said(error: BaseException) -> str:
    """Return what a system error says, without its number and the place in OpenSSL's source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)
