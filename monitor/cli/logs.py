"""Log lines: for people on a terminal, JSON elsewhere; one event a line, never built from data."""

import logging
from typing import TextIO

import structlog


def set_up(stream: TextIO) -> None:
    """Send log lines to a stream, from warnings up on a terminal, from info up elsewhere."""
    is_terminal = stream.isatty()
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if is_terminal:
        # Plain tracebacks: the pretty ones print local variables, secrets among them.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if is_terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if is_terminal else logging.INFO
        ),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=stream, level=logging.WARNING)
    # A tick that is skipped while the one before still looks is how it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
