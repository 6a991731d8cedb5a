"""Published figures of others on the boards: what a catalogue says, entered as a worker's result is."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from catalogue import PublishedResult as CatalogueResult
from catalogue import Source
from leaderboard.database import clock
from leaderboard.domain.energy import LifeCycle, PhaseEnergy, Provenance
from leaderboard.models import Action, Board, Entry, Hardware, Method, PublishedResult
from leaderboard.services.log import write_log
from leaderboard.services.publication import lock, raise_revisions
from leaderboard.services.workers import register_hardware

ROWS_AT_ONCE = 500


@dataclass(slots=True)
class Imported:
    """How many published results an import added, changed, removed and left as they were."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


@transaction.atomic
def import_published(results: Iterable[CatalogueResult], sources: Mapping[str, Source]) -> Imported:
    """Put a catalogue's results on their boards. Importing the same again changes nothing.

    A result whose figures changed keeps its entry. One that left the catalogue leaves the board; its row stays, with
    the time. What an administrator took down is not published again until its figures change.
    """
    now, count = clock.now(), Imported()
    found = list(results)
    boards = _boards(found)
    lock(board.pk for board in boards.values())
    current = {
        (kept.board_id, kept.model, kept.resolution): kept
        for kept in PublishedResult.objects.filter(left_at=None).defer("document")
    }
    methods = _methods(found, sources)
    new: list[PublishedResult] = []
    replaced: list[int] = []
    cycles: list[tuple[PublishedResult, CatalogueResult]] = []
    for result in found:
        board = boards[_group(result)]
        document = _document(result, sources)
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        kept = current.pop((board.pk, result.model, result.resolution), None)
        if kept is not None and kept.digest == digest:
            count.unchanged += 1
            continue
        row = PublishedResult(
            method=methods[result.title],
            board=board,
            model=result.model,
            resolution=result.resolution,
            digest=digest,
            document=document,
            imported_at=now,
        )
        new.append(row)
        cycles.append((row, result))
        count.changed += kept is not None
        count.added += kept is None
        if kept is not None:
            replaced.append(kept.pk)
    count.removed = len(current)
    gone = [kept.pk for kept in current.values()]
    touched = {kept.board_id for kept in current.values()} | {row.board_id for row in new}
    # Its entry is not deleted with a result that is replaced: it gets the new figures.
    PublishedResult.objects.filter(pk__in=[*replaced, *gone]).update(left_at=now)
    Entry.objects.filter(published__in=gone).delete()
    PublishedResult.objects.bulk_create(new, batch_size=ROWS_AT_ONCE)
    _enter(cycles, now)
    if touched:
        raise_revisions(touched)
        write_log(Action.IMPORT, "catalogue", by=None, **asdict(count))
    return count


def _enter(results: list[tuple[PublishedResult, CatalogueResult]], now: datetime) -> None:
    """Point the entry of each model on its board to its new figures."""
    keys = {(row.board_id, row.model, row.resolution): row for row, _ in results}
    standing = {
        (entry.board_id, entry.published.model, entry.published.resolution): entry
        for entry in Entry.objects.filter(source="published").select_related("published").defer("published__document")
        if entry.published is not None and (entry.board_id, entry.published.model, entry.published.resolution) in keys
    }
    new, changed = [], []
    for row, result in results:
        figures = _figures(result) | {"published": row, "published_at": now}
        entry = standing.get((row.board_id, row.model, row.resolution))
        if entry is None:
            new.append(Entry(board_id=row.board_id, source="published", **figures))
            continue
        for name, value in figures.items():
            setattr(entry, name, value)
        changed.append(entry)
    Entry.objects.bulk_create(new, batch_size=ROWS_AT_ONCE)
    if changed:
        fields = [*_figures(results[0][1]), "published", "published_at"]
        Entry.objects.bulk_update(changed, fields, batch_size=ROWS_AT_ONCE)


def _group(result: CatalogueResult) -> tuple[str, str, str, str]:
    return result.track, result.hardware, str(result.scenario), str(result.scope)


