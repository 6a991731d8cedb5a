"""The network that a recipe begins with."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, Field

from measurement.recipe.parts import Part, did_you_mean


@cache
def known_architectures() -> frozenset[str]:
    """Names of timm's architectures, without importing timm (written by `make architectures`)."""
    return frozenset(resources.files("measurement").joinpath("architectures.txt").read_text("utf-8").split())


def _known_architecture(name: str) -> str:
    if name not in known_architectures():
        raise ValueError(f"{name!r} is not an architecture of timm{did_you_mean(name, known_architectures())}")
    return name


Architecture = Annotated[str, Field(max_length=100), AfterValidator(_known_architecture)]


class Model(Part):
    """The network: any timm architecture at an input resolution in pixels."""

    architecture: Architecture = Field(description="name of a timm architecture, e.g. mobilenetv3_small_050")
    resolution: int = Field(ge=8, le=1024, description="height and width of the input, pixels")
