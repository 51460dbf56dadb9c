"""A look at every feed of the list, as polls look at them, and the list as it should read."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff

from monitor.alerts.audit import Finding, Seen, is_offline, judge
from monitor.config.edit import Change, Uneditable, edited
from monitor.engine.polls import by_host
from monitor.errors import FetchError, ParseError
from monitor.model import Document, Fetched, NotModified, Reading, Source, Validators

Fetch = Callable[[Source, Validators], Awaitable[Fetched | NotModified]]
Read = Callable[[Document], Awaitable[Reading]]


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """What feeds are looked at with, and how many at once."""

    fetch: Fetch
    read: Read
    at_once: int


async def look(
    sources: Iterable[Source], eyes: Eyes, now: datetime
) -> AsyncIterator[tuple[Finding, ...]]:
    """Look at feeds, those of one host one after the other; yields findings as they come."""
    places = asyncio.Semaphore(eyes.at_once)
    found: asyncio.Queue[tuple[Finding, ...]] = asyncio.Queue()
    lines = by_host(sources)

    async def walk(line: Sequence[Source]) -> None:
        for source in line:
            async with places:
                await found.put(judge(source, await _seen(source, eyes), now))

    total = sum(map(len, lines.values()))
    walks = [asyncio.create_task(walk(tuple(line))) for line in lines.values()]
    try:
        for _ in range(total):
            yield await found.get()
    finally:
        for one in walks:
            one.cancel()


async def _seen(source: Source, eyes: Eyes) -> Seen:
    try:
        answer = await eyes.fetch(source, Validators())
        assert isinstance(answer, Fetched), "an unconditional request brings a document"
        return Seen(fetched=answer, reading=await eyes.read(answer.document))
    except (FetchError, ParseError) as error:
        return Seen(error=error)
    except Exception as fault:  # noqa: BLE001 - one feed that we fail on must not end the others
        return Seen(error=ParseError(f"fault: {type(fault).__name__}: {fault}", kind="fault"))


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """The list of feeds as it should read, and what is left to a person, with the reason."""

    text: str
    changes: tuple[Finding, ...]
    left: Mapping[str, str]

    def diff(self, before: str, name: str) -> str:
        """Return the changes as a unified diff of a file, empty for none."""
        lines = unified_diff(
            before.splitlines(keepends=True),
            self.text.splitlines(keepends=True),
            f"a/{name}",
            f"b/{name}",
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def propose(text: str, findings: Sequence[Finding], day: str) -> Proposal:
    """Return the text of feeds.yaml with what the findings ask for, in its order.

    When nothing at all could be read, nothing is proposed: the fault is here.
    """
    wanted = () if is_offline(findings) else tuple(one for one in findings if one.key)
    made: list[Finding] = []
    left: dict[str, str] = {}
    for one in wanted:
        change = Change(feed=one.source.id, key=one.key, value=one.value, why=one.detail, day=day)
        try:
            text = edited(text, [change])
            made.append(one)
        except Uneditable as error:
            left[one.source.id] = str(error)
    return Proposal(text=text, changes=tuple(made), left=left)
