"""One entry in full."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import condition, require_safe

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.forms.page_query import read_query
from leaderboard.models import FAMILIES, Attempt, Board, Entry, Run, Submission
from leaderboard.presentation import choice, comparison, prices, rows
from leaderboard.presentation.charts import chart_entries, power_trace
from leaderboard.presentation.citation import bibtex
from leaderboard.presentation.controls import numbers
from leaderboard.presentation.entry import environment, flags, phases, power, repeats, runs, submitted
from leaderboard.presentation.format import floor_percent, sample
from leaderboard.presentation.own_submissions import restorable_until
from leaderboard.presentation.recipe_document import recipe_text
from leaderboard.presentation.rivals import find_rival, rival_lines, verdict
from leaderboard.presentation.versions import correction_lines, version_lines
from leaderboard.views.private import with_own
from measurement.tracks import find_track


@with_own
@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """An entry, phase by phase, and how to check it."""
    found = queries.find_entry(pk)
    if found is None:
        return _gone(request, pk)
    if found.pk != pk:  # it was joined with another entry of its work
        return redirect(f"{found.get_absolute_url()}?{request.GET.urlencode()}".rstrip("?"), permanent=True)
    given = request.GET.copy()
    against = (given.pop("against", None) or [""])[-1]
    asked = read_query(given)
    ranked = queries.ranked_board(query_of(found.board, asked.query))
    query, view = ranked.query, asked.view
    mine = ranked.find_any(pk) or queries.off_board(found, query)
    other = queries.counterpart(found)
    mine_is_on_board = found.replaced_by_id is None and found.superseded_by_id is None
    site = request.build_absolute_uri("/").rstrip("/")
    context = {
        "entry": found,
        "method": found.method,
        "family": FAMILIES.get(found.method.family, found.method.family),
        "query": query,
        "view": view,
        "kept": _kept(asked.query, against)
        + [(name, value) for name, value in view.parameters().items() if name == "chosen"],
        "usage_intensity": f"{query.usage_intensity:.15g}",
        "shared_by": f"{query.shared_by:.15g}",
        "numbers": numbers(asked),
        "was": asked.numbers(),
        "use": rows.use(query, view),
        "carried": parse_qsl(rows.use(query, view, "")),
        "price": prices.price_line(view),
        "and_use": rows.use(query, view, "&"),
        "card_parameters": urlencode(_of_reader(query).parameters()),
        "notices": asked.notices,
        "row": rows.row(mine, query, view),
        "floor": _floor(found, mine, query),
        "choice": choice.offer(found, ranked, view) if mine_is_on_board else None,
        "comparison": comparison.comparison(found, other, query) if other else None,
        "quality_label": rows.quality_label(found.quality_metric),
        "sample": sample(found.mode, found.data),
        "claims": list(queries.open_claims(found.work_id)),
        "siblings": list(queries.siblings(found)),
        "versions": version_lines(queries.versions_of_entry(found)),
        "newer": found.superseded_by,
        "corrections": correction_lines(queries.corrections(found.method)) if found.work_id else [],
        "own": _own(request, found),
        "site": site,
        "source_title": rows.SOURCE_TITLES[found.source],
        "badge": _badge(asked.query),
        "bibtex": bibtex(found, site + found.get_absolute_url()),
        **(_measured(found, found.run) if found.run else _published(found, other)),
        **_rivals(found, ranked, against),
    }
    context["contents"] = _contents(context)
    return render(request, "leaderboard/entry.html", context)


def _own(request: HttpRequest, found: Entry) -> Submission | None:
    """The reader's newest submission of an entry's work on its hardware that is not withdrawn; None without one."""
    if not request.user.is_authenticated or found.work_id is None:
        return None
    mine = Submission.objects.filter(submitter=request.user.pk, recipe__work=found.work_id, withdrawn_at=None)
    return mine.filter(hardware=found.board.hardware_id).order_by("-created_at").first()


def _withdrawn(request: HttpRequest, pk: int) -> HttpResponse:
    """That an entry's results were withdrawn, with status 410. Raises Http404 if there never was one."""
    removed = queries.removed_entry(pk)
    submission = queries.withdrawn_from(removed) if removed is not None else None
    if submission is None:
        raise Http404
    context = {"submission": submission, "restorable_until": restorable_until(submission)}
    return render(request, "leaderboard/entry_withdrawn.html", context, status=410)


