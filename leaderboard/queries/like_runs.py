"""Earlier runs that show how long a new one takes and what it spends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db.models import F

from leaderboard.domain.runstate import RunState
from leaderboard.models import Hardware, Recipe, Run, Submission
from measurement.recipe import Recipe as RecipeDocument

NEWEST = 100
OF_HARDWARE = 50

Basis = Literal["same work", "same training", "same phases"]


@dataclass(frozen=True, slots=True)
class LikeRuns:
    """Successful runs like one that is planned, and how like they are.

    basis: of the same work; or of the same network, phases and epochs; or of the same architecture and phases, with
    other epochs, sizes or settings. energy_j: what each spent in accelerator scope, those that know it.
    """

    basis: Basis
    durations_s: tuple[float, ...]
    energies_j: tuple[float, ...]
    provenances: tuple[str, ...]
    epochs: tuple[int, int]


def like_runs(recipe: RecipeDocument, hardware: Hardware, mode: str) -> LikeRuns | None:
    """The successful runs on this hardware that are the most like; None if none is like the recipe."""
    network = recipe.document()["model"]
    # By the recipes first: they have an index for this, and most hardware has many more runs.
    recipes = Recipe.objects.filter(track=recipe.track_key, architecture=network["architecture"])
    ended = Run.objects.filter(
        recipe__in=recipes.values("pk"),
        hardware=hardware,
        mode=mode,
        state=RunState.SUCCEEDED,
        finished_at__isnull=False,
        attempts__number=F("attempt"),
    )
    lines = list(
        ended.order_by("-pk").values_list(
            "recipe__work__sha256",
            "recipe__document",
            "started_at",
            "finished_at",
            "attempts__spent_energy_j",
            "attempts__spent_provenance",
        )[:NEWEST]
    )
    phases = _phases(recipe.document())
    same_phases = [line for line in lines if _techniques(line[1]) == [name for name, _ in phases]]
    same_training = [line for line in same_phases if _phases(line[1]) == phases and line[1].get("model") == network]
    work = recipe.work_sha256
    same_work = [line for line in same_phases if line[0] == work]
    tiers: list[tuple[Basis, list[Any]]] = [
        ("same work", same_work),
        ("same training", same_training),
        ("same phases", same_phases),
    ]
    return next((_like(basis, found) for basis, found in tiers if found), None)


def durations_s(hardware: Hardware) -> list[float]:
    """How long the newest runs of a hardware took, those that ended with a result."""
    ended = Run.objects.filter(
        hardware=hardware, state=RunState.SUCCEEDED, started_at__isnull=False, finished_at__isnull=False
    )
    times = ended.order_by("-pk").values_list("started_at", "finished_at")[:OF_HARDWARE]
    return [(finished - started).total_seconds() for started, finished in times if started and finished]


def _like(basis: Basis, lines: Sequence[Any]) -> LikeRuns:
    epochs = [sum(count for _, count in _phases(line[1])) for line in lines]
    spent = [line for line in lines if line[4] is not None]
    return LikeRuns(
        basis=basis,
        durations_s=tuple((line[3] - line[2]).total_seconds() for line in lines if line[2] is not None),
        energies_j=tuple(line[4] for line in spent),
        provenances=tuple(sorted({line[5] for line in spent})),
        epochs=(min(epochs), max(epochs)),
    )


def _phases(document: dict[str, Any]) -> list[tuple[tuple[str, str], int]]:
    """Phase and technique of each, with its epochs."""
    return [
        ((spec.get("phase", ""), spec.get("technique", "")), int(spec.get("epochs") or 0))
        for spec in document.get("phases", ())
    ]


def _techniques(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [name for name, _ in _phases(document)]


def standing_submission(recipe: RecipeDocument, hardware: Hardware, mode: str) -> Submission | None:
    """A submission of the very recipe that has, or waits for, what is asked for: a full run, or one of this mode."""
    runs = Run.objects.filter(
        recipe__sha256=recipe.sha256,
        hardware=hardware,
        mode__in={mode, "full"},
        submission__withdrawn_at=None,
        submission__isnull=False,
    ).exclude(state__in=[RunState.FAILED, RunState.CANCELLED])
    found = runs.select_related("submission").order_by("mode", "pk").first()
    return found.submission if found else None
