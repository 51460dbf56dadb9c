"""The ledger of a replayed week: what was served against what was stored, decided and received."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any

from monitor import rules
from monitor.model import Item, ItemId, Reason, SourceId
from tests.evaluation.week_feeds import Entry
from tests.evaluation.week_servers import Received, World

SHOWN = 5  # examples named with a problem
KINDS = {"item": "items", "story": "stories", "decision": "decisions", "alert": "alerts"}


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was counted, and what does not balance."""

    counts: Mapping[str, Any]
    problems: Sequence[str]


def check(db: sqlite3.Connection, world: World, ruleset: rules.RuleSet) -> Checked:
    """Return the counts of the week and every way in which the ledger does not balance."""
    problems = [
        *_items(db, world),
        *_words(db, world),
        *_hits(db, ruleset),
        *_decisions(db),
        *_outbox(db),
        *_mails(db, world),
        *_hooks(db, world),
    ]
    return Checked(counts=counts_of(db, world), problems=problems)


def _named(what: str, found: Sequence[object]) -> Iterator[str]:
    if found:
        shown = ", ".join(str(one) for one in found[:SHOWN])
        yield f"{len(found)} {what}: {shown}"


# ---------------------------------------------------------------- items


def _identity(row: sqlite3.Row) -> tuple[str, str]:
    guid = str(row["guid"])
    return str(row["source_id"]), guid.removeprefix("https://").removeprefix("http://")


def _items(db: sqlite3.Connection, world: World) -> Iterator[str]:
    stored = Counter(_identity(row) for row in db.execute("select source_id, guid from item"))
    served = {(source, name) for source, entries in world.served.items() for name in entries}
    yield from _named("items served and not stored", sorted(served - set(stored)))
    yield from _named("items stored and never served", sorted(set(stored) - served))
    yield from _named("items stored twice", [name for name, count in stored.items() if count > 1])


def _words(db: sqlite3.Connection, world: World) -> Iterator[str]:
    """Yield where the title in force is not the last one served, or the time not its own."""
    wrong_title, wrong_time = [], []
    for row in db.execute("select source_id, guid, title, published, changed_at from item"):
        source, name = _identity(row)
        entry = world.served[source].get(name)
        if entry is None:
            continue
        if not _same_words(entry.title, row["title"]):
            wrong_title.append(row["guid"])
        if _time(row["published"]) != entry.at.replace(microsecond=0) and not row["changed_at"]:
            wrong_time.append(row["guid"])
    yield from _named("titles that are not the last ones served", wrong_title)
    yield from _named("items with another time than served", wrong_time)


def _same_words(served: str, stored: str) -> bool:
    """Compare letters and digits: control characters, entities and spacing are cleaned."""
    plain = ("".join(c for c in text if c.isalnum()) for text in (served, stored))
    first, second = plain
    return first == second or "&" in served or "<" in served


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# ---------------------------------------------------------------- hits and decisions


def _hits(db: sqlite3.Connection, ruleset: rules.RuleSet) -> Iterator[str]:
    """Yield where the rules say another thing of the stored text than was stored with it."""
    stored: dict[str, set[str]] = defaultdict(set)
    for row in db.execute("select item_id, rule from hit"):
        stored[row["item_id"]].add(row["rule"])
    missing, extra = [], []
    for row in db.execute("select * from item"):
        item = _item(row)
        found = {hit.rule for hit in rules.match(item, ruleset, item.seen_at)}
        if found - stored[item.id]:
            missing.append(item.id)
        if stored[item.id] - found and not row["changed_at"]:
            extra.append(item.id)
    yield from _named("items with a hit that was not stored", missing)
    yield from _named("items with a hit that the rules do not make", extra)


def _item(row: sqlite3.Row) -> Item:
    seen_at = datetime.fromisoformat(row["seen_at"])
    return Item(
        id=ItemId(row["id"]),
        source_id=SourceId(row["source_id"]),
        title=row["title"],
        summary=row["summary"],
        content=row["content"],
        url=row["url"],
        canonical_url=row["canonical_url"],
        lang=row["lang"],
        published=_time(row["published"]),
        updated=_time(row["updated"]),
        when=datetime.fromisoformat(row["when_at"]),
        seen_at=seen_at,
        guid=row["guid"],
        tags=frozenset(json.loads(row["tags"])),
        trust=row["trust"],
    )


def _decisions(db: sqlite3.Connection) -> Iterator[str]:
    undecided = db.execute(
        "select distinct item_id from hit where item_id not in (select item_id from decision)"
    )
    yield from _named("items with hits and no decision", [row[0] for row in undecided])
    homeless = db.execute(
        "select distinct item_id from hit where item_id not in (select item_id from member)"
    )
    yield from _named("items with hits in no story", [row[0] for row in homeless])
    rows = db.execute("select * from decision").fetchall()
    reasons = {reason.value: reason for reason in Reason}
    yield from _named(
        "decisions without a reason", [r[0] for r in rows if r["reason"] not in reasons]
    )
    odd = [r[0] for r in rows if reasons[r["reason"]].sends != (r["alert_id"] is not None)]
    yield from _named("decisions that say one thing and do another", odd)
    opened = Counter(r["story_id"] for r in rows if r["reason"] == Reason.NEW_STORY.value)
    yield from _named("stories told as new twice", [name for name, n in opened.items() if n > 1])
    lost = db.execute(
        """select alert_id from decision where alert_id is not null
             and alert_id not in (select id from alert)"""
    )
    yield from _named("decisions whose alert is not there", [row[0] for row in lost])


# ---------------------------------------------------------------- what went out


