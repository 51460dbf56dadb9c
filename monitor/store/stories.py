"""Stories, their members, and what people were told or not, with the reason."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlite_utils import Database

from monitor.model import (
    Alert,
    AlertId,
    Assignment,
    Decision,
    Hit,
    Item,
    ItemId,
    Severity,
    Story,
    StoryId,
)
from monitor.store.chain import Chain
from monitor.store.codec import (
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


@dataclass(frozen=True, kw_only=True)
class Member:
    """An item's place in a story; `number` is the order of arrival."""

    number: int
    item_id: ItemId
    story_id: StoryId
    fingerprint: str
    joined_at: datetime


# The columns of a listing. Filled with parts of ours only: which members are new, which stories.
_LISTED = """
  select story.id, story.title, story.severity, story.state, story.assignee, story.muted,
    story.opened_at, story.latest_at, story.alerted_severity is not null as alerted,
    story.last_alert_at,
    count(distinct member.item_id) as items,
    count(distinct item.source_id) as sources,
    count(distinct case when member.copy_of is null then item.source_id end) as independent,
    count(distinct case when {added} then member.item_id end) as added,
    json_group_array(distinct item.lang) as languages,
    (select json_group_array(distinct rule) from hit join member as m
       on m.item_id = hit.item_id where m.story_id = story.id) as rules,
    (select json_group_array(distinct name.value) from hit join member as m
       on m.item_id = hit.item_id, json_each(hit.listed_names) as name
       where m.story_id = story.id) as listed_names,
    (select item.url from member as m join item on item.id = m.item_id
       where m.story_id = story.id order by m.number limit 1) as url,
    json_group_array(distinct item.source_id) as source_ids
  from story join member on member.story_id = story.id
    join item on item.id = member.item_id
  where {chosen}
  group by story.id having {having}
  order by story.severity desc, story.latest_at desc limit ?3"""


# Undecided stories that people were told of; ?1 since when, ?2 and ?4 the marks of a digest.
_WAITING = """
  story.latest_at >= ?1 and story.state = 'new' and story.muted = 0
  and exists (select 1 from decision where decision.story_id = story.id
    and (decision.alert_id is not null or decision.reason = 'left for the digest'))
  and story.id not in (select story_id from member where number > ?2)
  and story.id not in (select story_id from decision
    where number > ?4 and reason = 'left for the digest')"""


