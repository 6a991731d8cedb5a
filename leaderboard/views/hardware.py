"""Results across hardware: of one model, and of a whole track. Neither is a comparability group, so neither ranks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import queries
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.quality import typed_percent
from leaderboard.domain.running import RUN_AS
from leaderboard.forms.page_query import PageQuery, read_query, shown
from leaderboard.models import Entry, Scenario, Scope
from leaderboard.presentation import across as across_text
from leaderboard.presentation import prices, rows
from leaderboard.presentation.controls import numbers
from leaderboard.views.private import with_own
from measurement.tracks import quality_floor

LINES_PER_PAGE = 50
MOST_TITLES = 20
MOST_RESULTS = 200
# What a page across hardware can't do: only a group has ranks.
_OF_GROUPS = ("order_by", "accuracy_weight", "quality_by", *RUN_AS)
_OF_TABLE = ("columns", "sort")
# What chooses among a track's entries, where a model is chosen already.
_OF_TRACK = ("track", "hardware", "family", "provenance", "source", "search", "include_incomplete")


@with_own
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """One model on all hardware: that of an entry (`entry`), or by its name (`name`)."""
    given = request.GET.copy()
    number = (given.pop("entry", None) or [""])[-1].strip()
    name = (given.pop("name", None) or [""])[-1].strip()[:120]
    asked = read_query(given)
    asked.notices += _unused(given, *_OF_GROUPS, *_OF_TABLE, *_OF_TRACK)
    entry = _entry(number)
    if number and entry is None:
        asked.notices.append(f"“entry” is {shown(number)!r}, but no entry has that number.")
    found = queries.of_same_model(entry) if entry else queries.of_model_named(name) if name else None
    every = list(queries.at_usage(found, asked.query)[: MOST_RESULTS + 1]) if found is not None else []
    is_cut = len(every) > MOST_RESULTS
    every = every[:MOST_RESULTS]
    query = _of_group(every, entry, asked.query)
    here = [line for line in every if (line.board.scenario, line.board.scope) == (query.scenario, query.scope)]
    context = _context(asked, query) | {
        "name": entry.method.title if entry else name,
        "most": MOST_RESULTS if is_cut else None,
        "lines": across_text.lines(here, query, asked.view),
        "several_tracks": len({line.board.track for line in here}) > 1,
        "groups": _groups(every, query, asked, number, name),
        "titles": queries.titles_like(name, MOST_TITLES) if name and not every else [],
        "kept": [(key, value) for key, value in (("entry", number), ("name", name)) if value] + _kept(asked.query),
    }
    return render(request, "leaderboard/models.html", context, status=404 if (number or name) and not every else 200)


def _entry(number: str) -> Entry | None:
    is_number = number.isascii() and number.isdecimal() and len(number) <= 15
    return queries.find_entry(int(number)) if is_number else None


def _of_group(every: list[Entry], entry: Entry | None, asked: LeaderboardQuery) -> LeaderboardQuery:
    """The query with a scenario and scope that the model has: the reader's if it can be, else the entry's."""
    board = entry.board if entry else None
    wanted = (
        asked.scenario or (board.scenario if board else Scenario.OFFLINE.value),
        asked.scope or (board.scope if board else Scope.ACCELERATOR.value),
    )
    known = [(line.board.scenario, line.board.scope) for line in every]
    scenario, scope = max(known, key=lambda one: (one[0] == wanted[0]) + (one[1] == wanted[1]), default=wanted)
    return asked.on(scenario=scenario, scope=scope)


def _groups(
    every: list[Entry], query: LeaderboardQuery, asked: PageQuery, number: str, name: str
) -> list[tuple[str, str, bool]]:
    """Links to the same for other scenarios and scopes: (words, address, whether it is shown)."""
    known = dict.fromkeys((line.board.scenario, line.board.scope) for line in every)
    which = {"entry": number} if number else {"name": name}
    return [
        (
            f"{Scenario(scenario).label}, {Scope(scope).label.lower()}",
            "?" + urlencode(which | _address(asked, asked.query.on(scenario=scenario, scope=scope)), doseq=True),
            (scenario, scope) == (query.scenario, query.scope),
        )
        for scenario, scope in sorted(known)
    ]


@with_own
@require_safe
def across(request: HttpRequest) -> HttpResponse:
    """A track's entries on all hardware, each with where it runs."""
    asked = read_query(request.GET)
    asked.notices += _unused(request.GET, *_OF_GROUPS, *_OF_TABLE)
    board = queries.find_board(asked.query.on(hardware=""))
    query = asked.query
    if board is not None:
        query = query.on(track=board.track, scenario=board.scenario, scope=board.scope)
        query = query.at_floor_of(quality_floor(board.track))
    found = queries.at_usage(queries.of_track(query), query)
    given = request.GET.get("page") or "1"
    page = Paginator(found, LINES_PER_PAGE).get_page(given)
    if given != str(page.number):
        pages = page.paginator.num_pages
        asked.notices.append(f"“page” is {shown(given)!r}, but must be a whole number from 1 to {pages}.")
    known = list(queries.boards())
    context = _context(asked, query) | {
        "board": board,
        "page": page,
        "page_address": "?" + urlencode(_address(asked, asked.query) | {"page": ""}, doseq=True),
        "lines": across_text.lines(page.object_list, query, asked.view),
        "track_title": rows.track_title(query.track) if board else "",
        "other_hardware": board is not None
        and len({item.hardware_id for item in known if item.track == board.track}) > 1,
        "choices": _choices(query, known) if board else [],
        "floor": {"typed": typed_percent(query.min_quality), "placeholder": typed_percent(query.default_floor)},
        "kept": [
            item
            for item in (
                *(("family", family) for family in query.families),
                *(("provenance", value) for value in query.provenance),
                ("source", query.source),
                ("include_incomplete", "on" if query.include_incomplete else ""),
            )
            if item[1]
        ],
    }
    return render(request, "leaderboard/across.html", context)