def _gone(request: HttpRequest, pk: int) -> HttpResponse:
    """Why an entry was taken down, with status 410; or a way to the one that has come in its place."""
    line = queries.taken_down(pk)
    if line is None:
        return _withdrawn(request, pk)
    if (now := queries.in_place_of(line)) is not None:
        return redirect(f"{now.get_absolute_url()}?{request.GET.urlencode()}".rstrip("?"))
    run = queries.runs().with_names().filter(pk=line.details.get("run")).first()
    context = {"line": line, "decisions": [line], "submission": run.submission if run else None}
    return render(request, "leaderboard/entry_gone.html", context, status=410)


def _kept(asked: LeaderboardQuery, against: str) -> list[tuple[str, str]]:
    """What the address says besides the assumptions, so that a form that changes those keeps it."""
    kept = [("against", against)] if against else []
    if asked.min_quality is not None:
        kept.append(("min_quality", f"{asked.min_quality:.15g}"))
    if asked.order_by == "greenness":
        kept += [("order_by", asked.order_by), ("accuracy_weight", f"{asked.accuracy_weight:.15g}")]
    return kept


def _contents(context: dict[str, Any]) -> list[tuple[str, str]]:
    """The sections that the page has: their anchors and titles."""
    is_measured = context["entry"].run_id is not None
    sections = [
        ("figures", "Figures", True),
        ("comparison", "Published and verified", context["comparison"]),
        ("phases", "Phases", True),
        ("sources", "Sources", not is_measured),
        ("power", "Power over time", context.get("power_lines")),
        ("flags", "Quality flags", context.get("flags")),
        ("against", "Other entries", True),
        ("versions", "Versions", context["versions"]),
        ("runs", "Runs", is_measured),
        ("check", "Check it yourself", is_measured),
        ("environment", "Environment", is_measured),
        ("cite", "Cite and embed", True),
    ]
    return [(anchor, title) for anchor, title, is_there in sections if is_there]


def _find(pk: int) -> Entry:
    found = queries.find_entry(pk)
    if found is None:
        raise Http404
    return found


def _floor(found: Entry, mine: queries.RankedEntry | None, query: LeaderboardQuery) -> dict[str, Any]:
    """The track's quality floor, if the entry is below it; and whether the reader's query ranks the entry."""
    track = find_track(found.board.track)
    if track is None or not rows.below_floor(found):
        return {}
    return {
        "track": floor_percent(track.quality_floor),
        "reason": track.floor_reason,
        "is_ranked": mine is not None and mine.place.rank is not None,
        "whole_board": urlencode(query_of(found.board, query).on(min_quality=0.0).parameters()),
    }


def query_of(board: Board, asked: LeaderboardQuery) -> LeaderboardQuery:
    """The board of an entry at the reader's usage intensity, sharing and quality floor."""
    return LeaderboardQuery(
        track=board.track,
        hardware=board.hardware.slug,
        scenario=board.scenario,
        scope=board.scope,
        usage_intensity=asked.usage_intensity,
        shared_by=asked.shared_by,
        min_quality=asked.min_quality,
        include_incomplete=asked.include_incomplete,
    )


def _of_reader(query: LeaderboardQuery) -> LeaderboardQuery:
    """The query without the entry's own group."""
    return query.on(track="", hardware="", scenario="", scope="")


def _badge(asked: LeaderboardQuery) -> dict[str, Any]:
    """The badge that the reader chose: its address' parameters, and τ if it shows greenness."""
    is_greenness = asked.order_by == "greenness"
    parameters = {"usage_intensity": f"{asked.usage_intensity:.15g}"}
    if is_greenness:
        parameters |= {"metric": "greenness", "accuracy_weight": f"{asked.accuracy_weight:.15g}"}
    return {
        "is_greenness": is_greenness,
        "accuracy_weight": f"{asked.accuracy_weight:.15g}",
        "parameters": urlencode(parameters),
    }


