"""The network that a recipe begins with."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

from measurement.recipe.parts import Part, did_you_mean

ELASTIC_MOBILE = "elastic_mobile"
"""The one architecture of this package: the weight-sharing network of `measurement.networks.elastic`."""
DETECTORS = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fcos_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "ssdlite320_mobilenet_v3_large",
)
"""torchvision's names, for the track `detection`."""


@cache
def known_architectures() -> frozenset[str]:
    """Names of timm's architectures, without importing timm (written by `make architectures`), our own and
    detectors."""
    listed = resources.files("measurement").joinpath("architectures.txt").read_text("utf-8").split()
    return frozenset([*listed, ELASTIC_MOBILE, *DETECTORS])


def _known_architecture(name: str) -> str:
    if name not in known_architectures():
        raise ValueError(f"{name!r} is not a timm architecture{did_you_mean(name, known_architectures())}")
    return name


def _names(schema: dict[str, Any]) -> None:
    schema["enum"] = sorted(known_architectures())


Architecture = TypeAliasType(
    "Architecture",
    Annotated[str, Field(max_length=100, json_schema_extra=_names), AfterValidator(_known_architecture)],
)
"""A named type, so that the JSON Schema lists the names once."""


class Model(Part):
    """The network: any timm architecture, or `elastic_mobile`, at an input resolution in pixels."""

    architecture: Architecture = Field(description="name of a timm architecture, e.g. mobilenetv3_small_050")
    resolution: int = Field(ge=8, le=1024, description="height and width of the input, pixels")
    width: float = Field(1.0, ge=0.1, le=10, description="multiplies the channels, if timm's builder supports it")
    depth: float = Field(1.0, ge=0.1, le=10, description="multiplies the blocks, if timm's builder supports it")

    @property
    def image_resolution(self) -> int:
        """Height and width of the track's images, pixels."""
        return self.resolution

    def __str__(self) -> str:
        """For people, e.g. `resnet18 x 0.5 wide at 32 pixels`."""
        multipliers = "".join(
            f" x {factor:g} {word}" for factor, word in ((self.width, "wide"), (self.depth, "deep")) if factor != 1
        )
        return f"{self.architecture}{multipliers} at {self.resolution} pixels"
