"""The chain of evidence: the hash of each record, bound to all records before it.

Whoever holds the head of some moment, from a digest for example, can prove later that no record
up to then was changed, inserted or cut off. A record that is erased leaves its hash.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Literal

from sqlite_utils import Database

from monitor.store.codec import clean, to_text

Kind = Literal["evidence", "hit", "decision", "activity", "erasure"]

# What of each record is hashed, in this order. A new column is no part of old hashes: it would
# need a kind of its own. The name of a hit's rule is left out, for a rule that is renamed keeps
# its hits; `version` and `ruleset` say which text made them.
_COLUMNS: Mapping[Kind, str] = {
    "evidence": "item_id, captured_at, url, title, summary, content, raw, sha256, words_hash",
    "hit": "item_id, version, ruleset, severity, clauses, listed_names, evidence, made_at",
    "decision": "item_id, story_id, reason, detail, rules, alert_id, ruleset, decided_at",
    "activity": "at, who, action, subject, detail",
    "erasure": "number, erased_at, erased_by, erased_why",
}
_TABLES: Mapping[Kind, str] = {**{kind: kind for kind in _COLUMNS}, "erasure": "evidence"}
_TIMES: Mapping[Kind, str] = {
    "evidence": "captured_at",
    "hit": "made_at",
    "decision": "decided_at",
    "activity": "at",
    "erasure": "erased_at",
}
_LINKED: tuple[Kind, ...] = ("evidence", "hit", "decision", "activity")
_TEXTS = ("url", "title", "summary", "content")
_MOST_FAULTS = 20


@dataclass(frozen=True, kw_only=True)
class Head:
    """The end of the chain, or of one of its days; `records` counts those of the day."""

    day: str
    records: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A place where the chain, or a record in it, is not what it was."""

    link: int  # its number in the chain, 0 for a record that is not in it
    day: str
    record: str  # evidence 12
    why: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a look through the chain found, and where in it the head stands that was asked for."""

    records: int
    erased: int
    head: str
    faults: tuple[Fault, ...]
    found_head: Fault | None = None  # the place of the head; `why` is empty


class Chain:
    """The table `link`, and the records that it binds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, kind: Kind, number: int | None) -> None:
        """Bind a record that was just written; within its transaction."""
        assert number is not None, "it was just written"
        record = self._record(kind, number)
        assert record is not None, "it was just written"
        last = next(iter(self._db.query(_LAST)), None)
        before, day = (last["head"], last["day"]) if last else ("", "")
        day = max(day, record.pop("at")[:10])
        entry = _hash_of(kind, record)
        self._db.execute(
            "insert into link (day, kind, row, entry, head) values (?, ?, ?, ?, ?)",
            [day, kind, number, entry, _bound(before, day, kind, number, entry)],
        )

    def add_all(self) -> None:
        """Bind the records of a database that had no chain yet."""
        for kind in _LINKED:
            rows = self._db.execute(f"select number from {_TABLES[kind]} order by number")  # noqa: S608 (ours)
            for (number,) in rows.fetchall():
                self.add(kind, number)

    def head(self) -> str:
        """Return the hash in which the chain ends, "" while there is none."""
        return next((row["head"] for row in self._db.query(_LAST)), "")

    def head_of(self, day: str) -> Head | None:
        """Return the head of the last UTC day up to this one that has records."""
        rows = self._db.query(
            """select day, head, (select count(*) from link as one where one.day = link.day) as n
               from link where day <= ? order by number desc limit 1""",
            [day],
        )
        return next((Head(day=r["day"], records=r["n"], hash=r["head"]) for r in rows), None)

    def erase(self, item_id: str, now: datetime, who: str, why: str) -> int:
        """Blank what is kept of an item, except hashes; return how many records that were."""
        rows = self._db.query(
            "select number from evidence where item_id = ? and erased_at is null", [item_id]
        )
        numbers = [row["number"] for row in rows]
        for number in numbers:
            self._db.execute(
                """update evidence set url = '', title = '', summary = '', content = '',
                     raw = x'', erased_at = ?, erased_by = ?, erased_why = ? where number = ?""",
                [to_text(now), clean(who), clean(why), number],
            )
            self._db.execute("update hit set clauses = '[]' where evidence = ?", [number])
            self.add("erasure", number)
        self._db.execute(
            """update item set title = '(erased)', summary = '', content = '', url = '',
                 canonical_url = '', guid = '' where id = ?""",
            [item_id],
        )
        sql = "update full_text set url = '', detail = '' where item_id = ?"
        self._db.execute(sql, [item_id])
        return len(numbers)

    def captured_before(self, time: datetime) -> list[str]:
        """Return the items whose evidence is older than a time and not erased."""
        rows = self._db.query(
            """select distinct item_id from evidence
               where captured_at < ? and erased_at is null order by number""",
            [to_text(time)],
        )
        return [row["item_id"] for row in rows]

    def verify(self, head: str = "", on_record: Callable[[], None] = lambda: None) -> Verdict:
        """Look through the whole chain, and through every record that it binds."""
        faults: list[Fault] = []
        found: Fault | None = None
        erased, last = 0, ""
        expected = count(1)
        before, day = "", ""
        for link in self._db.query("select * from link order by number"):
            on_record()
            place = _place(link)
            for why in self._faults(link, next(expected), before, day):
                faults.append(Fault(**place, why=why))
            if head and link["head"].startswith(head):
                found = Fault(**place, why="")
            erased += link["kind"] == "erasure"
            before, day, last = link["head"], link["day"], link["head"]
            if len(faults) >= _MOST_FAULTS:
                break
        faults += self._unbound()
        return Verdict(
            records=self.count(),
            erased=erased,
            head=last,
            faults=tuple(faults[:_MOST_FAULTS]),
            found_head=found,
        )

    def count(self) -> int:
        """Return how many records are bound."""
        return int(next(iter(self._db.query("select count(*) as n from link")))["n"])

    def _faults(
        self, link: Mapping[str, Any], expected: int, before: str, day: str
    ) -> Iterator[str]:
        """Return what is wrong with a link: its place, its hash, the record it binds."""
        if link["number"] != expected:
            yield f"links {expected} to {link['number'] - 1} are gone"
        if link["day"] < day:
            yield f"its day comes after {day}"
        kind, number = link["kind"], link["row"]
        if _bound(before, link["day"], kind, number, link["entry"]) != link["head"]:
            yield "its hash does not follow from the one before"
        yield from self._record_faults(link, kind, number)

    def _record_faults(self, link: Mapping[str, Any], kind: Kind, number: int) -> Iterator[str]:
        record = self._record(kind, number)
        if record is None:
            yield "the record is gone"
            return
        if self._is_erased(kind, number):
            yield from _leftovers(record) if kind == "evidence" else ()
            return
        del record["at"]
        if _hash_of(kind, record) != link["entry"]:
            yield "the record was changed"
        if kind == "evidence" and not _raw_fits(record):
            yield "the entry as received does not fit its SHA-256"

    def _is_erased(self, kind: Kind, number: int) -> bool:
        """Return whether a record was blanked by an erasure that the chain knows."""
        if kind not in ("evidence", "hit"):
            return False
        evidence = number if kind == "evidence" else "(select evidence from hit where number = ?1)"
        sql = f"select 1 from link where kind = 'erasure' and row = {evidence}"  # noqa: S608 (ours)
        return bool(self._db.execute(sql, [number] if kind == "hit" else []).fetchone())

    def _unbound(self) -> Iterator[Fault]:
        """Return records that no link binds: somebody added them behind the program's back."""
        for kind in _LINKED:
            table = _TABLES[kind]
            rows = self._db.execute(
                f"""select number from {table} where not exists
                    (select 1 from link where kind = ? and row = {table}.number) limit ?""",  # noqa: S608 (ours)
                [kind, _MOST_FAULTS],
            )
            for (number,) in rows.fetchall():
                why = "the record is not in the chain: it was added, or the chain was cut"
                yield Fault(link=0, day="", record=f"{kind} {number}", why=why)

    def _record(self, kind: Kind, number: int) -> dict[str, Any] | None:
        """Return what is hashed of a record, with its time as `at`."""
        sql = f"select {_COLUMNS[kind]}, {_TIMES[kind]} as at from {_TABLES[kind]} where number = ?"  # noqa: S608 (ours)
        return next(iter(self._db.query(sql, [number])), None)


_LAST = "select day, head from link order by number desc limit 1"


def _place(link: Mapping[str, Any]) -> dict[str, Any]:
    record = f"{link['kind']} {link['row']}"
    return {"link": link["number"], "day": link["day"], "record": record}


def _hash_of(kind: Kind, record: Mapping[str, Any]) -> str:
    """Return the hash of a record: of its values as JSON, bytes as their own SHA-256."""
    values = [
        hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else value
        for value in record.values()
    ]
    return _sha256(json.dumps([kind, *values], separators=(",", ":")))


def _bound(before: str, day: str, kind: str, number: int, entry: str) -> str:
    return _sha256("\n".join((before, day, kind, str(number), entry)))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _raw_fits(record: Mapping[str, Any]) -> bool:
    """Return whether the SHA-256 that messages print is that of the entry as received."""
    raw = record["raw"]
    return not raw or hashlib.sha256(raw).hexdigest() == record["sha256"]


def _leftovers(record: Mapping[str, Any]) -> Iterator[str]:
    if record["raw"] or any(record[name] for name in _TEXTS):
        yield "the record is said to be erased and holds texts"
