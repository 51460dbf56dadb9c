"""Log lines: for people on a terminal, JSON elsewhere; one event a line, never built from data.

What libraries log goes the same way. Secrets of the configuration are struck out wherever they
stand, tracebacks included; that no message holds one is what tests ask for, this is the net below.
"""

import logging
import os
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from monitor.config.secrets import redact

_JOURNAL = {"critical": "<2>", "error": "<3>", "warning": "<4>", "info": "<6>", "debug": "<7>"}


class Hidden:
    """The texts that no line may hold; a reload adds those of its files."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()

    def add(self, secrets: frozenset[str]) -> None:
        """Hide these too, from now on."""
        self._secrets |= secrets

    def strike(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Strike them out of an event (a processor of structlog)."""
        return {key: self._struck(value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Strike them out of a text."""
        return redact(text, self._secrets)

    def _struck(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list | tuple):
            return [self._struck(one) for one in value]
        return value


def set_up(stream: TextIO, hidden: Hidden | None = None, *, is_journal: bool = False) -> None:
    """Send log lines to a stream, from warnings up on a terminal, from info up elsewhere.

    `is_journal` puts the priority before each line, as systemd-journald reads it.
    """
    hidden = hidden or Hidden()
    is_terminal = stream.isatty()
    before: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last = _for_people(hidden) if is_terminal else _for_machines(hidden, is_journal=is_journal)
    structlog.configure(
        processors=[*before, *last],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if is_terminal else logging.INFO
        ),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=False,
    )
    _take_in_libraries(stream, before, last)


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether a stream is connected to systemd's journal (JOURNAL_STREAM, systemd.exec)."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _for_people(hidden: Hidden) -> list[structlog.typing.Processor]:
    # Plain tracebacks: the pretty ones print local variables, secrets among them.
    render = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)

    def struck(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        return hidden.text(str(render(logger, method, event)))

    return [struck]


def _for_machines(hidden: Hidden, *, is_journal: bool) -> list[structlog.typing.Processor]:
    render = structlog.processors.JSONRenderer()

    def prefixed(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        level = str(event.get("level", "info"))
        return f"{_JOURNAL.get(level, '<6>')}{render(logger, method, event)!s}"

    last = prefixed if is_journal else render
    return [structlog.processors.format_exc_info, hidden.strike, last]


def _take_in_libraries(
    stream: TextIO,
    before: list[structlog.typing.Processor],
    last: list[structlog.typing.Processor],
) -> None:
    """Render what libraries log, from warnings up, as our own lines."""
    handler = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*before, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [one for one in root.handlers if type(one) is logging.StreamHandler]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    # A tick that is skipped while the one before still looks is how it should be.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
