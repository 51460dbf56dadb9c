"""What came of asking for the articles of items: evidence of what was read, and what was not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from monitor.model import FullText, ItemId, SourceId
from monitor.store.codec import clean, to_text

_BATCH = 500  # parameters of one statement


@dataclass(frozen=True, kw_only=True)
class Before:
    """What is stored of an item whose feed asks for articles.

    `feed_words` is the hash of the feed's own texts, None where no article was ever asked for.
    """

    words: bytes
    feed_words: bytes | None
    content: str
    asked: int


class FullTexts:
    """The table `full_text`, and the column `feed_words` of `item`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def before(self, ids: Sequence[ItemId]) -> Mapping[ItemId, Before]:
        """Return what is stored of those of the ids that are."""
        found: dict[ItemId, Before] = {}
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            sql = f"""select id, words_hash, feed_words, content,
                        (select count(*) from full_text where item_id = item.id) as asked
                      from item where id in ({marks})"""  # noqa: S608 (marks only)
            for row in self._db.query(sql, batch):
                found[row["id"]] = Before(
                    words=row["words_hash"],
                    feed_words=row["feed_words"],
                    content=row["content"],
                    asked=row["asked"],
                )
        return found

    def put(self, item_id: ItemId, feed_words: bytes, one: FullText | None) -> None:
        """Store what came of asking, None where nothing was asked, beside the item itself."""
        self._db.execute("update item set feed_words = ? where id = ?", [feed_words, item_id])
        if one is None:
            return
        self._db.execute(
            """insert into full_text (item_id, asked_at, result, detail, url, status, sha256,
                 size_bytes) values (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                item_id,
                to_text(one.asked_at),
                one.result,
                clean(one.detail),
                clean(one.url),
                one.status,
                one.sha256,
                one.size_bytes,
            ],
        )

    def of(self, item_id: ItemId) -> list[dict[str, Any]]:
        """Return what came of each asking for one item's article, in order."""
        sql = """select asked_at, result, detail, url, status, sha256, size_bytes from full_text
                 where item_id = ? order by number"""
        return list(self._db.query(sql, [item_id]))

    def tally(self, since: datetime) -> dict[SourceId, dict[str, int]]:
        """Return for each source how often each result came since a time, the most frequent first.

        An article that was asked for again counts each time.
        """
        rows = self._db.query(
            """select item.source_id as source, full_text.result, count(*) as n
               from full_text join item on item.id = full_text.item_id
               where full_text.asked_at >= ? group by 1, 2 order by 1, 3 desc, 2""",
            [to_text(since)],
        )
        found: dict[SourceId, dict[str, int]] = {}
        for row in rows:
            found.setdefault(SourceId(row["source"]), {})[row["result"]] = row["n"]
        return found
