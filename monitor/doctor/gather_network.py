"""Gathers what sources and receivers answer; politely, and without sending any message."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from monitor.alerts.timing import server_time
from monitor.config import ChannelConfig, Config
from monitor.doctor.facts import ChannelAnswer, FeedAnswer
from monitor.errors import DeliveryError, FetchError
from monitor.fetch.client import Fetcher
from monitor.model import Source, SourceId, Validators
from monitor.notify import CHANNELS, Reach

_Known = Mapping[SourceId, Validators]


def sample(sources: Sequence[Source], most: int) -> tuple[Source, ...]:
    """Return some of the sources, spread over hosts and over the file; all when `most` is 0."""
    if most == 0 or len(sources) <= most:
        return tuple(sources)
    by_host: dict[str, Source] = {}
    for source in sources:
        by_host.setdefault(urlsplit(source.url).hostname or "", source)
    hosts = list(by_host.values())
    if len(hosts) <= most:
        return tuple(hosts)
    step = len(hosts) / most
    return tuple(hosts[int(number * step)] for number in range(most))


async def ask_sources(
    sources: Sequence[Source],
    known: _Known,
    fetcher: Fetcher,
    clock: Callable[[], datetime],
    on_answer: Callable[[], None],
) -> tuple[FeedAnswer, ...]:
    """Return how each source answers, in order; what is known of it makes most answers a 304."""

    async def ask(source: Source) -> FeedAnswer:
        answer = await _asked(source, known.get(source.id, Validators()), fetcher, clock)
        on_answer()
        return answer

    return tuple(await asyncio.gather(*map(ask, sources)))


async def _asked(
    source: Source, known: Validators, fetcher: Fetcher, clock: Callable[[], datetime]
) -> FeedAnswer:
    try:
        answer = await fetcher.fetch(source, known)
    except FetchError as error:
        return FeedAnswer(id=source.id, error=str(error), kind=error.kind)
    headers = getattr(answer, "headers", None) or answer.document.headers  # type: ignore[union-attr]
    return FeedAnswer(id=source.id, ahead=ahead_of(headers, clock()))


def ahead_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return by how much a server's clock is ahead; a cached answer has aged since its Date."""
    if "date" not in headers:
        return None
    age = headers.get("age", "")
    return server_time(headers, now) - now + timedelta(seconds=int(age) if age.isdigit() else 0)


async def ask_channels(config: Config, fetcher: Fetcher) -> tuple[ChannelAnswer, ...]:
    """Return how the receiver of each channel answers that has one, in order."""
    tools = Reach(head=fetcher.head, domain=config.service.instance.domain)
    channels = [one for one in config.channels.values() if CHANNELS[one.kind].probe is not None]
    return tuple(await asyncio.gather(*(_reached(one, tools) for one in channels)))


async def _reached(one: ChannelConfig, tools: Reach) -> ChannelAnswer:
    probe = CHANNELS[one.kind].probe
    assert probe is not None, "channels without a receiver were left out"
    try:
        said = await probe(one.settings, tools)
    except DeliveryError as error:
        return ChannelAnswer(name=one.name, kind=one.kind, refusal=str(error))
    return ChannelAnswer(name=one.name, kind=one.kind, said=said)
