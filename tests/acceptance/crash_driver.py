"""Kills a cycle before every n-th SQL statement, starts it again, and prints what is left.

    crash_driver.py FEEDS_URL HOOK_URL FOLDER FIRST STEP [LAST]

The statements of the database are the steps of the program: fetching, parsing, sending lie between
two of them. A forked child runs one cycle and kills itself with SIGKILL at its statement; a second
child runs the restart. One JSON line per kill: the rows of all tables after the restart.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from monitor import rules, sources
from monitor.alerts.route import Route
from monitor.cli.logs import set_up
from monitor.engine.local import start_up
from monitor.fetch.articles import Articles
from monitor.fetch.client import Fetcher, FetchSettings
from monitor.fetch.politeness import Gate
from monitor.fetch.robots import RobotsFiles
from monitor.model import Document, Known, Reading, Source, SourceId
from monitor.notify import Tools
from monitor.notify.webhook import WEBHOOK, WebhookSettings
from monitor.pipeline import decide_due, deliver_due, poll_source
from monitor.steps.watch import Canary, RecentStories, Settings, Watch
from monitor.store import SqliteStore

NOW = datetime(2024, 3, 28, 21, 0, tzinfo=UTC)
SECRET = "whsec_" + "c2VjcmV0LW9mLXR3ZW50eS1mb3VyLWJ5dGVzIQ=="
# What the undisturbed run and a run that was killed may differ in: the number of tries.
_TABLES = {
    "item": "id, title, content, words_hash, feed_words, seen_at",
    "full_text": "item_id, result, url, status, sha256",
    "canary": "local_date, begun_at, alert_id, error, delivered_at",
    "evidence": "item_id, sha256, title",
    "hit": "item_id, rule, clauses, ruleset",
    "story": "id, title, severity, alerted_rules, revision, first_alert_id",
    "member": "item_id, story_id, why",
    "decision": "item_id, story_id, reason, alert_id",
    "alert": "id, subject, story_id, reason, title",
    "outbox": "alert_id, channel, recipient, message_id, body, headers, state",
    "source": "id, etag, body_hash, next_poll_at, last_ok_at, failures",
    "entry": "source_id, hash",
    "digest": "kind, local_date, closed_at, alert_id",
    "link": "number, day, kind, row, entry, head",
}


async def cycle(feeds: list[str], hook: str, database: Path, ruleset: rules.RuleSet) -> None:
    """Poll the feeds one after the other, decide, deliver: all three lines."""
    known = [
        Source(id=SourceId(Path(url).stem), url=url, first_poll="alert", full_text="full" in url)
        for url in feeds
    ]
    settings = Settings(
        ruleset=ruleset,
        sources={source.id: source for source in known},
        routes=(Route(send=("hook", "second")),),
        ops_channels=("hook",),
        digest_channels=("hook",),
        canary=Canary(channels=("second",), at=clock_time(6, 30), within=timedelta(minutes=30)),
    )
    fetcher = Fetcher(
        FetchSettings(user_agent="test", allow_networks=("127.0.0.0/8",)),
        gate=Gate(monotonic=time.monotonic, gap=timedelta(0)),
        clock=lambda: NOW,
    )
    tools = Tools(post=fetcher.post, domain="example.org")

    async def parse(document: Document, hashes: Known) -> Reading:
        return sources.read(document, hashes)

    async def read_article(document: Document) -> Reading:
        return sources.READERS["article"](document, ())

    robots = RobotsFiles(fetcher.get, "test", lambda: NOW)

    with ThreadPoolExecutor(1) as writer:
        store = SqliteStore(database)
        store.open(NOW)
        channels = {
            name: WEBHOOK.build(
                name,
                WebhookSettings(url=SecretStr(f"{hook}/{name}"), secret=(SecretStr(SECRET),)),
                tools,
            )
            for name in ("hook", "second")
        }
        watch = Watch(
            settings=settings,
            channels=channels,
            store=store,
            fetch=fetcher.fetch,
            parse=parse,
            writer=writer,
            recent=RecentStories(),
            articles=Articles(fetcher, robots, read_article, lambda: NOW).of,
        )
        await start_up(watch, NOW)
        for source in known:
            await poll_source(watch, source, NOW)
        await decide_due(watch, NOW)
        await decide_due(watch, NOW + timedelta(hours=11))
        for channel in channels.values():
            await deliver_due(watch, channel, lambda: NOW + timedelta(hours=12))
        await decide_due(watch, NOW + timedelta(hours=12))
        await fetcher.aclose()
        store.close()


def count_statements(at: int | None) -> Callable[[], int]:
    """Count every statement of every connection; kill this process before number `at`."""
    counted = 0

    def before(_: str) -> None:
        nonlocal counted
        counted += 1
        if counted == at:
            os.kill(os.getpid(), signal.SIGKILL)

    connect = SqliteStore._connect

    def traced(self: SqliteStore) -> Any:
        db = connect(self)
        db.conn.set_trace_callback(before)
        return db

    SqliteStore._connect = traced  # type: ignore[method-assign]
    return lambda: counted


def forked(run: Callable[[], int]) -> int:
    """Run a function in a forked child; returns what it wrote, or -1 when it was killed."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.write(writer, str(run()).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return -1
    assert os.WEXITSTATUS(status) == 0
    return int(text)


def rows(database: Path) -> str:
    """Return a digest of everything that must be equal."""
    store = SqliteStore(database)
    store.open(NOW)
    with store.read() as tx:
        db = tx.items._db
        [(integrity,)] = db.execute("pragma integrity_check").fetchall()
        assert integrity == "ok"
        everything = {
            table: sorted(map(repr, db.execute(f"select {columns} from {table}").fetchall()))
            for table, columns in _TABLES.items()
        }
        counts = {table: len(found) for table, found in everything.items()}
    store.close()
    digest = hashlib.sha256(json.dumps(everything).encode()).hexdigest()
    return json.dumps({"counts": counts, "digest": digest})


def main() -> None:
    """Print the reference, the number of statements, then one line per kill."""
    set_up(sys.stderr)
    feeds_url, hook_url, folder, first, step = sys.argv[1:6]
    last = int(sys.argv[6]) if len(sys.argv) > 6 else 10**9
    feeds = [f"{feeds_url}/{name}.xml" for name in ("one", "two", "three", "full")]
    ruleset = rules.load([("rules/test.yaml", os.environ["CRASH_RULES"])])

    def run(database: Path, hook: str, at: int | None) -> Callable[[], int]:
        def child() -> int:
            counted = count_statements(at)
            asyncio.run(cycle(feeds, hook, database, ruleset))
            return counted()

        return child

    reference = Path(folder) / "reference.db"
    total = forked(run(reference, f"{hook_url}/reference", None))
    print(json.dumps({"kill": 0, "statements": total, **json.loads(rows(reference))}), flush=True)
    for at in range(int(first), min(total, last) + 1, int(step)):
        database = Path(folder) / f"kill-{at}.db"
        hook = f"{hook_url}/kill-{at}"
        assert forked(run(database, hook, at)) == -1, f"statement {at} was not reached"
        forked(run(database, hook, None))
        print(json.dumps({"kill": at, **json.loads(rows(database))}), flush=True)
        for path in Path(folder).glob(f"kill-{at}.db*"):
            path.unlink()


if __name__ == "__main__":
    main()