class Stories:
    """The tables `story`, `member`, `decision` and `alert`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def members_after(self, number: int, joined_since: datetime) -> Iterator[Member]:
        """Return members that arrived after a number and a time, in order of arrival."""
        rows = self._db.query(
            """select number, item_id, story_id, fingerprint, joined_at from member
               where number > ? and joined_at >= ? order by number""",
            [number, to_text(joined_since)],
        )
        return (Member(**{**row, "joined_at": to_time(row["joined_at"])}) for row in rows)

    def story_of(self, item_id: ItemId) -> StoryId | None:
        """Return the story an item is in, or None."""
        rows = self._db.query("select story_id from member where item_id = ?", [item_id])
        return next((StoryId(row["story_id"]) for row in rows), None)

    def standing(self, item_id: ItemId) -> tuple[StoryId, str] | None:
        """Return the story an item is in, and what people made of it, or None."""
        rows = self._db.query(
            """select story.id, story.state from member join story on story.id = member.story_id
               where member.item_id = ?""",
            [item_id],
        )
        return next(((StoryId(row["id"]), row["state"]) for row in rows), None)

    def by_rule(self, since: datetime) -> Iterator[dict[str, Any]]:
        """Return for each rule and story that it hit since a time: hits, and the story's state."""
        return iter(
            self._db.query(
                """select hit.rule, story.id as story, story.state, count(*) as hits
                   from hit join member on member.item_id = hit.item_id
                     join story on story.id = member.story_id
                   where hit.made_at >= ? group by hit.rule, story.id order by hit.rule""",
                [to_text(since)],
            )
        )

    def dismissed_items(self, since: datetime) -> frozenset[ItemId]:
        """Return the items that joined since a time a story that people dismissed."""
        rows = self._db.query(
            """select member.item_id from member join story on story.id = member.story_id
               where member.joined_at >= ? and story.state = 'dismissed'""",
            [to_text(since)],
        )
        return frozenset(ItemId(row["item_id"]) for row in rows)

    def get(self, story_id: StoryId) -> Story | None:
        """Return a story as it stands, or None."""
        rows = self._db.query(
            """select story.*, count(member.number) as items,
                 count(distinct member.source_id) as sources,
                 count(distinct case when member.joined_at >= story.returned_at
                   then member.source_id end) as sources_since_return
               from story left join member on member.story_id = story.id
               where story.id = ? group by story.id""",
            [story_id],
        )
        return next((_story(row, self._rules(story_id)) for row in rows), None)

    def latest_at(self, story_id: StoryId) -> datetime | None:
        """Return when the latest item of a story came, None for a story that is not open yet."""
        rows = self._db.query("select latest_at from story where id = ?", [story_id])
        return next((to_time(row["latest_at"]) for row in rows), None)

    def _rules(self, story_id: StoryId) -> frozenset[str]:
        rows = self._db.query(
            """select distinct hit.rule from hit join member on member.item_id = hit.item_id
               where member.story_id = ?""",
            [story_id],
        )
        return frozenset(row["rule"] for row in rows)

    def open(self, story_id: StoryId, item: Item, severity: Severity) -> None:
        """Store a new story, named after the item that opens it."""
        self._db.execute(
            """insert into story (id, title, opened_at, latest_at, severity)
               values (?, ?, ?, ?, ?)""",
            [
                story_id,
                clean(item.title),
                to_text(item.seen_at),
                to_text(item.seen_at),
                int(severity),
            ],
        )

    def join(self, story_id: StoryId, item: Item, assignment: Assignment, fingerprint: str) -> int:
        """Store that an item belongs to a story, and why; return the member's number."""
        self._db.execute(
            """insert into member (item_id, story_id, source_id, joined_at, fingerprint, why, score,
                 rival, rival_why, copy_of) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                item.id,
                story_id,
                item.source_id,
                to_text(item.seen_at),
                clean(fingerprint),
                clean(to_json(list(assignment.why))),
                assignment.score,
                assignment.rival,
                assignment.rival_why,
                assignment.copy_of,
            ],
        )
        row = next(iter(self._db.query("select last_insert_rowid() as number")))
        return int(row["number"])

    def touch(
        self, story_id: StoryId, *, at: datetime, severity: Severity, returned_at: datetime | None
    ) -> None:
        """Store that an item joined: the latest time moves on, the severity can only rise."""
        self._db.execute(
            """update story set latest_at = max(latest_at, ?), severity = max(severity, ?),
                 returned_at = coalesce(?, returned_at) where id = ?""",
            [to_text(at), int(severity), to_text_or_none(returned_at), story_id],
        )

    def told(self, story: Story, alert: Alert, hits: Sequence[Hit]) -> None:
        """Store what the readers of a story know once this alert is out."""
        rules = story.alerted_rules | story.rules | {hit.rule for hit in hits}
        names = story.alerted_names | {name for hit in hits for name in hit.listed_names}
        severity = max(alert.severity, story.alerted_severity or alert.severity)
        self._db.execute(
            """update story set alerted_severity = ?, alerted_rules = ?, alerted_names = ?,
                 last_alert_at = ?, first_alert_id = coalesce(first_alert_id, ?),
                 revision = revision + 1 where id = ?""",
            [
                int(severity),
                names_to_json(rules),
                names_to_json(names),
                to_text(alert.occurred_at),
                alert.id,
                story.id,
            ],
        )

    def put_alert(self, alert: Alert, *, story_id: StoryId | None, reason: str, title: str) -> None:
        """Store that an alert was made; its messages stand in the outbox."""
        self._db.execute(
            """insert into alert (id, subject, story_id, reason, title, severity, occurred_at)
               values (?, ?, ?, ?, ?, ?, ?)""",
            [
                alert.id,
                alert.subject,
                story_id,
                reason,
                clean(title),
                int(alert.severity),
                to_text(alert.occurred_at),
            ],
        )

    def put_decision(  # one column each
        self, item: Item, story_id: StoryId, decision: Decision, rules: Iterable[str], ruleset: str
    ) -> None:
        """Store why people were told, or not, of an item's hits."""
        cursor = self._db.execute(
            """insert into decision (item_id, story_id, reason, detail, rules, alert_id, ruleset,
                 decided_at) values (?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                item.id,
                story_id,
                decision.reason.value,
                decision.detail,
                names_to_json(rules),
                decision.alert_id,
                ruleset,
                to_text(item.seen_at),
            ],
        )
        Chain(self._db).add("decision", cursor.lastrowid)

    def rename_rule(self, old: str, new: str) -> None:
        """Let readers who know a rule by its former name know it by the new one."""
        self._db.execute(
            """update story set alerted_rules = (
                 select json_group_array(distinct case value when ?1 then ?2 else value end)
                 from json_each(alerted_rules))
               where exists (select 1 from json_each(alerted_rules) where value = ?1)""",
            [old, new],
        )

    def absorb(self, story: Story, other: Story) -> None:
        """Let a story know what the readers of another one, merged into it, know."""
        told = [one.alerted_severity for one in (story, other) if one.alerted_severity is not None]
        self._db.execute(
            """update story set severity = ?, alerted_severity = ?, alerted_rules = ?,
                 alerted_names = ?, latest_at = max(latest_at, ?),
                 first_alert_id = coalesce(first_alert_id, ?),
                 last_alert_at = nullif(max(coalesce(last_alert_at, ''), ?), '')
               where id = ?""",
            [
                int(max(story.severity, other.severity)),
                int(max(told)) if told else None,
                names_to_json(story.alerted_rules | other.alerted_rules),
                names_to_json(story.alerted_names | other.alerted_names),
                to_text(other.latest_at),
                other.first_alert_id,
                to_text_or_none(other.last_alert_at) or "",
                story.id,
            ],
        )

    def set_muted(self, story_id: StoryId, *, muted: bool) -> None:
        """Store whether a story is muted."""
        self._db.execute("update story set muted = ? where id = ?", [int(muted), story_id])

    def set_state(self, story_id: StoryId, state: str) -> None:
        """Store what people made of a story: new, acknowledged, escalated, dismissed."""
        self._db.execute("update story set state = ? where id = ?", [state, story_id])

    def assign(self, story_id: StoryId, assignee: str) -> None:
        """Store who works on a story; '' for nobody."""
        self._db.execute("update story set assignee = ? where id = ?", [clean(assignee), story_id])

    def move(self, item_ids: Iterable[ItemId], story_id: StoryId) -> None:
        """Put items into another story; a story left without items stays, empty, as history."""
        for item_id in item_ids:
            self._db.execute(
                "update member set story_id = ? where item_id = ?", [story_id, item_id]
            )

    def copy(self, story: Story, new_id: StoryId, title: str) -> None:
        """Open a story that people already know under another id, for a split."""
        self._db.execute(
            """insert into story (id, title, opened_at, latest_at, severity, alerted_severity,
                 alerted_rules, alerted_names, last_alert_at, first_alert_id, revision, state,
                 assignee)
               select ?, ?, opened_at, latest_at, severity, alerted_severity, alerted_rules,
                 alerted_names, last_alert_at, first_alert_id, revision, state, assignee
               from story where id = ?
               on conflict (id) do nothing""",
            [new_id, clean(title), story.id],
        )

    def last_alert_of(self, reason: str) -> datetime | None:
        """Return when an alert was last made for a reason, or None."""
        rows = self._db.query("select max(occurred_at) as at from alert where reason = ?", [reason])
        return to_time_or_none(next(iter(rows))["at"])

    def latest(self) -> StoryId | None:
        """Return the story that an item joined last, or None."""
        rows = self._db.query("select story_id from member order by number desc limit 1")
        return next((StoryId(row["story_id"]) for row in rows), None)

    def find(self, prefix: str) -> tuple[StoryId, ...]:
        """Return the ids of at most ten stories that begin so, or hold this item."""
        rows = self._db.query(
            """select id from story where substr(id, 1, length(?1)) = ?1
               union select story_id from member where item_id = ?1 order by 1 limit 10""",
            [prefix],
        )
        return tuple(StoryId(row["id"]) for row in rows)

    def recent(
        self, since: datetime, limit: int, *, state: str | None = None, assignee: str | None = None
    ) -> list[dict[str, Any]]:
        """Return stories with an item since a time, worst first, as rows for a listing."""
        sql = _LISTED.format(
            added="member.joined_at >= ?1",
            chosen="""story.latest_at >= ?1 and (?2 is null or story.state = ?2)
                        and (?4 is null or story.assignee = ?4)""",
            having="added > 0",
        )
        rows = self._db.query(sql, [to_text(since), state, limit, assignee])
        return [_listed_story(row) for row in rows]

    def listed(self, ids: Sequence[str], since: datetime) -> list[dict[str, Any]]:
        """Return these stories as rows for a listing, with what came to them since a time."""
        sql = _LISTED.format(
            added="member.joined_at >= ?1",
            chosen="story.id in (select value from json_each(?2))",
            having="items > 0",
        )
        rows = self._db.query(sql, [to_text(since), to_json(ids), len(ids)])
        return [_listed_story(row) for row in rows]

    def news(self, marks: Marks, limit: int) -> list[dict[str, Any]]:
        """Return stories with a member, or a decision left for the digest, after these marks.

        Order of arrival, not time: what a slow poll stores late is in the next digest.
        """
        sql = _LISTED.format(
            added="member.number > ?1",
            chosen="""story.id in (select story_id from member where number > ?1
                        union select story_id from decision
                          where number > ?2 and reason = 'left for the digest')""",
            having="items > 0",
        )
        rows = self._db.query(sql, [marks.member, marks.decision, limit])
        return [_listed_story(row) for row in rows]

    def waiting(
        self, marks: Marks, since: datetime, limit: int
    ) -> tuple[int, datetime | None, list[dict[str, Any]]]:
        """Return what people were told of before these marks, and nobody decided: worst first.

        With how many there are, and when the oldest was opened; none whose latest item came
        before `since`, and none that has news after the marks.
        """
        numbers = [to_text(since), marks.member, limit, marks.decision]
        sql = _LISTED.format(added="member.number > ?2", chosen=_WAITING, having="items > 0")
        rows = [_listed_story(row) for row in self._db.query(sql, numbers)]
        sql = f"select count(*) as n, min(opened_at) as at from story where {_WAITING}"  # noqa: S608 (ours)
        whole = next(iter(self._db.query(sql, [*numbers[:2], None, marks.decision])))
        return int(whole["n"]), to_time_or_none(whole["at"]), rows

    def kept_quiet(self, marks: Marks) -> int:
        """Return of how many stories a silence or a mute kept something quiet after the marks."""
        rows = self._db.query(
            """select count(distinct story_id) as n from decision
               where number > ? and reason in ('silenced', 'story muted')""",
            [marks.decision],
        )
        return int(next(iter(rows))["n"])

    def members(self, story_id: StoryId) -> list[dict[str, Any]]:
        """Return the items of a story with why they joined, in order of arrival."""
        rows = self._db.query(
            """select member.item_id as id, member.joined_at, member.why, member.score,
                 member.rival, member.rival_why, member.copy_of, member.fingerprint, item.title,
                 item.summary, item.content, item.url, item.source_id as source, item.lang,
                 item.published, item.seen_at,
                 (select sha256 from evidence where evidence.item_id = item.id
                    order by number desc limit 1) as sha256
               from member join item on item.id = member.item_id
               where member.story_id = ? order by member.number""",
            [story_id],
        )
        return [{**row, "why": from_json(row["why"])} for row in rows]

    def decisions(self, story_id: StoryId) -> list[dict[str, Any]]:
        """Return what was decided for a story's items, in order."""
        rows = self._db.query(
            """select item_id, reason, detail, rules, alert_id, decided_at from decision
               where story_id = ? order by number""",
            [story_id],
        )
        return [{**row, "rules": from_json(row["rules"])} for row in rows]

    def silent(self, marks: Marks) -> frozenset[str]:
        """Return the stories of which only backlog that was to stay silent came after the marks."""
        rows = self._db.query(
            """select story_id from decision where number > ? group by story_id
               having min(reason = 'backlog of a first poll' and detail = 'silent')""",
            [marks.decision],
        )
        return frozenset(row["story_id"] for row in rows)

    def unacknowledged(self) -> tuple[StoryId, ...]:
        """Return the alerted stories that nobody acknowledged, oldest alert first."""
        rows = self._db.query(
            """select id from story where state = 'new' and alerted_severity is not null
               and muted = 0 order by last_alert_at, id"""
        )
        return tuple(StoryId(row["id"]) for row in rows)


def _story(row: dict[str, Any], rules: frozenset[str]) -> Story:
    alerted = row["alerted_severity"]
    return Story(
        id=StoryId(row["id"]),
        title=row["title"],
        opened_at=to_time(row["opened_at"]),
        latest_at=to_time(row["latest_at"]),
        severity=Severity(row["severity"]),
        rules=rules,
        items=row["items"],
        sources=row["sources"],
        alerted_rules=frozenset(from_json(row["alerted_rules"])),
        alerted_severity=None if alerted is None else Severity(alerted),
        alerted_names=frozenset(from_json(row["alerted_names"])),
        first_alert_id=cast(AlertId | None, row["first_alert_id"]),
        last_alert_at=to_time_or_none(row["last_alert_at"]),
        returned_at=to_time_or_none(row["returned_at"]),
        sources_since_return=row["sources_since_return"],
        revision=row["revision"],
        muted=bool(row["muted"]),
        state=row["state"],
        assignee=row["assignee"],
    )


def _listed_story(row: dict[str, Any]) -> dict[str, Any]:
    names = ("languages", "rules", "listed_names")
    lists = {name: sorted(filter(None, from_json(row[name]))) for name in names}
    return {
        **row,
        **lists,
        "source_ids": sorted(from_json(row["source_ids"])),
        "severity": Severity(row["severity"]).label,
        "muted": bool(row["muted"]),
        "alerted": bool(row["alerted"]),
    }
