"""A graph in ONNX Runtime as a network among the others: exported from torch, or brought as a file. Needs torch."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from measurement import artifacts
from measurement.errors import BadInput, BadOption, MeasurementError
from measurement.networks.onnx_file import OnnxFacts, try_onnx_file
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.recipe import OnnxModel
from measurement.tracks import Track

FIELD = "inference.runtime"
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
NUMBERS = {"tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64}


class OnnxNetwork(nn.Module):
    """Runs a graph on tensors of torch's, with as many threads as torch has. Its memory is its own, and unknown."""

    memory_is_unknown = True

    def __init__(self, content: bytes, device: torch.device, facts: OnnxFacts | None = None) -> None:
        super().__init__()
        self.parameter_count = facts.parameters if facts else 0
        self.most = facts.most if facts else None
        self.facts = facts
        output = facts.output if facts else None
        self._device = device
        self._session = _session(content, device)
        self._input = self._session.get_inputs()[0].name
        chosen = next(item for item in self._session.get_outputs() if output in {None, item.name})
        self._output, self._outputs_of = chosen.name, NUMBERS[chosen.type]
        self._shape: tuple[int, ...] | None = None

    def forward(self, images: Tensor) -> Tensor:
        """Images to outputs, on the device of both."""
        if self._device.type == "cpu":
            return torch.from_numpy(self._session.run([self._output], {self._input: images.numpy()})[0])
        return self._on_card(images)

    def details(self) -> dict[str, Any]:
        """For the record."""
        import onnxruntime

        return {
            "onnxruntime": onnxruntime.__version__,
            "execution_provider": self._session.get_providers()[0],
            "threads": torch.get_num_threads(),
        } | (self.facts.detail if self.facts else {})

    def _on_card(self, images: Tensor) -> Tensor:
        """Without a copy between torch and ONNX Runtime, which have the same memory."""
        import numpy as np

        if self._shape is None:  # of one image's outputs
            self._shape = self._session.run([self._output], {self._input: images[:1].cpu().numpy()})[0].shape[1:]
        outputs = torch.empty((len(images), *self._shape), dtype=self._outputs_of, device=images.device)
        binding = self._session.io_binding()
        for bind, name, tensor in (
            (binding.bind_input, self._input, images.contiguous()),
            (binding.bind_output, self._output, outputs),
        ):
            numbers = getattr(np, str(tensor.dtype).removeprefix("torch."))
            bind(name, "cuda", self._device.index or 0, numbers, tuple(tensor.shape), tensor.data_ptr())
        torch.cuda.current_stream(self._device).synchronize()  # ONNX Runtime has a stream of its own
        self._session.run_with_iobinding(binding)
        return outputs


def _session(content: bytes, device: torch.device) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise MeasurementError(
            "onnxruntime is not installed; run pip install 'full-cycle-energy-leaderboard[worker]'", field=FIELD
        ) from None
    wanted, there = PROVIDERS[device.type], onnxruntime.get_available_providers()
    if wanted not in there:
        raise BadOption(
            f"ONNX Runtime on this worker has no {wanted} (it has {', '.join(there)}); install onnxruntime-gpu in "
            "place of onnxruntime",
            field=FIELD,
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    chosen: Any = (wanted, {"device_id": device.index or 0}) if device.type == "cuda" else wanted
    try:
        session = onnxruntime.InferenceSession(content, options, providers=[chosen])
    except Exception as error:  # ONNX Runtime has a dozen of its own
        if is_out_of_memory(error):
            raise
        raise BadInput(f"ONNX Runtime can't load the network: {first_line(error)}", field=FIELD) from None
    if session.get_providers()[0] != wanted:
        raise BadOption(f"ONNX Runtime could not start its {wanted}; see its messages above", field=FIELD)
    return session


def brought(model: OnnxModel, track: Track, device: torch.device) -> OnnxNetwork:
    """The file that a recipe names, after it was tried. Raises DataMissing if it is not here, else BadInput."""
    path = artifacts.path(model.sha256)
    facts = try_onnx_file(path, model, track)
    return OnnxNetwork(path.read_bytes(), device, facts)


def exported(model: nn.Module, images: Tensor) -> bytes:
    """The network as ONNX, for any number of images such as `images`. Raises BadInput if it can't be exported."""
    import contextlib

    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            program = torch.onnx.export(
                model.eval(),
                (images,),
                dynamo=True,
                verbose=False,
                input_names=["images"],
                output_names=["outputs"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
        assert program is not None, "dynamo=True returns a program"  # noqa: S101
        content: bytes = program.model_proto.SerializeToString()
    except Exception as error:  # any architecture's code, and three packages' exporters
        if is_out_of_memory(error):
            raise
        raise BadInput(
            f"torch can't export this network to ONNX ({first_line(error)}); use torch", field=FIELD
        ) from error
    return content


@dataclass(frozen=True, slots=True)
class ImagesFor:
    """Turns the track's normalised images into the graph's input, as the recipe says."""

    model: OnnxModel
    track: Track

    def __call__(self, images: Tensor) -> Tensor:
        given, size = self.model.input, self.model.resolution
        margin = (images.shape[-1] - size) // 2
        images = images[..., margin : margin + size, margin : margin + size]
        pixels = images * _by_channel(self.track.std, images) + _by_channel(self.track.mean, images)
        if given.dtype == "uint8":
            pixels = (pixels * 255).round().clamp(0, 255).to(torch.uint8)
        else:
            pixels = pixels * (given.scale or 1.0)
            pixels = (pixels - _by_channel(given.mean or (0.0,), images)) / _by_channel(given.std or (1.0,), images)
            pixels = pixels.to(torch.float16 if given.dtype == "float16" else torch.float32)
        if given.layout == "NHWC":
            pixels = pixels.permute(0, 2, 3, 1)
        return pixels.flatten(1).contiguous() if given.layout == "flat" else pixels.contiguous()


@dataclass(frozen=True, slots=True)
class ClassesOf:
    """Puts a graph's outputs into the track's order, and refuses those that are no numbers."""

    model: OnnxModel

    def __call__(self, outputs: Tensor) -> Tensor:
        if not bool(torch.isfinite(outputs).all()):
            images = int((~torch.isfinite(outputs.flatten(1))).any(dim=1).sum())
            raise BadInput(
                f"gives NaN or infinity for {images} of {len(outputs)} test images; check model.input: scale, mean, "
                "std and dtype",
                field="model.output",
            )
        order = self.model.output.order
        return outputs if order is None else outputs[:, torch.tensor(order, device=outputs.device).argsort()]


def _by_channel(values: tuple[float, ...], images: Tensor) -> Tensor:
    return torch.tensor(values, dtype=images.dtype, device=images.device).view(1, -1, 1, 1)


def first_line(error: Exception) -> str:
    """Of an error's message, or its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else type(error).__name__
