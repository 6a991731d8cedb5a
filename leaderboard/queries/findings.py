"""What a board shows that other rankings don't, computed once for each of its revisions."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from leaderboard.domain import findings, firmness
from leaderboard.domain.energy import combined_u95_j
from leaderboard.domain.findings import FEWEST_ENTRIES, Model
from leaderboard.models import Board
from leaderboard.queries.boards import columns_of
from leaderboard.queries.columns import ENERGIES, UNCERTAINTIES, Columns
from measurement.tracks import quality_floor

# The quality floors of a track's champions.
FLOORS = {"imagenet-1k": (0.70, 0.75, 0.80, 0.83)}
# Of other tracks: the least quality of the models at the track's own floor, and the quartiles.
QUANTILES = (0.0, 0.25, 0.5, 0.75)
# A larger board's orders are compared over this many of its models, evenly spaced by quality.
MOST_COMPARED = 3_000

_NEEDED = ("id", *ENERGIES, *UNCERTAINTIES, "quality", "parameters", "macs", "architecture", "phases", "complete")


@dataclass(frozen=True, slots=True)
class BoardFindings:
    """A board's findings at one revision, whatever the reader's floor; empty without enough complete models.

    They are of the entries at or above the track's quality floor; `below` it, a reader may only choose.
    """

    board: Board
    metric: str
    models: tuple[Model, ...]  # the complete ones
    below: tuple[Model, ...]  # complete, but below the track's floor
    entries: int
    titles: dict[int, str]
    track_floor: float
    compared: int
    agreements: list[findings.Agreement]
    overtaking: findings.Overtaking | None
    trainings: findings.Trainings | None
    phases: list[findings.PhasePart]
    missing_inference: int
    champions: list[firmness.Champion]
    exact: int  # complete models without a known uncertainty

    @property
    def enough(self) -> bool:
        """Whether the board has enough complete entries to say something."""
        return len(self.models) >= FEWEST_ENTRIES


@dataclass(frozen=True, slots=True)
class Findings:
    """A board's findings, and what choosing by other figures costs at the reader's floor."""

    of_board: BoardFindings
    min_quality: float
    eligible: int
    choices: dict[str, Model]
    costs: list[findings.Cost]


_KEPT: WeakKeyDictionary[Columns, BoardFindings] = WeakKeyDictionary()
_LOCK = Lock()


def findings_of(board: Board, min_quality: float | None = None) -> Findings:
    """The findings of a board at a quality floor, by default that of its track. One query at most."""
    columns = columns_of(board)
    with _LOCK:  # one thread computes while others wait for the same
        found = _KEPT.get(columns)
        if found is None:
            found = _KEPT[columns] = _compute(columns)
    floor = found.track_floor if min_quality is None else min_quality
    eligible = findings.at_floor((*found.models, *found.below), floor) if found.enough else []
    return Findings(found, floor, len(eligible), findings.choices(eligible), findings.costs(eligible))


def _compute(columns: Columns) -> BoardFindings:
    track_floor = quality_floor(columns.board.track)
    stored = _models(columns)
    every = [model for model in stored if model.quality >= track_floor]
    models = tuple(model for model in every if model.complete)
    floors = _floors(columns.board.track, models)
    enough = len(models) >= FEWEST_ENTRIES
    compared = models[:: math.ceil(len(models) / MOST_COMPARED)] if models else ()
    metrics = columns.arrays["quality_metric"]
    return BoardFindings(
        board=columns.board,
        metric=metrics[0].as_py() if len(metrics) else "",
        models=models,
        below=tuple(model for model in stored if model.complete and model.quality < track_floor),
        entries=len(every),
        titles=dict(zip(columns.arrays["id"].to_pylist(), columns.arrays["title"].to_pylist(), strict=True)),
        track_floor=track_floor,
        compared=len(compared),
        agreements=findings.agreements(compared) if enough else [],
        overtaking=findings.overtakings(models) if enough else None,
        trainings=findings.widest_trainings(models) if enough else None,
        phases=_parts(every) if enough else [],
        missing_inference=findings.without_inference(every),
        champions=firmness.champions(models, floors) if enough else [],
        exact=sum(model.one_time_u95_j is None or model.inference_u95_j is None for model in models),
    )


def _models(columns: Columns) -> list[Model]:
    """Every entry, in the order of ties. One-time energy and its uncertainty are for a single deployment."""
    rows = zip(*(columns.arrays[name].to_pylist() for name in _NEEDED), strict=True)
    return [_model(dict(zip(_NEEDED, row, strict=True))) for row in rows]


def _parts(models: list[Model]) -> list[findings.PhasePart]:
    """What each phase adds, and teachers where there are some."""
    teacher = findings.teacher_part(models)
    return [*findings.phase_parts(models), *([teacher] if teacher.models else [])]


def _model(row: dict[str, Any]) -> Model:
    phases = json.loads(row["phases"])
    taught = [part["teacher_energy_j"] for part in phases if part.get("teacher_energy_j") is not None]
    return Model(
        key=row["id"],
        quality=row["quality"],
        one_time_j=row["shared_energy_j"] + row["own_energy_j"],
        inference_j=row["inference_energy_j"],
        one_time_u95_j=combined_u95_j(row["shared_u95_j"], row["own_u95_j"], 0.0, 1.0, 1.0),
        inference_u95_j=row["inference_u95_j"],
        parameters=row["parameters"],
        macs=row["macs"],
        network=_network(row["architecture"], row["parameters"], row["macs"]),
        phases=tuple((part["phase"], part["energy_j"]) for part in phases),
        teacher_j=math.fsum(taught) if taught else None,
        complete=row["complete"],
    )


def _network(architecture: str | None, parameters: int, macs: int | None) -> str:
    """What stays the same under every training: timm's name without its tag, at the same size."""
    return f"{architecture.partition('.')[0]}\n{parameters}\n{macs}" if architecture else ""


def _floors(track: str, models: tuple[Model, ...]) -> tuple[float, ...]:
    if not models or track in FLOORS:
        return FLOORS.get(track, ())
    qualities = sorted(model.quality for model in models)
    # Rounded down, to the digits that are shown: a model at the quantile is above the floor as it is written.
    rounded = (math.floor(findings.quantile(qualities, part) * 1000) / 1000 for part in QUANTILES)
    return tuple(dict.fromkeys(rounded))
