"""How the finished model is run while its quality and its energy per image are measured."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from measurement.recipe.parts import Part

Precision = Literal["float32", "bfloat16", "float16"]
Runtime = Literal["torch", "onnxruntime"]
SHORT_PRECISIONS = {"bfloat16": "bf16", "float16": "fp16"}


class Inference(Part):
    """How the finished model is run: the scenarios to measure, and the arithmetic and program that run it.

    Each option that differs makes another work, and so an entry of its own. The defaults are eager float32.
    """

    scenarios: Annotated[
        tuple[Literal["single_stream", "offline", "end_to_end"], ...], Field(min_length=1, max_length=3)
    ] = ("single_stream", "offline")
    max_batch_size: int = Field(
        256, ge=1, le=65_536, description="upper bound of the batch of offline and end_to_end"
    )
    precision: Precision = Field("float32", description="of weights, images and activations")
    channels_last: bool = Field(False, description="keep the channels of a pixel together in memory")
    compile: bool = Field(False, description="run what torch.compile makes of the network")
    cuda_graphs: bool = Field(False, description="start all kernels of a batch at once, on a GPU")
    runtime: Runtime = Field("torch", description="the program that runs the network")

    @model_validator(mode="after")
    def _options_of_one_runtime(self) -> Self:
        if self.runtime != "torch" and (torch_only := self.options - {"runtime"}):
            raise ValueError(
                f"{', '.join(sorted(torch_only))} can't be combined with runtime: {self.runtime}, which runs a "
                "network as its graph says; leave out one or the other"
            )
        return self

    @property
    def options(self) -> frozenset[str]:
        """The fields other than the scenarios that differ from eager float32."""
        own = {"precision", "channels_last", "compile", "cuda_graphs", "runtime"}
        return frozenset(name for name in own if getattr(self, name) != type(self).model_fields[name].default)

    @property
    def loads_images(self) -> bool:
        """Whether a scenario meters the reading of images too, for which noise is of no use."""
        return "end_to_end" in self.scenarios

    @property
    def mark(self) -> str:
        """For people, e.g. `bf16 · compiled`; empty for eager float32."""
        return inference_mark(self.model_dump())


def inference_mark(inference: dict[str, object]) -> str:
    """`Inference.mark` from the plain values of a recipe's document, which may be of a version without options."""
    parts = (
        SHORT_PRECISIONS.get(str(inference.get("precision")), ""),
        "channels last" if inference.get("channels_last") else "",
        "compiled" if inference.get("compile") else "",
        "CUDA graphs" if inference.get("cuda_graphs") else "",
        "ONNX Runtime" if inference.get("runtime") == "onnxruntime" else "",
    )
    return " · ".join(filter(None, parts))
