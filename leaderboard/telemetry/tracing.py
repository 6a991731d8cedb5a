"""Spans of requests, database queries, tasks and measurements, sent by OpenTelemetry where a collector is named.

Without OTEL_EXPORTER_OTLP_ENDPOINT nothing of it is imported. The libraries' own settings (OTEL_SERVICE_NAME,
OTEL_TRACES_SAMPLER, …) hold as they document them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from leaderboard.configuration import stop

NAME = "leaderboard"
UNTRACED = "healthz,readyz,metrics"
# As in the log: an address may hold a secret, and who asked is nobody's business.
PRIVATE = ("http.target", "http.url", "url.path", "url.query", "url.full", "net.peer.ip", "client.address")
PRIVATE_TOO = ("http.user_agent", "user_agent.original", "net.peer.port", "client.port", "network.peer.address")


def start() -> None:
    """Send spans from now on, if a collector is named. Ends the process if the extra `otel` is not installed."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.celery import CeleryInstrumentor
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        stop(f"OTEL_EXPORTER_OTLP_ENDPOINT: {error.name} is not installed. pip install '.[otel]', or leave it empty.")
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = settings.OTEL_EXPORTER_OTLP_ENDPOINT
    os.environ.setdefault("OTEL_SERVICE_NAME", NAME)
    os.environ.setdefault("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", UNTRACED)
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(request_hook=_hide, response_hook=_hide)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]  # the library's
    connection_created.connect(_trace_queries, weak=False)


@contextmanager
def span(name: str, **attributes: str | int) -> Iterator[None]:
    """What happens in the context, as a span within the one that is open; nothing where no collector is named."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        yield
        return
    from opentelemetry import trace

    with trace.get_tracer(NAME).start_as_current_span(name, attributes=attributes):
        yield


def _hide(its_span: Any, *_: Any) -> None:
    for name in (*PRIVATE, *PRIVATE_TOO):
        if its_span is not None and name in (its_span.attributes or {}):
            its_span.set_attribute(name, "")


def _trace_queries(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_query)


def _query(execute: Callable[..., Any], statement: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    """A query as a span: its statement with places for values, and none of these."""
    vendor = context["connection"].vendor
    verb = statement.lstrip().partition(" ")[0].upper()
    with span(f"{verb} {vendor}", **{"db.system": vendor, "db.statement": statement}):
        return execute(statement, parameters, many, context)
