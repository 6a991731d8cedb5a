"""The ranked board as a file."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from leaderboard import queries
from leaderboard.api import downloads
from leaderboard.api.base import PublicView
from leaderboard.api.documentation import FILTER_PARAMETERS, errors
from leaderboard.api.parameters import FILTER, board_query

CSV, JSON, PARQUET = "text/csv", "application/json", "application/vnd.apache.parquet"


class DownloadSerializer(serializers.Serializer[Any]):
    """The JSON download."""

    view = serializers.URLField()
    revision = serializers.IntegerField()
    results = serializers.ListField(child=serializers.DictField())


class _DownloadView(PublicView):
    parameters = FILTER
    suffix: ClassVar[str]
    media_type: ClassVar[str]
    write: ClassVar[staticmethod[[queries.RankedBoard, str], bytes]]

    def answer(self, request: Request) -> HttpResponse:
        ranked = queries.ranked_board(board_query(request.query_params))
        site = f"{request.scheme}://{request.get_host()}"
        name = "-".join(["leaderboard", *([ranked.board.track, ranked.board.hardware.slug] if ranked.board else [])])
        return HttpResponse(
            type(self).write(ranked, site),
            content_type=self.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{name}.{self.suffix}"',
                "Cache-Control": "no-cache",
            },
        )


class CsvView(_DownloadView):
    """For spreadsheets."""

    suffix, media_type, write = "csv", f"{CSV}; charset=utf-8", staticmethod(downloads.as_csv)

    @extend_schema(
        operation_id="leaderboard_csv",
        tags=["leaderboard"],
        parameters=FILTER_PARAMETERS,
        responses={(200, CSV): OpenApiTypes.STR, **errors(400)},
    )
    def get(self, request: Request) -> HttpResponse:
        """All rows of the ranked board as CSV, units in the column names."""
        return self.answer(request)


class JsonView(_DownloadView):
    """For programs that want it all at once."""

    suffix, media_type, write = "json", JSON, staticmethod(downloads.as_json)

    @extend_schema(
        operation_id="leaderboard_json",
        tags=["leaderboard"],
        parameters=FILTER_PARAMETERS,
        responses={(200, JSON): DownloadSerializer, **errors(400)},
    )
    def get(self, request: Request) -> HttpResponse:
        """All rows of the ranked board as JSON, flat as in the CSV, with the address of the page they are from."""
        return self.answer(request)


class ParquetView(_DownloadView):
    """For data frames."""

    suffix, media_type, write = "parquet", PARQUET, staticmethod(downloads.as_parquet)

    @extend_schema(
        operation_id="leaderboard_parquet",
        tags=["leaderboard"],
        parameters=FILTER_PARAMETERS,
        responses={(200, PARQUET): OpenApiTypes.BINARY, **errors(400)},
    )
    def get(self, request: Request) -> HttpResponse:
        """All rows of the ranked board as Parquet, units in the column names."""
        return self.answer(request)
