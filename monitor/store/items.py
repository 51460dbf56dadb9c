"""Items, the evidence of their hits, hits and near misses."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from monitor.model import Hit, Item, ItemId, Severity, SourceId
from monitor.store.chain import Chain
from monitor.store.codec import (
    clauses_from_json,
    clauses_to_json,
    clean,
    from_json,
    names_to_json,
    to_json,
    to_text,
    to_text_or_none,
    to_time,
    to_time_or_none,
)
from monitor.store.marks import Marks

_BATCH = 500  # parameters of one statement; SQLite's own limit is 32,766

_SAMPLE = 9  # items: enough to see whether their addresses are known


def words_hash(item: Item) -> bytes:
    """Return a hash of the texts that rules look at; white space alone does not change it."""
    words = "\x00".join(" ".join(text.split()) for text in _texts(item))
    return hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=16).digest()


def _texts(item: Item) -> tuple[str, str, str]:
    return item.title, item.summary, item.content


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Texts as matched, and the hits whose offsets refer to them."""

    title: str
    summary: str
    content: str
    sha256: str
    hits: tuple[Hit, ...]


class Items:
    """The tables `item`, `evidence`, `hit` and `near_miss`."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._chain = Chain(db)

    def knew_addresses(self, items: Sequence[Item]) -> bool:
        """Return whether most of these stored items lead where others of their source led."""
        rows = [
            self._db.query(
                "select 1 from item where url = ? and source_id = ? and id <> ? limit 1",
                [item.url, item.source_id, item.id],
            )
            for item in items[:_SAMPLE]
            if item.url
        ]
        return 2 * sum(any(True for _ in row) for row in rows) > min(len(items), _SAMPLE)

    def words(self, ids: Sequence[ItemId]) -> dict[ItemId, bytes]:
        """Return the `words_hash` of those of the ids that are stored."""
        found: dict[ItemId, bytes] = {}
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            sql = f"select id, words_hash from item where id in ({marks})"  # noqa: S608 (marks only)
            found |= {row["id"]: row["words_hash"] for row in self._db.query(sql, batch)}
        return found

    def put(self, item: Item) -> None:
        """Store a new item."""
        self._db.execute(
            """insert into item (id, source_id, guid, url, canonical_url, title, summary, content,
                 lang, published, updated, when_at, seen_at, words_hash, tags, trust, flags)
               values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                item.id,
                item.source_id,
                clean(item.guid),
                clean(item.url),
                clean(item.canonical_url),
                clean(item.title),
                clean(item.summary),
                clean(item.content),
                item.lang,
                to_text_or_none(item.published),
                to_text_or_none(item.updated),
                to_text(item.when),
                to_text(item.seen_at),
                words_hash(item),
                names_to_json(item.tags),
                item.trust,
                to_json(list(item.flags)),
            ],
        )

    def forget_words(self, ids: Iterable[ItemId]) -> None:
        """Let the next sight of these items count as an edit."""
        for item_id in ids:
            self._db.execute("update item set words_hash = x'' where id = ?", [item_id])

    def change(self, item: Item) -> None:
        """Store an edit: the texts are replaced, identity and first sight stay."""
        self._db.execute(
            """update item set title = ?, summary = ?, content = ?, updated = ?, words_hash = ?,
                 changed_at = ? where id = ?""",
            [
                clean(item.title),
                clean(item.summary),
                clean(item.content),
                to_text_or_none(item.updated),
                words_hash(item),
                to_text(item.seen_at),
                item.id,
            ],
        )

    def put_evidence(self, item: Item) -> int:
        """Store the entry as received and the texts as matched; return the row's number."""
        texts = "\x00".join(_texts(item)).encode("utf-8", "replace")
        sha256 = hashlib.sha256(item.raw or texts).hexdigest()
        cursor = self._db.execute(
            """insert into evidence (item_id, captured_at, url, title, summary, content, raw,
                 sha256, words_hash) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
               on conflict (item_id, words_hash) do nothing""",
            [
                item.id,
                to_text(item.seen_at),
                clean(item.url),
                clean(item.title),
                clean(item.summary),
                clean(item.content),
                item.raw,
                sha256,
                words_hash(item),
            ],
        )
        rows = self._db.query(
            "select number from evidence where item_id = ? and words_hash = ?",
            [item.id, words_hash(item)],
        )
        number = int(next(iter(rows))["number"])
        if cursor.rowcount > 0:
            self._chain.add("evidence", number)
        return number

    def put_hits(self, item: Item, hits: Sequence[Hit], ruleset: str, evidence: int) -> None:
        """Store the hits of an item; a rule that hit it before keeps its first hit."""
        for hit in hits:
            cursor = self._db.execute(
                """insert into hit (item_id, rule, version, ruleset, severity, clauses,
                     listed_names, evidence, made_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
                   on conflict (item_id, rule) do nothing""",
                [
                    item.id,
                    hit.rule,
                    hit.version,
                    ruleset,
                    int(hit.severity),
                    clean(clauses_to_json(hit.clauses)),
                    names_to_json(hit.listed_names),
                    evidence,
                    to_text(item.seen_at),
                ],
            )
            if cursor.rowcount > 0:
                self._chain.add("hit", cursor.lastrowid)

    def rules_of(self, item_id: ItemId) -> frozenset[str]:
        """Return the rules that hit an item before."""
        rows = self._db.query("select rule from hit where item_id = ?", [item_id])
        return frozenset(row["rule"] for row in rows)

    def put_near_misses(self, item: Item, missing: Iterable[tuple[str, str]]) -> None:
        """Store pairs of rule and missing clause."""
        for rule, clause in missing:
            self._db.execute(
                """insert or ignore into near_miss (item_id, rule, missing, seen_at)
                   values (?, ?, ?, ?)""",
                [item.id, rule, clause, to_text(item.seen_at)],
            )

    def rename_rule(self, old: str, new: str) -> None:
        """Give the history of a renamed rule to its new name."""
        for table in ("hit", "near_miss"):
            sql = f"update or ignore {table} set rule = ? where rule = ?"  # noqa: S608 (ours)
            self._db.execute(sql, [new, old])

    def near_misses(self, rule: str | None, limit: int) -> list[dict[str, Any]]:
        """Return near misses with their item's title and address, newest first."""
        sql = """select near_miss.rule, near_miss.missing, near_miss.seen_at, item.id, item.title,
                   item.url, item.source_id as source
                 from near_miss join item on item.id = near_miss.item_id
                 where ? is null or near_miss.rule = ? order by near_miss.seen_at desc limit ?"""
        return list(self._db.query(sql, [rule, rule, limit]))

    def get(self, item_id: str) -> Item | None:
        """Return a stored item by its id or its address, or None."""
        rows = self._db.query(
            """select * from item where id = ? or url = ? or canonical_url = ?
               order by number desc limit 1""",
            [item_id, item_id, item_id],
        )
        return next((_item(row) for row in rows), None)

    def since(self, seen_at: datetime) -> Iterator[Item]:
        """Return the items first seen at or after a time, in order of arrival."""
        rows = self._db.query(
            "select * from item where seen_at >= ? order by number", [to_text(seen_at)]
        )
        return map(_item, rows)

    def count(self, since: datetime, until: datetime) -> tuple[int, int]:
        """Return how many items were first seen, and how many hits made, in a period."""
        period = [to_text(since), to_text(until)]
        sql = """select (select count(*) from item where seen_at >= ?1 and seen_at < ?2) as items,
                   (select count(*) from hit where made_at >= ?1 and made_at < ?2) as hits"""
        row = next(iter(self._db.query(sql, period)))
        return int(row["items"]), int(row["hits"])

    def count_after(self, marks: Marks) -> tuple[int, int]:
        """Return how many items and hits arrived after these marks."""
        sql = """select (select count(*) from item where number > ?) as items,
                   (select count(*) from hit where number > ?) as hits"""
        row = next(iter(self._db.query(sql, [marks.item, marks.hit])))
        return int(row["items"]), int(row["hits"])

    def hits_between(self, bounds: Sequence[datetime]) -> tuple[int, ...]:
        """Return how many hits were made from each of these times to the next."""
        sql = "select count(*) as n from hit where made_at >= ? and made_at < ?"
        spans = zip(map(to_text, bounds), map(to_text, bounds[1:]), strict=False)
        return tuple(int(next(iter(self._db.query(sql, [*span])))["n"]) for span in spans)

    def hit_counts(self, since: datetime) -> dict[str, int]:
        """Return how many hits each rule made since a time."""
        rows = self._db.query(
            "select rule, count(*) as n from hit where made_at >= ? group by rule", [to_text(since)]
        )
        return {row["rule"]: row["n"] for row in rows}

    def arrivals(self, since: datetime) -> dict[SourceId, dict[str, int]]:
        """Return how many items of each source arrived in each hour (`2024-03-28T09`, UTC)."""
        rows = self._db.query(
            """select source_id, substr(seen_at, 1, 13) as hour, count(*) as n from item
               where seen_at >= ? group by 1, 2""",
            [to_text(since)],
        )
        found: dict[SourceId, dict[str, int]] = {}
        for row in rows:
            found.setdefault(row["source_id"], {})[row["hour"]] = row["n"]
        return found

    def hits_by_source(self, since: datetime) -> dict[SourceId, int]:
        """Return how many hits the items of each source made since a time."""
        rows = self._db.query(
            """select item.source_id, count(*) as n from hit join item on item.id = hit.item_id
               where hit.made_at >= ? group by 1""",
            [to_text(since)],
        )
        return {row["source_id"]: row["n"] for row in rows}

    def count_of(self, source_id: str) -> int:
        """Return how many items of a source are stored."""
        rows = self._db.query("select count(*) as n from item where source_id = ?", [source_id])
        return int(next(iter(rows))["n"])

    def near_miss_counts(self, since: datetime, until: datetime) -> dict[str, int]:
        """Return how many items missed each rule by one clause in a period, most first."""
        rows = self._db.query(
            """select rule, count(*) as n from near_miss where seen_at >= ? and seen_at < ?
               group by rule order by n desc, rule""",
            [to_text(since), to_text(until)],
        )
        return {row["rule"]: row["n"] for row in rows}

    def shown(self, item_id: ItemId) -> Shown | None:
        """Return the latest texts of an item that made a hit, with the hits that refer to them."""
        rows = list(
            self._db.query(
                """select evidence.title, evidence.summary, evidence.content, evidence.sha256,
                     hit.* from hit join evidence on evidence.number = hit.evidence
                   where hit.item_id = ?1 and hit.evidence =
                     (select max(evidence) from hit where item_id = ?1)
                   order by hit.number""",
                [item_id],
            )
        )
        if not rows:
            return None
        texts = {name: rows[0][name] for name in ("title", "summary", "content", "sha256")}
        return Shown(hits=tuple(_hit(row) for row in rows), **texts)

    def hits(self, item_id: ItemId) -> tuple[Hit, ...]:
        """Return the stored hits of an item, in order of their making."""
        rows = self._db.query("select * from hit where item_id = ? order by number", [item_id])
        return tuple(_hit(row) for row in rows)

    def recent_hits(self, *, rule: str | None, since: datetime, limit: int) -> list[dict[str, Any]]:
        """Return hits with item and story, newest first, as rows for a listing."""
        sql = """select hit.item_id as id, hit.rule, hit.severity, hit.version, hit.clauses,
                   hit.made_at, evidence.title, evidence.url, evidence.sha256,
                   item.source_id as source, item.lang, item.published,
                   member.story_id as story, story.state, story.assignee, decision.reason
                 from hit join item on item.id = hit.item_id
                   join evidence on evidence.number = hit.evidence
                   left join member on member.item_id = hit.item_id
                   left join story on story.id = member.story_id
                   left join decision on decision.number =
                     (select max(number) from decision where decision.item_id = hit.item_id)
                 where hit.made_at >= ? and (? is null or hit.rule = ?)
                 order by hit.number desc limit ?"""
        rows = self._db.query(sql, [to_text(since), rule, rule, limit])
        return [_listed_hit(row) for row in rows]


def _listed_hit(row: dict[str, Any]) -> dict[str, Any]:
    severity = Severity(row.pop("severity")).label
    return {**row, "severity": severity, "clauses": from_json(row["clauses"])}


def _item(row: dict[str, Any]) -> Item:
    same = ("id", "guid", "url", "canonical_url", "title", "summary", "content", "lang", "trust")
    return Item(
        source_id=SourceId(row["source_id"]),
        published=to_time_or_none(row["published"]),
        updated=to_time_or_none(row["updated"]),
        when=to_time(row["when_at"]),
        seen_at=to_time(row["seen_at"]),
        tags=frozenset(from_json(row["tags"])),
        flags=tuple(from_json(row["flags"])),
        **{name: row[name] for name in same},
    )


def _hit(row: dict[str, Any]) -> Hit:
    return Hit(
        rule=row["rule"],
        version=row["version"],
        severity=Severity(row["severity"]),
        clauses=clauses_from_json(row["clauses"]),
        listed_names=tuple(from_json(row["listed_names"])),
    )
