"""The leaderboard page: a form, a table that needs no JavaScript, and its live updates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh, HttpResponseStopPolling, trigger_client_event

from leaderboard import queries
from leaderboard.domain.energy import ONE_TIME_PHASES
from leaderboard.domain.running import RUN_AS
from leaderboard.domain.runstate import RunState
from leaderboard.forms.page_query import OF_RATE, PageQuery, read_query, shown
from leaderboard.forms.table_columns import ALWAYS, COLUMNS, Column, visible, widths
from leaderboard.forms.table_view import View
from leaderboard.models import Board
from leaderboard.presentation import board_menus, controls, rows, summary, table
from leaderboard.presentation import help as help_texts
from leaderboard.presentation.constraints import constraints
from leaderboard.presentation.kept_answers import same_for_all, state_now
from leaderboard.presentation.no_results import no_results
from leaderboard.staticstorage import imported_modules
from leaderboard.views import kept_pages
from leaderboard.views.board_lines import choice_bar, known_choice, lines
from leaderboard.views.copied import is_for_a_copy
from leaderboard.views.preloading import preloads
from leaderboard.views.private import with_own

ROWS_PER_PAGE = 50
# The server ranks larger boards at every change: their snapshot is too large for a browser.
MOST_ENTRIES_IN_BROWSER = 30_000
MOST_RUNS_SHOWN = 12
MOST_HARDWARE_NAMED = 8
# The parameter and the cookie of who has read how the board is read.
GUIDE = "guide"
GUIDE_READ_FOR = timedelta(days=3650)
FOR_FORMS = {"was", GUIDE}
TITLES = {
    "energy": "Which model spends the least energy over its whole life?",
    "greenness": "Which model is the greenest over its whole life?",
}


@with_own
@require_safe
@preloads("leaderboard/site.css", "leaderboard/board.css")
def leaderboard(request: HttpRequest) -> HttpResponse:
    """The ranked table."""
    if FOR_FORMS & set(request.GET):
        asked = read_query(request.GET)
        if not asked.faults:
            return _to_a_link(request, asked)
    has_read = GUIDE in request.COOKIES
    seen = state_now(request)
    state = kept_pages.state_of(request, seen, has_read)
    if page := kept_pages.find(state, request):
        same_for_all(request, seen)
        return page
    known = list(queries.boards().order_by("-size", "pk"))
    with queries.RANKING:
        response = _leaderboard(request, read_query(request.GET), known, _activity(request))
    now = queries.glance(), queries.current_notice()
    if state is None or now != seen:  # what changed while the page was made may be on it or not
        return response
    same_for_all(request, seen)
    return kept_pages.keep(state, response, request)


def _leaderboard(request: HttpRequest, asked: PageQuery, known: list[Board], active: dict[str, Any]) -> HttpResponse:
    _reset_unknown_hardware(asked, known)
    ranked = queries.ranked_board(asked.query)
    asked.query = ranked.query
    chosen = known_choice(ranked, asked)
    page = _page(request, asked, table.in_order(ranked, asked.view))
    query, view = asked.query, asked.view
    same = table.same(ranked)
    columns = visible(
        view.columns,
        query.order_by,
        same.left_out,
        has_price=view.price is not None,
        has_others=bool(view.at),
    )
    context = {
        "ranked": ranked,
        "query": query,
        "view": view,
        "numbers": controls.numbers(asked),
        "was": asked.numbers(),
        "rate_units": controls.rate_units(asked),
        "assumptions": controls.assumptions(asked, ranked.board),
        "floor": controls.floor(asked, ranked),
        "evaluated": controls.evaluated(asked),
        "notices": asked.notices,
        "board": ranked.board,
        "title": _title(ranked.board),
        "same": same,
        **lines(ranked, asked, page),
        **choice_bar(chosen, asked, page),
        "page": page,
        "page_address": _address(asked),
        "most_entries": ranked.board.size if ranked.board and is_for_a_copy(request) else MOST_ENTRIES_IN_BROWSER,
        "columns": _columns(asked, columns),
        "chosen": dict.fromkeys(columns, True),
        "every_column": dict.fromkeys((column.key for column in COLUMNS), True),
        "widths": widths(columns, len(view.at)),
        "helps": help_texts.BY_KEY,
        "how_to_read": help_texts.HOW_TO_READ if GUIDE not in request.COOKIES else (),
        "titles": TITLES,
        "is_by_greenness": query.order_by == "greenness",
        "worth": summary.worth(query.accuracy_weight),
        "why": summary.why(ranked),
        "summary": summary.summary(ranked, view),
        "following": summary.following(ranked, view),
        "crossings_title": summary.crossings_title(query),
        "crossings": summary.crossings(ranked, view),
        "options": board_menus.options(ranked, known, view, with_empty=not is_for_a_copy(request)),
        "defaults": board_menus.defaults(ranked, known),
        "facets": table.facets(ranked),
        "filters": sum(map(len, (query.families, query.provenance, query.quality_by)))
        + sum(len(getattr(query, name)) for name in RUN_AS)
        + query.include_incomplete
        + bool(query.source),
        "presets": controls.presets(asked),
        "range": controls.usage_range_fields(asked, ranked),
        "constraints": constraints(ranked),
        "phases": (*ONE_TIME_PHASES, "inference"),
        "parameters": urlencode(query.parameters(), doseq=True),
        "no_results": no_results(query, known) if ranked.board is None else None,
        "empty_tracks": controls.empty_tracks(known),
        "across_parameters": _across(ranked, view),
        "fullest": _fullest(ranked.board, known),
        "site_is_empty": not known,
        # Preloaded, so that the browser fetches them at once instead of one by one.
        "modules": imported_modules("leaderboard/board.js", "leaderboard/charts/board.js"),
        "revision": ranked.revision,
        **active,
    }
    return render(request, "leaderboard/leaderboard.html", context)


def _across(ranked: queries.RankedBoard, view: View) -> str:
    """The same track, scenario and scope on all hardware, at the reader's assumptions."""
    board = ranked.board
    group = {"track": board.track, "scenario": board.scenario, "scope": board.scope} if board else {}
    return urlencode(group) + rows.use(ranked.query, view, "&")


