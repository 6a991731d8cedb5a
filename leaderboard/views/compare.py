"""A few entries side by side, with a verdict in words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.board_query import LeaderboardQuery
from leaderboard.domain.energy import one_time_energy_j
from leaderboard.forms.page_query import PageQuery, read_query
from leaderboard.forms.several import MOST_COMPARED
from leaderboard.forms.table_view import View
from leaderboard.models import FAMILIES, Entry
from leaderboard.presentation import prices, rows
from leaderboard.presentation.charts import chart_entries
from leaderboard.presentation.controls import numbers
from leaderboard.presentation.format import (
    UNKNOWN,
    count,
    floor_percent,
    images,
    joules,
    milliseconds,
    relative,
    sample,
    share,
    si,
)
from leaderboard.presentation.rivals import Against, find_rival
from leaderboard.views.entries import query_of
from leaderboard.views.private import with_own


@with_own
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Up to six entries side by side; 404 if an entry does not exist."""
    wanted, notices = read_entries(request.GET)
    given = request.GET.copy()
    given.pop("entry", None)
    added = (given.pop("add", None) or [""])[-1]
    asked = read_query(given)
    found = {entry.pk: entry for entry in queries.entries().filter(pk__in=wanted).defer("recipe__document")}
    chosen = [found[pk] for pk in wanted if pk in found]
    unknown = [pk for pk in wanted if pk not in found]
    query, view = asked.query, asked.view
    candidates = _add(chosen, added, query) if chosen and len(chosen) < MOST_COMPARED else Against()
    boards = {entry.board_id for entry in chosen}
    context = {
        "notices": asked.notices + notices,
        "unknown": unknown,
        "one_group": len(boards) == 1,
        "query": query,
        "usage_intensity": f"{query.usage_intensity:.15g}",
        "shared_by": f"{query.shared_by:.15g}",
        "numbers": numbers(asked),
        "was": asked.numbers(),
        "use": rows.use(query, view),
        "carried": parse_qsl(rows.use(query, view, "")),
        "price": prices.price_line(view),
        "view": view,
        "kept": _kept(chosen, query),
        "entries": chosen,
        "heads": [(entry, _address([e for e in chosen if e is not entry], asked)) for entry in chosen],
        "found": [(entry, _address([*chosen, entry], asked)) for entry in candidates.found],
        "add_notice": candidates.notice,
        "may_add": 0 < len(chosen) < MOST_COMPARED,
        "lines": _table(chosen, query, view),
        "card_parameters": _address(chosen, asked).removeprefix("?"),
        "verdict": _verdict(chosen, query) if len(boards) == 1 else [],
        "chart": {
            "entries": chart_entries(chosen),
            "usage_intensity": query.usage_intensity,
            "shared_by": query.shared_by,
        },
    }
    return render(request, "leaderboard/compare.html", context, status=404 if unknown else 200)


def _add(chosen: list[Entry], asked: str, query: LeaderboardQuery) -> Against:
    """Append the entry that `asked` names, from the first one's group; or return the matches to choose from."""
    if not asked.strip():
        return Against()
    ranked = queries.ranked_board(query_of(chosen[0].board, query))
    against = find_rival(chosen[0], ranked, asked)
    if against.rival is not None and against.rival.pk not in {entry.pk for entry in chosen}:
        chosen.append(against.rival)
    return against


def _address(entries: list[Entry], asked: PageQuery) -> str:
    """The page's address with these entries, at the reader's usage intensity and assumptions."""
    chosen = {"entry": [entry.pk for entry in entries]}
    return "?" + urlencode(chosen | asked.query.parameters() | asked.view.assumptions(), doseq=True)


def _kept(entries: list[Entry], query: LeaderboardQuery) -> list[tuple[str, str]]:
    """What the address says besides the assumptions, so that a form that changes those keeps it."""
    kept = [("entry", str(entry.pk)) for entry in entries]
    return kept + ([("min_quality", f"{query.min_quality:.15g}")] if query.min_quality is not None else [])


def read_entries(given: QueryDict) -> tuple[list[int], list[str]]:
    """The entries' numbers that an address names, each once, and notices of what was ignored."""
    asked = given.getlist("entry")
    notices = [f"“{text[:40]}” is not an entry number and was ignored." for text in asked if not _is_key(text)]
    wanted = list(dict.fromkeys(int(text) for text in asked if _is_key(text)))
    if len(wanted) > MOST_COMPARED:
        notices.append(
            f"At most {MOST_COMPARED} entries can be compared; the last {len(wanted) - MOST_COMPARED} were ignored."
        )
    return wanted[:MOST_COMPARED], notices


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 15


def ranked_among(chosen: list[Entry], query: LeaderboardQuery) -> list[ranking.Ranked]:
    """The chosen entries ranked among themselves, those with a missing phase at their lower bound."""
    candidates = [queries.candidate(entry) for entry in chosen]
    return ranking.rank(candidates, query.usage_intensity, query.shared_by, include_incomplete=True)


