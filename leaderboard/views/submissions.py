"""Submit a recipe, watch its run, see the queue."""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from leaderboard import queries, services
from leaderboard.database import clock
from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.domain.runstate import FINAL, RunState
from leaderboard.forms.person import signed_in
from leaderboard.forms.submission import SubmissionForm
from leaderboard.forms.throttles import SubmissionThrottle
from leaderboard.models import Run, Submission
from leaderboard.presentation import draft, rows
from leaderboard.presentation.entry.flags import flag_meanings
from leaderboard.presentation.glossary import OF_SUBMITTING
from leaderboard.presentation.workers import worker_line
from measurement.documents import MAX_DOCUMENT_BYTES, DocumentError

RUNS_PER_PAGE = 100
MOST_DIGITS = 15
WITHOUT_RESULT = (RunState.FAILED, RunState.CANCELLED)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def submit(request: HttpRequest) -> HttpResponse:
    """The form. A recipe with errors is shown again with all of them."""
    if request.method != "POST":
        start = _start(request)
        return _submit_page(request, SubmissionForm(initial={"document": start.text}), start=start)
    form = SubmissionForm(request.POST, request.FILES)
    if not form.is_valid() or form.recipe is None:
        return _submit_page(request, form)
    throttle = SubmissionThrottle()
    if not throttle.allow_request(request, None):
        form.refuse("", _too_many(throttle))
        return _submit_page(request, form, status=429)
    try:
        submission, created = services.submit(
            form.recipe,
            hardware=form.cleaned_data["hardware"],
            submitter=signed_in(request.user),
            mode=form.cleaned_data["mode"],
        )
    except services.Refused as refusal:
        form.refuse(refusal.field, refusal.message)
        return _submit_page(request, form, status=429 if isinstance(refusal, services.LimitReached) else 200)
    except DocumentError as error:
        for fault in error.faults:
            form.refuse(fault.field, fault.message)
        return _submit_page(request, form)
    if not created:
        messages.info(request, "This work was already submitted for this hardware. This is its submission.")
    return redirect(submission)


def _start(request: HttpRequest) -> draft.Start:
    """The recipe that the form starts with: of the published entry or track that the address names, or an example."""
    given = request.GET.get("published", "")
    found = (
        queries.entries().filter(pk=int(given)).first()
        if given.isascii() and given.isdecimal() and len(given) <= MOST_DIGITS
        else None
    )
    of_track = draft.of_track(request.GET.get("track", ""))
    return (draft.of_published(found) if found else None) or of_track or draft.example()


def _too_many(throttle: SubmissionThrottle) -> str:
    minutes = math.ceil((throttle.wait() or 0) / 60)
    wait = "in a minute" if minutes <= 1 else f"in {minutes} minutes"
    return f"the limit is {throttle.num_requests} submissions an hour; try again {wait}"


def _submit_page(
    request: HttpRequest, form: SubmissionForm, status: int = 200, start: draft.Start | None = None
) -> HttpResponse:
    context = {
        "form": form,
        "most_kib": MAX_DOCUMENT_BYTES // 1024,
        "has_hardware": form.hardware_field.queryset,
        "definitions": OF_SUBMITTING,
        "start": start,
        "ban": queries.ban_of(request.user),
    }
    return render(request, "leaderboard/submit.html", context, status=status)


