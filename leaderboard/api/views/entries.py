"""One entry: its figures, its power trace, its badge."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from leaderboard import queries, services
from leaderboard.api.actions import ActionView
from leaderboard.api.badge import METRICS, energy_badge, greenness_badge
from leaderboard.api.base import PublicView, version_of
from leaderboard.api.comparison import comparison
from leaderboard.api.documentation import ACCURACY_WEIGHT, USAGE_INTENSITY, errors
from leaderboard.api.errors import not_found
from leaderboard.api.own import correction_lines, version_lines
from leaderboard.api.parameters import read_badge, read_usage_intensity
from leaderboard.api.rows import FIGURES
from leaderboard.api.schemas.entries import EntrySerializer, TakenDownSerializer
from leaderboard.api.schemas.runs import MeasuredPhaseSerializer, ReasonSerializer
from leaderboard.domain import ranking
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.domain.repeats import Basis
from leaderboard.forms.person import signed_in
from leaderboard.models import Claim, Entry, Run
from leaderboard.presentation.entry.repeats import Uncertainty, uncertainties
from leaderboard.presentation.entry.runs import run_lines
from leaderboard.presentation.entry.submitted import last_audit, run_as
from leaderboard.presentation.rows import below_floor, entry_quality_by

PARQUET, SVG = "application/vnd.apache.parquet", "image/svg+xml"


class EntryView(PublicView):
    """One entry in full."""

    parameters = frozenset({"usage_intensity"})

    @extend_schema(
        operation_id="entry",
        tags=["entries"],
        parameters=[USAGE_INTENSITY],
        responses={200: EntrySerializer, **errors(400, 404)},
    )
    def get(self, request: Request, pk: int) -> Response:
        """Method, recipe, and the figures of every phase."""
        usage_intensity = read_usage_intensity(request.query_params)
        entry = _find(pk)
        return Response(_detail(entry, usage_intensity, request))


class TakeDownView(ActionView):
    """Takes an entry off its board. For administrators."""

    permission_classes = (IsAdminUser,)
    fields = frozenset({"reason"})

    @extend_schema(
        operation_id="entry_take_down",
        tags=["entries"],
        request=ReasonSerializer,
        responses={200: TakenDownSerializer, **errors(400, 401, 403, 404, 411, 413, 415)},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Its results are held until they are released. The submitter and the entry's page say the reason."""
        entry = _find(pk)
        services.take_down(Entry.objects.filter(pk=entry.pk), by=signed_in(request.user), reason=self.reason)
        return Response({"taken_down": entry.pk})


class TraceView(PublicView):
    """The power trace that an entry's joules were integrated from."""

    @extend_schema(
        operation_id="entry_trace",
        tags=["entries"],
        responses={(200, PARQUET): OpenApiTypes.BINARY, **errors(404)},
    )
    def get(self, request: Request, pk: int) -> FileResponse:
        """Parquet; `python -m measurement integrate` recomputes the joules from it. An old one may be thinned."""
        run = _find(pk).run
        trace = queries.trace_of(run) if run else None
        if trace is None:
            raise not_found("trace", "this entry's run stored none")
        try:
            file = trace.open("rb")
        except FileNotFoundError:
            raise not_found("trace", "its file was deleted") from None
        return FileResponse(file, as_attachment=True, filename=f"entry-{pk}-trace.parquet", content_type=PARQUET)


class BadgeView(PublicView):
    """A badge for a README."""

    parameters = frozenset({"metric", "usage_intensity", "accuracy_weight"})

    @extend_schema(
        operation_id="entry_badge",
        tags=["entries"],
        parameters=[
            OpenApiParameter("metric", enum=METRICS, description="Default energy."),
            USAGE_INTENSITY,
            ACCURACY_WEIGHT,
        ],
        responses={(200, SVG): OpenApiTypes.STR, 304: None, **errors(400, 404)},
    )
    def get(self, request: Request, pk: int) -> HttpResponseBase:
        """SVG with the full-cycle energy or greenness at that usage intensity, its date and provenance in words."""
        metric, usage_intensity, accuracy_weight = read_badge(request.query_params)
        entry = _find(pk)
        energy_j = _energy(entry, usage_intensity).energy_j
        is_energy = metric == "energy"
        asked = f"{usage_intensity:g}" if is_energy else f"{usage_intensity:g}-{accuracy_weight:.15g}"
        tag = f'"{entry.pk}-{version_of(entry.board)}-{asked}"'
        # A minute: a new result shows soon, and a popular README does not load the database.
        answer = HttpResponse(
            energy_badge(entry, usage_intensity, energy_j)
            if is_energy
            else greenness_badge(entry, usage_intensity, energy_j, accuracy_weight),
            content_type=SVG,
            headers={"Cache-Control": "public, max-age=60", "ETag": tag},
        )
        return get_conditional_response(request, etag=tag, response=answer) or answer


def _find(pk: int) -> Entry:
    found = queries.find_entry(pk)
    if found is None:
        line = queries.taken_down(pk)
        raise not_found("entry", f"it was taken down: {line.reason}" if line else "it may have been withdrawn")
    return found


