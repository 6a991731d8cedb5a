"""Linear layers in 8 bits, on any device: torchao's tensors in place of their weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import register_flop_formula
from torchao.core.config import AOBaseConfig
from torchao.quantization import (
    Float8DynamicActivationFloat8WeightConfig,
    Int8DynamicActivationInt8WeightConfig,
    Int8WeightOnlyConfig,
    MappingType,
    PerTensor,
    quantize_,
)
from torchao.quantization.qat import IntxFakeQuantizeConfig, QATConfig
from torchao.utils import should_reduce_range

from measurement.errors import BadInput
from measurement.methods.layers import runs_or_refused
from measurement.networks.build import count_parameters
from measurement.networks.weight_masks import apply_masks, masks_of
from measurement.training.context import PhaseContext

ADA = (8, 9)
FLOAT8_STEP, INT8_STEP = 16, 8
"""The sides of a layer that a card's float8 and int8 matrix products take are multiples of these. torchao multiplies
int8 layers of other sizes on the CPU (torchao.kernel.intmm.safe_int_mm)."""

SIMULATED = MappingType.ASYMMETRIC
"""The one rounding of activations row by row that torchao can simulate."""

EXECUTED_AS = {
    "int8_weight_only": "weights kept in int8, widened to float32 for every product",
    "int8_dynamic": "int8 matrix products, activations rounded row by row at run time",
    "float8": "float8 matrix products, activations rounded tensor by tensor at run time",
}


def refuse_without_float8(context: PhaseContext) -> None:
    """Raises BadInput on a CPU and on a card without float8 (older than compute capability 8.9)."""
    device = context.device
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < ADA:
        raise BadInput(
            "float8 needs an NVIDIA card of compute capability 8.9 or newer; choose an int8 scheme for this device",
            field=context.field("scheme"),
        )


def quantize_linear(
    context: PhaseContext, scheme: str, activations: MappingType = MappingType.SYMMETRIC
) -> dict[str, Any]:
    """Quantize the linear layers of `context.model` in place, including the classifier; returns details for the
    record.

    activations: whether int8_dynamic rounds them around zero or between their least and their greatest value. Raises
    BadInput if the architecture has none that the scheme takes, or can't run with them.
    """
    layers = linear_layers(context.model, scheme, context.device)
    if not layers:
        raise BadInput(
            f"{scheme} quantizes linear layers, and this architecture has none that it takes; choose int8_static "
            "(on a CPU), or another architecture",
            field=context.field("scheme"),
        )
    quantized, parameters = sum(layer.weight.numel() for layer in layers), count_parameters(context.model)
    quantize_(
        context.model.eval(), _config(scheme, activations, context.device), lambda module, name: module in layers
    )
    for layer in layers:
        del layer.extra_repr  # torchao's description of a layer, which can't be pickled
    runs_or_refused(context, f"with {scheme} weights")
    return {
        "layers": sum(isinstance(module, nn.Linear | nn.Conv2d) for module in context.model.modules()),
        "quantized_layers": len(layers),
        "parameters": parameters,
        "quantized_parameters": quantized,
        "executed_as": executed_as(scheme, context.device),
    }


def executed_as(scheme: str, device: torch.device) -> str:
    """What computes the layers, for people. torchao widens int8 products of few rows, which cuBLAS refuses."""
    few_rows = ", in float32 those of 16 rows or fewer" if (scheme, device.type) == ("int8_dynamic", "cuda") else ""
    return f"{EXECUTED_AS[scheme]}{few_rows}; all other layers in float32"


def linear_layers(model: nn.Module, scheme: str, device: torch.device) -> set[nn.Linear]:
    """The plain linear layers that the scheme takes on `device`."""
    steps = {"float8": FLOAT8_STEP, "int8_dynamic": INT8_STEP} if device.type == "cuda" else {}
    step = steps.get(scheme, 1)
    plain = [module for module in model.modules() if isinstance(module, nn.Linear) and type(module) is nn.Linear]
    return {layer for layer in plain if not (layer.in_features % step or layer.out_features % step)}


def simulate_int8(context: PhaseContext) -> None:
    """The linear layers round as `int8_dynamic` with SIMULATED activations will, and can be trained; zeros stay.

    Raises BadInput if there are none.
    """
    layers = linear_layers(context.model, "int8_dynamic", context.device)
    if not layers:
        raise BadInput(
            "int8_dynamic quantizes linear layers, and this architecture has none that it takes; choose int8_static "
            "(on a CPU)",
            field=context.field("scheme"),
        )
    rows = IntxFakeQuantizeConfig(torch.int8, "per_token", is_symmetric=False)
    channels = IntxFakeQuantizeConfig(torch.int8, "per_channel", is_symmetric=True)
    settings = QATConfig(activation_config=rows, weight_config=channels, step="prepare")
    masks = masks_of(context.model)
    quantize_(context.model, settings, lambda module, name: module in layers)
    apply_masks(context.model, masks)


def end_simulation(model: nn.Module) -> None:
    """Plain linear layers again, with the weights that were trained."""
    quantize_(model, QATConfig(step="convert"))


def _config(scheme: str, activations: MappingType, device: torch.device) -> AOBaseConfig:
    if scheme == "int8_weight_only":
        return Int8WeightOnlyConfig(set_inductor_config=False)
    if scheme == "int8_dynamic":
        return Int8DynamicActivationInt8WeightConfig(
            act_mapping_type=activations,
            set_inductor_config=False,
            reduce_range=bool(should_reduce_range(device)),
        )
    return Float8DynamicActivationFloat8WeightConfig(granularity=PerTensor(), set_inductor_config=False)


@register_flop_formula(torch.ops.aten._int_mm)
def _int8_product(rows: list[int], columns: list[int], *_: Any, **__: Any) -> int:
    """rows: (m, k), columns: (k, n)."""
    return 2 * rows[0] * rows[1] * columns[1]
