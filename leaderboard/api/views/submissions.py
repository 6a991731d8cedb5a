"""Submissions: submit a recipe, follow its run, withdraw it."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied, UnsupportedMediaType
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries, services
from leaderboard.api.actions import ActionView
from leaderboard.api.base import ApiView, PublicView
from leaderboard.api.documentation import HARDWARE, SUBMITTED, errors
from leaderboard.api.errors import not_found
from leaderboard.api.parsers import (
    JSONDocumentParser,
    TextYAMLDocumentParser,
    XYAMLDocumentParser,
    YAMLDocumentParser,
    check_length,
)
from leaderboard.api.schemas.runs import OptionalReasonSerializer, SubmissionSerializer
from leaderboard.api.submitted import MODES, OPTIONS, read_submission
from leaderboard.forms.person import signed_in
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import Submission

EXAMPLE = {
    "recipe": {
        "schema_version": 1,
        "method": {"title": "A small network", "family": "compact"},
        "track": "digits",
        "model": {"architecture": "starnet_s050", "resolution": 32},
        "phases": [{"technique": "supervised", "phase": "train", "epochs": 20}],
    },
    "hardware": "a-slug-of-api-v1-hardware",
    "mode": "full",
}


class SubmissionsView(ApiView):
    """Submits a recipe."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (JSONDocumentParser, YAMLDocumentParser, XYAMLDocumentParser, TextYAMLDocumentParser)
    throttle_classes = (SubmissionThrottle,)
    parameters = OPTIONS
    refused_status = status.HTTP_400_BAD_REQUEST

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_length(request)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="submit",
        tags=["submissions"],
        parameters=[
            OpenApiParameter(
                "hardware", HARDWARE, description="A slug of /api/v1/hardware; required if there are several."
            ),
            OpenApiParameter("mode", enum=MODES, description="Default full."),
        ],
        request={parser.media_type: SUBMITTED for parser in parser_classes},
        examples=[OpenApiExample("A recipe and its hardware", EXAMPLE, request_only=True)],
        responses={
            201: SubmissionSerializer,
            200: OpenApiResponse(
                SubmissionSerializer,
                "This recipe is already queued, running or verified on this hardware, in this mode or in full.",
            ),
            **errors(400, 401, 411, 413, 415, 429),
        },
    )
    def post(self, request: Request) -> Response:
        """Queue a run of a recipe. The body is the recipe, or has it as `recipe`.

        At most 64 KiB. The schema of a recipe is at /api/v1/recipe-schema.
        """
        wanted = read_submission(self._document(request), request.query_params)
        submission, created = services.submit(
            wanted.recipe, hardware=wanted.hardware, submitter=signed_in(request.user), mode=wanted.mode
        )
        return Response(
            SubmissionSerializer(queries.submissions().get(pk=submission.pk), context={"request": request}).data,
            status=status.HTTP_201_CREATED if created else status.HTTP_200_OK,
            headers={"Location": reverse("api-submission", args=[submission.pk])},
        )

    def _document(self, request: Request) -> dict[str, Any]:
        try:
            return dict(request.data)
        except UnsupportedMediaType as error:
            allowed = ", ".join(parser.media_type for parser in self.parser_classes)
            raise UnsupportedMediaType(request.content_type, f"{error.detail} Send Content-Type {allowed}.") from None


class SubmissionView(PublicView):
    """The state of a submission."""

    @extend_schema(
        operation_id="submission", tags=["submissions"], responses={200: SubmissionSerializer, **errors(404)}
    )
    def get(self, request: Request, pk: str) -> Response:
        """The submission with its newest run."""
        return Response(SubmissionSerializer(_find(pk), context={"request": request}).data)


class WithdrawView(ActionView):
    """Withdraws a submission."""

    permission_classes = (IsAuthenticated,)
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="submission_withdraw",
        tags=["submissions"],
        request=OptionalReasonSerializer,
        responses={200: SubmissionSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415)},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Cancel its run and remove its entries from the boards; for its submitter and administrators."""
        submission = _find(pk)
        if submission.submitter_id != request.user.pk and not request.user.is_staff:
            raise PermissionDenied("only its submitter and administrators may withdraw a submission")
        services.withdraw(submission, by=signed_in(request.user), reason=self.reason)
        return Response(SubmissionSerializer(_find(pk), context={"request": request}).data)


def _find(pk: str) -> Submission:
    found = queries.submissions().filter(pk=pk).first()
    if found is None:
        raise not_found("submission")
    return found
