"""Builds a recipe's network and counts its parameters and multiply-accumulates. Importing it needs torch."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from measurement.errors import BadInput
from measurement.recipe import Recipe
from measurement.segmentation import LiteSegmenter
from measurement.tracks import Track


def build_model(recipe: Recipe, track: Track, device: torch.device) -> nn.Module:
    """The recipe's architecture with random weights, tried on two images.

    Raises BadInput naming the field where timm can't build it, or where it can't take the recipe's resolution.
    """
    name, resolution = recipe.model.architecture, recipe.model.resolution
    try:
        model = _create(name, track, resolution)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        # timm's builders run arbitrary code for 1,300 architectures: any exception means "can't be built so".
        raise BadInput(f"timm can't build {name}: {_reason(error)}", field="model.architecture") from error
    model = model.to(device)
    _try(model, track, resolution, device)
    return model


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers of the network; of an int8 program, those of the network that it was made from."""
    if (known := getattr(model, "parameter_count", None)) is not None:
        return int(known)
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: nn.Module, image: torch.Tensor) -> int | None:
    """Multiply-accumulates for one image (1, channels, resolution, resolution); None where torch counts none.

    Convolutions and matrix products, as torch's flop counter has them (two operations each).
    """
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(image)
    return int(counter.get_total_flops()) // 2 or None


def _create(name: str, track: Track, resolution: int) -> nn.Module:
    options: dict[str, Any] = {"num_classes": track.classes, "in_chans": track.channels, "pretrained": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        create = partial(_build, name, resolution, **options)
        if track.is_dense:
            example = torch.zeros(2, track.channels, resolution, resolution)
            return LiteSegmenter(create, track.classes, example)
        built = create()
    if not hasattr(built, "get_classifier"):
        raise TypeError("it has no classifier")
    return built


def _build(name: str, resolution: int, **options: Any) -> nn.Module:
    """timm's architecture; for those that are built for one image size, built for `resolution`."""
    try:
        built: nn.Module = timm.create_model(name, img_size=resolution, **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
        built = timm.create_model(name, **options)
    return built


def _try(model: nn.Module, track: Track, resolution: int, device: torch.device) -> None:
    images = torch.zeros(2, track.channels, resolution, resolution, device=device)
    try:
        with torch.inference_mode():
            outputs = model.eval()(images)
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise BadInput(
            f"{type(model).__name__} can't run at {resolution} x {resolution} pixels: {_reason(error)}; "
            f"choose another resolution ({track.min_resolution} to {track.max_resolution})",
            field="model.resolution",
        ) from error
    wanted = (2, track.classes, *(images.shape[-2:] if track.is_dense else ()))
    if not isinstance(outputs, torch.Tensor) or outputs.shape != wanted:
        raise BadInput("the architecture is not an image classifier", field="model.architecture")


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
