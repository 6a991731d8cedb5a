"""The leaderboard page: a form, a table that needs no JavaScript, and what keeps it fresh."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh, HttpResponseStopPolling, trigger_client_event

from leaderboard import queries
from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.domain.runstate import RunState
from leaderboard.domain.usage import USAGE_PRESETS
from leaderboard.filters import ORDERINGS, LeaderboardForm, LeaderboardQuery, unknown_parameters
from leaderboard.models import FAMILIES, Board, Provenance, Scenario, Scope
from leaderboard.templatetags.energy import count
from leaderboard.views import rows

ROWS_PER_PAGE = 100
MOST_RUNS_SHOWN = 12
# What board.js imports; named to the browser beforehand, so that it fetches them at once instead of one by one.
MODULES = [f"leaderboard/{name}.js" for name in ("ranking", "format", "rows", "draw")]
PAGE_PARAMETERS = frozenset({"page", "revision"})


@dataclass(slots=True)
class Asked:
    """A reader's question with every bad parameter at its default, and what was put right."""

    query: LeaderboardQuery
    notices: list[str] = field(default_factory=list)


def read_query(given: QueryDict) -> Asked:
    """Read a board's parameters without ever refusing: a bad one is left out, and named in a notice."""
    notices = [
        f"“{shown(name)}” is not a parameter of this page and was left out."
        for name in unknown_parameters(given, PAGE_PARAMETERS)
        if not name.startswith("utm_")
    ]
    form = LeaderboardForm(given)
    if not form.is_valid():
        kept = given.copy()
        for name, errors in form.errors.items():
            kept.pop(name, None)
            notices.append(f"“{name}” was left at its default: {' '.join(str(error) for error in errors)}")
        form = LeaderboardForm(kept)
        form.is_valid()
    return Asked(form.query(), notices)


def shown(text: str) -> str:
    """A stranger's text, cut to a length that a notice can bear."""
    return text if len(text) <= 40 else text[:40] + "…"


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    """The ranked table."""
    asked = read_query(request.GET)
    known = list(queries.boards().order_by("-size", "pk"))
    _put_hardware_right(asked, known)
    ranked = queries.ranked_board(asked.query)
    page = Paginator(ranked.rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "ranked": ranked,
        "query": asked.query,
        "usage_intensity": f"{asked.query.usage_intensity:.15g}",
        "shared_by": f"{asked.query.shared_by:.15g}",
        "min_quality": "" if asked.query.min_quality is None else f"{asked.query.min_quality:.15g}",
        "notices": asked.notices,
        "board": ranked.board,
        "title": _title(ranked.board),
        "rows": [rows.row(item, asked.query) for item in page.object_list],
        "page": page,
        "page_address": _address(asked.query),
        "summary": rows.summary(ranked),
        "crossings": rows.crossings(ranked),
        "options": _options(ranked, known),
        "presets": _presets(asked.query),
        "phases": (*ONE_TIME_PHASES, "inference"),
        "parameters": _parameters(asked.query),
        "other_boards": known,
        "site_is_empty": not known,
        "modules": MODULES,
        **_activity(ranked.revision),
    }
    return render(request, "leaderboard/leaderboard.html", context)


def _put_hardware_right(asked: Asked, known: list[Board]) -> None:
    slugs = {board.hardware.slug for board in known}
    if asked.query.hardware and known and asked.query.hardware not in slugs:
        asked.notices.append(
            f"“hardware” was left at its default: nothing was verified on {shown(asked.query.hardware)} yet."
        )
        asked.query = asked.query.on(hardware="")


def _title(board: Board | None) -> str:
    if board is None:
        return "Full-Cycle Energy Leaderboard"
    return f"{rows.track_title(board.track)} on {board.hardware.name} · Full-Cycle Energy Leaderboard"


def _options(ranked: queries.RankedBoard, known: list[Board]) -> dict[str, Any]:
    """Every menu as (value, label, chosen), with the board's own values chosen where the query leaves them open."""
    query, board = ranked.query, ranked.board
    tracks = {item.track: rows.track_title(item.track) for item in known}
    track = board.track if board else query.track
    hardware = {item.hardware.slug: item.hardware.name for item in known if not track or item.track == track}
    return {
        "track": _menu(sorted(tracks.items()), track),
        "hardware": _menu(sorted(hardware.items()), board.hardware.slug if board else query.hardware),
        "scenario": _menu(Scenario.choices, query.scenario or Scenario.OFFLINE),
        "scope": _menu(Scope.choices, query.scope or Scope.ACCELERATOR),
        "order_by": _menu(list(ORDERINGS.items()), query.order_by),
        "family": _menu(list(FAMILIES.items()), *query.families),
        "provenance": _menu(
            [choice for choice in Provenance.choices if choice[0] != Provenance.MISSING], *query.provenance
        ),
        "families": FAMILIES,
    }


def _menu(choices: list[tuple[str, str]], *chosen: str) -> list[tuple[str, str, bool]]:
    return [(value, label, value in chosen) for value, label in choices]


def _presets(query: LeaderboardQuery) -> list[dict[str, Any]]:
    return [
        {
            "name": preset.name,
            "images": count(preset.usage_intensity),
            "value": f"{preset.usage_intensity:.0f}",
            "url": "?" + _parameters(query.on(usage_intensity=preset.usage_intensity)),
            "chosen": preset.usage_intensity == query.usage_intensity,
        }
        for preset in USAGE_PRESETS
    ]


def _parameters(query: LeaderboardQuery) -> str:
    return urlencode(query.parameters(), doseq=True)


def _address(query: LeaderboardQuery) -> str:
    """The page's address with this query, ready for one more parameter."""
    parameters = _parameters(query)
    return f"?{parameters}&" if parameters else "?"


def _activity(revision: int) -> dict[str, Any]:
    first = list(queries.queue()[:MOST_RUNS_SHOWN])
    active = len(first) if len(first) < MOST_RUNS_SHOWN else queries.queue().count()
    # What runs stands before what waits.
    running = first[0] if first and first[0].state == RunState.RUNNING else None
    return {"active_count": active, "active_runs": first, "running": running, "revision": revision}


@require_safe
def activity(request: HttpRequest) -> HttpResponse:
    """The line (or, on an empty board, the block) that tells what is being verified; polled while runs are active."""
    asked = read_query(request.GET)
    board = queries.find_board(asked.query)
    was = request.GET.get("revision", "")
    if board is not None and was == "empty":
        return HttpResponseClientRefresh()
    context = _activity(board.revision if board else 0)
    template = "leaderboard/_activity.html" if board else "leaderboard/_first_run.html"
    response = render(request, template, context)
    if not context["active_runs"] and board is not None:
        response.status_code = HttpResponseStopPolling.status_code
    if board is not None:
        trigger_client_event(response, "boardrevision", {"revision": board.revision})
    return response
