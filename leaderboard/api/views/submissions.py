"""Submissions: submit a recipe, follow its run, withdraw it."""

from __future__ import annotations

import math
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import PermissionDenied, UnsupportedMediaType
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from leaderboard import queries, services
from leaderboard.api.actions import ActionView
from leaderboard.api.base import ApiView, PublicView, paginate
from leaderboard.api.documentation import HARDWARE, OWN_PARAMETERS, PAGE_PARAMETERS, RATE_LIMIT, SUBMITTED, errors
from leaderboard.api.errors import not_found
from leaderboard.api.own import own_line
from leaderboard.api.parameters import OWN, PAGE, check_names, read_own_filter
from leaderboard.api.parsers import (
    JSONDocumentParser,
    TextYAMLDocumentParser,
    XYAMLDocumentParser,
    YAMLDocumentParser,
    check_length,
)
from leaderboard.api.schemas.own import CorrectedSerializer, NamesSerializer, OwnSubmissionsSerializer
from leaderboard.api.schemas.runs import OptionalReasonSerializer, SubmissionSerializer
from leaderboard.api.submitted import MODES, OPTIONS, read_submission
from leaderboard.api.waiting import MOST_S, RETRY_AFTER_S, read_wait, wait_for_end
from leaderboard.forms.client import client_of
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
    """Lists one's own submissions, and submits a recipe."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (JSONDocumentParser, YAMLDocumentParser, XYAMLDocumentParser, TextYAMLDocumentParser)
    parameters = OPTIONS | OWN | PAGE
    refused_status = status.HTTP_400_BAD_REQUEST
    submitter: User | None = None

    def check_throttles(self, request: Request) -> None:
        """By now it is known who asks, and that they may."""
        self.submitter = signed_in(request.user)
        super().check_throttles(request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "POST":
            check_length(request)
        super().initial(request, *args, **kwargs)
        check_names(request.query_params, OPTIONS if request.method == "POST" else OWN | PAGE)

    def get_throttles(self) -> list[BaseThrottle]:
        """Reading is not counted."""
        return [SubmissionThrottle()] if self.request.method == "POST" else []

    @extend_schema(
        operation_id="submissions",
        tags=["submissions"],
        parameters=[*OWN_PARAMETERS, *PAGE_PARAMETERS],
        responses={200: OwnSubmissionsSerializer, **errors(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Your submissions, the newest first: state, result, rank now, and what each waits for."""
        conditions = read_own_filter(request.query_params)
        found = queries.own_submissions(signed_in(request.user), **conditions)
        page = paginate(request, found.count())
        lines = queries.own_lines(list(found[page.start : page.stop]))
        return Response(page.envelope([own_line(line, request) for line in lines]))

    @extend_schema(
        operation_id="submit",
        tags=["submissions"],
        parameters=[
            OpenApiParameter(
                "hardware", HARDWARE, description="A slug of /api/v1/hardware; required if there are several."
            ),
            OpenApiParameter("mode", enum=MODES, description="Default full."),
            OpenApiParameter(
                "version_of",
                OpenApiTypes.UUID,
                description="Your earlier submission that this is a new version of: while its own result is "
                "published, it has the earlier one's place on the board.",
            ),
            *RATE_LIMIT,
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
            wanted.recipe,
            hardware=wanted.hardware,
            submitter=signed_in(request.user),
            mode=wanted.mode,
            version_of=wanted.version_of,
        )
        return Response(
            SubmissionSerializer(queries.submissions().get(pk=submission.pk), context={"request": request}).data,
            status=status.HTTP_201_CREATED if created else status.HTTP_200_OK,
            headers={"Location": reverse("api-submission", args=[submission.pk])},
        )

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """With what is left of the day's quota, in the fields of draft-ietf-httpapi-ratelimit-headers."""
        response = super().finalize_response(request, response, *args, **kwargs)
        quota = services.quota_of(self.submitter) if self.submitter is not None else None
        if quota is not None:
            response["RateLimit-Policy"] = f'"daily";q={quota.limit};w=86400'
            response["RateLimit"] = f'"daily";r={quota.left};t={math.ceil(quota.resets_in_s)}'
        return response

    def _document(self, request: Request) -> dict[str, Any]:
        try:
            return dict(request.data)
        except UnsupportedMediaType as error:
            allowed = ", ".join(parser.media_type for parser in self.parser_classes)
            raise UnsupportedMediaType(request.content_type, f"{error.detail} Send Content-Type {allowed}.") from None


class SubmissionView(PublicView):
    """The state of a submission."""

    parameters = frozenset({"wait"})

    @extend_schema(
        operation_id="submission",
        tags=["submissions"],
        parameters=[
            OpenApiParameter(
                "wait",
                {"type": "integer", "minimum": 0, "maximum": MOST_S, "default": 0},
                description="Answer when none of its runs is queued or running any more, or after so many seconds.",
            )
        ],
        responses={200: SubmissionSerializer, **errors(400, 404)},
    )
    def get(self, request: Request, pk: str) -> Response:
        """The submission with its newest run.

        With `wait`, a header Retry-After says that too many requests wait already: this is the present state, and
        when to ask again.
        """
        wait_s = read_wait(request.query_params)
        headers = {"Cache-Control": "no-store"} if wait_s else {}
        if wait_s and not wait_for_end(_find(pk).pk, wait_s, client_of(request)):
            headers["Retry-After"] = str(RETRY_AFTER_S)
        return Response(SubmissionSerializer(_find(pk), context={"request": request}).data, headers=headers)


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


class RestoreView(ActionView):
    """Undoes a withdrawal."""

    permission_classes = (IsAuthenticated,)
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="submission_restore",
        tags=["submissions"],
        request=OptionalReasonSerializer,
        responses={200: SubmissionSerializer, **errors(400, 401, 403, 404, 409, 410, 411, 413, 415, 429)},
    )
    def post(self, request: Request, pk: str) -> Response:
        """What was published comes back, and a run that was cancelled is queued again; 410 once the time is over."""
        submission = _find(pk)
        if submission.submitter_id != request.user.pk and not request.user.is_staff:
            raise PermissionDenied("only its submitter and administrators may undo the withdrawal of a submission")
        services.restore(submission, by=signed_in(request.user), reason=self.reason)
        return Response(SubmissionSerializer(_find(pk), context={"request": request}).data)


