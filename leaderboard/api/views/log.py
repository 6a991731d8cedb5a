"""The log of what was done, for administrators."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries
from leaderboard.api.base import ApiView, paginate
from leaderboard.api.documentation import DOCUMENTED, PAGE_PARAMETERS, errors
from leaderboard.api.downloads import cell
from leaderboard.api.parameters import LOG, PAGE, read_log_filter
from leaderboard.api.renderers import FiniteJSONRenderer
from leaderboard.api.schemas.administration import LogLineSerializer, LogSerializer
from leaderboard.forms.log import ACTOR_PATTERN, OBJECT_ID_PATTERN, OBJECT_TYPE_PATTERN
from leaderboard.models import Action, LogLine

CSV, JSON_LINES = "text/csv", "application/jsonl"
LINES_AT_ONCE = 1000
_DAY = {"type": "string", "format": "date"}
LOG_PARAMETERS = [
    OpenApiParameter(
        "actor",
        {"type": "string", "pattern": ACTOR_PATTERN},
        description="The name of an account; “system” for commands and workers.",
    ),
    OpenApiParameter("action", enum=Action.values, description="What was done."),
    OpenApiParameter(
        "object_type", {"type": "string", "pattern": OBJECT_TYPE_PATTERN}, description="Such as run, entry or user."
    ),
    OpenApiParameter("object_id", {"type": "string", "pattern": OBJECT_ID_PATTERN}, description="Its number."),
    OpenApiParameter("since", _DAY, description="The first day, in UTC."),
    OpenApiParameter("until", _DAY, description="The last day, in UTC."),
    OpenApiParameter(
        "search", DOCUMENTED["search"].type, description="In reasons, actors, and names and numbers of objects."
    ),
]


class LogView(ApiView):
    """The log."""

    permission_classes = (IsAdminUser,)
    parameters = LOG | PAGE

    @extend_schema(
        operation_id="log",
        tags=["administration"],
        parameters=[*LOG_PARAMETERS, *PAGE_PARAMETERS],
        responses={200: LogSerializer, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Who did what to which object and why, the newest first. Lines are never changed and never removed."""
        lines = queries.log_lines(**read_log_filter(request.query_params))
        page = paginate(request, lines.count())
        return Response(page.envelope(LogLineSerializer(lines[page.start : page.stop], many=True).data))


class _LogDownload(ApiView):
    permission_classes = (IsAdminUser,)
    parameters = LOG
    media_type: ClassVar[str]
    suffix: ClassVar[str]

    def answer(self, request: Request) -> StreamingHttpResponse:
        lines = queries.log_lines(**read_log_filter(request.query_params))
        return StreamingHttpResponse(
            self.write(lines),
            content_type=f"{self.media_type}; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="log.{self.suffix}"', "Cache-Control": "no-store"},
        )

    def write(self, lines: QuerySet[LogLine]) -> Iterator[bytes]:
        raise NotImplementedError


class LogCsvView(_LogDownload):
    """For spreadsheets."""

    suffix, media_type = "csv", CSV

    @extend_schema(
        operation_id="log_csv",
        tags=["administration"],
        parameters=LOG_PARAMETERS,
        responses={(200, CSV): OpenApiTypes.STR, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Every line that meets the conditions as CSV; details as JSON in one column."""
        return self.answer(request)

    def write(self, lines: QuerySet[LogLine]) -> Iterator[bytes]:
        """The header, then a line for each."""
        names = list(LogLineSerializer().fields)
        yield _csv_line(names)
        for line in _each(lines):
            yield _csv_line([_text(line[name]) for name in names])


class LogJsonLinesView(_LogDownload):
    """For programs."""

    suffix, media_type = "jsonl", JSON_LINES

    @extend_schema(
        operation_id="log_jsonl",
        tags=["administration"],
        parameters=LOG_PARAMETERS,
        responses={(200, JSON_LINES): OpenApiTypes.STR, **errors(400, 401, 403)},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Every line that meets the conditions as an object of JSON on a line of its own."""
        return self.answer(request)

    def write(self, lines: QuerySet[LogLine]) -> Iterator[bytes]:
        """An object for each."""
        for line in _each(lines):
            yield FiniteJSONRenderer().render(line) + b"\n"


def _each(lines: QuerySet[LogLine]) -> Iterator[dict[str, Any]]:
    for line in lines.iterator(chunk_size=LINES_AT_ONCE):
        yield LogLineSerializer(line).data


def _text(value: Any) -> str:
    return FiniteJSONRenderer().render(value).decode() if isinstance(value, dict) else cell(value)


def _csv_line(values: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue().encode()
