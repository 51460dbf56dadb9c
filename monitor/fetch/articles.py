"""The articles behind a feed's items: fetched as politely as feeds, within bounds, read apart.

Whatever goes wrong is an answer too: the item keeps the text of its feed.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from monitor.errors import FetchError, ParseError
from monitor.fetch.client import Fetcher, PageLimits
from monitor.fetch.robots import RobotsFiles
from monitor.model import ArticleLimits, Document, FullText, Item, ItemId, Reading, Source
from monitor.sources import article
from monitor.text import urls

log = structlog.get_logger()

READ = "read"
_MAX_BYTES = 3_000_000  # of one page; the largest news page seen has 2.1 MB, most under 0.5
_LONGEST = timedelta(seconds=15)  # for one page, whatever the source's own timeout
# What speaks of the site and not of one page: after so many in a row it is left alone.
_OF_THE_SITE = frozenset(
    {"timeout", "connect", "dns", "tls", "reset", "proxy", "busy", "postponed", "challenge"}
)
_IN_A_ROW = 3


class Articles:
    """Reads the articles of items; one for all polls."""

    def __init__(
        self,
        fetcher: Fetcher,
        robots: RobotsFiles,
        read: Callable[[Document], Awaitable[Reading]],
        clock: Callable[[], datetime],
    ) -> None:
        self._fetcher = fetcher
        self._robots = robots
        self._read = read
        self._clock = clock

    async def of(
        self, source: Source, items: Sequence[Item], limits: ArticleLimits
    ) -> Mapping[ItemId, FullText]:
        """Return what came of the article of each item, in the order of asking; never raises.

        The first ones are asked for, so give them newest first. An address is asked for once.
        """
        found: dict[ItemId, FullText] = {}
        by_url: dict[str, FullText] = {}
        ends_at = asyncio.get_running_loop().time() + limits.within.total_seconds()
        for item in items:
            if item.canonical_url in by_url:
                found[item.id] = by_url[item.canonical_url]
            elif reason := _needless(item) or _stop(list(by_url.values()), limits):
                found[item.id] = self._failed(reason, "")
            else:
                found[item.id] = by_url[item.canonical_url] = await self._one(source, item, ends_at)
        return found

    async def _one(self, source: Source, item: Item, ends_at: float) -> FullText:
        """Return what came of one article, of which the time may run out."""
        try:
            async with asyncio.timeout_at(ends_at):
                return await self._asked(source, item.url)
        except TimeoutError:
            return self._failed("out-of-time", "the time for the articles of one poll is over")
        except FetchError as error:
            return self._failed(error.kind, str(error), status=error.status)
        except Exception as fault:  # an article that we fail on must not cost its feed
            log.exception("article failed", item=item.id)
            return self._failed("fault", f"{type(fault).__name__}: {fault}")

    async def _asked(self, source: Source, url: str) -> FullText:
        limits = PageLimits(timeout=min(source.timeout, _LONGEST), max_bytes=_MAX_BYTES)
        document = await self._fetcher.page(source, url, limits, self._robots.check)
        if delay := (await self._robots.check(document.url)).delay:
            self._fetcher.pause(document.url, delay)
        came = FullText(
            result=READ,
            asked_at=self._clock(),
            url=document.url,
            status=document.status,
            sha256=hashlib.sha256(document.body).hexdigest(),
            size_bytes=len(document.body),
        )
        if place := article.elsewhere(url, document.url):
            return replace(came, result=place, detail=f"a redirect led to {document.url}")
        try:
            reading = await self._read(document)
        except ParseError as error:
            return replace(came, result=error.kind, detail=str(error))
        return replace(came, text=reading.items[0].text)

    def _failed(self, result: str, detail: str, *, status: int | None = None) -> FullText:
        return FullText(result=result, asked_at=self._clock(), detail=detail, status=status)


def _needless(item: Item) -> str:
    """Return why there is nothing to ask for, or an empty text."""
    if not urls.is_http(item.url):
        return "no-link"
    return "home-page" if article.is_home_page(item.url) else ""


def _stop(asked: Sequence[FullText], limits: ArticleLimits) -> str:
    """Return why no further article is asked for, or an empty text."""
    if any(one.result == "out-of-time" for one in asked):
        return "out-of-time"
    if len(asked) >= limits.at_most:
        return "over-cap"
    latest = [one.result for one in asked[-_IN_A_ROW:]]
    return "site-down" if len(latest) == _IN_A_ROW and _OF_THE_SITE.issuperset(latest) else ""
