"""What is asked for, and where redirects may lead it: decisions only, nothing is sent here."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from monitor.errors import FetchError
from monitor.model import Source, Validators

_PERMANENT = frozenset({301, 308})
_SHOWN_CHARS = 200
_HOST = re.compile(rb"[a-z0-9_.-]+|[0-9a-f:.]*:[0-9a-f:.]*")  # a name or dotted address, or IPv6
_MAX_PORT = 65_535


@dataclass(kw_only=True)
class Budget:
    """What is left of a total deadline; waiting for a turn between two hops does not count."""

    left_s: float

    @asynccontextmanager
    async def spend(self, host: str) -> AsyncIterator[None]:
        """Raise FetchError of the kind `timeout` when the rest is used up inside."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(self.left_s):
                yield
        except TimeoutError:
            raise FetchError(f"{host} did not answer in time", kind="timeout") from None
        finally:
            self.left_s -= loop.time() - started


@dataclass(kw_only=True)
class Trip:
    """A request on its way through redirects.

    `private` headers go to the first origin only: after the first step out of it to nobody.
    `moved_to` is where permanent redirects alone have led so far.
    """

    url: httpx.URL
    headers: Mapping[str, str]
    private: Mapping[str, str]
    budget: Budget
    max_bytes: int
    media_types: frozenset[str] = frozenset()  # none: any; of the answer, if it names one
    verify_tls: bool = True
    moved_to: str = ""
    flags: tuple[str, ...] = ()
    _seen: set[httpx.URL] = field(default_factory=set)
    _is_permanent: bool = True
    _is_at_home: bool = True

    def follow(self, status: int, location: str) -> None:
        """Go where a redirect points; raises FetchError of the kind `redirect`."""
        host, left, self.url = self.host, self.url, _target(self.url, location)
        self._seen.add(left)
        if self.url in self._seen:
            raise FetchError(f"{host} redirects in a circle", kind="redirect")
        self._is_at_home = self._is_at_home and self.host == host
        is_downgrade = left.scheme == "https" and self.url.scheme == "http"
        if is_downgrade:
            self.flags = (*self.flags, "https-to-http")
        if _origin(left) != _origin(self.url):
            self.private = {}
        self._is_permanent = self._is_permanent and status in _PERMANENT and not is_downgrade
        if self._is_permanent:
            self.moved_to = str(self.url)

    def request(self, method: str, content: bytes | None = None) -> httpx.Request:
        """Return the next request of this trip."""
        return httpx.Request(
            method,
            self.url,
            headers=_encoded({**self.headers, **self.private}),
            content=content,
            extensions={"verify_tls": self.verify_tls},
        )

    @property
    def host(self) -> str:
        """Return the name as it goes to the DNS, without the final dot: one host, one turn."""
        return self.url.raw_host.decode("ascii").rstrip(".")

    @property
    def is_at_home(self) -> bool:
        """Return whether no redirect has led to another host."""
        return self._is_at_home

    def shown(self) -> str:
        """Return the address for messages: no user, no password, no query (it may be a key)."""
        query = "?…" if self.url.query else ""
        return str(self.url.copy_with(userinfo=None, query=None))[:_SHOWN_CHARS] + query


def parse_url(text: str) -> tuple[httpx.URL, Mapping[str, str]]:
    """Return an address without user and password, and the header that these make.

    Spaces, `|` and letters beyond ASCII are encoded, a name in any script becomes punycode.

    Raises:
        FetchError: `url`; the message does not repeat the text, which may hold a password.
    """
    try:
        url = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError, UnicodeError):
        raise FetchError("the address is not a URL", kind="url") from None
    if "\\" in text:  # browsers read a slash, parsers do not: the host would be open to debate
        raise FetchError("the address holds a backslash", kind="url")
    # `raw_host`: `host` decodes punycode and fails for emoji names, which the DNS does serve.
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(url.raw_host):
        raise FetchError("the address is not an http or https URL with a host", kind="url")
    if url.port is not None and not 0 < url.port <= _MAX_PORT:
        raise FetchError("the address has no such port", kind="url")
    if not url.userinfo and not url.fragment:
        return url, {}
    private = basic_auth(url.username, url.password)
    return url.copy_with(userinfo=None, fragment=None), private


def basic_auth(user: str, password: str) -> Mapping[str, str]:
    """Return the header for a user and a password, nothing where both are empty."""
    if not user and not password:
        return {}
    token = base64.b64encode(f"{user}:{password}".encode())
    return {"authorization": f"Basic {token.decode('ascii')}"}


def private_headers(source: Source) -> Mapping[str, str]:
    """Return the headers of a source that nobody but its own host may see."""
    return {**basic_auth(source.user, source.password), **lowered(source.headers)}


def conditions(validators: Validators) -> Mapping[str, str]:
    """Return the headers that ask "has it changed?", byte for byte what the server gave."""
    asked = {
        "if-none-match": validators.etag,
        "if-modified-since": validators.last_modified,
    }
    return {name: value for name, value in asked.items() if value}


def lowered(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the same headers, their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def _target(base: httpx.URL, location: str) -> httpx.URL:
    host = base.raw_host.decode("ascii")
    # Headers are read as latin-1; what servers mean by bytes beyond ASCII is UTF-8.
    text = location.encode("latin-1", "replace").decode("utf-8", "replace").strip()
    if "\\" in text:
        raise FetchError(f"{host} redirects to an address with a backslash", kind="redirect")
    try:
        url, _ = parse_url(str(base.join(text)))
    except (httpx.InvalidURL, ValueError) as error:
        raise FetchError(f"{host} redirects to no URL", kind="redirect") from error
    except FetchError as error:
        raise FetchError(f"{host} redirects astray: {error}", kind="redirect") from error
    return url


def is_same_origin(one: str, other: str) -> bool:
    """Return whether two addresses are of one scheme, host and port: secrets may go from here."""
    try:
        return _origin(parse_url(one)[0]) == _origin(parse_url(other)[0])
    except FetchError:
        return False


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii", "replace"), _bytes(value)) for name, value in headers.items()]


def _bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")  # as received: validators go back byte for byte
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")
