"""How a published model was trained, as far as a recipe can say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalogue.rows import ONE_TIME_PHASES, Training
from measurement.vocabulary import Phase

DATASET = "in1k"
"""What the track `imagenet-1k` trains on."""
DECLARABLE = (Phase.SEARCH, Phase.PRETRAIN)
"""Phases that a recipe may declare without running them."""


@dataclass(frozen=True)
class ScheduledPhase:
    """A part of a training: `epochs` (to `epochs_max`, if only a range is known) on images of `resolution` pixels.

    `not_sayable` is why a recipe cannot say it; empty if it can. It then trains on the track's own images.
    """

    phase: Phase
    epochs: float | None
    epochs_max: float | None
    resolution: int | None
    not_sayable: str


def schedule_of(rows: Iterable[Training]) -> tuple[ScheduledPhase, ...]:
    """The parts of a model's training in the order of its phases."""
    ordered = sorted(rows, key=lambda row: ONE_TIME_PHASES.index(Phase(row.phase)))
    return tuple(
        ScheduledPhase(Phase(row.phase), row.epochs, row.epochs_max, row.resolution, _not_sayable(row))
        for row in ordered
    )


def _not_sayable(row: Training) -> str:
    if row.phase == Phase.SEARCH:
        return "the architecture search itself; give its energy with evidence, or it is missing"
    if row.dataset != DATASET:
        return f"{row.dataset or 'its data'} is no track's data; give its energy with evidence"
    if row.teacher:
        return f"the teacher {row.teacher}; technique distillation needs its weights"
    if row.network or row.passes is not None:
        return "its training runs other networks or further passes"
    return "its epochs are not stated" if row.epochs is None else ""
