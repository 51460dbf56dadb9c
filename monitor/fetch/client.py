"""The HTTP client: documents in, posts out, within bounds of time, bytes, hops and addresses."""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

from monitor.alerts.timing import freshness, parse_retry_after, server_time
from monitor.errors import FetchError
from monitor.fetch import canary
from monitor.fetch.addresses import parse_networks
from monitor.fetch.answer import (
    WHOLE,
    Answer,
    read_body,
    read_headers,
    receive,
    renewed,
    validators_of,
)
from monitor.fetch.decode import ACCEPT_ENCODING
from monitor.fetch.dial import Resolve, Resolver
from monitor.fetch.kinds import kind_of
from monitor.fetch.politeness import Gate
from monitor.fetch.transport import HostTransport
from monitor.fetch.trip import (
    Budget,
    Trip,
    conditions,
    is_same_origin,
    lowered,
    parse_url,
    private_headers,
)
from monitor.model import Document, Fetched, NotModified, Reply, Source, Validators
from monitor.sources.sniff import challenge_of

_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, text/html;q=0.5, */*;q=0.1"
)
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_ACCEPT_PAGE = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 503})
_PAUSE = timedelta(minutes=1)  # of a host that says 429, but not for how long
_NOT_MODIFIED = 304
_WALLS = frozenset({202, 401, 403, 405, 406, 429, 503})  # with which guards send their checks
_REPLY_BYTES = 65_536

May = Callable[[str], Awaitable[object]]  # raises FetchError for an address that is not to be asked


@dataclass(frozen=True, kw_only=True)
class FetchSettings:
    """What the operator can set; `proxy` may hold a password."""

    user_agent: str
    allow_networks: Sequence[str] = ()
    proxy: str = field(default="", repr=False)
    no_proxy: Sequence[str] = ()
    max_bytes: int = 10_000_000  # on the wire, and again after decompression
    max_redirects: int = 5


@dataclass(frozen=True, kw_only=True)
class PageLimits:
    """How much time and how many bytes one web page may take."""

    timeout: timedelta
    max_bytes: int


class Fetcher:
    """Fetches documents and posts messages; one per process, closed with `aclose`.

    `clock` is asked only where a header names a date and the server sends no `Date` of its own;
    `gate` gives the turns per host; `resolve` and `ssl_context` are for tests and odd networks.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        gate: Gate,
        clock: Callable[[], datetime],
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._gate = gate
        self._clock = clock
        self._resolver = Resolver()
        self._transport = HostTransport(
            resolve=resolve or self._resolver,
            allowed=parse_networks(settings.allow_networks),
            ssl_context=ssl_context,
            proxy=settings.proxy,
            no_proxy=settings.no_proxy,
        )

    async def fetch(self, source: Source, validators: Validators) -> Fetched | NotModified:
        """Return the document of a source, or that it has not changed.

        Only a 304 to a conditional request, or a body with the known hash, means unchanged.
        The validators that come back must be committed with the items, never before them.

        Raises:
            RefusedAddress: the host, or one it redirects to, is not public.
            FetchError: its `kind` says what went wrong; `postponed` is no failure of the source.
        """
        if source.url.startswith(canary.SCHEME):
            return canary.fetched(source.url)
        asked = conditions(validators)
        trip = self._trip(source.url, source.timeout.total_seconds())
        trip.headers = {**trip.headers, **asked}
        trip.private = {**trip.private, **private_headers(source)}
        trip.verify_tls = source.verify_tls
        answer = await self._travel(trip)
        if answer.status == _NOT_MODIFIED and not asked:
            raise _unasked(trip)
        return self._outcome(trip, answer, validators)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 20.0,  # noqa: ASYNC109 - spent hop by hop, without the waits between
        max_bytes: int | None = None,
    ) -> Document:
        """Return the document at `url`: the same rules as `fetch`, without conditions."""
        trip = self._trip(url, timeout)
        trip.private = {**trip.private, **lowered(headers or {})}
        trip.max_bytes = max_bytes or trip.max_bytes
        answer = await self._travel(trip)
        if answer.status == _NOT_MODIFIED:
            raise _unasked(trip)
        return _document(trip, answer)

    async def page(self, source: Source, url: str, most: PageLimits, may: May) -> Document:
        """Return the web page at `url`, an article of a source; `may` is asked before each hop.

        Login and headers of the source go along where the page is of its origin.

        Raises:
            RefusedAddress, FetchError: as `fetch`; `media-type` for what is no web page, and
                whatever `may` raises.
        """
        trip = self._trip(url, most.timeout.total_seconds())
        trip.headers = {**trip.headers, "accept": _ACCEPT_PAGE}
        trip.max_bytes = most.max_bytes
        trip.media_types = _PAGES
        if is_same_origin(source.url, url):
            trip.private = {**trip.private, **private_headers(source)}
            trip.verify_tls = source.verify_tls
        answer = await self._travel(trip, may)
        if answer.status == _NOT_MODIFIED:
            raise _unasked(trip)
        return _document(trip, answer)

    def pause(self, url: str, wait: timedelta) -> None:
        """Leave the host of `url` alone for a while."""
        self._gate.pause(parse_url(url)[0].raw_host.decode("ascii").rstrip("."), wait)

    async def post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        timeout: float,  # noqa: ASYNC109 - of the whole exchange
    ) -> Reply:
        """Send `body` and return the reply, whatever its status; a redirect is not followed.

        Raises:
            RefusedAddress: the host is not public.
            FetchError: no reply came; the message names the host, the rest may be a secret.
        """
        trip = self._trip(url, timeout)
        trip.headers = {"user-agent": self._settings.user_agent, **lowered(headers)}
        async with trip.budget.spend(trip.host):
            response = await self._transport.handle_async_request(trip.request("POST", body))
            try:
                raw, _ = await read_body(response, _REPLY_BYTES)
            finally:
                await response.aclose()
        return Reply(status=response.status_code, headers=read_headers(response), body=raw)

    async def head(self, url: str, timeout: float) -> Reply:  # noqa: ASYNC109 - of all of it
        """Return the headers that a server gives for an address; a redirect is not followed.

        Raises:
            RefusedAddress: the host is not public.
            FetchError: no reply came; the message names the host, the rest may be a secret.
        """
        trip = self._trip(url, timeout)
        async with trip.budget.spend(trip.host):
            response = await self._transport.handle_async_request(trip.request("HEAD"))
            await response.aclose()
        return Reply(status=response.status_code, headers=read_headers(response))

    async def aclose(self) -> None:
        """Close every connection and take no more look-ups."""
        await self._transport.aclose()
        self._resolver.close()

    # ------------------------------------------------------------ one request

    def _trip(self, url: str, timeout_s: float) -> Trip:
        parsed, private = parse_url(url)
        return Trip(
            url=parsed,
            headers={
                "user-agent": self._settings.user_agent,
                "accept": _ACCEPT,
                "accept-encoding": ACCEPT_ENCODING,
            },
            private=private,
            budget=Budget(left_s=timeout_s),
            max_bytes=self._settings.max_bytes,
        )

    async def _travel(self, trip: Trip, may: May | None = None) -> Answer:
        """Follow redirects to an answer that brings a document, or a 304."""
        for _ in range(self._settings.max_redirects + 1):
            if may is not None:
                await may(str(trip.url))
            answer = await self._exchange(trip)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not location:
                self._check(trip, answer)
                return answer
            trip.follow(answer.status, location)
        limit = self._settings.max_redirects
        raise FetchError(f"{trip.host}: more than {limit} redirects", kind="redirect")

    async def _exchange(self, trip: Trip) -> Answer:
        host = trip.host
        async with self._gate.turn(host), trip.budget.spend(host):
            response = await self._transport.handle_async_request(trip.request("GET"))
            try:
                answer = await receive(response, trip.max_bytes, trip.media_types)
            finally:
                await response.aclose()
            if answer.status in _BUSY:  # before the next in line gets the turn
                self._pause(host, answer)
        return answer

    def _pause(self, host: str, answer: Answer) -> None:
        wait = self._retry_after(answer)
        if wait is None and answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = _PAUSE
        if wait is not None:
            self._gate.pause(host, wait)

    def _check(self, trip: Trip, answer: Answer) -> None:
        """Raise the error that an answer without a document stands for."""
        if wall := _wall(answer):
            raise FetchError(
                f"{trip.shown()} asks for a browser check ({wall} challenge)",
                kind="challenge",
                status=answer.status,
                retry_after=self._retry_after(answer),
            )
        if answer.status in WHOLE or answer.status == _NOT_MODIFIED:
            return
        retry_after = self._retry_after(answer)
        raise FetchError(
            f"HTTP {answer.status}{_phrase(answer.status)} from {trip.shown()}",
            kind=_kind(trip, answer.status, retry_after),
            status=answer.status,
            retry_after=retry_after,
        )

    def _retry_after(self, answer: Answer) -> timedelta | None:
        value = answer.headers.get("retry-after", "")
        return parse_retry_after(value, server_time(answer.headers, self._clock()))

    def _outcome(self, trip: Trip, answer: Answer, known: Validators) -> Fetched | NotModified:
        is_304 = answer.status == _NOT_MODIFIED
        validators = renewed(known, answer) if is_304 else validators_of(answer)
        fresh_for = freshness(answer.headers, server_time(answer.headers, self._clock()))
        if is_304 or validators.body_hash == known.body_hash:
            return NotModified(
                validators=validators,
                headers=answer.headers,
                moved_to=trip.moved_to,
                fresh_for=fresh_for,
                flags=trip.flags,
            )
        return Fetched(
            document=_document(trip, answer),
            validators=validators,
            moved_to=trip.moved_to,
            fresh_for=fresh_for,
            flags=trip.flags,
        )


def _wall(answer: Answer) -> str:
    """Return whose browser check came instead of a document, or an empty text."""
    if answer.headers.get("cf-mitigated", "").lower() == "challenge":
        return "Cloudflare"
    return challenge_of(answer.body) if answer.status in _WALLS else ""


def _kind(trip: Trip, status: int, retry_after: timedelta | None) -> str:
    """Return the name of a status; `busy` speaks for the first host asked, not for one beyond."""
    is_busy = status in _BUSY and retry_after is not None and trip.is_at_home
    return "busy" if is_busy else kind_of(status)


def _document(trip: Trip, answer: Answer) -> Document:
    return Document(answer.body, answer.headers, str(trip.url), answer.status)


def _unasked(trip: Trip) -> FetchError:
    return FetchError(
        f"{trip.shown()} says 304 though nothing was known of it",
        kind="unasked-304",
        status=_NOT_MODIFIED,
    )


def _phrase(status: int) -> str:
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