@never_cache
@require_safe
def submission(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A submission with its newest run."""
    context = _status(request, pk)
    claims = list(queries.open_claims(context["submission"].recipe.work_id))
    return render(request, "leaderboard/submission.html", context | {"claims": claims})


@never_cache
@require_safe
def status(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of the page that changes; polled until the run has ended."""
    context = _status(request, pk)
    response = render(request, "leaderboard/_status.html", context)
    if context["final"]:
        response.status_code = HttpResponseStopPolling.status_code
    return response


def _status(request: HttpRequest, pk: UUID) -> dict[str, Any]:
    submission = get_object_or_404(queries.submissions(), pk=pk)
    run = queries.current_run(submission)
    entries = list(queries.entries_of_submission(submission))
    final = run is None or run.state in FINAL
    return {
        "submission": submission,
        "run": run,
        "final": final,
        "ahead": queries.ahead_in_queue(run) if run and run.state == "queued" else None,
        "steps": _steps(run) if run else [],
        "spent": _spent_without_result(run) if run else {},
        "elapsed_s": _elapsed_s(run) if run else None,
        "entries": [(entry, rows.one_time(entry, 1), rows.below_floor(entry)) for entry in entries],
        "is_below_floor": any(map(rows.below_floor, entries)),
        "waits_for": queries.waits_for(run),
        "held_for": flag_meanings(run.held_for) if run else [],
        "decisions": queries.decisions(submission.runs.values_list("pk", flat=True)),
        "other_result": queries.earlier_result(run) if run and run.state == RunState.SUCCEEDED else None,
        "is_mine": _is_mine(request, submission),
    }


def _is_mine(request: HttpRequest, submission: Submission) -> bool:
    user = request.user
    return user.is_authenticated and (user.is_staff or submission.submitter_id == user.pk)


def _elapsed_s(run: Run) -> float | None:
    if run.started_at is None:
        return None
    return ((run.finished_at or clock.now()) - run.started_at).total_seconds()


def _steps(run: Run) -> list[dict[str, Any]]:
    """The run's steps in order, each with its state, how much of it is done (0..1) and its joules so far."""
    progress = run.progress or {}
    ended = {item.get("position"): item for item in progress.get("ended", ())}
    reached = progress.get("position")
    steps = []
    for position, name in enumerate(progress.get("steps", ())):
        step: dict[str, Any] = {"name": name, "of_sample": run.mode == "sampled" and name in ONE_TIME_PHASES}
        if position in ended:
            step |= {"state": "done", "fraction": 1.0, **ended[position]}
        elif position == reached and run.state != RunState.SUCCEEDED:
            step |= {"state": "running" if run.state == RunState.RUNNING else "stopped"}
            step |= {key: progress.get(key) for key in ("fraction", "detail", "power_w", "energy_j")}
        else:
            step |= _not_done(run, reached is not None and position < reached, bool(ended))
        steps.append(step)
    return steps


def _not_done(run: Run, is_past: bool, has_ended_steps: bool) -> dict[str, Any]:
    """A step without an event of its own. If the run is past it, it was skipped."""
    if run.state == RunState.SUCCEEDED:
        return {"state": "skipped" if has_ended_steps else "done", "fraction": 1.0}
    if is_past:
        return {"state": "skipped", "fraction": 1.0}
    return {"state": "not_started" if run.state in WITHOUT_RESULT else "waiting", "fraction": 0.0}


def _spent_without_result(run: Run) -> dict[str, Any]:
    """What the last attempt of a run without a result spent: `energy_j`, `time_s`, `provenance`."""
    spent: dict[str, Any] = (run.progress or {}).get("spent") or {}
    return spent if run.state in WITHOUT_RESULT and spent.get("energy_j") is not None else {}


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Withdraw a submission; for its submitter or an administrator."""
    submission = get_object_or_404(queries.submissions(), pk=pk)
    if not _is_mine(request, submission):
        raise PermissionDenied
    try:
        services.withdraw(submission, by=signed_in(request.user))
    except services.Refused as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "The submission was withdrawn.")
    return redirect(submission)


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Running and queued runs, live workers, and recently finished runs."""
    context = {
        "page": Paginator(queries.queue(), RUNS_PER_PAGE).get_page(request.GET.get("page")),
        "workers": [worker_line(worker) for worker in queries.live_workers()],
        "recent": list(queries.recent_runs()),
    }
    return render(request, "leaderboard/queue.html", context)