def _energy(entry: Entry, usage_intensity: float) -> ranking.Ranked:
    (place,) = ranking.rank([queries.candidate(entry)], usage_intensity)
    return place


def _claimant(claim: Claim) -> dict[str, Any]:
    method = claim.method
    return {"title": method.title, "authors": method.authors, "paper": method.paper or None}


def _result(line: dict[str, Any]) -> dict[str, Any]:
    run: Run = line["run"]
    return {
        "run": run.pk,
        "state": run.state,
        "mode": run.mode,
        "recipe": run.recipe.sha256,
        "seed": line["seed"],
        "counts": line["counts"],
        "weight": line["weight"],
        "one_time_energy_j": line["one_time_j"],
        "inference_energy_j": line["per_image_j"],
        "audit": run.is_audit,
        "device": line["device"],
        "power_limit_w": line["power_limit_w"],
        "outlier_in": list(line["outlier"]),
        "withdrawn": line["is_withdrawn"],
        "held_for": run.held_for,
        "quality": line["quality"],
        "hidden_quality": line["hidden_quality"],
    }


def _thinned(entry: Entry, lines: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What became of the trace that `queries.trace_of` gives, out of the runs that were read already."""
    attempts = [
        (attempt.number == line["run"].attempt, attempt.number, attempt)
        for line in lines
        if line["run"].pk == entry.run_id
        for attempt in line["run"].attempts.all()
        if attempt.trace
    ]
    thinned = getattr(max(attempts)[2], "thinned", None) if attempts else None
    names = ("at", "samples_before", "samples", "sha256_before", "sha256")
    return {name: getattr(thinned, name) for name in names} if thinned and thinned.at else None


def _runs(entry: Entry) -> list[dict[str, Any]]:
    return run_lines(queries.history(entry), queries.figures_of_runs(entry), entry)


def _uncertainty(found: Uncertainty) -> dict[str, Any]:
    return {
        "of": found.of,
        "u95_j": found.width.u95_j,
        "basis": found.width.basis,
        "relative_deviation": found.width.relative_deviation,
        "degrees_of_freedom": found.width.degrees_of_freedom,
        "works": found.works if found.width.basis == Basis.POOLED else None,
    }


def _detail(entry: Entry, usage_intensity: float, request: Request) -> dict[str, Any]:
    method, board, run, place = entry.method, entry.board, entry.run, _energy(entry, usage_intensity)
    measured = queries.phases_of(run).filter(scope=board.scope, scenario__in=["", board.scenario]) if run else None
    lines = _runs(entry) if run else []
    return {
        "entry": entry.pk,
        "method": {
            "title": method.title,
            "family": method.family,
            "paper": method.paper or None,
            "authors": method.authors,
            "summary": method.summary,
        },
        "model": entry.published.model if entry.published else None,
        "sources": entry.published.document["sources"] if entry.published else [],
        "work": entry.work.sha256 if entry.work else None,
        "also_claimed_as": [_claimant(claim) for claim in queries.open_claims(entry.work_id)],
        "runs": [_result(line) for line in lines],
        "last_audited_at": last_audit(lines),
        "device": entry.device,
        "gain_u95": entry.gain_u95,
        "uncertainties": [_uncertainty(found) for found in uncertainties(entry)] if run else [],
        "replaced_by": entry.replaced_by_id,
        "superseded_by": entry.superseded_by_id,
        "versions": version_lines(queries.versions_of_entry(entry)),
        "corrections": correction_lines(queries.corrections(method)) if entry.work_id else [],
        "comparison": comparison(entry, usage_intensity),
        "recipe": entry.recipe.sha256 if entry.recipe else None,
        "recipe_document": entry.recipe.document if entry.recipe else None,
        "run_as": run_as(entry),
        "track": board.track,
        "hardware": board.hardware.slug,
        "scenario": board.scenario,
        "scope": board.scope,
        "quality_metric": entry.quality_metric,
        "quality_by": entry_quality_by(entry),
        "below_floor": below_floor(entry),
        "usage_intensity": usage_intensity,
        "one_time_energy_j": one_time_energy_j(entry, 1),
        "full_cycle_energy_j": place.energy_j,
        "full_cycle_energy_u95_j": place.u95_j,
        **{name: getattr(entry, name) for name in FIGURES},
        "run": run.pk if run else None,
        "submission": run.submission_id if run else None,
        "measured_phases": MeasuredPhaseSerializer(measured, many=True).data if measured is not None else [],
        "trace_thinned": _thinned(entry, lines),
        "links": {
            "self": request.build_absolute_uri(reverse("api-entry", args=[entry.pk])),
            "page": request.build_absolute_uri(entry.get_absolute_url()),
            "trace": request.build_absolute_uri(reverse("api-entry-trace", args=[entry.pk])) if run else None,
            "record": request.build_absolute_uri(reverse("api-run-record", args=[run.pk])) if run else None,
            "badge": request.build_absolute_uri(reverse("api-entry-badge", args=[entry.pk])),
            "run": request.build_absolute_uri(reverse("api-run", args=[run.pk])) if run else None,
        },
    }
