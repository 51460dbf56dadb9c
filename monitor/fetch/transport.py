"""The httpx transport that everything goes through: one small pool per host, checked addresses.

One pool for all hosts costs quadratically (encode/httpcore #929, PR #1035): 1.4 ms a request at
10 connections, 6.6 ms at 100. Small pools are flat in the number of hosts.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import httpcore
import httpx

from monitor.errors import FetchError
from monitor.fetch.addresses import Network
from monitor.fetch.dial import CheckedBackend, ProxyBackend, Resolve
from monitor.fetch.pool import Pool

_PER_HOST = 2  # connections
_KEEP_S = 4.0  # idle: long enough for a redirect and the next feed of a host, below common 5 s
_MAX_IDLE = 100  # pools: with 10,000 hosts, idle ones must not use up the file descriptors
_CLOSED_EARLY = "without sending complete message"


class _Key(NamedTuple):
    scheme: str
    host: str
    port: int
    verify: bool


class HostTransport(httpx.AsyncBaseTransport):
    """Sends one request, without redirects or cookies; certificates are checked for the name.

    `extensions={"verify_tls": False}` accepts any certificate for one request. What goes wrong
    is raised as FetchError with its kind; messages name the host, never a path, query or header.
    """

    def __init__(
        self,
        *,
        resolve: Resolve,
        allowed: Sequence[Network] = (),
        ssl_context: ssl.SSLContext | None = None,
        proxy: str = "",
        no_proxy: Sequence[str] = (),
        keep_s: float = _KEEP_S,
    ) -> None:
        self._backend = CheckedBackend(resolve, allowed)
        self._proxy_backend = ProxyBackend(resolve)
        self._ssl = ssl_context or _default_context()
        self._unverified: ssl.SSLContext | None = None
        self._proxy = _parse_proxy(proxy) if proxy else None
        self._no_proxy = tuple(name.lower().lstrip("*.") for name in no_proxy if name.strip("*. "))
        self._keep_s = keep_s
        self._pools: dict[_Key, Pool] = {}
        self._idle: OrderedDict[_Key, float] = OrderedDict()  # since when, oldest first
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` and return its response, the body not yet read."""
        url = request.url
        key = _Key(
            url.scheme,
            url.raw_host.decode("ascii"),
            url.port or (443 if url.scheme == "https" else 80),
            bool(request.extensions.get("verify_tls", True)),
        )
        if self._goes_by_proxy(key.host):
            await self._backend.check(key.host, key.port)
        pool = self._take(key)
        try:
            with _translated(key.host):
                answer = await pool.send(request)
        except BaseException:
            await self._release(key, pool)
            raise
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Body(self, key, pool, answer),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._sweep is not None:
            self._sweep.cancel()
        pools, self._pools = list(self._pools.values()), {}
        self._idle.clear()
        for pool in pools:
            await pool.connections.aclose()

    # ------------------------------------------------------------ pools

    def _take(self, key: _Key) -> Pool:
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(self._connections(key))
        pool.busy += 1
        self._idle.pop(key, None)
        return pool

    async def _release(self, key: _Key, pool: Pool) -> None:
        pool.busy -= 1
        await pool.drop_spoilt()
        if pool.busy or self._pools.get(key) is not pool:
            return
        if not pool.connections.connections:
            del self._pools[key]
            return
        self._idle[key] = asyncio.get_running_loop().time()
        self._arm()
        if len(self._idle) > _MAX_IDLE:
            oldest, _ = self._idle.popitem(last=False)
            await self._pools.pop(oldest).connections.aclose()

    def _arm(self) -> None:
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self._keep_s, self._close_idle)

    def _close_idle(self) -> None:
        self._sweep = None
        loop = asyncio.get_running_loop()
        while self._idle and next(iter(self._idle.values())) <= loop.time() - self._keep_s:
            key, _ = self._idle.popitem(last=False)
            task = loop.create_task(self._pools.pop(key).connections.aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        if self._idle:
            self._arm()

    def _connections(self, key: _Key) -> httpcore.AsyncConnectionPool:
        by_proxy = self._goes_by_proxy(key.host)
        return httpcore.AsyncConnectionPool(
            ssl_context=self._ssl if key.verify else self._context_without_checks(),
            proxy=self._proxy if by_proxy else None,
            max_connections=_PER_HOST,
            max_keepalive_connections=_PER_HOST,
            keepalive_expiry=self._keep_s,
            network_backend=self._proxy_backend if by_proxy else self._backend,
        )

    def _goes_by_proxy(self, host: str) -> bool:
        return self._proxy is not None and not any(
            host == name or host.endswith("." + name) for name in self._no_proxy
        )

    def _context_without_checks(self) -> ssl.SSLContext:
        if self._unverified is None:
            self._unverified = ssl.create_default_context()
            self._unverified.check_hostname = False
            self._unverified.verify_mode = ssl.CERT_NONE
        return self._unverified


class _Body(httpx.AsyncByteStream):
    """The bytes of a response as sent; closing it gives the connection back."""

    def __init__(
        self, transport: HostTransport, key: _Key, pool: Pool, answer: httpcore.Response
    ) -> None:
        self._transport = transport
        self._key = key
        self._pool = pool
        self._answer = answer
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._key.host):
            async for chunk in self._answer.aiter_stream():
                yield chunk

    async def aclose(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await self._answer.aclose()
        await self._transport._release(self._key, self._pool)  # noqa: SLF001 - one class in two


@contextmanager
def _translated(host: str) -> Iterator[None]:
    """Raise httpcore's errors as ours.

    The text of a LocalProtocolError is left out: it quotes the header, which may be a password.
    """
    try:
        yield
    except httpcore.LocalProtocolError:
        raise FetchError(f"the request to {host} is malformed", kind="request") from None
    except httpcore.RemoteProtocolError as error:
        kind = "truncated" if _CLOSED_EARLY in str(error) else "protocol"
        raise FetchError(f"{host} does not keep to HTTP: {str(error)[:200]}", kind=kind) from error
    except httpcore.ProxyError as error:
        raise FetchError(f"the proxy refused {host}: {error}", kind="proxy") from error
    except (httpcore.NetworkError, httpcore.TimeoutException) as error:
        raise FetchError(f"the connection to {host} broke: {error}", kind="reset") from error


def _parse_proxy(url: str) -> httpcore.Proxy:
    parsed = httpx.URL(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError("a proxy is named by an http or https URL")
    auth = (parsed.username, parsed.password) if parsed.userinfo else None
    return httpcore.Proxy(
        httpcore.URL(scheme=parsed.scheme, host=parsed.host, port=parsed.port, target="/"), auth
    )


def _default_context() -> ssl.SSLContext:
    """Trust the system's authorities and those shipped with httpx: slim images have none."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context
