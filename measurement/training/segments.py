"""The parts of a training in which every step costs the same."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from measurement.errors import BadInput
from measurement.training.job import Job


@dataclass(frozen=True, slots=True)
class Segment:
    """`epochs` at one resolution, in pixels, with or without frozen layers; `stage` is its name for the pace."""

    stage: str
    epochs: int
    resolution: int
    frozen: bool


def plan(job: Job) -> list[Segment]:
    """The segments of a training, in order. Raises BadInput if resizing goes beyond the model's resolution."""
    stages, native = job.options.progressive_resizing, job.context.train.resolution
    if stages and stages[-1].resolution > native:
        raise BadInput(
            f"larger than the model's own resolution ({native} pixels)",
            field=job.field(f"progressive_resizing.{len(stages) - 1}.resolution"),
        )
    grouped = groupby(range(job.options.epochs), lambda epoch: (_resolution(job, epoch), _is_frozen(job, epoch)))
    return [_segment(job, len(list(epochs)), *kind) for kind, epochs in grouped]


def _resolution(job: Job, epoch: int) -> int:
    ends = zip(job.options.resizing_epochs(), job.options.progressive_resizing, strict=True)
    return next((stage.resolution for end, stage in ends if epoch < end), job.context.train.resolution)


def _is_frozen(job: Job, epoch: int) -> bool:
    freeze = job.options.freeze
    return freeze is not None and (freeze.epochs is None or epoch < freeze.epochs)


def _segment(job: Job, epochs: int, resolution: int, frozen: bool) -> Segment:
    resized = f" at {resolution} px" if job.options.progressive_resizing else ""
    return Segment(f"{job.stage}{resized}{' with frozen layers' if frozen else ''}", epochs, resolution, frozen)