def _boards(results: list[CatalogueResult]) -> dict[tuple[str, str, str, str], Board]:
    """The board of each group, made if it is not there; in the catalogue's order, so that the first is the first."""
    boards: dict[tuple[str, str, str, str], Board] = {}
    hardware: dict[str, Hardware] = {}
    for group in dict.fromkeys(map(_group, results)):
        track, name, scenario, scope = group
        if name not in hardware:
            hardware[name] = register_hardware(name, "cpu" if "CPU" in name else "cuda")
        boards[group], _ = Board.objects.get_or_create(
            track=track, hardware=hardware[name], scenario=scenario, scope=scope
        )
    return boards


def _methods(results: list[CatalogueResult], sources: Mapping[str, Source]) -> dict[str, Method]:
    """The method of each title, made if it is not there: one for a model at a size, whatever the hardware."""
    wanted = {result.title: result for result in results}
    published = Method.objects.filter(published_results__isnull=False).distinct()
    methods = {method.title: method for method in published if method.title in wanted}
    new = [
        Method(title=title, family=result.family, paper=_paper(result, sources))
        for title, result in wanted.items()
        if title not in methods
    ]
    Method.objects.bulk_create(new, batch_size=ROWS_AT_ONCE)
    stale = [method for title, method in methods.items() if method.family != wanted[title].family]
    for method in stale:
        method.family = wanted[method.title].family
        method.save(update_fields=["family"])
    return methods | {method.title: method for method in new}


def _paper(result: CatalogueResult, sources: Mapping[str, Source]) -> str:
    """The first paper among the sources, empty if there is none."""
    addresses = (sources[name].address for phase in result.phases for name in phase.sources)
    return next((address for address in addresses if address.startswith("https://arxiv.org/abs/")), "")


def _document(result: CatalogueResult, sources: Mapping[str, Source]) -> dict[str, Any]:
    """The result as it is stored, with its sources written out."""
    document: dict[str, Any] = json.loads(json.dumps(asdict(result)))
    for phase in document["phases"]:
        if phase["teacher_energy_j"] is None:  # most have no teacher: say nothing of one
            del phase["teacher_energy_j"]
    document["sources"] = [
        {
            "id": name,
            "citation": sources[name].citation,
            "address": sources[name].address,
            "version": str(sources[name].version),
            "licence": sources[name].licence,
        }
        for name in result.sources
    ]
    return document


def _life_cycle(result: CatalogueResult) -> LifeCycle:
    one_time = tuple(
        PhaseEnergy(str(phase.phase), phase.energy_j, phase.u95_j, Provenance(str(phase.provenance)))
        for phase in result.phases
    )
    inference = PhaseEnergy(
        "inference",
        result.inference_energy_j,
        result.inference_u95_j,
        Provenance(str(result.inference_provenance)),
    )
    return LifeCycle(one_time, inference)


def _figures(result: CatalogueResult) -> dict[str, Any]:
    cycle = _life_cycle(result)
    return {
        "shared_energy_j": cycle.shared_energy_j,
        "own_energy_j": cycle.own_energy_j,
        "inference_energy_j": cycle.inference_energy_j,
        "shared_u95_j": _known(cycle.shared_u95_j, cycle),
        "own_u95_j": _known(cycle.own_u95_j, cycle),
        "inference_u95_j": cycle.inference_u95_j,
        "metered_shared_j": 0.0,
        "metered_own_j": 0.0,
        "inference_provenance": str(cycle.inference.provenance),
        "provenance": str(cycle.provenance),
        "complete": not cycle.is_lower_bound,
        "quality": result.quality,
        "quality_metric": result.quality_metric,
        "quality_provenance": "reported",
        "phases": [_phase(result, position) for position in range(len(result.phases))],
        "parameters": result.parameters,
        "macs": result.macs,
        "latency_p50_ms": None,
        "throughput_images_per_s": result.throughput_img_s,
        "batch_size": result.batch,
    }


def _known(u95_j: float | None, cycle: LifeCycle) -> float | None:
    """The uncertainty of a lower bound is unknown."""
    return None if cycle.is_lower_bound or u95_j is None or math.isnan(u95_j) else u95_j


def _phase(result: CatalogueResult, position: int) -> dict[str, Any]:
    phase = result.phases[position]
    figure = {
        "phase": str(phase.phase),
        "energy_j": phase.energy_j,
        "u95_j": phase.u95_j,
        "provenance": str(phase.provenance),
    }
    if phase.teacher_energy_j is not None:
        figure["teacher_energy_j"] = phase.teacher_energy_j
    return figure | ({"hardware": phase.hardware} if phase.hardware not in (None, result.hardware) else {})
