"""A plain bounded HTTP POST for tests and tools; the service lends one that checks addresses."""

import asyncio
from collections.abc import Mapping

import httpx

from monitor.errors import FetchError
from monitor.model import Reply

MOST_REPLY_BYTES = 65_536  # more of an answer tells nobody anything


async def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
    """Return the receiver's reply to one POST; redirects are replies, not followed.

    `timeout_s` bounds the whole exchange (httpx bounds each read only: encode/httpx #1450).

    Raises:
        FetchError: no reply; `kind` is `timeout`, `tls`, `connect` or `protocol`.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(url, body, headers, timeout_s)
    except (TimeoutError, httpx.TimeoutException) as error:
        raise FetchError(f"no reply within {timeout_s:g} s", kind="timeout") from error
    except httpx.ConnectError as error:
        kind = "tls" if "CERTIFICATE" in str(error).upper() else "connect"
        raise FetchError(f"no connection: {error}", kind=kind) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FetchError(f"broken exchange: {error}", kind="protocol") from error


async def _exchange(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Reply:
    async with (
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=timeout_s) as client,
        client.stream("POST", url, content=body, headers=dict(headers)) as response,
    ):
        read = bytearray()
        async for chunk in response.aiter_raw(MOST_REPLY_BYTES):
            read += chunk
            if len(read) >= MOST_REPLY_BYTES:
                break
        names = {name.lower(): value for name, value in response.headers.items()}
        return Reply(
            status=response.status_code, headers=names, body=bytes(read[:MOST_REPLY_BYTES])
        )
