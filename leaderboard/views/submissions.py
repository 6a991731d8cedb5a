"""Watch a submission's run, take it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseStopPolling

from leaderboard import queries, services
from leaderboard.database import clock
from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.domain.runstate import FINAL, RunState
from leaderboard.forms.person import signed_in
from leaderboard.models import Run, Submission
from leaderboard.presentation import rows
from leaderboard.presentation.advice import advice_for
from leaderboard.presentation.entry.flags import flag_meanings
from leaderboard.presentation.own_submissions import restorable_until
from leaderboard.presentation.recipe_document import recipe_text
from leaderboard.presentation.versions import correction_lines, version_lines
from leaderboard.views.own import may_steer
from leaderboard.views.private import with_own

WITHOUT_RESULT = (RunState.FAILED, RunState.CANCELLED)


@with_own
@never_cache
@require_safe
def submission(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A submission with its newest run."""
    context = _status(request, pk)
    found = context["submission"]
    context |= {
        "claims": list(queries.open_claims(found.recipe.work_id)),
        "versions": version_lines(queries.versions_of_submission(found), submission=found.pk),
        "corrections": correction_lines(queries.corrections(found.recipe.method)),
        "restorable_until": restorable_until(found),
        "may_correct": request.user.is_authenticated and bool(services.own_method(found, signed_in(request.user))),
        "is_own": request.user.is_authenticated and found.submitter_id == request.user.pk,
    }
    return render(request, "leaderboard/submission.html", context)


@with_own
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
    wait = queries.wait_of_run(run)
    return {
        "submission": submission,
        "run": run,
        "final": final,
        "ahead": queries.ahead_in_queue(run, wait.able) if run and wait else None,
        "steps": _steps(run) if run else [],
        "spent": _spent_without_result(run) if run else {},
        "elapsed_s": _elapsed_s(run) if run else None,
        "entries": [(entry, rows.one_time(entry, 1), rows.below_floor(entry)) for entry in entries],
        "is_below_floor": any(map(rows.below_floor, entries)),
        "wait": wait,
        "held_for": flag_meanings(run.held_for) if run else [],
        "decisions": queries.decisions(submission.runs.values_list("pk", flat=True)),
        "other_result": queries.earlier_result(run) if run and run.state == RunState.SUCCEEDED else None,
        "is_mine": may_steer(request, submission),
        "failed": _failed(request, submission, run) if run and run.state == RunState.FAILED else None,
    }


def _failed(request: HttpRequest, submission: Submission, run: Run) -> dict[str, Any]:
    """What to say of a failed run; the last lines of its log for those whom they concern."""
    attempt = run.attempts.defer("record").order_by("number").last()
    mine = may_steer(request, submission)
    return {
        "advice": advice_for(attempt),
        "log": attempt.log if attempt is not None and mine else "",
        "recipe": recipe_text(run.recipe) if mine else "",
    }


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