def _outbox(db: sqlite3.Connection) -> Iterator[str]:
    open_rows = db.execute("select id, state from outbox where state not in ('sent', 'dead')")
    yield from _named("messages not settled", [tuple(row) for row in open_rows])
    rows: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in db.execute("select alert_id, channel, recipient from outbox"):
        rows[row["alert_id"]].add((row["channel"], row["recipient"]))
    everybody = set().union(*rows.values())
    untold = [
        row["id"]
        for row in db.execute("select id, subject from alert")
        if (rows[row["id"]] != everybody and row["subject"] != "operations") or not rows[row["id"]]
    ]
    yield from _named("alerts that not every recipient has a message of", untold)


def _mails(db: sqlite3.Connection, world: World) -> Iterator[str]:
    rows = {
        (_local(row["message_id"]), row["recipient"]): row
        for row in db.execute("select * from outbox where channel = 'desk'")
    }
    got = [(_local(mail.id), mail.recipient, mail) for mail in world.mails]
    yield from _compare("mails", rows, got, world.trap.restarts)


def _hooks(db: sqlite3.Connection, world: World) -> Iterator[str]:
    rows = {
        (row["message_id"], ""): row
        for row in db.execute("select * from outbox where channel = 'case-tool'")
    }
    got = [(hook.id, "", hook) for hook in world.hooks]
    yield from _compare("webhooks", rows, got, world.trap.restarts)
    if world.forged:
        yield f"{world.forged} webhooks with a wrong signature"


def _local(message_id: str) -> str:
    return message_id.strip("<>").split("@", maxsplit=1)[0]


def _compare(
    what: str,
    rows: Mapping[tuple[str, str], sqlite3.Row],
    got: Sequence[tuple[str, str, Received]],
    restarts: Sequence[float],
) -> Iterator[str]:
    """Yield what was sent and did not arrive as it is, and what arrived and is not known."""
    arrived: dict[tuple[str, str], list[Received]] = defaultdict(list)
    for name, recipient, message in got:
        arrived[name, recipient].append(message)
    unknown = [key for key in arrived if key not in rows]
    yield from _named(f"{what} received that the database does not know", unknown)
    lost = [key for key, row in rows.items() if row["state"] == "sent" and key not in arrived]
    yield from _named(f"{what} sent and not received", lost)
    dead = [key for key, row in rows.items() if row["state"] == "dead" and key in arrived]
    yield from _named(f"{what} received though given up", dead)
    known = {key: row for key, row in rows.items() if key in arrived}
    other = [k for k, row in known.items() if {m.body for m in arrived[k]} != {bytes(row["body"])}]
    yield from _named(f"{what} with other bytes than the outbox", other)
    repeats = [key for key, messages in arrived.items() if not _explained(messages, restarts)]
    yield from _named(f"{what} received twice without a kill between", repeats)


def _explained(messages: Sequence[Received], restarts: Sequence[float]) -> bool:
    """Return whether the watch was killed and started again between every two receptions.

    The start counts: what a killed sender had handed to the network still arrives after its end.
    """
    times = sorted(message.at for message in messages)
    return all(
        any(first <= start <= second for start in restarts) for first, second in pairwise(times)
    )


# ---------------------------------------------------------------- counts


def counts_of(db: sqlite3.Connection, world: World) -> dict[str, Any]:
    """Return the figures of the week."""

    def by(sql: str) -> dict[str, int]:
        return {str(row[0]): int(row[1]) for row in db.execute(sql)}

    mails = len({(mail.id, mail.recipient) for mail in world.mails})
    hooks = len({hook.id for hook in world.hooks})
    return {
        **{
            name: db.execute(f"select count(*) from {table}").fetchone()[0]
            for table, name in KINDS.items()
        },
        "items_edited": db.execute("select count(*) from item where changed_at > ''").fetchone()[0],
        "items_never_shown": len(_never_shown(world)),
        "requests": world.requests,
        "requests_unchanged": world.unchanged,
        "hits_by_rule": by("select rule, count(*) from hit group by 1 order by 2 desc"),
        "decisions_by_reason": by(
            "select reason, count(*) from decision group by 1 order by 2 desc"
        ),
        "alerts_by_subject": by("select subject, count(*) from alert group by 1 order by 2 desc"),
        "outbox": by("select channel || ' ' || state, count(*) from outbox group by 1 order by 1"),
        "tries": by("select outcome, count(*) from attempt group by 1 order by 1"),
        "received": {"mails": mails, "webhooks": hooks},
        "repeats": {"mails": len(world.mails) - mails, "webhooks": len(world.hooks) - hooks},
        "refusals": dict(world.refusals),
        "digests": db.execute("select count(*) from digest where kind = 'day'").fetchone()[0],
        "minutes_from_publication_median": _delay(db),
    }


def _never_shown(world: World) -> list[Entry]:
    """Return what a feed published and dropped before anybody asked for it."""
    since = world.clock.start
    return [
        entry
        for feed in world.feeds.values()
        for entry in feed.published(since, world.end)
        if entry.identity not in world.served[feed.id]
    ]


def _delay(db: sqlite3.Connection) -> float | None:
    """Return the median of minutes between publication and storage, of what came live."""
    first = db.execute("select min(seen_at) from item").fetchone()[0]
    rows = db.execute("select seen_at, published from item where published > ?", [first])
    waits = [_minutes(row["seen_at"], row["published"]) for row in rows]
    return round(median(waits), 1) if waits else None


def _minutes(late: str, early: str) -> float:
    return (datetime.fromisoformat(late) - datetime.fromisoformat(early)).total_seconds() / 60
