"""The number of a request, which its log lines have, in its answer: who reports a fault can name it."""

from __future__ import annotations

from typing import Any

import structlog
from django.dispatch import receiver
from django.http.response import HttpResponseBase
from django_structlog.signals import bind_extra_request_finished_metadata, update_failure_response

HEADER = "X-Request-ID"


@receiver([bind_extra_request_finished_metadata, update_failure_response])
def tell_its_number(response: HttpResponseBase, **_: Any) -> None:
    response.headers[HEADER] = structlog.contextvars.get_contextvars()["request_id"]
