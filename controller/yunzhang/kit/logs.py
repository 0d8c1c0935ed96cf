"""Structured logs: for people on a terminal, as JSON lines for machines."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

import structlog

from yunzhang import clock


def _timestamp(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    event["at"] = clock.now().isoformat(timespec="milliseconds")
    return event


def configure_logs(level: str = "INFO", form: str = "console", stream: TextIO = sys.stderr) -> None:
    """Send structured logs of at least `level` to `stream`, as `console` text or `json` lines."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _timestamp,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `room=name`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return bound
