"""Measurements that submitters made themselves."""

from __future__ import annotations

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries, services
from leaderboard.api.base import ApiView, PublicView
from leaderboard.api.documentation import errors
from leaderboard.api.errors import Faults, LengthRequired, TooLarge, not_found
from leaderboard.api.schemas.measurements import MeasurementSerializer
from leaderboard.domain.uploads import MOST_MEASUREMENT_BYTES
from leaderboard.forms.person import signed_in
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import Measurement

PARQUET = "application/vnd.apache.parquet"


class MeasurementFilesSerializer(serializers.Serializer[None]):
    """The two files of a measurement."""

    record = serializers.FileField(help_text="record.json, at most 2 MiB.")
    trace = serializers.FileField(help_text="trace.parquet, at most 16 MiB.")


def _check_length(length: str) -> None:
    if not length.isdecimal():
        raise LengthRequired
    if int(length) > MOST_MEASUREMENT_BYTES:
        raise TooLarge(f"the body has {int(length):,} bytes; the limit is {MOST_MEASUREMENT_BYTES:,}")


class MeasurementsView(ApiView):
    """Takes a measurement."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (MultiPartParser,)
    throttle_classes = (SubmissionThrottle,)
    refused_status = status.HTTP_400_BAD_REQUEST
    has_key = False  # a record is known by its SHA-256

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        if request.method == "POST":
            _check_length(request.headers.get("Content-Length") or "")
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="send_measurement",
        tags=["measurements"],
        request={"multipart/form-data": MeasurementFilesSerializer},
        responses={201: MeasurementSerializer, 200: MeasurementSerializer, **errors(400, 401, 411, 413, 415, 429)},
    )
    def post(self, request: Request) -> Response:
        """Record and trace of `measurement run` or `measurement meter`, as evidence of reported phases.

        The joules are recomputed from the trace. What was sent before is found, not stored twice.
        """
        missing = [(name, "is required: a file") for name in ("record", "trace") if name not in request.FILES]
        if missing:
            raise Faults(missing)
        record, trace = (request.FILES[name].read() for name in ("record", "trace"))
        user = signed_in(request.user)
        found, is_new = services.take_measurement(record, trace, user)
        return Response(
            MeasurementSerializer(found, context={"request": request}).data,
            status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK,
        )


class MeasurementView(PublicView):
    """One measurement."""

    @extend_schema(
        operation_id="measurement", tags=["measurements"], responses={200: MeasurementSerializer, **errors(404)}
    )
    def get(self, request: Request, sha256: str) -> Response:
        """Measured by a submitter, never verified: that its joules follow from its trace is all that was checked."""
        return Response(MeasurementSerializer(_find(sha256), context={"request": request}).data)


class MeasurementTraceView(PublicView):
    """Its power trace."""

    @extend_schema(
        operation_id="measurement_trace",
        tags=["measurements"],
        responses={(200, PARQUET): OpenApiTypes.BINARY, **errors(404)},
    )
    def get(self, request: Request, sha256: str) -> FileResponse:
        """Parquet, as it was sent."""
        try:
            file = _find(sha256).trace.open("rb")
        except FileNotFoundError:
            raise not_found("trace", "its file was deleted") from None
        return FileResponse(file, as_attachment=True, filename=f"{sha256[:12]}-trace.parquet", content_type=PARQUET)


def _find(sha256: str) -> Measurement:
    found = queries.measurements([sha256]).first()
    if found is None:
        raise not_found("measurement", "it was never sent to this site, or was deleted")
    return found
