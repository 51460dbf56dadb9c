"""A storm: 5,000 hits a minute for three minutes through the running worker, memory watched.

    python -m tests.faults.storm [--minutes 3] [--per-minute 5000]

Fifty feeds change at every poll; each item is a story of its own, sent to a hook. Prints what was
published, stored and delivered, and the worker's peak memory; exit code 1 if anything is missing.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlite_utils import Database

from tests.faults.kills import word
from tests.kit import SECRET, Server, rss, serving

FEEDS, RULES = 50, 400
_AT_ONCE = 20  # items that a feed gains
_MOST_MB = 300


def rules_text(names: list[str]) -> str:
    """Return a rule for each name, so that stories do not merge."""
    lines = (
        f"  - {{id: r-{name.lower()}, title: {name}, theme: t, severity: high,"
        f" when: {{all: [act: [{name}]]}}, match: [{name} came], no_match: [none]}}\n"
        for name in names
    )
    return "version: 1\nrules:\n" + "".join(lines)


def configure(folder: Path, feeds: Server, hook: Server, names: list[str]) -> Path:
    """Write the configuration; return its directory."""
    config = folder / "config"
    (config / "rules").mkdir(parents=True)
    sources = "".join(f'  - {{id: f{n}, url: "{feeds.url}/f{n}.xml"}}\n' for n in range(FEEDS))
    texts = {
        "feeds.yaml": f"version: 1\ndefaults: {{first_poll: alert, every: 2s}}\nfeeds:\n{sources}",
        "rules/test.yaml": rules_text(names),
        "routes.yaml": 'version: 1\nchannels:\n  hook:\n    webhook: {url: "'
        f'{hook.url}/hook", secret: "{SECRET}"}}\n',
        "monitor.yaml": f'version: 1\nstorage: {{database: "{folder}/data/monitor.db"}}\n'
        "polling: {allow_networks: [127.0.0.0/8], host_gap: 0s, at_once: 16}\n",
    }
    for name, text in texts.items():
        (config / name).write_text(text)
    return config


def publish(
    feeds: Server, names: list[str], rng: random.Random, options: argparse.Namespace
) -> int:
    """Change the feeds as time goes on; return how many items were published."""
    published = 0
    began = time.monotonic()
    every_s = _AT_ONCE * 60 / options.per_minute
    turn = 0
    while turn * every_s < options.minutes * 60:
        items = [
            (f"{rng.choice(names)} {word(rng)} {word(rng)}", f"{word(rng)} {word(rng)}")
            for _ in range(_AT_ONCE)
        ]
        number = turn % FEEDS
        known = _ITEMS.setdefault(number, [])
        known[:] = [*items, *known][:200]
        feeds.put(f"/f{number}.xml", rss(*known, base=f"https://n{number}.example.org"))
        published += len(items)
        turn += 1
        threading.Event().wait(max(began + turn * every_s - time.monotonic(), 0))
    return published


_ITEMS: dict[int, list[tuple[str, str]]] = {}


def peak_mb(pid: int) -> float:
    """Return the most memory that a process has held."""
    text = Path(f"/proc/{pid}/status").read_text()
    [line] = [line for line in text.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def counts(path: Path) -> dict[str, int]:
    """Return items, hits and messages by state."""
    db = Database(str(path))
    found = dict(db.execute("select state, count(*) from outbox group by state").fetchall())
    for table in ("item", "hit", "story"):
        [(found[table],)] = db.execute(f"select count(*) from {table}").fetchall()
    db.close()
    return found


def main() -> None:
    """Run the storm and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--per-minute", type=int, default=5000)
    options = parser.parse_args()
    rng = random.Random(5)
    names = [word(rng) for _ in range(RULES)]
    with tempfile.TemporaryDirectory() as name, serving() as feeds, serving() as hook:
        folder = Path(name)
        for number in range(FEEDS):
            feeds.put(f"/f{number}.xml", rss())
        config = configure(folder, feeds, hook, names)
        command = [sys.executable, "-m", "monitor", "run", "--config", str(config)]
        with (folder / "log").open("w") as log:
            worker = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=os.environ)
        path = folder / "data" / "monitor.db"
        began = time.monotonic()
        published = publish(feeds, names, rng, options)
        ends_at = time.monotonic() + 240
        while time.monotonic() < ends_at:
            found = counts(path)
            if found["item"] >= published and not found.get("pending", 0) + found.get("sending", 0):
                break
            threading.Event().wait(1)
        took, peak = time.monotonic() - began, peak_mb(worker.pid)
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
        found = counts(path)
        arrived = {headers["webhook-id"] for headers, _ in hook.posts()}
        if found["item"] < published:
            print((folder / "log").read_text()[-3000:], file=sys.stderr)
    print(
        f"storm: {published} items in {options.minutes} min, all done after {took:.0f} s; "
        f"stored {found}; {len(arrived)} different messages arrived; peak {peak:.0f} MB"
    )
    whole = found["item"] >= published and found.get("sent", 0) == len(arrived)
    sys.exit(0 if whole and peak <= _MOST_MB and not found.get("dead") else 1)


if __name__ == "__main__":
    main()
