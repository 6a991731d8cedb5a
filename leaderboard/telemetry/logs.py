"""How log lines look: a line of text for people, or an object of JSON a line for programs."""

from __future__ import annotations

from typing import Any

import structlog

FORMATS = ("line", "json")


def configuration(form: str, celery_level: str) -> dict[str, Any]:
    """`LOGGING` of the settings. form: one of FORMATS."""
    # Neither shows local variables, which may hold passwords of connections.
    for_people = structlog.dev.ConsoleRenderer(
        colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )
    for_programs = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    renderers: list[Any] = for_programs if form == "json" else [for_people]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "one": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
                "foreign_pre_chain": [
                    structlog.contextvars.merge_contextvars,
                    structlog.stdlib.add_log_level,
                    structlog.processors.TimeStamper(fmt="iso"),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "one"}},
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "celery": {"level": celery_level},
            "django.server": {"level": "WARNING"},
            "waitress.queue": {"level": "ERROR"},  # it warns of every request that waits for a thread
        },
    }
