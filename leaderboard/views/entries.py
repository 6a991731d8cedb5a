"""One entry in full, and a few side by side."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import yaml
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from leaderboard import queries
from leaderboard.domain import ranking
from leaderboard.domain.energy import INFERENCE, one_time_energy_j
from leaderboard.filters import LeaderboardQuery
from leaderboard.models import FAMILIES, Board, Entry, PhaseEnergy
from leaderboard.templatetags.energy import count, joules, percent, relative, share
from leaderboard.views import rows
from leaderboard.views.board import read_query

MOST_COMPARED = 6
MOST_RIVALS = 25

FLAGS = {
    "foreign_process": "Another process used the device during this phase, so not all of its joules are the model's.",
    "throttled": "The device lowered its clocks (heat or power cap), so speed and joules are not its usual ones.",
    "counter_disagrees": "The energy counter and the integrated power differ by more than 3 %.",
    "window_too_short": "The phase was short against the sensor's update period; its uncertainty is large.",
    "input_starved": "The device waited for its input, so part of the joules measure the input pipeline.",
    "mig": "The device was a MIG slice, which has no energy counter of its own.",
    "no_repeats": "Run once: a single training has no spread, so its uncertainty holds the meter's part alone.",
    "above_power_limit": "More joules per image than the device's power limit allows; the figure is in doubt.",
}


@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    """What an entry is, phase by phase, and what it can be checked with."""
    found = get_object_or_404(queries.entries().select_related("run"), pk=pk)
    asked = read_query(request.GET)
    query = _query_of(found.board, asked.query)
    ranked = queries.ranked_board(query)
    mine = next((row for row in ranked.rows if row.entry.pk == pk), None)
    attempt = queries.attempt_of(found.run)
    phases = list(queries.phases_of(found.run))
    context = {
        "entry": found,
        "method": found.recipe.method,
        "family": FAMILIES.get(found.recipe.method.family, found.recipe.method.family),
        "query": query,
        "usage_intensity": f"{query.usage_intensity:.15g}",
        "notices": asked.notices,
        "row": rows.row(mine, query) if mine else None,
        "quality_label": rows.quality_label(found.quality_metric),
        "phases": _phase_table(phases, found.board),
        "flags": _flags(phases, found.run.held_for),
        "siblings": list(queries.siblings(found)),
        "rivals": _rivals(found, ranked, query.shared_by),
        "history": list(queries.history(found)),
        "attempt": attempt,
        "environment": _environment(attempt.record if attempt else None),
        "site": request.build_absolute_uri("/").rstrip("/"),
        "recipe": yaml.safe_dump(found.recipe.document, sort_keys=False, allow_unicode=True, width=100),
    }
    return render(request, "leaderboard/entry.html", context)


def _query_of(board: Board, asked: LeaderboardQuery) -> LeaderboardQuery:
    """The whole board of an entry, at the reader's usage intensity and sharing."""
    return LeaderboardQuery(
        track=board.track,
        hardware=board.hardware.slug,
        scenario=board.scenario,
        scope=board.scope,
        usage_intensity=asked.usage_intensity,
        shared_by=asked.shared_by,
        include_incomplete=asked.include_incomplete,
    )


def _phase_table(phases: list[PhaseEnergy], board: Board) -> list[dict[str, Any]]:
    """A line a phase with its figures in both scopes; inference in this entry's scenario alone."""
    lines: dict[int, dict[str, Any]] = {}
    for phase in phases:
        if phase.scenario and phase.scenario != board.scenario:
            continue
        line = lines.setdefault(
            phase.position,
            {"phase": phase.phase, "technique": phase.technique, "duration_s": phase.duration_s, "scopes": {}},
        )
        if phase.evidence:
            line["evidence"] = phase.evidence
        line["scopes"][phase.scope] = _figure(phase)
    return [lines[position] for position in sorted(lines)]


def _figure(phase: PhaseEnergy) -> dict[str, Any]:
    per_image = phase.phase == INFERENCE
    energy_j = phase.energy_per_image_j if per_image else phase.energy_j
    u95_j = phase.energy_per_image_u95_j if per_image else phase.repeatability_u95_j
    return {
        "energy": joules(energy_j) + (" per image" if per_image else ""),
        "u95": relative(u95_j, energy_j) if energy_j else "",
        "provenance": phase.provenance,
        "sources": ", ".join(str(source).replace("_", " ") for source in phase.sources),
    }


def _flags(phases: list[PhaseEnergy], held_for: list[str]) -> list[dict[str, str]]:
    named: dict[str, set[str]] = {flag: set() for flag in held_for}
    for phase in phases:
        for flag in phase.flags:
            named.setdefault(flag, set()).add(phase.phase)
    return [
        {"flag": flag, "words": FLAGS.get(flag, flag.replace("_", " ")), "phases": ", ".join(sorted(where))}
        for flag, where in sorted(named.items())
    ]


def _rivals(entry: Entry, ranked: queries.RankedBoard, shared_by: float) -> list[dict[str, Any]]:
    """Break-even against the board's other entries, the best first."""
    mine = queries.candidate(entry)
    others = [row for row in ranked.rows if row.entry.pk != entry.pk][:MOST_RIVALS]
    return [
        {
            "entry": row.entry,
            "verdict": verdict(mine, queries.candidate(row.entry), shared_by),
            "quality": percent(row.entry.quality),
        }
        for row in others
    ]


