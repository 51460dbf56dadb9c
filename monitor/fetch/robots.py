"""Every site's robots.txt, asked for once a day and kept in memory."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit, urlunsplit

import structlog

from monitor.errors import FetchError
from monitor.model import Document
from monitor.text import robots
from monitor.text.robots import Robots

log = structlog.get_logger()

_KEPT = timedelta(hours=24)  # RFC 9309, 2.4: no longer
_AGAIN = timedelta(hours=1)  # when it could not be had: until then nothing is asked there
_SITES = 2_000  # kept; of more the one that was asked about longest ago goes
_TIMEOUT_S = 10.0


class Get(Protocol):
    """What is asked of the client; see `Fetcher.get`."""

    def __call__(self, url: str, *, timeout: float) -> Awaitable[Document]:
        """Return the document at `url`."""
        ...


class _Kept(NamedTuple):
    """A site's rules, or why they could not be had."""

    robots: Robots
    until: datetime
    kind: str = ""
    error: str = ""


class RobotsFiles:
    """Says whether an address may be asked for.

    A site without the file (4xx) allows everything, one that cannot answer nothing (RFC 9309,
    2.3.1); redirects are followed.
    """

    def __init__(self, get: Get, token: str, clock: Callable[[], datetime]) -> None:
        self._get = get
        self._token = token
        self._clock = clock
        self._sites: OrderedDict[str, _Kept] = OrderedDict()

    async def check(self, url: str) -> Robots:
        """Return the rules that allow this address.

        Raises:
            FetchError: `robots`, or the kind of what kept us from asking.
        """
        site = await self._of(url)
        if site.error:
            raise FetchError(f"robots.txt cannot be had: {site.error}", kind=site.kind)
        if not site.robots.allows(url):
            host = urlsplit(url).hostname
            raise FetchError(f"robots.txt of {host} does not allow it", kind="robots")
        return site.robots

    async def _of(self, url: str) -> _Kept:
        parts = urlsplit(url)
        site = urlunsplit((parts.scheme, parts.netloc, "/robots.txt", "", ""))
        kept = self._sites.get(site)
        if kept is None or kept.until <= self._clock():
            kept = await self._asked(site)
            self._sites[site] = kept
        self._sites.move_to_end(site)
        while len(self._sites) > _SITES:
            self._sites.popitem(last=False)
        return kept

    async def _asked(self, site: str) -> _Kept:
        try:
            document = await self._get(site, timeout=_TIMEOUT_S)
        except FetchError as error:
            if error.status is not None and 400 <= error.status < 500 and error.status != 429:  # noqa: PLR2004
                return _Kept(robots.ANYTHING, self._clock() + _KEPT)
            log.warning("robots.txt not read", site=site, kind=error.kind, error=str(error))
            until = self._clock() + _AGAIN
            return _Kept(robots.NOTHING, until, kind=error.kind, error=str(error))
        return _Kept(robots.read(document.body, self._token), self._clock() + _KEPT)
