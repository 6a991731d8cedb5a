"""Shared by techniques that work layer by layer: which layers, and how one is replaced."""

from __future__ import annotations

import torch
from torch import nn

from measurement.errors import BadInput, MeasurementError
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.training.context import PhaseContext

Layer = nn.Conv2d | nn.Linear


def layers_of(model: nn.Module) -> list[tuple[str, Layer]]:
    """Every plain linear layer and plain 2-d convolution with its name, without the classifier.

    Left out are subclasses that use their weights in another way, grouped convolutions (a depthwise one has nothing
    to share between channels) and padding other than zeros by number.
    """
    heads = set(_classifier(model).modules())
    return [
        (name, module)
        for name, module in model.named_modules()
        if module not in heads and (type(module) is nn.Linear or (type(module) is nn.Conv2d and _is_plain(module)))
    ]


def replace_layer(model: nn.Module, name: str, replacement: nn.Module) -> None:
    """Replace the module `name` (as in `named_modules`)."""
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, replacement)


def runs_or_refused(context: PhaseContext, how: str) -> None:
    """One forward pass of two images. Raises BadInput naming the technique if it fails."""
    try:
        with torch.inference_mode():
            outputs = context.model.eval()(context.train.first(2)[0])
    except MeasurementError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # The forward pass of 1,300 architectures: any exception means that the network can't run.
        raise BadInput(
            f"{context.recipe.model.architecture} can't run {how} ({type(error).__name__}: {_first_line(error)}); "
            "choose another architecture or leave the phase out",
            field=context.field("technique"),
        ) from error
    if tuple(outputs.shape[:2]) != (2, context.classes):
        raise BadInput(
            f"{context.recipe.model.architecture} has outputs of shape {tuple(outputs.shape)} {how}; "
            "choose another architecture or leave the phase out",
            field=context.field("technique"),
        )


def _is_plain(layer: nn.Conv2d) -> bool:
    return layer.groups == 1 and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)


def _classifier(model: nn.Module) -> nn.Module:
    """timm's networks have a method for it; one combined from several parts may have none."""
    find = getattr(model, "get_classifier", None)
    head = find() if callable(find) else None
    return head if isinstance(head, nn.Module) else nn.Identity()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