def _fullest(shown_board: Board | None, known: list[Board]) -> list[Board]:
    """The fullest board of each other track; `known` begins with the fullest."""
    of_track = {board.track: board for board in reversed(known)}
    return [board for track, board in of_track.items() if shown_board is None or track != shown_board.track][::-1]


def _page(request: HttpRequest, asked: PageQuery, found: Sequence[queries.RankedEntry]) -> Page[queries.RankedEntry]:
    """The requested page; if there is none of that number, the nearest, with a notice."""
    given = request.GET.get("page") or "1"
    page = Paginator(found, ROWS_PER_PAGE).get_page(given)
    if given != str(page.number):
        asked.notices.append(
            f"“page” is {shown(given)!r}, but must be a whole number from 1 to {page.paginator.num_pages}."
        )
    return page


def _columns(asked: PageQuery, visible_keys: Sequence[str]) -> list[dict[str, Any]]:
    """Every column as the table's head shows it, with the address that sorts by it."""
    return [
        {
            "key": column.key,
            "label": column.label,
            "help_key": f"column-{column.key}",
            "help_name": "places" if column.key == "rank" else column.label,  # "Rank" is the form's button
            "width": column.width,
            "is_number": column.is_number,
            "is_chosen": column.key in asked.view.columns,
            "is_shown": column.key in visible_keys,
            "is_default": column.is_default,
            "is_fixed": column.key == ALWAYS or column.follows,
            "first": f"{'-' if column.is_best_high else ''}{column.key}",
            "direction": _direction(asked.view, column.key),
            "url": _address(replace(asked, view=asked.view.on(sort=_next_sort(asked.view, column))))[:-1] or "?",
        }
        for column in COLUMNS
    ]


def _direction(view: View, key: str) -> str:
    """The value of `aria-sort`."""
    if view.sort_column != key:
        return ""
    return "descending" if view.is_descending else "ascending"


def _next_sort(view: View, column: Column) -> str:
    """What a click on the column's head sorts by: the reverse if it is the sort column already."""
    if view.sort_column == column.key:
        return column.key if view.is_descending else f"-{column.key}"
    return f"-{column.key}" if column.is_best_high else column.key


def _reset_unknown_hardware(asked: PageQuery, known: list[Board]) -> None:
    slugs = {board.hardware.slug for board in known}
    if asked.query.hardware and known and asked.query.hardware not in slugs:
        names = sorted({board.hardware.name for board in known})
        others = " and others" if len(names) > MOST_HARDWARE_NAMED else ""
        asked.notices.append(
            f"“hardware” was reset to its default: there are no results for {shown(asked.query.hardware)} yet, but "
            f"for {', '.join(names[:MOST_HARDWARE_NAMED])}{others}."
        )
        asked.query = asked.query.on(hardware="")


def _title(board: Board | None) -> str:
    if board is None:
        return "Full-Cycle Energy Leaderboard"
    return f"{rows.track_title(board.track)} on {board.hardware.name}"


def _to_a_link(request: HttpRequest, asked: PageQuery) -> HttpResponse:
    """To the same address without what only the form needs: empty parameters, and a rate that is not used."""
    kept = request.GET.copy()
    for name in list(kept):
        is_unused = not any(kept.getlist(name)) or (name in OF_RATE and asked.view.rate is None)
        if name in FOR_FORMS or is_unused:
            del kept[name]
    response = redirect(f"{request.path}?{kept.urlencode()}".rstrip("?"))
    if GUIDE in request.GET:
        response.set_cookie(GUIDE, "read", max_age=GUIDE_READ_FOR, samesite="Lax")
    return response


def _address(asked: PageQuery) -> str:
    """The page's address with this query and view, ready for one more parameter."""
    parameters = asked.parameters()
    return f"?{parameters}&" if parameters else "?"


def _activity(request: HttpRequest) -> dict[str, Any]:
    if is_for_a_copy(request):
        return {"active_count": 0, "active_runs": [], "running": None}
    first = queries.queue()[:MOST_RUNS_SHOWN]
    active = len(first) if len(first) < MOST_RUNS_SHOWN else len(queries.queue())
    # Running runs come before queued ones.
    running = first[0] if first and first[0].state == RunState.RUNNING else None
    return {"active_count": active, "active_runs": first, "running": running}


@with_own
@require_safe
def activity(request: HttpRequest) -> HttpResponse:
    """The line (or, on an empty board, the block) that shows the active runs; polled while there are any."""
    asked = read_query(request.GET)
    board = queries.find_board(asked.query)
    was = request.GET.get("revision", "")
    if board is not None and was == "empty":
        return HttpResponseClientRefresh()
    context = _activity(request) | {"revision": board.revision if board else 0}
    template = "leaderboard/_activity.html" if board else "leaderboard/_first_run.html"
    response = render(request, template, context)
    if not context["active_runs"] and board is not None:
        response.status_code = HttpResponseStopPolling.status_code
    if board is not None:
        trigger_client_event(response, "boardrevision", {"revision": board.revision})
    return response
