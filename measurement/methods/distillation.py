"""Technique `distillation`: a network learns the outputs of a larger one together with the labels.

G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015, https://arxiv.org/abs/1503.02531.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from measurement.errors import BadInput
from measurement.networks.build import build_network, count_macs, count_parameters
from measurement.networks.weights import load_weights
from measurement.progress import Advance
from measurement.recipe import DistillationPhase, Model
from measurement.tracks import Split, held_back
from measurement.training import LossOf, evaluating, fit, rehearse_step
from measurement.training.context import PhaseContext, PhaseOutcome

WITHIN = "teacher.training"


def distil(context: PhaseContext) -> PhaseOutcome:
    """Train the teacher if the phase says so, then `context.model` on its outputs, all in the phase's window.

    Raises MeasurementError as `fit` does, and BadInput if the teacher can't be built or loaded.
    """
    spec = context.spec_as(DistillationPhase)
    teacher = _teacher(context, spec)
    of_teacher, of_student = _shares(context, spec, teacher)
    train, validation = _split(context, spec)
    details: dict[str, Any] = {"architecture": spec.teacher.architecture, "parameters": count_parameters(teacher)}
    if spec.teacher.training:
        at_work = replace(context, model=teacher, train=train, advance=of_teacher)
        details["training"] = fit(at_work, spec.teacher.training, stage="teacher training", within=WITHIN)
    details["validation_images"] = len(validation)
    accuracy = _accuracy(context, teacher, validation, spec.batch_size)
    # A teacher whose training was only sampled has no meaningful accuracy.
    details["validation_accuracy"] = None if "steps_run" in details.get("training", {}) else accuracy
    student = replace(context, advance=of_student)
    detail = fit(student, spec, distillation_loss(spec, teacher.eval()), stage="distillation")
    return PhaseOutcome(context.model, detail | {"teacher": details})


def rehearse_distillation(context: PhaseContext) -> PhaseOutcome:
    """A step of the teacher's training and one of the student's. Raises BadInput if either is impossible."""
    spec = context.spec_as(DistillationPhase)
    teacher = _teacher(context, spec)
    train, _ = _split(context, spec)
    if spec.teacher.training:
        rehearse_step(replace(context, model=teacher, train=train), spec.teacher.training, within=WITHIN)
    rehearse_step(context, spec, distillation_loss(spec, teacher.eval()))
    return PhaseOutcome(context.model)


def distillation_loss(spec: DistillationPhase, teacher: nn.Module) -> LossOf:
    """`alpha · T² · KL(teacher ‖ student)` at temperature T, plus `1 - alpha` of the cross-entropy with the labels.

    T² keeps the gradients of the first term as large as those of the second (section 2 of the paper).
    """
    from_labels = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)
    temperature = spec.temperature

    def loss_of(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        outputs = model(images)
        with torch.no_grad():
            taught = log_softmax(teacher(images) / temperature, dim=1)
        learnt = log_softmax(outputs / temperature, dim=1)
        divergence = kl_div(learnt, taught, reduction="none", log_target=True).sum(dim=1).mean()
        loss: Tensor = spec.alpha * temperature**2 * divergence + (1 - spec.alpha) * from_labels(outputs, targets)
        return loss

    return loss_of


def _teacher(context: PhaseContext, spec: DistillationPhase) -> nn.Module:
    """The teacher, for the images that the student sees; with random weights if the phase is to train it."""
    asked = Model(architecture=spec.teacher.architecture, resolution=context.train.resolution)
    try:
        teacher = build_network(asked, context.track, context.device)
    except BadInput as error:
        raise BadInput(f"the teacher: {error}", field=context.field("teacher.architecture")) from error
    if spec.teacher.weights is None:
        return teacher
    field = context.field("teacher.weights")
    try:
        teacher.load_state_dict(load_weights(spec.teacher.weights, field=field))
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise BadInput(f"these are not the weights of this teacher: {reason}", field=field) from error
    return teacher


def _split(context: PhaseContext, spec: DistillationPhase) -> tuple[Split, Split]:
    """The images that the teacher is trained on, and those it is validated on."""
    if round(len(context.train) * (1 - spec.teacher.validation_share)) < 2:
        field = context.field("teacher.validation_share")
        raise BadInput("leaves the teacher fewer than 2 images to train on; use a smaller share", field=field)
    return held_back(context.train, spec.teacher.validation_share, context.recipe.seed)


def _shares(context: PhaseContext, spec: DistillationPhase, teacher: nn.Module) -> tuple[Advance, Advance]:
    """The teacher's and the student's part of the phase's progress, by their multiply-accumulates.

    A step costs about three forward passes; the student's step also takes one forward pass of the teacher.
    """
    image = context.train.first(1)[0]
    of_teacher, of_student = (count_macs(network, image) or 1 for network in (teacher, context.model))
    epochs = spec.teacher.training.epochs if spec.teacher.training else 0
    before, after = epochs * 3 * of_teacher, spec.epochs * (3 * of_student + of_teacher)
    boundary = before / (before + after)
    return _part(context.advance, 0, boundary), _part(context.advance, boundary, 1)


def _part(advance: Advance, start: float, end: float) -> Advance:
    def of_part(fraction: float, detail: str = "") -> None:
        advance(start + fraction * (end - start), detail)

    return of_part


def _accuracy(context: PhaseContext, teacher: nn.Module, validation: Split, batch_size: int) -> float | None:
    """Share of the targets, 0..1, that the teacher hits; None if the pace takes only some of the images."""
    hits, targeted = torch.zeros((2,), dtype=torch.int64, device=context.device)
    seen = 0
    batches = validation.batches(batch_size)
    with evaluating(teacher):
        for _ in context.pace.steps("teacher validation", validation.batch_count(batch_size)):
            images, targets = next(batches)
            hits += (teacher(images).argmax(dim=1) == targets).sum()
            targeted += (targets >= 0).sum()
            seen += len(images)
    return int(hits) / int(targeted) if seen == len(validation) else None
