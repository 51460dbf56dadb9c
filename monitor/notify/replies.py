"""What a receiver's HTTP reply means for the delivery: accepted, later, never, or ask a person."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from monitor.errors import ChannelPaused, DeliveryError, FetchError, PermanentDeliveryError
from monitor.model import Post, Reply
from monitor.notify.base import Reach
from monitor.notify.trust import is_untrusted
from monitor.notify.words import shorten
from monitor.text.clean import one_line

TIMEOUT_S = 20.0  # Standard Webhooks 1.0 recommends 15 to 30 s
LONGEST_WAIT = timedelta(hours=24)  # a Retry-After beyond it is a mistake, or malice
PAUSING = frozenset({401, 403, 410})  # the credentials or the address are refused, not the message
_ILL = frozenset({502, 503, 504})  # whoever answers, the receiver behind it does not
_ACCEPTED, _REDIRECT = 2, 3  # classes of status, RFC 9110 section 15
_SHOWN_BYTES, _MOST_SAID = 2000, 200  # of a reply: read, and told in characters
_BETWEEN = re.compile(r"[/?&=:@#;]+")
_SHORTEST_SECRET = 6  # characters; shorter parts of a URL are words
REFUSED = frozenset({400, 404, 405, 413, 415, 422})  # this very message will never be taken


class HasUrl(Protocol):
    """Settings of a channel that posts to one address."""

    @property
    def url(self) -> SecretStr:
        """Return the address, a secret."""
        ...


async def reach(settings: HasUrl, tools: Reach) -> str:
    """Return the host of a channel's address when it answers; whatever it answers to HEAD.

    Many receivers know POST alone, so that 404, 405 or 501 says nothing.

    Raises:
        DeliveryError: no answer, or a gateway's; ChannelPaused where that cannot pass by itself.
    """
    where = origin(settings.url)
    try:
        reply = await tools.head(settings.url.get_secret_value(), TIMEOUT_S)
    except FetchError as error:
        raise _no_reply(where, error) from None
    if reply.status in _ILL:
        raise DeliveryError(f"{where}: HTTP {reply.status} to a HEAD request", code=reply.status)
    return f"{where} answers"


async def hand_over(
    post: Post,
    url: SecretStr,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
    *,
    pausing: frozenset[int] = PAUSING,
) -> None:
    """Post a message; return when it was accepted, raise what `judge` says otherwise.

    The URL is treated as a secret: no error names more of it than the host.
    """
    where = origin(url)
    try:
        reply = await post(url.get_secret_value(), body, headers, TIMEOUT_S)
    except FetchError as error:
        # from None: the cause's text holds the whole URL, which is the secret of chat channels
        raise _no_reply(where, error) from None
    judge(reply, where, now, pausing=pausing, secret=url.get_secret_value())


def _no_reply(where: str, error: FetchError) -> DeliveryError:
    text = f"{where}: no reply ({error.kind})"
    refused = error.kind == "refused-address" or is_untrusted(error)
    return ChannelPaused(text) if refused else DeliveryError(text)


def judge(
    reply: Reply,
    where: str,
    now: datetime,
    *,
    pausing: frozenset[int] = PAUSING,
    secret: str = "",
) -> None:
    """Return when the reply accepts the message.

    2xx accepts; 3xx is a wrong address (a redirect is never followed); `pausing` stops the
    channel; 400, 404, 405, 413, 415 and 422 refuse the message; all else passes with time.

    Raises:
        DeliveryError: see `Channel.send`; `retry_after` is the receiver's wish, at most a day.
    """
    status = reply.status
    if status // 100 == _ACCEPTED:
        return
    text = f"{where}: HTTP {status}{_said(reply, secret)}"
    if status in pausing:
        raise ChannelPaused(text, code=status)
    if status // 100 == _REDIRECT:
        raise PermanentDeliveryError(
            f"{text}; redirects are not followed, fix the URL", code=status
        )
    if status in REFUSED:
        raise PermanentDeliveryError(text, code=status)
    raise DeliveryError(text, code=status, retry_after=retry_after(reply.headers, now))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return how long the receiver asked to wait (RFC 9110 section 10.2.3), or None."""
    value = headers.get("retry-after", "").strip()
    try:
        wait = _seconds(value) if value[:1].isdigit() else _date(value) - now
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), LONGEST_WAIT)


def origin(url: SecretStr) -> str:
    """Return the scheme and host of a URL: as much of it as may be shown."""
    parts = urlsplit(url.get_secret_value())
    return f"{parts.scheme}://{parts.hostname}"


def _seconds(value: str) -> timedelta:
    return timedelta(seconds=min(float(value), LONGEST_WAIT.total_seconds()))  # Discord sends 0.5


def _date(value: str) -> datetime:
    when = parsedate_to_datetime(value)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _said(reply: Reply, secret: str) -> str:
    """Return the beginning of the reply's body without any part of the URL, which it may echo."""
    text = reply.body[:_SHOWN_BYTES].decode("utf-8", "replace")
    for part in _parts(secret):
        text = text.replace(part, "***")
    said = shorten(one_line(text), _MOST_SAID)
    return f" ({said})" if said else ""


def _parts(secret: str) -> Sequence[str]:
    """Return what could be a key in a URL, the longest first."""
    host = urlsplit(secret).hostname
    parts = {secret, *_BETWEEN.split(secret)}
    parts |= {unquote(part) for part in parts}
    keys = [part for part in parts if len(part) >= _SHORTEST_SECRET and part != host]
    return sorted(keys, key=len, reverse=True)
