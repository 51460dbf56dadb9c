"""Names to checked addresses, and checked addresses to connections.

Plugs into httpcore as its network backend. Timeouts are the caller's (`asyncio.timeout` around
the whole exchange), so those that httpcore passes down are not used.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import httpcore

from monitor.errors import FetchError
from monitor.fetch.addresses import Network, check_addresses
from monitor.fetch.wire import Wire, open_wire, said

# host, port -> addresses as text, in the order in which they should be tried
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_CONNECT_S = 5.0  # one address of several: a dead IPv6 route must leave time for IPv4
_MAX_ADDRESSES = 4  # tried of one answer; all are checked
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
            raise FetchError(f"{host} cannot be resolved: {said(error)}", kind="dns") from error
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
        self, host: str, port: int, *_: Any, **_options: Any
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
        self, host: str, port: int, *_: Any, **_options: Any
    ) -> httpcore.AsyncNetworkStream:
        """Return a connection to the proxy; raises FetchError of the kind `proxy`."""
        try:
            return await _dial(host, await self._resolve(host, port), port)
        except FetchError as error:
            raise FetchError(f"the proxy: {error}", kind="proxy") from error


async def _dial(host: str, addresses: Sequence[str], port: int) -> Wire:
    """Return a connection to the first of `addresses` that answers."""
    tries = _alternating(addresses)[:_MAX_ADDRESSES]
    errors: list[str] = []
    for address in tries:
        try:
            async with asyncio.timeout(None if address == tries[-1] else _CONNECT_S):
                return await open_wire(address, port)
        except (OSError, TimeoutError) as error:
            errors.append(f"{address}: {said(error) or 'no answer'}")
    raise FetchError(f"{host} port {port} cannot be reached: {'; '.join(errors)}", kind="connect")


def _alternating(addresses: Sequence[str]) -> list[str]:
    """Return the addresses with the two families by turns, each in its order (RFC 8305, 4)."""
    rank: dict[str, int] = {}
    seen = {True: 0, False: 0}
    for address in addresses:
        rank[address] = seen[":" in address]
        seen[":" in address] += 1
    return sorted(rank, key=rank.__getitem__)
