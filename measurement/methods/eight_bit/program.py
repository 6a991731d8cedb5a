"""Whole networks in int8 on an x86 processor: convolutions and linear layers, weights and activations.

torchao marks what is quantized in the exported graph (prepare, then calibrate or train, then convert), and oneDNN's
int8 kernels run what matches their patterns. https://docs.pytorch.org/ao/stable/pt2e_quantization/
"""

from __future__ import annotations

import io
import math
import platform
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any, Self, TypeVar

import torch
from torch import Tensor, nn
from torch._export.utils import _is_cia_op
from torch._inductor.constant_folding import constant_fold
from torch._inductor.fx_passes.freezing_patterns import freezing_passes
from torch.export import Dim, ExportedProgram, default_decompositions
from torch.fx import GraphModule
from torch.utils.flop_counter import conv_flop_count, register_flop_formula
from torchao.quantization.pt2e import (
    disable_observer,
    enable_observer,
    move_exported_model_to_eval,
    move_exported_model_to_train,
)
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
    X86InductorQuantizer,
    get_default_x86_inductor_quantization_config,
)
from torchao.utils import should_reduce_range

from measurement.errors import BadInput, MeasurementError
from measurement.networks.out_of_memory import is_out_of_memory
from measurement.networks.weight_masks import apply_masks, masks_of
from measurement.networks.weights import HoldsWeights
from measurement.training.context import PhaseContext

aten, onednn = torch.ops.aten, torch.ops.onednn
Result = TypeVar("Result")
LAYERS = (aten.conv2d.default, aten.linear.default)


class Int8Program(nn.Module, HoldsWeights):
    """An exported program in int8 and its lowered form, which takes a batch of any size.

    exported: the result of torchao's conversion, with every rounding explicit. `parameter_count` is that of the
    network before its normalisation layers were folded into the convolutions.
    """

    def __init__(self, exported: ExportedProgram, parameter_count: int) -> None:
        super().__init__()
        self.parameter_count = parameter_count
        self._exported, self._lowered = exported, (_lowered(exported),)

    def forward(self, images: Tensor) -> Tensor:
        """Images to outputs, float32."""
        outputs: Tensor = self._lowered[0](images)
        return outputs

    def weights(self) -> dict[str, Tensor]:
        """The tensors that the program computes with, by their names."""
        signature = self._exported.graph_signature
        inputs = signature.inputs_to_parameters | signature.inputs_to_buffers
        inputs |= signature.inputs_to_lifted_tensor_constants
        held = self._exported.state_dict | self._exported.constants
        used = [node.name for node in self._exported.graph.nodes if node.op == "placeholder" and node.users]
        return {inputs[name]: held[inputs[name]].detach() for name in used if name in inputs}

    def details(self) -> dict[str, Any]:
        """For the record: how much is quantized, and what runs it."""
        layers = [node for node in self._exported.graph.nodes if node.target in LAYERS]
        kernels = sum("onednn.q" in str(node.target) for node in self._lowered[0].graph.nodes)
        quantized = sum("dequantize" in str(node.args[1]) for node in layers)
        return {
            "layers": len(layers),
            "quantized_layers": quantized,
            "parameters": self.parameter_count,
            "quantized_parameters": sum(t.numel() for t in self.weights().values() if t.dtype == torch.int8),
            "executed_as": f"int8 kernels of oneDNN for {kernels} of {len(layers)} layers"
            + (", the others in float32 on weights and activations rounded to int8" if kernels < quantized else ""),
        }

    def __getstate__(self) -> dict[str, Any]:
        file = io.BytesIO()
        torch.export.save(self._exported, file)
        return {"exported": file.getvalue(), "parameter_count": self.parameter_count}

    def __setstate__(self, state: dict[str, Any]) -> None:
        exported = torch.export.load(io.BytesIO(state["exported"]))
        Int8Program.__init__(self, exported, state["parameter_count"])


