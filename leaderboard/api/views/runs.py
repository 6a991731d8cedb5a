"""Runs, the queue and the workers."""

from __future__ import annotations

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries, services
from leaderboard.api.actions import ActionView
from leaderboard.api.base import PublicView, paginate
from leaderboard.api.documentation import PAGE_PARAMETERS, errors
from leaderboard.api.errors import Faults, not_found
from leaderboard.api.parameters import PAGE
from leaderboard.api.schemas.reference import WorkerSerializer
from leaderboard.api.schemas.runs import (
    OptionalReasonSerializer,
    QueueLineSerializer,
    QueueSerializer,
    ReasonSerializer,
    RerunSerializer,
    RunSerializer,
)
from leaderboard.api.submitted import MODES, check_mode
from leaderboard.forms.person import signed_in
from leaderboard.models import Run


class RunView(PublicView):
    """One run."""

    @extend_schema(operation_id="run", tags=["runs"], responses={200: RunSerializer, **errors(404)})
    def get(self, request: Request, pk: int) -> Response:
        """The run, with the phases that its current attempt measured."""
        return Response(RunSerializer(_find(pk)).data)


class RecordView(PublicView):
    """The record of a run, as its worker wrote it."""

    @extend_schema(operation_id="run_record", tags=["runs"], responses={200: OpenApiTypes.OBJECT, **errors(404)})
    def get(self, request: Request, pk: int) -> Response:
        """`record.json`; together with the trace, `python -m measurement recompute` checks every figure."""
        record = queries.record_of(_find(pk))
        if record is None:
            raise not_found("record", "this run stored none")
        return Response(record, headers={"Content-Disposition": f'attachment; filename="run-{pk}-record.json"'})


class RerunView(ActionView):
    """Runs a recipe again. For administrators."""

    permission_classes = (IsAdminUser,)
    parameters = frozenset({"mode"})
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="run_rerun",
        tags=["runs"],
        parameters=[OpenApiParameter("mode", enum=MODES, description="Default: that of the run.")],
        request=RerunSerializer,
        responses={201: RunSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415)},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Queue another run of the same recipe. The old result stays ranked until the new one is published."""
        mode = self.given.get("mode")
        if mode is not None and (wrong := check_mode(mode)):
            raise Faults(wrong)
        new = services.rerun(_find(pk), by=signed_in(request.user), mode=mode, reason=self.reason)
        return Response(
            RunSerializer(_find(new.pk)).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": reverse("api-run", args=[new.pk])},
        )


class CancelView(ActionView):
    """Stops a run. For administrators."""

    permission_classes = (IsAdminUser,)
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="run_cancel",
        tags=["runs"],
        request=OptionalReasonSerializer,
        responses={202: RunSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415)},
    )
    def post(self, request: Request, pk: int) -> Response:
        """A queued run is cancelled at once; the worker of a running one stops it within seconds."""
        services.request_cancel(_find(pk), by=signed_in(request.user), reason=self.reason)
        return Response(RunSerializer(_find(pk)).data, status=status.HTTP_202_ACCEPTED)


class HoldView(ActionView):
    """Leaves a result out of its entry. For administrators."""

    permission_classes = (IsAdminUser,)
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="run_hold",
        tags=["runs"],
        request=ReasonSerializer,
        responses={200: RunSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415)},
    )
    def post(self, request: Request, pk: int) -> Response:
        """The entry shows what its other results say until this one is released. The submitter reads the reason."""
        services.hold(_find(pk), by=signed_in(request.user), reason=self.reason)
        return Response(RunSerializer(_find(pk)).data)


class ReleaseView(ActionView):
    """Publishes a result that is held. For administrators."""

    permission_classes = (IsAdminUser,)
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="run_release",
        tags=["runs"],
        request=OptionalReasonSerializer,
        responses={200: RunSerializer, **errors(400, 401, 403, 404, 409, 411, 413, 415)},
    )
    def post(self, request: Request, pk: int) -> Response:
        """A result that was held for review or taken down counts in its entry again."""
        services.release_hold(_find(pk), by=signed_in(request.user), reason=self.reason)
        return Response(RunSerializer(_find(pk)).data)


class QueueView(PublicView):
    """Running and queued runs."""

    parameters = PAGE

    @extend_schema(
        operation_id="queue",
        tags=["runs"],
        parameters=PAGE_PARAMETERS,
        responses={200: QueueSerializer, **errors(400)},
    )
    def get(self, request: Request) -> Response:
        """Running runs first, then queued ones, in the order in which they will be done."""
        runs = queries.queue()
        page = paginate(request, len(runs))
        return Response(page.envelope(QueueLineSerializer(runs[page.start : page.stop], many=True).data))


class WorkersView(PublicView):
    """The workers."""

    @extend_schema(operation_id="workers", tags=["runs"], responses=WorkerSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every registered worker: whether it was seen within the last minute, and whether it takes runs."""
        workers = queries.workers().annotate(live=queries.is_live())
        return Response(WorkerSerializer(workers, many=True).data)


def _find(pk: int) -> Run:
    found = queries.runs().with_names().filter(pk=pk).first()
    if found is None:
        raise not_found("run")
    return found
