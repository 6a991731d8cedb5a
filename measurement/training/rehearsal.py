"""One step of each stretch of a training, before anything is metered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from measurement.errors import BadInput
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.recipe import TrainingOptions
from measurement.training.compilation import rehearse_compilation
from measurement.training.freezing import frozen
from measurement.training.job import Job, LossOf, cross_entropy
from measurement.training.numerics import check_precision, numerics
from measurement.training.segments import Segment, plan
from measurement.training.stepping import Stepper
from measurement.training.validation import held_back_for

if TYPE_CHECKING:
    from measurement.training.context import PhaseContext


def rehearse_step(
    context: PhaseContext, options: TrainingOptions, loss_of: LossOf | None = None, *, within: str = ""
) -> None:
    """Forward and backward on at most two images at each resolution, with all that `options` name.

    Arguments as of `fit`. Raises BadInput naming the option that the network or the device doesn't support.
    """
    job = Job(context, options, loss_of or cross_entropy(options), within=within)
    check_precision(job)
    held_back_for(job)
    with numerics(job):
        stepper = Stepper(job, total_steps=2, steps_per_epoch=1)
        for segment in plan(job):
            with frozen(job, segment.frozen):
                _try(job, segment, stepper)
    context.model.zero_grad(set_to_none=True)


def _try(job: Job, segment: Segment, stepper: Stepper) -> None:
    count = min(2, job.options.batch_size, len(job.context.train))
    images, targets = stepper.augmented(*job.context.train.at(segment.resolution).first(count))
    try:
        stepper.gradients(job.context.model, images, targets)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _explained(job, segment, count, error) from error
    if job.options.compile:
        rehearse_compilation(job, images, targets, stepper)


def _explained(job: Job, segment: Segment, count: int, error: Exception) -> Exception:
    """The fault of an option if there is one, else the error itself."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    if count == 1 and "more than 1 value per channel" in reason:
        message = "this architecture has batch normalisation, which needs at least 2 images per batch"
        return BadInput(message, field=job.field("batch_size"))
    if segment.resolution != job.context.train.resolution:
        message = f"this network can't be trained at {segment.resolution} pixels: {reason}"
        return BadInput(message, field=job.field("progressive_resizing"))
    if job.options.deterministic and "deterministic" in reason:
        return BadInput(
            f"this network can't be trained deterministically: {reason}", field=job.field("deterministic")
        )
    if job.options.precision != "float32":
        message = f"this network can't be trained in {job.options.precision}: {reason}"
        return BadInput(message, field=job.field("precision"))
    return error
