"""Random `kill -9` of the worker while it delivers, and of rss2email beside it.

    python -m tests.faults.kills [--kills 60] [--rounds 1] [--r2e PATH/TO/r2e] [--seed N]

A round is 250 stories from ten feeds to a mailbox and a hook: 500 deliveries. Each life of the
worker ends at a random moment: of its start, of a poll, of a delivery. What arrived is compared
with what had to: nothing lost, every repeat with the same id and bytes.
"""

import argparse
import asyncio
import contextlib
import email
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from tests.integration.notify.conftest import Mailbox, _served
from tests.kit import SECRET, Server, rss, serving

STORIES, FEEDS = 250, 10
PAUSE_S = 0.02  # a receiver's time for one message
_LETTERS = "bdfgklmnprstvz"
_FILES = {
    "feeds.yaml": "version: 1\ndefaults: {{first_poll: alert, every: 1h}}\nfeeds:\n{feeds}",
    "routes.yaml": """version: 1
channels:
  hook:
    webhook: {{url: "{hook}/hook", secret: "{secret}"}}
  desk:
    email: {{to: desk@example.org, from: m@example.org, smtp: "smtp://127.0.0.1:{port}", tls: off}}
""",
    "monitor.yaml": """version: 1
storage: {{database: "{folder}/data/monitor.db"}}
polling: {{allow_networks: [127.0.0.0/8], host_gap: 0s}}
digest: {{send: []}}
""",
    "rules/test.yaml": "{rules}",
}


@dataclass
class Arrivals:
    """What the receivers accepted, with the number of the worker's life."""

    life: int = 0
    got: list[tuple[int, str, str, bytes]] = field(default_factory=list)  # life, lane, id, body

    def of_life(self) -> int:
        """Return how many came in this life."""
        return sum(life == self.life for life, *_ in self.got)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a round came to."""

    kills: int
    expected: int
    lost: int
    repeats: int
    worst: int  # repeats of one lane after one kill
    changed: int  # repeats with other bytes
    foreign: int  # ids that the outbox does not know
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.expected} deliveries: {self.lost} lost, "
            f"{self.repeats} repeated with the same id ({self.repeats / max(self.kills, 1):.2f} a "
            f"kill, at most {self.worst} of a lane), {self.changed} with other bytes, "
            f"{self.foreign} under a new id; {self.seconds:.0f} s"
        )


class _Box(Mailbox):
    """A mailbox that takes its time and notes the life."""

    arrivals: Arrivals

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        life = self.arrivals.life
        await asyncio.sleep(PAUSE_S)
        name = str(email.message_from_bytes(envelope.content)["message-id"])
        self.arrivals.got.append((life, "desk", name, envelope.content))
        return "250 queued"


@contextlib.contextmanager
def receivers() -> Iterator[tuple[Arrivals, Server, Server, int]]:
    """Serve feeds, a hook and a mailbox; gives what arrives."""
    arrivals = Arrivals()
    box = _Box(ca_file="")
    box.arrivals = arrivals
    lock = threading.Lock()
    with serving() as feeds, serving() as hook, _served(box):
        hook.requests = _Noted(arrivals, lock)
        yield arrivals, feeds, hook, box.port


class _Noted(list[Any]):
    """The hook's requests, noted as they come."""

    def __init__(self, arrivals: Arrivals, lock: threading.Lock) -> None:
        super().__init__()
        self._arrivals, self._lock = arrivals, lock

    def append(self, request: Any) -> None:
        """Note a request; it is accepted from then on, whether its sender still lives or not."""
        _, _, headers, body = request
        life = self._arrivals.life
        _wait(PAUSE_S)
        with self._lock:
            self._arrivals.got.append((life, "hook", headers["webhook-id"], body))


def word(rng: random.Random) -> str:
    """Return a word that no other story has."""
    return "".join(rng.choice(_LETTERS) + rng.choice("aeiou") for _ in range(5)).capitalize()