class NamesView(ActionView):
    """Corrects the names of one's own work."""

    permission_classes = (IsAuthenticated,)
    parser_classes = (JSONDocumentParser,)  # type: ignore[assignment]  # a list of authors is no form's field
    fields = frozenset({*services.CORRECTED, "reason"})

    @extend_schema(
        operation_id="submission_names",
        tags=["submissions"],
        request=NamesSerializer,
        responses={200: CorrectedSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415, 429)},
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Title, family, paper, authors, summary: what is given is corrected, with what it was in the log."""
        submission, person = _find(pk), signed_in(request.user)
        if services.own_method(submission, person) is None:
            raise PermissionDenied("only the person who gave a work its names may correct them")
        given = {name: value for name, value in self._given_names().items() if name in services.CORRECTED}
        changed = services.correct(submission, given, by=person, reason=self.reason)
        method = services.own_method(_find(pk), person)
        assert method is not None, "it was theirs a moment ago"  # noqa: S101
        return Response(services.names_of(method) | {"changed": list(changed)})

    def _given_names(self) -> dict[str, Any]:
        """With what is null, which clears the address of the paper."""
        cleared = {name: None for name, value in dict(self.request.data).items() if value is None}
        return cleared | self.given


def _find(pk: str) -> Submission:
    found = queries.submissions().filter(pk=pk).first()
    if found is None:
        raise not_found("submission")
    return found
