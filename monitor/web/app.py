"""The pages: /healthz (the lines get on), /readyz (and every check holds), /metrics."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from monitor import __version__
from monitor.engine.vitals import Judgement
from monitor.web.guard import Access, Guard

HEALTH_PATHS = frozenset({"/healthz", "/readyz"})
_INDEX = f"sanctions-monitor {__version__}\n/healthz\n/readyz\n/metrics\n"

Expose = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Takes an Accept header; returns the metrics and their content type."""


def build_app(judge: Callable[[], Judgement], expose: Expose, access: Access) -> Starlette:
    """Return the application; it answers GET and HEAD, and changes nothing."""

    def answer(request: Request, *, is_good: bool, judged: Judgement) -> Response:
        knows_all = access.knows_token(request.headers)
        content = judged.to_dict() if knows_all else {}
        status = HTTPStatus.OK if is_good else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse({"ok": is_good, **content}, status)

    async def healthz(request: Request) -> Response:
        judged = judge()
        return answer(request, is_good=judged.is_alive, judged=judged)

    async def readyz(request: Request) -> Response:
        judged = judge()
        return answer(request, is_good=judged.is_ready, judged=judged)

    async def metrics(request: Request) -> Response:
        body, kind = await expose(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": kind})

    async def index(_: Request) -> Response:
        return PlainTextResponse(_INDEX)

    return Starlette(
        routes=[
            Route("/", index),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        middleware=[Middleware(Guard, access=access)],
    )
