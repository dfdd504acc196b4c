"""Structured logs on stderr: one line per event, JSON where nobody is watching."""

import logging
import sys

import structlog

#: Libraries that log each request they make, some of them with what was answered.
CHATTY = ("httpx", "httpx2", "httpcore2", "openai")


def configure(level: str) -> None:
    """Set up logging for a process; `level` is DEBUG, INFO, WARNING or ERROR."""
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if human else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