def _table(chosen: list[Entry], query: LeaderboardQuery, view: View) -> list[tuple[str, list[str]]]:
    """A line for each figure, a column for each entry."""
    totals = {row.key: row for row in ranked_among(chosen, query)}
    priced = [("Cost", [rows.cost_text(e, totals[e.pk].energy_j, view) for e in chosen])] if view.price else []
    return [
        ("Family", [FAMILIES.get(e.method.family, "") for e in chosen]),
        ("Track", [rows.track_title(e.board.track) for e in chosen]),
        ("Hardware", [e.board.hardware.name for e in chosen]),
        ("Scenario", [e.board.get_scenario_display() for e in chosen]),
        ("Scope", [e.board.get_scope_display() for e in chosen]),
        ("Quality", [rows.quality(e) for e in chosen]),
        ("Full-cycle energy", [_total(e, totals[e.pk]) for e in chosen]),
        ("One-time energy", [rows.one_time(e, query.shared_by) for e in chosen]),
        ("Energy per image", [joules(e.inference_energy_j) for e in chosen]),
        ("One-time share", [_ahead(e, totals[e.pk], query) for e in chosen]),
        ("Carbon", [rows.carbon_text(e, totals[e.pk].energy_j, view) for e in chosen]),
        *priced,
        ("Provenance", [e.provenance for e in chosen]),
        ("Source", [e.source for e in chosen]),
        ("Mode", [UNKNOWN if e.source == "published" else sample(e.mode, e.data) or "full" for e in chosen]),
        ("Parameters", [f"{e.parameters:,}" for e in chosen]),
        ("Latency, median", [milliseconds(e.latency_p50_ms) for e in chosen]),
        ("Memory, peak", [si(e.peak_memory_bytes, "B") for e in chosen]),
        ("Throughput", [f"{e.throughput_images_per_s:,.0f} images/s" for e in chosen]),
    ]


def _total(entry: Entry, place: ranking.Ranked) -> str:
    return f"{rows.at_least(entry)}{joules(place.energy_j)} {relative(place.u95_j, place.energy_j)}"


def _ahead(entry: Entry, place: ranking.Ranked, query: LeaderboardQuery) -> str:
    return share(one_time_energy_j(entry, query.shared_by) / place.energy_j if place.energy_j > 0 else 0.0)


def _verdict(chosen: list[Entry], query: LeaderboardQuery) -> list[str]:
    """Which entry uses the least energy at the reader's usage intensity and by how much, and at other usages."""
    titles = {entry.pk: entry.method.title for entry in chosen}
    rivals = [entry for entry in chosen if _is_at_floor(entry, query)]
    winners = ranking.champions([queries.candidate(entry) for entry in rivals], query.shared_by)
    sentences = _here(rivals, query, titles)
    if len(winners) > 1:
        for before, after in pairwise(winners):
            crossing = count(after.from_usage_intensity)
            sentences.append(f"{titles[int(after.key)]} overtakes {titles[int(before.key)]} at {crossing} images.")
    elif winners and len(rivals) > 1:
        sentences.append(f"{titles[int(winners[0].key)]} uses the least energy at any usage.")
    sentences += [
        f"{titles[entry.pk]} is below the quality floor of {floor_percent(_floor(entry, query))}: it is not compared."
        for entry in chosen
        if entry not in rivals
    ]
    bounds = [titles[entry.pk] for entry in rivals if not entry.complete]
    sentences += [
        f"{title} has a missing phase: its total is a lower bound, so it is not compared." for title in bounds
    ]
    return sentences


def _floor(entry: Entry, query: LeaderboardQuery) -> float:
    """The quality floor in force: the reader's, or that of the entry's track."""
    return rows.track_floor(entry) if query.min_quality is None else query.min_quality


def _is_at_floor(entry: Entry, query: LeaderboardQuery) -> bool:
    return entry.quality >= _floor(entry, query)


def _here(chosen: list[Entry], query: LeaderboardQuery, titles: dict[int, str]) -> list[str]:
    complete = ranked_among([entry for entry in chosen if entry.complete], query)
    if len(complete) < 2:
        return []
    first, second = complete[:2]
    winner = titles[int(first.key)]
    text = f"For {images(query.usage_intensity)}, {winner} uses the least energy: {joules(first.energy_j)}"
    if second.energy_j > 0 and first.energy_j < second.energy_j:
        less = share(1 - first.energy_j / second.energy_j)
        text += f", {less} less than {titles[int(second.key)]}"
    if first.u95_j is None or second.u95_j is None:
        return [f"{text}."]
    if first.energy_j + first.u95_j >= second.energy_j - second.u95_j:
        return [f"{text}, but the difference is within their uncertainty."]
    return [f"{text}."]


def champion_of(chosen: list[Entry], query: LeaderboardQuery) -> tuple[Entry, ranking.Ranked] | None:
    """The chosen entry of least energy at the reader's usage intensity, None if none is complete and at the floor."""
    complete = {entry.pk: entry for entry in chosen if entry.complete and _is_at_floor(entry, query)}
    ranked: list[Any] = ranked_among(list(complete.values()), query)
    return (complete[int(ranked[0].key)], ranked[0]) if ranked else None
