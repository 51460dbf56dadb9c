"""One TCP connection with optional TLS, as httpcore wants it, over asyncio's own transports."""

import asyncio
import ssl
from typing import Any

import httpcore

from monitor.errors import FetchError

_BUFFER_BYTES = 1 << 18  # unread bytes after which a server is told to wait
_HUNG_UP = "the connection was closed before the handshake"


async def open_wire(address: str, port: int) -> "Wire":
    """Return a connection to a literal address; raises OSError."""
    loop = asyncio.get_running_loop()
    _, pipe = await loop.create_connection(_Pipe, address, port)
    return Wire(pipe)


class Wire(httpcore.AsyncNetworkStream):
    """A connection without timeouts of its own: the caller bounds the whole exchange.

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
            raise FetchError(f"TLS with {name} failed: {said(error)}", kind="tls") from error
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
            raise httpcore.ReadError(said(self._error)) from self._error
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


def said(error: BaseException) -> str:
    """Return what a system error says, without its number and the place in OpenSSL's source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)
