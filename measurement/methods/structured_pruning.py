"""Technique `structured_pruning`: whole channels are removed, so that the network stays dense and gets smaller.

With torch-pruning's dependency graph (G. Fang et al., DepGraph: Towards Any Structural Pruning, CVPR 2023,
https://arxiv.org/abs/2301.12900), which removes a channel in every layer that depends on it. Importances: `taylor` is
the first-order change of the loss (P. Molchanov et al., Importance Estimation for Neural Network Pruning, 2019,
https://arxiv.org/abs/1906.10771), `bn_scale` the scale of batch normalisation (Z. Liu et al., Network Slimming, 2017,
https://arxiv.org/abs/1708.06519).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import torch
import torch_pruning
from torch import nn

from measurement.errors import BadInput, MeasurementError
from measurement.methods.time_limit import TimeLimitExceeded, time_limit
from measurement.networks.build import count_parameters
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.networks.weight_masks import refresh_masks
from measurement.recipe import StructuredPruningPhase
from measurement.training import endless, fit, rehearse_step
from measurement.training.context import PhaseContext, PhaseOutcome

TRAINING = "training_after_step"
LARGEST_SHARE = 0.9
"""The largest share of one layer's channels, if all layers compete: no layer loses its last channel."""

LONGEST_S = 30.0
"""Time limit for analysing a network in the rehearsal; densenet201 takes 18 s on one core. In some networks the
indices of channels multiply at every reshape, until memory ends:
https://github.com/VainF/Torch-Pruning/issues/525."""

AfterStep = Callable[[PhaseContext, int], dict[str, Any]]

T = TypeVar("T")

IMPORTANCES: dict[str, Callable[[], Any]] = {
    "magnitude": lambda: torch_pruning.importance.GroupMagnitudeImportance(p=2),
    "random": torch_pruning.importance.RandomImportance,
    "taylor": torch_pruning.importance.GroupTaylorImportance,
    "bn_scale": torch_pruning.importance.BNScaleImportance,
}


def prune_channels(context: PhaseContext) -> PhaseOutcome:
    """Remove the declared share of channels, and train after every step if that is declared.

    The classifier keeps its outputs. Raises BadInput if torch-pruning can't analyse the architecture, and
    MeasurementError as `fit` does.
    """
    spec = context.spec_as(StructuredPruningPhase)
    return _prune(context, spec, _train, longest_s=math.inf)


def rehearse_pruning(context: PhaseContext) -> PhaseOutcome:
    """The pruned network, untrained: it shows whether the architecture can be pruned, and how far."""
    spec = context.spec_as(StructuredPruningPhase)
    return _prune(context, spec.model_copy(update={"gradient_batches": 1}), _rehearse_training, longest_s=LONGEST_S)


def _prune(
    context: PhaseContext, spec: StructuredPruningPhase, after_step: AfterStep, longest_s: float
) -> PhaseOutcome:
    before = count_parameters(context.model)
    pruner, trained = _analysed(context, partial(_pruner, context, spec), longest_s), []
    for step in range(spec.steps):
        if spec.importance == "taylor":
            _gather_gradients(context, spec, step)
        _analysed(context, pruner.step, longest_s)
        _narrow_heads(context.model)
        refresh_masks(context.model)
        context.model.zero_grad(set_to_none=True)
        if spec.training_after_step is not None:
            trained.append(after_step(_within(context, spec, step), step))
        context.advance((step + 1) / spec.steps, detail=f"step {step + 1} of {spec.steps}")
    after, classes = count_parameters(context.model), _analysed(context, partial(_classes_of, context), longest_s)
    if classes != context.classes or after >= before:
        raise BadInput(
            f"pruning left {after:,} of {before:,} parameters and {classes} outputs of {context.classes}; "
            "choose another ratio or architecture",
            field=context.field("ratio"),
        )
    detail: dict[str, Any] = {"parameters_before": before, "parameters_after": after}
    return PhaseOutcome(context.model, detail | ({"training_after_steps": trained} if trained else {}))


def _pruner(context: PhaseContext, spec: StructuredPruningPhase) -> Any:
    model = context.model.eval()
    if spec.importance == "bn_scale" and not any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        raise BadInput(
            "this architecture has no batch normalisation; choose importance magnitude or taylor",
            field=context.field("importance"),
        )
    options = {"global_pruning": True, "max_pruning_ratio": max(LARGEST_SHARE, spec.ratio)}
    classifier = model.get_classifier()  # type: ignore[operator]  # every timm model has it
    return torch_pruning.pruner.BasePruner(
        model,
        _example(context),
        importance=IMPORTANCES[spec.importance](),
        pruning_ratio=spec.ratio,
        iterative_steps=spec.steps,
        ignored_layers=list(classifier) if isinstance(classifier, tuple) else [classifier],
        num_heads={block.qkv: block.num_heads for block in _attention(model)},
        # Its defaults are two dictionaries that every pruner of the process writes to.
        in_channel_groups={},
        out_channel_groups={},
        **(options if spec.global_ranking else {}),
    )


