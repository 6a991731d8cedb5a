"""Two runs of one work next to each other, and a run's power over time."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from leaderboard import queries
from leaderboard.models import Attempt, Run, Scope
from leaderboard.presentation.charts import power_trace
from leaderboard.presentation.entry import power
from leaderboard.presentation.format import percent
from leaderboard.presentation.run_comparison import environment_differences, phase_lines, same_device
from leaderboard.views.private import with_own

MOST_DIGITS = 15


@with_own
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Two runs (`run`, twice) of one work: 400 that says what is wrong with others, 404 for one that is not there."""
    given = request.GET.getlist("run")
    found = {run.pk: run for run in queries.runs().with_names().filter(pk__in=filter(None, map(_number, given)))}
    runs = [found.get(_number(text) or 0) for text in given]
    if len(given) != 2 or runs[0] == runs[1] is not None:
        return _refused(request, "Give two different runs: ?run=1&run=2.", 400)
    if missing := [text[:MOST_DIGITS] for text, run in zip(given, runs, strict=True) if run is None]:
        return _refused(request, f"There is no run {' and no run '.join(missing)}.", 404)
    first, second = (run for run in runs if run is not None)
    if first.recipe.work_id != second.recipe.work_id:
        return _refused(
            request,
            f"Run {first.pk} and run {second.pk} are of different works, whose phases can't be compared; choose two "
            "runs of one entry.",
            400,
        )
    return render(request, "leaderboard/run_comparison.html", _compared(first, second))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None


def _refused(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    return render(request, "leaderboard/run_comparison.html", {"refused": sentence}, status=status)


def _compared(first: Run, second: Run) -> dict[str, Any]:
    attempts = [queries.attempt_of(run) for run in (first, second)]
    records = [attempt.record if attempt else None for attempt in attempts]
    one_device = same_device(*attempts)
    differing, equal = environment_differences(*records)
    columns = [
        {
            "run": run,
            "attempt": attempt,
            "quality": percent(((record or {}).get("quality") or {}).get("value")),
            "seed": ((record or {}).get("recipe") or {}).get("seed", 0),
        }
        for run, attempt, record in zip((first, second), attempts, records, strict=True)
    ]
    return {
        "columns": columns,
        "method": first.recipe.method,
        "one_device": one_device,
        "lines": phase_lines(queries.phases_of(first), queries.phases_of(second), one_device=one_device),
        "differing": differing,
        "equal": equal,
        "thinned": [
            (run.pk, words)
            for run, attempt in zip((first, second), attempts, strict=True)
            if (words := power.thinned_words(attempt))
        ],
        "traced": [column["run"] for column in columns if column["attempt"] and column["attempt"].trace],
    }


def _attempt(pk: int) -> Attempt | None:
    run = queries.runs().with_names().filter(pk=pk).first()
    return queries.attempt_of(run) if run else None


def _tag(request: HttpRequest, pk: int) -> str | None:
    return power.trace_tag(_attempt(pk))


@with_own
@require_safe
@condition(etag_func=_tag)
def power_over_time(request: HttpRequest, pk: int) -> HttpResponse:
    """Power over time of a run, thinned out, with its phases' marks; for the chart of a comparison."""
    attempt = _attempt(pk)
    if attempt is None or not attempt.trace:
        raise Http404
    try:
        with attempt.trace.open("rb") as file:
            trace = power_trace(file)
    except (OSError, ValueError, KeyError):
        return JsonResponse({"detail": "The power trace can't be read."}, status=404)
    response = JsonResponse(trace | {"phases": power.power_marks(attempt.record, Scope.ACCELERATOR)})
    patch_cache_control(response, public=True, max_age=300)
    return response
