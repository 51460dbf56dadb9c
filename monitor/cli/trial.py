"""What full_text would make of a feed: the articles of its newest items, read once, not stored."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from monitor.config import Config
from monitor.engine.clock import utc_now
from monitor.fetch.articles import Articles
from monitor.fetch.robots import RobotsFiles
from monitor.fetch.sandbox import Sandbox
from monitor.model import ArticleLimits, FullText, ItemId, Reading, Source
from monitor.service import fetching
from monitor.sources.normalise import normalise
from monitor.text.robots import token_of

_WITHIN = timedelta(minutes=5)  # a person waits


async def articles_of(
    config: Config, source: Source, reading: Reading, count: int
) -> Mapping[int, dict[str, Any]]:
    """Return what came of the articles of the newest items, by their place in the reading."""
    now = utc_now()
    items = {
        place: normalise(raw, source, now, lang=reading.lang, repeated=reading.repeated)
        for place, raw in enumerate(reading.items)
    }
    newest = sorted(items.values(), key=lambda item: item.when, reverse=True)[:count]
    pages = Sandbox(reader="article")
    try:
        async with fetching(config, utc_now) as fetcher:
            robots = RobotsFiles(fetcher.get, token_of(config.service.polling.user_agent), utc_now)
            articles = Articles(fetcher, robots, pages.read, utc_now)
            limits = ArticleLimits(at_most=count, within=_WITHIN)
            found: Mapping[ItemId, FullText] = await articles.of(source, newest, limits)
    finally:
        await pages.close()
    return {place: _row(found[item.id]) for place, item in items.items() if item.id in found}


def _row(one: FullText) -> dict[str, Any]:
    return {"result": one.result, "detail": one.detail, "url": one.url, "text": one.text}