def _attention(model: nn.Module) -> Iterator[Any]:
    """Blocks whose queries, keys and values come from one linear layer, `qkv`, in heads of the same size."""
    for block in model.modules():
        qkv, heads = getattr(block, "qkv", None), getattr(block, "num_heads", None)
        if isinstance(qkv, nn.Linear) and isinstance(heads, int) and qkv.out_features % (3 * heads) == 0:
            yield block


def _narrow_heads(model: nn.Module) -> None:
    """Set the new width of the heads in each attention block: timm stores it when it builds the block."""
    for block in _attention(model):
        before, width = getattr(block, "head_dim", None), block.qkv.out_features // (3 * block.num_heads)
        attributes = {"head_dim": width, "attn_dim": block.num_heads * width}
        if before and getattr(block, "scale", None) == before**-0.5:
            attributes["scale"] = width**-0.5  # as in torch's own attention, which timm uses if possible
        for name in attributes.keys() & vars(block).keys():
            setattr(block, name, attributes[name])


def _analysed(context: PhaseContext, work: Callable[[], T], longest_s: float) -> T:
    """The result of torch-pruning's `work`. Raises BadInput if it can't process the architecture."""
    try:
        with warnings.catch_warnings(), time_limit(longest_s, package=torch_pruning.__name__):
            warnings.simplefilter("ignore")  # about parameters outside layers, which it prunes too: nothing to do
            return work()
    except MeasurementError:
        raise
    except TimeLimitExceeded:
        raise _unsupported(context, f"it did not finish within {longest_s:.0f} s") from None
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # torch-pruning traces arbitrary architectures and may fail with any exception.
        raise _unsupported(context, f"{type(error).__name__}: {error}") from error


def _unsupported(context: PhaseContext, why: str) -> BadInput:
    return BadInput(
        f"torch-pruning can't prune {context.recipe.model.architecture} ({why}); use a convolutional network such as "
        "resnet18 or a plain transformer such as deit_tiny_patch16_224",
        field=context.field("technique"),
    )


def _gather_gradients(context: PhaseContext, spec: StructuredPruningPhase, step: int) -> None:
    """Add up the loss's gradients over training batches, with batch normalisation as in inference."""
    model, loss_of = context.model.eval(), nn.CrossEntropyLoss()
    order = torch.Generator().manual_seed(context.seed + step)
    batches = endless(context.train, spec.gradient_batch_size, order)
    for done in context.pace.steps(f"gradients before step {step + 1}", spec.gradient_batches):
        images, targets = next(batches)
        loss_of(model(images), targets).backward()
        fraction = _gradient_share(context, spec) * (done + 1) / spec.gradient_batches
        context.advance((step + fraction) / spec.steps, detail=f"gradients before step {step + 1}")


def _gradient_share(context: PhaseContext, spec: StructuredPruningPhase) -> float:
    """Share of one step's batches that give gradients before it; the others train after it."""
    before, options = spec.gradient_batches if spec.importance == "taylor" else 0, spec.training_after_step
    after = options.epochs * context.train.batch_count(options.batch_size) if options else 0
    return before / max(1, before + after)


def _within(context: PhaseContext, spec: StructuredPruningPhase, step: int) -> PhaseContext:
    """The context of the training after one step, whose progress is a part of the phase's."""
    begun = _gradient_share(context, spec)

    def advance(fraction: float, detail: str = "") -> None:
        done = (step + begun + (1 - begun) * fraction) / spec.steps
        context.advance(done, f"step {step + 1} of {spec.steps}, {detail}")

    return replace(context, advance=advance, seed=context.seed + step)


def _train(context: PhaseContext, step: int) -> dict[str, Any]:
    options = context.spec_as(StructuredPruningPhase).training_after_step
    if options is None:
        raise TypeError("no training is declared")
    return fit(context, options, stage=f"training after step {step + 1}", within=TRAINING)


def _rehearse_training(context: PhaseContext, step: int) -> dict[str, Any]:
    options = context.spec_as(StructuredPruningPhase).training_after_step
    if options is not None and step == 0:
        rehearse_step(context, options, within=TRAINING)
    return {}


def _classes_of(context: PhaseContext) -> int:
    with torch.inference_mode():
        return int(context.model.eval()(_example(context)).shape[1])


def _example(context: PhaseContext) -> torch.Tensor:
    return context.train.first(2)[0]
