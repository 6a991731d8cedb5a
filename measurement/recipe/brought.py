"""A model that was made outside this program and is brought as a file: what goes in, and what comes out of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from measurement.recipe.hub import MODEL_PATTERN, MOST_OF_REFERENCE
from measurement.recipe.parts import Part, PlainText

Numbers = Annotated[tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(min_length=1, max_length=16)]


class OnnxInput(Part):
    """How the track's test images become the graph's input.

    The track gives them, framed by its own protocol, at `resize` pixels; the middle `resolution` pixels are kept,
    black is 0 and white `scale`; then `mean` is subtracted and the result divided by `std`, by channel.
    """

    resize: int | None = Field(None, ge=8, le=1024, description="pixels before the crop; left out: no crop")
    scale: float | None = Field(None, gt=0, le=65_535, description="a white pixel; 1, or 255 for uint8")
    mean: Numbers | None = Field(None, description="by channel, in units of `scale`; left out: 0")
    std: Numbers | None = Field(None, description="by channel, in units of `scale`; left out: 1")
    layout: Literal["NCHW", "NHWC", "flat"] = Field("NCHW", description="flat: one row of numbers for an image")
    dtype: Literal["float32", "float16", "uint8"] = Field("float32", description="of the graph's input")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.dtype == "uint8" and (self.mean or self.std or self.scale):
            raise ValueError("pixels of dtype uint8 are 0 to 255; leave out scale, mean and std")
        if self.std is not None and not all(value > 0 for value in self.std):
            raise ValueError(f"std must be above 0 (got {list(self.std)})")
        return self


class OnnxOutput(Part):
    """Which of the graph's outputs has a number for each class, and in which order."""

    name: Annotated[PlainText, Field(max_length=200)] | None = Field(
        None, description="of the output; may be left out if there is only one"
    )
    kind: Literal["logits", "softmax"] = Field("logits", description="softmax: probabilities, which add up to 1")
    order: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=2, max_length=100_000)] | None = Field(
        None, description="the track's class of each output; left out: 0, 1, 2 …"
    )

    @model_validator(mode="after")
    def _names_each_class_once(self) -> Self:
        if self.order is not None and sorted(self.order) != list(range(len(self.order))):
            raise ValueError(f"order must name each class from 0 to {len(self.order) - 1} once")
        return self


class OnnxModel(Part):
    """An ONNX file from the worker's artifacts: it is run and evaluated, and never trained."""

    format: Literal["onnx"]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the file, artifacts/<sha256> in the data root")
    hub: str | None = Field(
        None,
        pattern=MODEL_PATTERN,
        max_length=MOST_OF_REFERENCE,
        description="`hf://owner/name@commit/file.onnx`, if it is not to be uploaded",
    )
    architecture: Literal["onnx"] = "onnx"
    resolution: int = Field(ge=8, le=1024, description="height and width of the input, pixels")
    input: OnnxInput = OnnxInput()
    output: OnnxOutput = OnnxOutput()

    @model_validator(mode="after")
    def _crops_what_is_there(self) -> Self:
        if self.input.resize is not None and self.input.resize < self.resolution:
            raise ValueError(
                f"input.resize must be at least resolution, {self.resolution}, which is cut out of it (got "
                f"{self.input.resize})"
            )
        return self

    @property
    def image_resolution(self) -> int:
        """Height and width of the track's images before they are cropped, pixels."""
        return self.input.resize or self.resolution

    def __str__(self) -> str:
        return f"ONNX file {self.sha256[:12]} at {self.resolution} pixels"
