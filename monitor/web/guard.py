"""Who may ask: the Host that is named, the page that asks, the token; and headers of every answer.

A page in somebody's browser can reach a server on loopback (DNS rebinding, 0.0.0.0). It cannot
choose the Host header, nor hide that it is another site.
"""

import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN = frozenset({"", "none", "same-origin"})  # Sec-Fetch-Site of no browser, a bar, our own page
_ALWAYS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Access:
    """The conditions: `hosts` are names that may be asked for, `token` "" asks for none.

    `open_paths` answer without the token, and say little then.
    """

    hosts: Sequence[str] = ()
    token: str = field(default="", repr=False)
    open_paths: frozenset[str] = frozenset()

    def refusal(self, path: str, headers: Headers) -> HTTPStatus | None:
        """Return why a request is refused, or None."""
        if not self._is_ours(headers):
            return HTTPStatus.MISDIRECTED_REQUEST
        if "origin" in headers or headers.get("sec-fetch-site", "") not in _OWN:
            return HTTPStatus.FORBIDDEN
        if path not in self.open_paths and not self.knows_token(headers):
            return HTTPStatus.UNAUTHORIZED
        return None

    def knows_token(self, headers: Headers) -> bool:
        """Return whether the token is given, or none is needed."""
        given = headers.get("authorization", "").removeprefix("Bearer ")
        return not self.token or hmac.compare_digest(given.encode(), self.token.encode())

    def _is_ours(self, headers: Headers) -> bool:
        asked = headers.getlist("host")
        if len(asked) != 1:
            return False
        name = _without_port(asked[0]).lower().rstrip(".")
        return name == "localhost" or _is_address(name) or name in self.hosts


class Guard:
    """Refuses what `Access` refuses, and sets the headers of every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_ALWAYS)
            await send(message)

        refusal = self._access.refusal(scope["path"], Headers(scope=scope))
        app = self._app
        if refusal is not None:
            extra = {"www-authenticate": "Bearer"} if refusal is HTTPStatus.UNAUTHORIZED else None
            app = PlainTextResponse(f"{refusal.phrase}\n", refusal, headers=extra)
        await app(scope, receive, send_guarded)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
