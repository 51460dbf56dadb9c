"""From what a feed says to what we go by: one identity, one believable time, text of sane size."""

from collections.abc import Collection
from datetime import datetime

from monitor.model import Item, ItemId, RawItem, Reading, Source, stable_id
from monitor.text import dates, urls
from monitor.text.clean import shortened

_TITLE_WORDS = 12  # of the text, where an entry has no title
_MAX_TITLE = 1_000  # characters; headlines have under 300
_MAX_TEXT = 200_000  # characters; the longest real entry seen has 150,000


def normalise_all(reading: Reading, source: Source, seen_at: datetime) -> tuple[Item, ...]:
    """Return the items of a reading in document order, each identity once (the first wins)."""
    items: dict[ItemId, Item] = {}
    for raw in reading.items:
        item = normalise(raw, source, seen_at, lang=reading.lang, repeated=reading.repeated)
        items.setdefault(item.id, item)
    return tuple(items.values())


def normalise(
    raw: RawItem,
    source: Source,
    seen_at: datetime,
    *,
    lang: str = "",
    repeated: Collection[str] = (),
) -> Item:
    """Return the item of one entry; `lang` is the feed's, `repeated` the ids it uses twice.

    `flags` may hold `title-missing`, `title-cut`, `text-cut`, `link-missing`, `id-repeated`,
    `date-missing`, `date-future` and `date-ancient`.
    """
    when, date_flag = dates.clamp(raw.when, seen_at)
    title = raw.title or _first_words(raw)
    has_repeated_id = (raw.id or raw.link) in repeated
    flags = {
        "title-missing": not raw.title,
        "title-cut": len(title) > _MAX_TITLE,
        "text-cut": len(raw.text) > _MAX_TEXT,
        "link-missing": not urls.is_http(raw.link),
        "id-repeated": has_repeated_id,
        date_flag: bool(date_flag),
    }
    return Item(
        id=ItemId(stable_id("i-", source.id, *_identity(raw, is_repeated=has_repeated_id))),
        source_id=source.id,
        title=shortened(title, _MAX_TITLE),
        summary=shortened(raw.text, _MAX_TEXT),
        url=raw.link,
        canonical_url=urls.canonical(raw.link),
        lang=(raw.lang or lang or source.lang).lower(),
        published=raw.published,
        updated=raw.updated,
        when=when,
        seen_at=seen_at,
        guid=raw.id,
        hash=raw.hash,
        raw=raw.raw,
        tags=source.tags,
        trust=source.trust,
        flags=tuple(flag for flag, is_set in flags.items() if is_set),
    )


def _identity(raw: RawItem, *, is_repeated: bool) -> tuple[str, ...]:
    """Return what makes an entry itself: its id, else its link, else its words.

    An id that is a URL is compared without its scheme: sites move to https and keep their ids.
    A repeated id is none (feeds that give all entries one), so link and title stand beside it.
    """
    own = raw.id.removeprefix("https://").removeprefix("http://") or urls.key(raw.link)
    if not own:
        return ("words", raw.title, raw.text)
    return ("repeated", own, urls.key(raw.link), raw.title) if is_repeated else ("id", own)


def _first_words(raw: RawItem) -> str:
    words = raw.text[:1000].split()
    title = " ".join(words[:_TITLE_WORDS])
    return f"{title} …" if len(words) > _TITLE_WORDS else title or raw.link
