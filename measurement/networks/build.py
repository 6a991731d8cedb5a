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
from measurement.networks.detector import MOST_FOUND, Detector
from measurement.networks.elastic import ElasticMobile
from measurement.networks.multipliers import Create, NotMultiplied, multiplier_options
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.networks.segmentation import LiteSegmenter
from measurement.recipe import ELASTIC_MOBILE, Model, Recipe
from measurement.tracks import Track


def build_model(recipe: Recipe, track: Track, device: torch.device) -> nn.Module:
    """The recipe's network with random weights, tried on two images. Raises BadInput as `build_network` does."""
    assert isinstance(recipe.model, Model), "a model that is brought as a file is not built"  # noqa: S101
    return build_network(recipe.model, track, device)


def build_network(asked: Model, track: Track, device: torch.device) -> nn.Module:
    """The network that `asked` describes, with random weights, tried on two images.

    Raises BadInput naming the field if timm can't build it, if its builder takes no multiplier, or if it can't take
    the resolution.
    """
    name, resolution = asked.architecture, asked.resolution
    try:
        if track.has_boxes:
            model: nn.Module = Detector(name, track.classes, resolution)
        else:
            model = _elastic(asked, track) if name == ELASTIC_MOBILE else _create(asked, track)
    except BadInput:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # timm's builders run arbitrary code for 1,300 architectures: any exception means that it can't be built.
        raise BadInput(f"{name} can't be built: {_reason(error)}", field="model.architecture") from error
    model = model.to(device)
    _try(model, track, resolution, device)
    return model


def count_parameters(model: nn.Module) -> int:
    """Trainable parameters; for an int8 program, those of the network that it was made from."""
    if (known := getattr(model, "parameter_count", None)) is not None:
        return int(known)
    return sum(parameter.numel() for parameter in model.parameters())


def count_macs(model: nn.Module, images: torch.Tensor) -> int | None:
    """Multiply-accumulates for one image, the mean over `images`; None if torch counts none.

    images: (n, channels, resolution, resolution); one is enough unless the network's work depends on the image.
    Convolutions and matrix products, as torch's flop counter has them (two operations each).
    """
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(images)
    return int(counter.get_total_flops()) // (2 * len(images)) or None


def _elastic(asked: Model, track: Track) -> nn.Module:
    if asked.depth != 1:
        raise BadInput(
            f"{ELASTIC_MOBILE} has an elastic depth; leave depth at 1 and let a supernet choose it",
            field="model.depth",
        )
    return ElasticMobile(track.channels, track.classes, asked.width)


def _create(asked: Model, track: Track) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        create = partial(_build, asked.architecture, track.channels, track.classes, asked.resolution)
        options = _multipliers(asked, create)
        if track.is_dense:
            example = torch.zeros(2, track.channels, asked.resolution, asked.resolution)
            return LiteSegmenter(partial(create, **options), track.classes, example)
        built = create(**options)
    if not hasattr(built, "get_classifier"):
        raise TypeError("it has no classifier")
    return built


def _build(name: str, channels: int, classes: int, resolution: int, /, **options: Any) -> nn.Module:
    """timm's architecture; for those that are built for one image size, built for `resolution`."""
    options = {"num_classes": classes, "in_chans": channels, "pretrained": False, **options}
    try:
        built: nn.Module = timm.create_model(name, img_size=resolution, **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
        built = timm.create_model(name, **options)
    return built


def _multipliers(asked: Model, create: Create) -> dict[str, Any]:
    try:
        return multiplier_options(create, "width", asked.width) | multiplier_options(create, "depth", asked.depth)
    except NotMultiplied as error:
        raise BadInput(str(error), field=f"model.{error.axis}") from None


def _try(model: nn.Module, track: Track, resolution: int, device: torch.device) -> None:
    images = torch.zeros(2, track.channels, resolution, resolution, device=device)
    try:
        with torch.inference_mode():
            outputs = model.eval()(images)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise BadInput(
            f"{type(model).__name__} can't run at {resolution} x {resolution} pixels: {_reason(error)}; "
            f"choose another resolution ({track.min_resolution} to {track.max_resolution})",
            field="model.resolution",
        ) from error
    wanted = (
        (2, MOST_FOUND, 6) if track.has_boxes else (2, track.classes, *(images.shape[-2:] if track.is_dense else ()))
    )
    if not isinstance(outputs, torch.Tensor) or outputs.shape != wanted:
        raise BadInput(
            "{type(model).__name__} is not an image classifier; choose another architecture",
            field="model.architecture",
        )


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