def _published(found: Entry, other: Entry | None) -> dict[str, Any]:
    """Phases of a published result, each with how it was found and its sources."""
    assert found.published is not None, "the database holds a run or published figures"  # noqa: S101
    document = found.published.document
    return {
        "published": document,
        "published_phases": phases.published_phases(document),
        "quality_evidence": phases.quality_source(document)["address"],
        "submitted": submitted.submitted(found, [], other),
    }


def _measured(found: Entry, run: Run) -> dict[str, Any]:
    """Phases, quality flags, power over time, runs and environment."""
    attempt = queries.attempt_of(run)
    record = attempt.record if attempt else None
    figures = list(queries.phases_of(run).filter(scenario__in=["", found.board.scenario]))
    marks = power.power_marks(record, found.board.scope)
    lines = runs.run_lines(queries.history(found), queries.figures_of_runs(found), found)
    return {
        "recipe": recipe_text(found.recipe) if found.recipe else "",
        "attempt": attempt,
        "phases": phases.phase_table(figures, record),
        "flags": flags.flag_list(figures, run.held_for, results=found.results),
        "power_lines": power.power_table(marks),
        "thinned": power.thinned_words(attempt),
        "runs": lines,
        "decisions": queries.decisions(line["run"].pk for line in lines),
        "spread": runs.spread(lines, run.mode),
        "uncertainties": repeats.uncertainties(found),
        "gain": repeats.per_cent(found.gain_u95),
        "losses": runs.losses(record, found.board.scope, _attempts(lines)),
        "environment": environment.environment(record),
        "quality_evidence": phases.quality_evidence(record),
        "run_as": submitted.run_as(found),
        "submitted": submitted.submitted(found, lines),
    }


def _attempts(runs: list[dict[str, Any]]) -> list[Attempt]:
    """The attempts of the run that the entry shows."""
    return [attempt for line in runs if line["is_shown"] for attempt in line["run"].attempts.all()]


def _rivals(found: Entry, ranked: queries.RankedBoard, asked: str) -> dict[str, Any]:
    against = find_rival(found, ranked, asked)
    words = ""
    if against.rival is not None:
        mine, other = queries.candidate(found), queries.candidate(against.rival)
        words = verdict(mine, other, ranked.query.shared_by)
    chosen = [found, against.rival] if against.rival is not None else []
    return {
        "against": against,
        "verdict": words,
        "rivals": rival_lines(found, ranked),
        "chart": {
            "own": chart_entries([found]),
            "entries": chart_entries(chosen),
            "usage_intensity": ranked.query.usage_intensity,
            "shared_by": ranked.query.shared_by,
        },
    }


@with_own
@require_safe
def recipe(request: HttpRequest, pk: int) -> HttpResponse:
    """The recipe of an entry as a file that `python -m measurement run` takes."""
    found = _find(pk)
    if found.recipe is None:
        raise Http404
    name = found.recipe.sha256[:12]
    headers = {"Content-Disposition": f'attachment; filename="{name}.yaml"'}
    return HttpResponse(recipe_text(found.recipe), "application/yaml; charset=utf-8", headers=headers)


def _attempt_of(pk: int) -> Attempt | None:
    found = queries.find_entry(pk)
    return queries.attempt_of(found.run) if found and found.run else None


def _trace_tag(request: HttpRequest, pk: int) -> str | None:
    return power.trace_tag(_attempt_of(pk))


@with_own
@require_safe
@condition(etag_func=_trace_tag)
def power_over_time(request: HttpRequest, pk: int) -> HttpResponse:
    """Power over time of an entry's run, thinned out, with its phases' marks; for its chart."""
    found = _find(pk)
    attempt = queries.attempt_of(found.run) if found.run else None
    if attempt is None or not attempt.trace:
        return JsonResponse({"detail": "This entry's run stored no power trace."}, status=404)
    try:
        with attempt.trace.open("rb") as file:
            trace = power_trace(file)
    except (OSError, ValueError, KeyError):
        return JsonResponse({"detail": "The power trace can't be read."}, status=404)
    response = JsonResponse(trace | {"phases": power.power_marks(attempt.record, found.board.scope)})
    patch_cache_control(response, public=True, max_age=300)
    return response
