"""Which items of a feed are asked for their article, and what becomes of the text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from monitor.model import FullText, Item, ItemId, Source
from monitor.steps.record import Found
from monitor.steps.watch import Watch
from monitor.store.full_text import Before
from monitor.store.items import words_hash

log = structlog.get_logger()

_ASKED_MOST = 5  # times for one item: some feeds edit their items with every poll


@dataclass(frozen=True, kw_only=True)
class Sorted:
    """The items of a feed: those to ask for, newest first; and all, with the feed's own words."""

    wanted: tuple[Item, ...]
    items: tuple[tuple[Item, bytes], ...]


async def with_articles(watch: Watch, source: Source, items: Sequence[Item]) -> list[Found]:
    """Return the items, of a feed with full text with their articles' texts.

    What cannot be had is told, and costs nothing: those items are as their feed gave them.
    """
    if not source.full_text or watch.articles is None:
        return [Found(item=item, hits=()) for item in items]
    before = await watch.read(lambda tx: tx.full_text.before([item.id for item in items]))
    known = sort_out(items, before)
    articles = await watch.articles(source, known.wanted, watch.settings.articles)
    failed = Counter(one.result for one in articles.values() if not one.text)
    if failed:
        log.info("articles not read", source=source.id, why=dict(failed))
    return [
        Found(
            item=with_article(item, articles.get(item.id)),
            hits=(),
            feed_words=feed_words,
            full_text=articles.get(item.id),
        )
        for item, feed_words in known.items
    ]


def sort_out(items: Sequence[Item], before: Mapping[ItemId, Before]) -> Sorted:
    """Return which items to ask for: those that are new, or that the feed has edited.

    What was read before stays with its item: neither a feed that repeats itself nor a failure
    takes a text away. What was erased stays erased: it is left out while its feed says the same.
    """
    items = [item for item in items if not _is_erased(item, before.get(item.id))]
    wanted = [item for item in items if _is_wanted(item, before.get(item.id))]
    return Sorted(
        wanted=tuple(sorted(wanted, key=lambda item: (item.when, item.id), reverse=True)),
        items=tuple((_as_known(item, before.get(item.id)), words_hash(item)) for item in items),
    )


def with_article(item: Item, article: FullText | None) -> Item:
    """Return the item with the text of its article, where that was read."""
    return replace(item, content=article.text) if article and article.text else item


def _is_wanted(item: Item, before: Before | None) -> bool:
    if before is None:
        return True
    known = before.words if before.feed_words is None else before.feed_words
    return known != words_hash(item) and before.asked < _ASKED_MOST


def _is_erased(item: Item, before: Before | None) -> bool:
    """Return whether the text of an article was taken out on purpose; b"" is a fault of ours."""
    return (
        before is not None
        and before.feed_words == words_hash(item)
        and not before.content
        and before.words not in (b"", before.feed_words)
    )


def _as_known(item: Item, before: Before | None) -> Item:
    """Return the item with the text that is stored of it, if that came from its article."""
    is_read = before is not None and before.feed_words is not None
    return replace(item, content=before.content) if before and is_read else item