def publish(feeds: Server, rng: random.Random) -> tuple[list[str], str]:
    """Serve the stories; return the addresses and rules, one a story, so that none merge."""
    addresses, rules = [], "version: 1\nrules:\n"
    for number in range(FEEDS):
        items = []
        for _ in range(STORIES // FEEDS):
            name, rest = word(rng), [word(rng) for _ in range(12)]
            items.append((f"{name} {' '.join(rest[:4])}", " ".join(rest[4:])))
            rules += (
                f"  - {{id: r-{name.lower()}, title: {name}, theme: t, severity: high,"
                f" when: {{all: [act: [{name}]]}}, match: [{name} came], no_match: [none]}}\n"
            )
        page = rss(*items, base=f"https://news{number}.example.org")
        addresses.append(feeds.put(f"/f{number}.xml", page))
    return addresses, rules


def configure(folder: Path, **values: Any) -> Path:
    """Write a configuration; return its directory."""
    config = folder / "config"
    (config / "rules").mkdir(parents=True)
    for name, text in _FILES.items():
        (config / name).write_text(text.format(folder=folder, **values))
    return config


def one_round(kills: int, rng: random.Random) -> Figures:
    """Run one round on a database of its own."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, receivers() as (arrivals, feeds, hook, port):
        folder = Path(name)
        addresses, rules = publish(feeds, rng)
        lines = "".join(f'  - {{id: f{n}, url: "{url}"}}\n' for n, url in enumerate(addresses))
        config = configure(
            folder, feeds=lines, rules=rules, hook=hook.url, port=port, secret=SECRET
        )
        log = (folder / "log").open("w")
        command = [sys.executable, "-m", "tests.faults.nursery", str(config)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as nursery:
            try:
                for left in range(kills, 0, -1):
                    _one_life(nursery, arrivals, left, rng)
                _last_life(nursery, arrivals, folder / "data" / "monitor.db")
            except BaseException:
                sys.stderr.write((folder / "log").read_text()[-2000:])
                raise
            finally:
                assert nursery.stdin is not None
                nursery.stdin.close()
        log.close()
        return _figures(kills, arrivals, folder / "data" / "monitor.db", time.monotonic() - began)


def _start(nursery: "subprocess.Popen[str]") -> int:
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def _one_life(
    nursery: "subprocess.Popen[str]", arrivals: Arrivals, left: int, rng: random.Random
) -> None:
    """Start a worker and kill it: after some deliveries, or at a moment of its start."""
    arrivals.life += 1
    pid = _start(nursery)
    share = max(2 * STORIES - len(arrivals.got), 0) / left
    target = rng.randint(0, round(2 * share))
    ends_at = time.monotonic() + (rng.random() if target == 0 else 3)
    while arrivals.of_life() < target and time.monotonic() < ends_at:
        _wait(0.001)
    _wait(rng.random() * 2 * PAUSE_S)
    os.kill(pid, signal.SIGKILL)
    _wait(0.02)  # what is still in a socket belongs to this life


def _last_life(nursery: "subprocess.Popen[str]", arrivals: Arrivals, path: Path) -> None:
    """Start a worker and let it come to the end of its work."""
    arrivals.life += 1
    pid = _start(nursery)
    ends_at = time.monotonic() + 120
    while not _is_done(path):
        assert time.monotonic() < ends_at, "the work does not end"
        _wait(0.2)
    os.kill(pid, signal.SIGTERM)


def _is_done(path: Path) -> bool:
    if not path.exists():
        return False
    db = Database(str(path))
    try:
        [(read, waiting)] = db.execute(
            """select (select count(*) from source where last_ok_at is not null),
                 (select count(*) from outbox where state <> 'sent')"""
        ).fetchall()
    finally:
        db.close()
    return bool(read == FEEDS and waiting == 0)


def _figures(kills: int, arrivals: Arrivals, path: Path, seconds: float) -> Figures:
    db = Database(str(path))
    [(integrity,)] = db.execute("pragma integrity_check").fetchall()
    assert integrity == "ok"
    expected = {
        (lane, f"<{name}@localhost>" if lane == "desk" else name): body
        for lane, name, body in db.execute("select channel, message_id, body from outbox")
    }
    db.close()
    bodies: dict[tuple[str, str], set[bytes]] = defaultdict(set)
    lives: dict[tuple[str, str], list[int]] = defaultdict(list)
    for life, lane, name, body in arrivals.got:
        bodies[lane, name].add(body)
        lives[lane, name].append(life)
    after_kill = Counter(
        (lane, earlier) for (lane, _), seen in lives.items() for earlier in seen[:-1]
    )
    return Figures(
        kills=kills,
        expected=len(expected),
        lost=len(expected.keys() - bodies.keys()),
        repeats=sum(after_kill.values()),
        worst=max(after_kill.values(), default=0),
        changed=sum(len(each) > 1 for each in bodies.values()),
        foreign=len(bodies.keys() - expected.keys()),
        seconds=seconds,
    )


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


# ---------------------------------------------------------------- rss2email beside it


def rss2email(r2e: str, kills: int, rng: random.Random) -> str:
    """Kill rss2email in the same way over the same feeds (mail only); return its figures."""
    with tempfile.TemporaryDirectory() as name, receivers() as (arrivals, feeds, _, port):
        config = Path(name) / "rss2email.cfg"
        sections = "".join(
            f"[feed.f{n}]\nurl = {url}\nto = a@example.org\n"
            for n, url in enumerate(publish(feeds, rng)[0])
        )
        config.write_text(
            "[DEFAULT]\nto = a@example.org\nfrom = b@example.org\nemail-protocol = smtp\n"
            f"smtp-server = 127.0.0.1:{port}\nsmtp-auth = False\nverbose = error\n{sections}"
        )
        command = [r2e, "-c", str(config), "-d", f"{name}/data.json", "run"]
        env = {**os.environ, "HOME": name, "XDG_CONFIG_HOME": name, "XDG_DATA_HOME": name}
        for _ in range(kills):
            arrivals.life += 1
            target = rng.randint(0, 2 * STORIES // kills)
            with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as process:
                ends_at = time.monotonic() + 4
                while arrivals.of_life() < target and time.monotonic() < ends_at:
                    _wait(0.001)
                _wait(rng.random() * 2 * PAUSE_S)
                process.kill()
        subprocess.run(command, env=env, check=True, timeout=120, stderr=subprocess.DEVNULL)
        # Its ids are new at each sending: what is the same article is told by the subject.
        subjects = Counter(
            str(email.message_from_bytes(body)["subject"]) for *_, body in arrivals.got
        )
        ids = {name for _, _, name, _ in arrivals.got}
    return (
        f"{kills} kills, {STORIES} mails: {STORIES - len(subjects)} lost, "
        f"{subjects.total() - len(subjects)} sent again, {len(ids)} different ids"
    )


def main() -> None:
    """Print a line per round, the sum, and rss2email's line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60, help="of a round")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--r2e", help="an rss2email to run beside it")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    rounds = []
    for _ in range(options.rounds):
        rounds.append(one_round(options.kills, rng))
        print(f"monitor    {rounds[-1]}", flush=True)
    keys = ("kills", "expected", "lost", "repeats", "changed", "foreign")
    total = {key: sum(getattr(each, key) for each in rounds) for key in keys}
    print("sum        " + ", ".join(f"{count} {key}" for key, count in total.items()))
    if options.r2e:
        print(f"rss2email  {rss2email(options.r2e, options.kills, rng)}", flush=True)
    bad = total["lost"] + total["changed"] + total["foreign"]
    sys.exit(1 if bad or any(each.worst > 1 for each in rounds) else 0)


if __name__ == "__main__":
    main()
