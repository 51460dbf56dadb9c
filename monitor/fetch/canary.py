"""The canary's own feed: what `canary:2024-03-28` leads to, without a network.

It is made where every document comes in, so that all that follows treats it as any other.
"""

import hashlib
from datetime import UTC, date, datetime, time
from email.utils import format_datetime

from monitor.model import Document, Fetched, Validators

SCHEME = "canary:"
_HEADERS = {"content-type": "application/rss+xml; charset=utf-8"}


def fetched(url: str) -> Fetched:
    """Return the feed of a date with its one made-up item."""
    day = url.removeprefix(SCHEME)
    dated = format_datetime(datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC))
    body = (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Canary</title>'
        f"<language>en</language><item><title>The canary of {day} sings</title>"
        "<description>A made-up item of the watch itself: a test, nothing happened.</description>"
        f"<link>https://canary.invalid/{day}</link><guid>{url}</guid><pubDate>{dated}</pubDate>"
        "</item></channel></rss>"
    ).encode()
    validators = Validators(body_hash=hashlib.blake2b(body, digest_size=16).digest())
    return Fetched(document=Document(body, _HEADERS, url), validators=validators)
