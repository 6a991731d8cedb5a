"""Technique `early_exit`: classifiers after several stages, trained together (`measurement.networks.early_exit`)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from measurement.errors import BadInput
from measurement.networks.early_exit import EarlyExitNetwork, Exit, segments_of
from measurement.recipe import EarlyExitPhase
from measurement.training import LossOf, fit, rehearse_step
from measurement.training.context import PhaseContext, PhaseOutcome


def train_early_exits(context: PhaseContext) -> PhaseOutcome:
    """Give `context.model` exits and train all of it. Raises as `fit` does, and BadInput for a network without
    stages."""
    spec = context.spec_as(EarlyExitPhase)
    network = _with_exits(context, spec)
    detail = fit(replace(context, model=network), spec, _loss_of_all_exits(spec))
    return PhaseOutcome(network, detail | {"exits": len(network.exits)})


def rehearse_early_exits(context: PhaseContext) -> PhaseOutcome:
    """The network with its exits after one step on two images."""
    spec = context.spec_as(EarlyExitPhase)
    network = _with_exits(context, spec)
    rehearse_step(replace(context, model=network), spec, _loss_of_all_exits(spec))
    return PhaseOutcome(network)


def _with_exits(context: PhaseContext, spec: EarlyExitPhase) -> EarlyExitNetwork:
    if context.track.metric != "top1":
        raise BadInput(f"early exits need a track that classifies images (got {context.track.slug})", field="track")
    try:
        segments = segments_of(context.model)
        features = _features(segments, context.train.first(2)[0])
    except (ValueError, RuntimeError, TypeError, NotImplementedError) as error:
        raise BadInput(
            f"early exits need successive stages, and this network has no such stages ({error}); use a "
            "convolutional network such as resnet18, efficientnet_b0 or starnet_s050",
            field=context.field("technique"),
        ) from error
    if len(segments) <= spec.exits:
        raise BadInput(
            f"the network has {len(segments)} stages; use at most {len(segments) - 1} exits before the last",
            field=context.field("exits"),
        )
    joined = len(segments) - spec.exits
    segments = [nn.Sequential(*(part for segment in segments[:joined] for part in segment)), *segments[joined:]]
    exits = [Exit(channels, context.classes) for channels in features[joined - 1 :]]
    return EarlyExitNetwork(segments, exits, spec.confidence).to(context.device)


def _features(segments: list[nn.Sequential], images: Tensor) -> list[int]:
    """Channels after each segment. Raises ValueError for features of another shape than (n, channels, height,
    width)."""
    channels = []
    features = images
    with torch.no_grad():
        for segment in segments:
            features = segment.eval()(features)
            if not isinstance(features, Tensor) or features.ndim != 4:
                raise ValueError("a stage gives no feature map")
            channels.append(int(features.shape[1]))
    return channels


def _loss_of_all_exits(spec: EarlyExitPhase) -> LossOf:
    loss = nn.CrossEntropyLoss(label_smoothing=spec.label_smoothing)

    def loss_of(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        outputs = model.all_exits(images)  # type: ignore[operator]  # an EarlyExitNetwork
        early = [spec.loss_weight * loss(output, targets) for output in outputs[:-1]]
        total: Tensor = torch.stack([*early, loss(outputs[-1], targets)]).sum()
        return total

    return loss_of