class Trainable(nn.Module):
    """An exported graph on which `train` and `eval` work."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, images: Tensor) -> Tensor:
        """Images to outputs."""
        outputs: Tensor = self.graph(images)
        return outputs

    def train(self, mode: bool = True) -> Self:
        """Switch dropout, which is written into the graph, and whether the ranges of int8 follow the images."""
        self.training = mode
        if mode:
            move_exported_model_to_train(self.graph)
        else:
            move_exported_model_to_eval(self.graph)
        self.graph.apply(enable_observer if mode else disable_observer)
        return self


def refuse_other_processors(context: PhaseContext) -> None:
    """Raises BadInput on a GPU and on a processor that is not x86."""
    if context.device.type != "cpu" or platform.machine().lower() not in ("x86_64", "amd64"):
        raise BadInput(
            "int8_static needs the int8 kernels of an x86 processor; choose int8_dynamic for this device",
            field=context.field("scheme"),
        )


def prepared(context: PhaseContext) -> GraphModule:
    """The exported network with observers, to be run on calibration images."""
    return _exported(context, lambda graph: prepare_pt2e(graph, _quantizer(context.device, is_qat=False)))


def prepared_for_training(context: PhaseContext) -> Trainable:
    """The exported network with the rounding simulated; zeros stay.

    Batch normalisation is folded into the convolutions first, as it is when the network runs (R. Krishnamoorthi,
    Quantizing deep convolutional networks for efficient inference, 2018, https://arxiv.org/abs/1806.08342, 3.2.2).
    """
    context.model.eval()
    masks = masks_of(context.model)
    graph = _exported(context, lambda graph: prepare_pt2e(graph, _quantizer(context.device, is_qat=True)))
    apply_masks(graph, masks)
    for weight in graph.parameters():
        weight.requires_grad_()
    return Trainable(graph)


def converted(context: PhaseContext, graph: GraphModule, parameter_count: int) -> Int8Program:
    """The program in int8. Raises BadInput if no layer is quantized."""
    program = _quantizable(
        context,
        lambda: Int8Program(_export(convert_pt2e(graph), context.train.first(2)[0]), parameter_count),
    )
    if not program.details()["quantized_layers"]:
        raise BadInput(
            "no layer of this architecture can be quantized; choose another scheme or architecture",
            field=context.field("scheme"),
        )
    return program


def _exported(context: PhaseContext, prepare: Callable[[GraphModule], GraphModule]) -> GraphModule:
    def work() -> GraphModule:
        return prepare(_graph(_export(context.model, context.train.first(2)[0])))

    return _quantizable(context, work)


def _quantizable(context: PhaseContext, work: Callable[[], Result]) -> Result:
    """The result of `work`. Raises BadInput if torch.export or torchao can't process the architecture."""
    try:
        with redirect_stderr(io.StringIO()):  # torch.export prints the graph that it fails on
            return work()
    except MeasurementError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Tracing an arbitrary architecture may fail with any exception.
        reason = next(iter(str(error).strip().splitlines()), "")
        raise BadInput(
            f"{context.recipe.model.architecture} can't be exported and quantized "
            f"({type(error).__name__}: {reason}); choose another scheme or architecture",
            field=context.field("scheme"),
        ) from error


def _export(model: nn.Module, images: Tensor) -> ExportedProgram:
    with torch.no_grad():
        return torch.export.export(model, (images,), dynamic_shapes=({0: Dim("batch")},))


def _graph(exported: ExportedProgram) -> GraphModule:
    graph = exported.module()
    if not isinstance(graph, GraphModule):
        raise TypeError(f"torch.export gave a {type(graph).__name__}")
    return graph


def _quantizer(device: torch.device, *, is_qat: bool) -> X86InductorQuantizer:
    settings = get_default_x86_inductor_quantization_config(
        is_qat=is_qat, reduce_range=bool(should_reduce_range(device))
    )
    return X86InductorQuantizer().set_global(settings)


def _lowered(exported: ExportedProgram) -> GraphModule:
    """As torchao's `lower_pt2e_quantized_to_x86`, which fixes the size of the batch.

    Compiling instead would do so too: torch.compile with a free batch size fails on oneDNN's int8 convolutions.
    """
    table = default_decompositions()
    for operator in list(table):
        if not _is_cia_op(operator):
            del table[operator]
    table[aten.t.default] = lambda matrix: aten.permute.default(matrix, [1, 0])  # as the patterns expect it
    with torch.no_grad():
        lowered = _graph(exported.run_decompositions(table))
        freezing_passes(lowered, exported.example_inputs[0])
        constant_fold(lowered)
    return lowered


@register_flop_formula([onednn.qconv_pointwise, onednn.qconv2d_pointwise])
def _convolution(images: list[int], scale: Any, zero: Any, weight: list[int], *_: Any, **shapes: Any) -> int:
    return int(conv_flop_count(images, weight, shapes["out_shape"]))


@register_flop_formula(onednn.qlinear_pointwise)
def _linear(rows: list[int], scale: Any, zero: Any, weight: list[int], *_: Any, **__: Any) -> int:
    """rows: (..., inputs), weight: (inputs, outputs)."""
    return 2 * math.prod(rows) * weight[1]