def verdict(mine: ranking.Candidate, other: ranking.Candidate, shared_by: float) -> str:
    """From where to where `mine` costs less than `other`, in words."""
    if not (mine.complete and other.complete):
        return "can't be said: a phase is missing, so a total is a lower bound"
    crossing = ranking.break_even(mine, other, shared_by)
    if crossing is not None:
        side = "from" if mine.inference_energy_j < other.inference_energy_j else "up to"
        return f"less {side} {count(crossing)} images{' on' if side == 'from' else ''}"
    mine_j, other_j = (one_time_energy_j(c, shared_by) for c in (mine, other))
    if (mine_j, mine.inference_energy_j) == (other_j, other.inference_energy_j):
        return "the same at any use"
    less = mine_j <= other_j and mine.inference_energy_j <= other.inference_energy_j
    return "less at any use" if less else "more at any use"


def _environment(record: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """Hardware and software of the run as lines of (name, value), unknown ones left out."""
    if not record:
        return []
    hardware = record.get("hardware", {})
    lines = [
        ("Hardware", hardware.get("name")),
        ("Driver", hardware.get("driver")),
        ("Device", hardware.get("uuid")),
        ("Power limit", None if hardware.get("power_limit_w") is None else f"{hardware['power_limit_w']:g} W"),
        ("Cores", hardware.get("cores")),
        *((f"Setting {name.replace('_', ' ')}", value) for name, value in (hardware.get("settings") or {}).items()),
        *(record.get("software") or {}).items(),
    ]
    return [(name, value) for name, value in lines if value is not None]


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Up to six entries side by side."""
    wanted, notices = _wanted(request.GET.getlist("entry"))
    asked = read_query(_without_entries(request))
    found = {entry.pk: entry for entry in queries.entries().filter(pk__in=wanted).defer("recipe__document")}
    notices += [f"There is no entry {pk}; it was left out." for pk in wanted if pk not in found]
    chosen = [found[pk] for pk in wanted if pk in found]
    boards = {entry.board_id for entry in chosen}
    if len(boards) > 1:
        notices.append("These entries are from different groups, so their joules can't be compared one to one.")
    query = asked.query
    context = {
        "notices": asked.notices + notices,
        "query": query,
        "usage_intensity": f"{query.usage_intensity:.15g}",
        "entries": chosen,
        "lines": _compared(chosen, query),
        "words": _in_words(chosen, query) if len(boards) == 1 else [],
    }
    return render(request, "leaderboard/compare.html", context)


def _without_entries(request: HttpRequest) -> Any:
    given = request.GET.copy()
    given.pop("entry", None)
    return given


def _wanted(given: list[str]) -> tuple[list[int], list[str]]:
    notices = [f"“{text[:40]}” is not an entry's number; it was left out." for text in given if not _is_key(text)]
    wanted = list(dict.fromkeys(int(text) for text in given if _is_key(text)))
    if len(wanted) > MOST_COMPARED:
        notices.append(f"At most {MOST_COMPARED} entries can be compared; the others were left out.")
    return wanted[:MOST_COMPARED], notices


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 15


def _compared(chosen: list[Entry], query: LeaderboardQuery) -> list[tuple[str, list[str]]]:
    """The side-by-side table: a line a figure, a column an entry."""
    totals = {row.key: row for row in _ranked(chosen, query)}
    return [
        ("Family", [FAMILIES.get(e.recipe.method.family, "") for e in chosen]),
        ("Hardware", [e.board.hardware.name for e in chosen]),
        ("Scenario", [e.board.get_scenario_display() for e in chosen]),
        ("Scope", [e.board.get_scope_display() for e in chosen]),
        ("Quality", [f"{percent(e.quality)} {rows.quality_label(e.quality_metric)}" for e in chosen]),
        ("Full-cycle energy", [_total(e, totals[e.pk]) for e in chosen]),
        ("One-time energy", [rows.one_time(e, query.shared_by) for e in chosen]),
        ("Energy per image", [joules(e.inference_energy_j) for e in chosen]),
        ("Before the first use", [_ahead(e, totals[e.pk], query) for e in chosen]),
        ("Provenance", [e.provenance for e in chosen]),
        ("Parameters", [f"{e.parameters:,}" for e in chosen]),
        ("Latency, median", [f"{e.latency_p50_ms:.3g} ms" for e in chosen]),
        ("Throughput", [f"{e.throughput_images_per_s:,.0f} images/s" for e in chosen]),
    ]


def _ranked(chosen: list[Entry], query: LeaderboardQuery) -> list[ranking.Ranked]:
    candidates = [queries.candidate(entry) for entry in chosen]
    return ranking.rank(candidates, query.usage_intensity, query.shared_by, include_incomplete=True)


def _total(entry: Entry, place: ranking.Ranked) -> str:
    return f"{rows.at_least(entry)}{joules(place.energy_j)} {relative(place.u95_j, place.energy_j)}"


def _ahead(entry: Entry, place: ranking.Ranked, query: LeaderboardQuery) -> str:
    return share(one_time_energy_j(entry, query.shared_by) / place.energy_j if place.energy_j > 0 else 0.0)


def _in_words(chosen: list[Entry], query: LeaderboardQuery) -> list[str]:
    """Who wins where among the chosen entries, a sentence a champion."""
    titles = {entry.pk: entry.recipe.method.title for entry in chosen}
    winners = ranking.champions([queries.candidate(entry) for entry in chosen], query.shared_by)
    sentences = [f"{titles[int(a.key)]}: {rows.span(a.from_usage_intensity, a.to_usage_intensity)}." for a in winners]
    for before, after in pairwise(winners):
        crossing = count(after.from_usage_intensity)
        sentences.append(f"{titles[int(after.key)]} overtakes {titles[int(before.key)]} at {crossing} images.")
    return sentences
