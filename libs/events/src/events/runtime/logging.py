"""Structured logs without personal data: what is logged are ids, slugs, counts and places in the log, never values."""

from __future__ import annotations

import logging
import sys
from types import TracebackType
from typing import Any

import structlog


def _exceptions_by_type(_logger: Any, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Replace an exception by its type and the line it came from: its text may quote what somebody wrote."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()[1]
    if isinstance(info, tuple):
        info = info[1]
    while isinstance(info, BaseExceptionGroup):  # of several the first, which brought the others down
        info = info.exceptions[0]
    if isinstance(info, BaseException):
        event["error"] = type(info).__name__
        frames = []
        trace = info.__traceback__
        while trace:
            frames.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
            trace = trace.tb_next
        event["trace"] = " > ".join(frames[-6:])
    return event


def _without_values(record: logging.LogRecord) -> bool:
    """Let a line of asyncio's through without the tasks and callbacks that it shows: their exceptions and arguments stand in it."""
    told = record.getMessage().partition("\n")[0]
    record.msg, record.args = ("a task or a callback failed" if record.exc_info else told), ()
    return True


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say by what the program ends: Python itself would print the text of the exception."""
    if isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logger("program").critical("ended by an error", exc_info=error)


def configure(service: str, level: str = "info", form: str = "json") -> None:
    """Send every log line of this process, libraries' too, to standard error in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _exceptions_by_type,
    ]
    render: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("aiokafka", "aiohttp.access", "faststream", "asyncio"):
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))
    quiet = logging.getLogger("asyncio")
    if _without_values not in quiet.filters:
        quiet.addFilter(_without_values)
    sys.excepthook = _ended
    # aiokafka logs whole requests and responses when a connection is lost.
    logging.getLogger("aiokafka.conn").setLevel(logging.CRITICAL)
    structlog.contextvars.bind_contextvars(service=service)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """Give the logger of a module."""
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return bound
