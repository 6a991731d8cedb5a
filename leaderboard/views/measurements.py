"""One's own measurements: listed, sent, deleted."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from leaderboard import queries, services
from leaderboard.forms.measurements import MeasurementForm
from leaderboard.forms.person import signed_in
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import Measurement
from measurement.documents import DocumentError


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def measurements(request: HttpRequest) -> HttpResponse:
    """The reader's measurements, and a form for another."""
    form, status = MeasurementForm(), 200
    if request.method == "POST":
        if "delete" in request.POST:
            _delete(request)
            return redirect("measurements")
        form = MeasurementForm(request.POST, request.FILES)
        status = _take(request, form)
        if status == 200:
            return redirect("measurements")
    found = [
        {"measurement": each, "evidence": _evidence(request, each), "figures": _figures(each)}
        for each in queries.measurements_of(signed_in(request.user))
    ]
    context = {"form": form, "found": found, "days": settings.ARTIFACT_DAYS}
    return render(request, "leaderboard/measurements.html", context, status=status)


def _evidence(request: HttpRequest, measurement: Measurement) -> str:
    return request.build_absolute_uri(f"/api/v1/measurements/{measurement.sha256}")


def _figures(measurement: Measurement) -> list[dict[str, Any]]:
    return [
        {"phase": phase, "scope": scope, "exact_j": repr(float(figure["energy_j"])), **figure}
        for phase, scopes in measurement.figures.items()
        for scope, figure in scopes.items()
    ]


def _take(request: HttpRequest, form: MeasurementForm) -> int:
    """Store it; 200, or the status of what the form then says."""
    if not form.is_valid():
        return 400
    throttle = SubmissionThrottle()
    if not throttle.allow_request(request, None):
        form.refuse("", f"this was sent too often; try again in {math.ceil((throttle.wait() or 0) / 60) or 1} min")
        return 429
    record, trace = (form.cleaned_data[name].read() for name in ("record", "trace"))
    reader = signed_in(request.user)
    try:
        found, is_new = services.take_measurement(record, trace, reader)
    except services.Refused as refusal:
        form.refuse(refusal.field, refusal.message)
        return 429 if isinstance(refusal, services.LimitReached) else 400
    except DocumentError as error:
        for fault in error.faults:
            form.add_error("record", f"{fault}.")
        return 400
    if found.submitter_id != reader.pk:
        form.refuse("record", "was sent by somebody else before, and only they may report it; send one of your own")
        return 400
    messages.success(request, "The measurement is stored." if is_new else "This measurement was here already.")
    return 200


def _delete(request: HttpRequest) -> None:
    reader = signed_in(request.user)
    found = queries.measurements_of(reader).filter(sha256=request.POST["delete"]).first()
    if found is None:
        messages.error(request, "Measurement not found; it may have been deleted already.")
        return
    try:
        services.delete_measurement(found, by=reader)
    except services.Refused as refusal:
        messages.error(request, refusal.sentence[:1].upper() + refusal.sentence[1:] + ".")
    else:
        messages.success(request, "The measurement was deleted.")