def _choices(query: LeaderboardQuery, known: list[Any]) -> list[tuple[str, str, list[tuple[str, str, bool]]]]:
    """Menus of the table: (parameter, label, choices)."""
    tracks = sorted({board.track for board in known})
    hardware = {board.hardware.slug: board.hardware.name for board in known if board.track == query.track}
    menus: list[tuple[str, str, list[tuple[str, str]], str]] = [
        ("track", "Track", [(slug, rows.track_title(slug)) for slug in tracks], query.track),
        ("hardware", "Hardware", [("", "all"), *sorted(hardware.items())], query.hardware),
        ("scenario", "Scenario", list(Scenario.choices), query.scenario),
        ("scope", "Scope", list(Scope.choices), query.scope),
    ]
    return [
        (name, label, [(value, words, value == chosen) for value, words in choices])
        for name, label, choices, chosen in menus
    ]


def _context(asked: PageQuery, query: LeaderboardQuery) -> dict[str, Any]:
    view = asked.view
    return {
        "query": query,
        "view": view,
        "notices": asked.notices,
        "usage_intensity": f"{query.usage_intensity:.15g}",
        "shared_by": f"{query.shared_by:.15g}",
        "numbers": numbers(asked),
        "was": asked.numbers(),
        "price": prices.price_line(view),
        "scenario_words": Scenario(query.scenario).label.lower() if query.scenario else "",
        "scope_words": Scope(query.scope).label.lower() if query.scope else "",
    }


def _address(asked: PageQuery, query: LeaderboardQuery) -> dict[str, Any]:
    return query.parameters() | asked.view.assumptions()


def _kept(asked: LeaderboardQuery) -> list[tuple[str, str]]:
    """What a form of the assumptions leaves as it is."""
    floor = "" if asked.min_quality is None else f"{asked.min_quality:.15g}"
    kept = (("scenario", asked.scenario), ("scope", asked.scope), ("min_quality", floor))
    return [item for item in kept if item[1]]


def _unused(given: Any, *names: str) -> list[str]:
    """A notice for each parameter of a board that a page across hardware does not use."""
    return [f"“{name}” has no effect on this page." for name in names if name in given]
