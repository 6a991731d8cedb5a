"""Check a recipe before it is submitted."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import services
from leaderboard.api.base import ApiView
from leaderboard.api.documentation import HARDWARE, SUBMITTED, errors
from leaderboard.api.parsers import check_length
from leaderboard.api.schemas.checks import CheckErrorsSerializer, CheckSerializer
from leaderboard.api.submitted import MODES, OPTIONS, read_options
from leaderboard.api.views.submissions import EXAMPLE, SubmissionsView
from leaderboard.forms.person import signed_in
from leaderboard.forms.throttles import CheckThrottle
from leaderboard.presentation.forecast import check_document, forecast
from measurement.documents import DocumentError, Fault, with_lines


class CheckView(ApiView):
    """Checks a recipe."""

    permission_classes = (IsAuthenticated,)
    parser_classes = SubmissionsView.parser_classes
    throttle_classes = (CheckThrottle,)
    parameters = OPTIONS
    has_key = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        check_length(request)
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="submission_check",
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
            200: CheckSerializer,
            400: OpenApiResponse(CheckErrorsSerializer, "What submitting it would refuse, each with its line."),
            **errors(401, 403, 411, 413, 415, 429),
        },
    )
    def post(self, request: Request) -> Response:
        """What submitting this would come to: what is wrong with it and where, or what to expect. Stores nothing.

        Which phases would be metered, which workers can do it, how long like runs took and what they spent, and when
        it would begin. The body is that of a submission.
        """
        text = request.body.decode("utf-8", "replace")
        try:
            body = dict(request.data)
        except DocumentError as error:
            return _refused(with_lines(text, error.faults))
        options, wrong = read_options(body, request.query_params)
        hardware, mode = options.hardware, options.mode
        person = signed_in(request.user)
        recipe, faults = check_document(options.document, mode, person)
        if recipe is not None and hardware is not None and not wrong:
            faults = services.why_not_submitted(
                recipe, hardware=hardware, submitter=person, mode=mode, version_of=options.version_of
            )
        within = "recipe" if "recipe" in body else ""
        found = [*with_lines(text, faults, within), *(Fault(field or "", message) for field, message in wrong)]
        if found or recipe is None or hardware is None:
            return _refused(found)
        answer = forecast(recipe, hardware, mode, person)
        return Response(CheckSerializer(answer, context={"request": request}).data)


def _refused(faults: list[Fault]) -> Response:
    errors_ = [{"field": fault.field or None, "message": fault.message, "line": fault.line} for fault in faults]
    return Response({"errors": errors_}, status=status.HTTP_400_BAD_REQUEST)
