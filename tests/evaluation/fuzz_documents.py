"""Throws damaged and hostile documents at the sandbox: `python -m tests.evaluation.fuzz_documents`.

Each document is a real or written one with bytes flipped, cut, doubled, nested or spliced. Every
one must end within the deadline and the memory limit, and leave the next one readable. Ends with
1 and the document on disk when one does not.
"""

import argparse
import contextlib
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from monitor.errors import ParseError
from monitor.fetch.sandbox import Sandbox
from monitor.model import Document
from tests.evaluation import conformance

FEEDS = Path(__file__).parents[1] / "data" / "feeds"
GOOD = Document((FEEDS / "rss20.xml").read_bytes(), url="https://wire.example/feed")
SECONDS, MEMORY_BYTES = 5.0, 300_000_000
GRACE_S = 1.0  # for a machine under load

TOKENS = (
    *(b"<item>", b"</item>", b"<entry>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<", b">", b"&"),
    *(
        b"&amp;",
        b"&#x0;",
        b"&lt;p&gt;",
        b"<a ",
        b"<div>",
        b"</",
        b"<?xml?>",
        b"<!DOCTYPE r [",
        b'"',
    ),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b$B", b"\x1f\x8b", b"xmlns:x='y' ", b"{", b"["),
    *(
        b"a" * 5000,
        b"1970-01-01",
        b"99999999999999999999",
        "제재".encode(),
        "санкции".encode("cp1251"),
    ),
)


def main() -> int:
    """Run for the given minutes and print what came of it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=1.0)
    arguments.add_argument("--seed", type=int, default=1)
    chosen = arguments.parse_args()
    chance, outcomes, slowest = random.Random(chosen.seed), Counter[str](), 0.0
    corpus = documents()
    sandbox = Sandbox()
    ends_at = time.monotonic() + chosen.minutes * 60
    while time.monotonic() < ends_at:
        body = damaged(chance, corpus)
        outcome, took = _tried(sandbox, body)
        outcomes[outcome] += 1
        slowest = max(slowest, took)
        if _fault(sandbox, outcome, took):
            Path("fuzz-failure.bin").write_bytes(body)
            print(f"FAILED: {outcome} after {took:.2f} s; see fuzz-failure.bin")
            return 1
    sandbox.close_now()
    print(f"{outcomes.total()} documents, slowest {slowest:.2f} s: {dict(outcomes.most_common())}")
    return 0


def documents() -> list[bytes]:
    """Return real and written documents to damage."""
    bodies = [path.read_bytes() for path in sorted(FEEDS.iterdir())]
    if conformance.ARCHIVE.exists():
        with tempfile.TemporaryDirectory() as folder:
            raw = conformance.unpack(Path(folder)) / "raw"
            bodies += [path.read_bytes() for path in sorted(raw.rglob("*")) if path.is_file()]
    return bodies


def damaged(chance: random.Random, corpus: list[bytes]) -> bytes:
    """Return one of them with bytes flipped, cut, doubled, nested or spliced."""
    body = bytearray(chance.choice(corpus))
    for _ in range(chance.randint(1, 12)):
        at = chance.randint(0, len(body))
        kind = chance.randrange(6)
        if kind == 0:
            body[at:at] = chance.choice(TOKENS) * int(10 ** chance.uniform(0, 4.5))
        elif kind == 1:
            del body[at : at + int(10 ** chance.uniform(0, 4))]
        elif kind == 2:
            body[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 3:
            other = chance.choice(corpus)
            body[at:at] = other[chance.randint(0, len(other)) :][:20_000]
        elif kind == 4:
            body[at:at] = body[max(0, at - 500) : at] * chance.randint(1, 200)
        else:
            body = body[:at]
        del body[9_000_000:]
    return bytes(body)


def _tried(sandbox: Sandbox, body: bytes) -> tuple[str, float]:
    started = time.monotonic()
    try:
        outcome = sandbox.read_now(Document(body, url="https://h.example/")).format
    except ParseError as error:
        outcome = error.kind
    return outcome, time.monotonic() - started


def _fault(sandbox: Sandbox, outcome: str, took: float) -> bool:
    if took > SECONDS + GRACE_S or outcome == "unreadable":
        return True
    with contextlib.suppress(OSError, StopIteration):
        for pid in sandbox.pids:
            status = Path(f"/proc/{pid}/status").read_text().splitlines()
            peak = next(line for line in status if line.startswith("VmHWM"))
            if int(peak.split()[1]) * 1024 > MEMORY_BYTES:
                return True
    return not sandbox.read_now(GOOD).items


if __name__ == "__main__":
    sys.exit(main())
