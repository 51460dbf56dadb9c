"""What a replayed week sent and did not send, as text to be read; written outside the project."""

import email
import email.policy
import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tests.evaluation.week_feeds import is_on_subject

NON_ALERTS = 200
NAMED = 150  # more of them, where a word of the subject stands and no rule fired
_RULES = "select rule from hit where item_id = ? order by rule"


def write(db: sqlite3.Connection, folder: Path, seed: int) -> None:
    """Write alerts.txt, stories.txt, non-alerts.txt, and every mail and webhook as it was sent."""
    (folder / "alerts.txt").write_text("\n".join(_alerts(db)), encoding="utf-8")
    (folder / "stories.txt").write_text("\n".join(_stories(db)), encoding="utf-8")
    (folder / "non-alerts.txt").write_text("\n".join(_non_alerts(db, seed)), encoding="utf-8")
    messages = folder / "messages"
    messages.mkdir()
    for number, subject, channel, body in db.execute(
        """select o.id, a.subject, o.channel, o.body from outbox o join alert a on a.id = o.alert_id
           where o.recipient not like 'night@%' order by o.id"""
    ):
        name = f"{number:05}-{subject}"
        if channel == "desk":
            mail = email.message_from_bytes(body, policy=email.policy.default)
            plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
            assert plain is not None
            assert html is not None
            head = "".join(f"{key}: {value}\n" for key, value in mail.items())
            (messages / f"{name}.txt").write_text(f"{head}\n{plain.get_content()}", "utf-8")
            (messages / f"{name}.html").write_text(html.get_content(), "utf-8")
        else:
            (messages / f"{name}.json").write_bytes(body)


def _alerts(db: sqlite3.Connection) -> Iterator[str]:
    rows = db.execute(
        """select d.*, i.title, i.summary, i.lang, i.source_id, i.published, i.seen_at, i.url,
                  s.title as story, a.severity
           from decision d join item i on i.id = d.item_id join story s on s.id = d.story_id
             join alert a on a.id = d.alert_id order by d.number"""
    )
    for place, row in enumerate(rows, start=1):
        yield f"#{place} sev{row['severity']} {row['reason']} {row['detail']} | {row['story_id']}"
        yield f"  {_matched(db, row['item_id'])}"
        yield f"  [{row['lang']} {row['source_id'][:30]} {row['published'][5:16]}] {row['title']}"
        if row["story"] != row["title"]:
            yield f"  STORY: {row['story']}"
        yield f"  {row['summary'][:400]}\n"


def _matched(db: sqlite3.Connection, item_id: str) -> str:
    parts = []
    for rule, clauses in db.execute("select rule, clauses from hit where item_id = ?", [item_id]):
        parts.append(f"{rule}: {_clauses(clauses)}")
    return " ; ".join(parts)


def _clauses(text: str) -> str:
    """Return each clause with the different words that satisfied it."""
    return " ".join(
        f"{one['clause']}={'/'.join(dict.fromkeys(span['text'] for span in one['matched']))}"
        for one in json.loads(text)
    )


def _stories(db: sqlite3.Connection) -> Iterator[str]:
    """Yield every story with its members: what joined it, why, and what was said of it."""
    for story in db.execute("select * from story order by opened_at"):
        yield f"=== {story['id']} alerts={story['revision']} {story['title']}"
        for row in db.execute(
            """select m.*, i.title, i.lang, i.published, i.source_id,
                      (select group_concat(reason, '+') from decision where item_id = i.id) as said
               from member m join item i on i.id = m.item_id
               where story_id = ? order by m.number""",
            [story["id"]],
        ):
            found = ",".join(rule for (rule,) in db.execute(_RULES, [row["item_id"]]))
            score = f"{row['score']:.2f}" if row["score"] is not None else "-"
            yield (
                f"  {row['said']} | {score} {row['why'][:90]} | {found} | {row['lang']} "
                f"{row['published'][5:16]} | {row['title']}"
            )


def _non_alerts(db: sqlite3.Connection, seed: int) -> Iterator[str]:
    """Yield items that nobody was told of: some of all, then of those that name the subject."""
    rows = db.execute(
        """select i.*, (select group_concat(reason, '+') from decision where item_id = i.id) as said
           from item i where id not in
             (select item_id from decision where alert_id is not null) order by id"""
    ).fetchall()
    chance = random.Random(seed)
    yield from _listed("ANY", chance.sample(rows, min(NON_ALERTS, len(rows))), db)
    named = [row for row in rows if not row["said"] and is_on_subject(dict(row))]
    yield f"\n{len(named)} items name the subject and hit no rule"
    yield from _listed("NAMED", chance.sample(named, min(NAMED, len(named))), db)


def _listed(kind: str, rows: list[sqlite3.Row], db: sqlite3.Connection) -> Iterator[str]:
    for place, row in enumerate(rows, start=1):
        found = ",".join(rule for (rule,) in db.execute(_RULES, [row["id"]]))
        yield f"{kind}{place} [{row['lang']}] {row['said'] or ''} {found} | {row['title']}"
        if kind == "NAMED":
            yield f"    {row['summary'][:220]}"
