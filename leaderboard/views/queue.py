"""The queue: what runs and waits, the live workers, and what ended lately."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import queries
from leaderboard.database import clock
from leaderboard.models import Run
from leaderboard.presentation import run_lists
from leaderboard.presentation.workers import worker_line
from leaderboard.views.private import with_own

RUNS_PER_PAGE = 100


@with_own
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Running and queued runs, live workers, and recently finished runs."""
    page = Paginator(queries.queue(attempts=True), RUNS_PER_PAGE).get_page(request.GET.get("page"))
    recent = list(queries.recent_runs())
    reasons = queries.hold_reasons(run.pk for run in recent if run.held_for)
    now = clock.now()
    context = {
        "page": page,
        "lines": [_line(run, "", now) for run in page],
        "workers": [worker_line(worker) for worker in queries.live_workers()],
        "recent": [_line(run, reasons.get(run.pk, ""), now) for run in recent],
    }
    return render(request, "leaderboard/queue.html", context)


def _line(run: Run, reason: str, now: datetime) -> dict[str, Any]:
    """reason: why it is held, as somebody said."""
    return {
        "run": run,
        "progress": run_lists.progress(run),
        "worker": run_lists.worker(run),
        "duration": run_lists.duration(run, now),
        "spent": run_lists.spent(run),
        "held_for": run_lists.held_for(run, reason),
    }
