"""Technique `quantization`: 8 bits instead of 32, after training.

Schemes: B. Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, 2018, https://arxiv.org/abs/1712.05877; P. Micikevicius et al., FP8 Formats for Deep Learning, 2022,
https://arxiv.org/abs/2209.05433.
"""

from __future__ import annotations

import torch

from measurement.networks.build import count_parameters
from measurement.networks.weights import weight_bytes
from measurement.recipe import QuantizationPhase
from measurement.training import endless
from measurement.training.context import PhaseContext, PhaseOutcome


def quantize(context: PhaseContext) -> PhaseOutcome:
    """Quantize the network as the scheme says.

    Raises BadInput if the device or the architecture doesn't support the scheme, or if there is nothing to quantize.
    """
    return _quantize(context, context.spec_as(QuantizationPhase))


def rehearse_quantization(context: PhaseContext) -> PhaseOutcome:
    """The same with one batch for calibration."""
    spec = context.spec_as(QuantizationPhase)
    return _quantize(context, spec.model_copy(update={"calibration_batches": 1}))


def _quantize(context: PhaseContext, spec: QuantizationPhase) -> PhaseOutcome:
    before = weight_bytes(context.model)
    if spec.scheme == "int8_static":
        outcome = _static(context, spec)
    else:
        from measurement.methods.eight_bit.linear import quantize_linear, refuse_without_float8

        if spec.scheme == "float8":
            refuse_without_float8(context)
        outcome = PhaseOutcome(context.model, quantize_linear(context, spec.scheme))
    context.advance(1.0, "quantized")
    sizes = {"weight_bytes_before": before, "weight_bytes_after": weight_bytes(outcome.model)}
    return PhaseOutcome(outcome.model, {"scheme": spec.scheme} | outcome.detail | sizes)


def _static(context: PhaseContext, spec: QuantizationPhase) -> PhaseOutcome:
    from measurement.methods.eight_bit.program import converted, prepared, refuse_other_processors

    refuse_other_processors(context)
    parameters, graph = count_parameters(context.model.eval()), prepared(context)
    batches = endless(context.train, spec.calibration_batch_size, torch.Generator().manual_seed(context.seed))
    with torch.no_grad():
        for done in context.pace.steps("calibration", spec.calibration_batches):
            graph(next(batches)[0])
            context.advance((done + 1) / spec.calibration_batches, detail="calibration")
    program = converted(context, graph, parameters)
    return PhaseOutcome(program, program.details())
