"""Whatever bytes a server sends, a poll ends in an outcome or in a FetchError, in time."""

import asyncio
import gzip
import random

import pytest

from monitor.errors import FetchError
from monitor.model import Fetched, NotModified, Validators
from tests.integration.fetch.server import (
    Names,
    Request,
    fetching,
    make_source,
    reply,
    serving,
)

FEED = b"<rss><channel><item><title>Veto</title></item></channel></rss>" * 5
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + FEED[:16] + b"\r\n0\r\n\r\n"
)
SEEDS = (
    reply(body=FEED, headers={"ETag": 'W/"1"', "Cache-Control": "max-age=60", "Age": "1"}),
    reply(body=gzip.compress(FEED), headers={"Content-Encoding": "gzip"}),
    reply("301 Moved", headers={"Location": "/next?a=b"}),
    reply("302 Found", headers={"Location": "http://u:p@a.test:80/x#y"}),
    reply("429 Slow", headers={"Retry-After": "Thu, 28 Mar 2024 12:02:00 GMT"}),
    b"HTTP/1.1 100 Continue\r\n\r\n" + reply(body=FEED),
    b"HTTP/1.1 304 Not Modified\r\nETag: \"2\"\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n" + FEED,
    CHUNKED,
)  # fmt: skip
SPICE = (
    b"\r\n",
    b"\n",
    b"\0",
    b":",
    b"-",
    b"9" * 30,
    b"\xff",
    b" ",
    b"http://[",
    b"%",
    b"gzip, br",
)


def mutated(dice: random.Random) -> bytes:
    """Return an answer with a few bytes changed, cut, doubled or spiced."""
    answer = bytearray(dice.choice(SEEDS))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(answer))
        how = dice.randrange(4)
        if how == 0:
            answer[at] = dice.randrange(256)
        elif how == 1:
            answer[at:at] = dice.choice(SPICE)
        elif how == 2:
            del answer[at : at + dice.randint(1, 20)]
        else:
            answer[at:at] = answer[at : at + dice.randint(1, 40)]
        answer = answer or bytearray(b"x")
    return bytes(answer)


@pytest.mark.parametrize("seed", range(4))
def test_any_answer_ends_in_an_outcome_or_a_named_error(seed: int) -> None:
    """150 damaged answers a seed: no other exception, no hang, no connection left busy."""
    dice = random.Random(seed)
    answer = b""

    async def script(_request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.write_eof()

    async def scenario() -> None:
        nonlocal answer
        known = Validators(etag='"1"')
        errors: list[FetchError] = []
        names = Names(a_test=[])
        async with serving(script) as server, fetching(resolve=names) as fetcher:
            for _ in range(150):
                answer = mutated(dice)
                fetcher._gate._hosts.clear()  # pauses that a damaged Retry-After asked for
                try:
                    outcome = await fetcher.fetch(make_source(server.url()), known)
                    assert isinstance(outcome, Fetched | NotModified), answer
                except FetchError as error:
                    errors.append(error)
            assert not [pool for pool in fetcher._transport._pools.values() if pool.busy]
        assert all(error.kind and len(str(error)) < 1_000 for error in errors)
        assert 0 < len(errors) < 150

    asyncio.run(scenario())
