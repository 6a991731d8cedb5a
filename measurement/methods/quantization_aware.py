"""Technique `quantization_aware`: training with the rounding of 8 bits simulated, then the conversion.

B. Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018,
https://arxiv.org/abs/1712.05877.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from measurement.errors import MeasurementError
from measurement.networks.build import count_parameters
from measurement.networks.weights import weight_bytes
from measurement.recipe import QuantizationAwarePhase
from measurement.training import fit, rehearse_step
from measurement.training.context import PhaseContext, PhaseOutcome

Train = Callable[[PhaseContext, QuantizationAwarePhase], dict[str, Any] | None]


def train_and_quantize(context: PhaseContext) -> PhaseOutcome:
    """Train with simulated rounding, then quantize.

    Raises BadInput if the device or the architecture doesn't support the scheme, and MeasurementError as `fit` does.
    """
    return _quantize(context, fit)


def rehearse_quantization_aware(context: PhaseContext) -> PhaseOutcome:
    """One step of the training, then the conversion."""
    return _quantize(context, rehearse_step)


def _quantize(context: PhaseContext, train: Train) -> PhaseOutcome:
    spec, before = context.spec_as(QuantizationAwarePhase), weight_bytes(context.model)
    outcome = _static(context, spec, train) if spec.scheme == "int8_static" else _dynamic(context, spec, train)
    sizes = {"weight_bytes_before": before, "weight_bytes_after": weight_bytes(outcome.model)}
    return PhaseOutcome(outcome.model, {"scheme": spec.scheme} | outcome.detail | sizes)


def _static(context: PhaseContext, spec: QuantizationAwarePhase, train: Train) -> PhaseOutcome:
    from measurement.methods.eight_bit.program import converted, prepared_for_training, refuse_other_processors

    refuse_other_processors(context)
    parameters, network = count_parameters(context.model), prepared_for_training(context)
    try:
        trained = train(replace(context, model=network), spec) or {}
    except RuntimeError as error:
        if "zero_point" not in str(error):
            raise
        raise MeasurementError(
            "an activation was not a finite number in training; try a smaller learning_rate",
            field=context.field("optimizer.learning_rate"),
        ) from error
    program = converted(context, network.eval().graph, parameters)
    return PhaseOutcome(program, trained | program.details())


def _dynamic(context: PhaseContext, spec: QuantizationAwarePhase, train: Train) -> PhaseOutcome:
    from measurement.methods.eight_bit.linear import SIMULATED, end_simulation, quantize_linear, simulate_int8

    simulate_int8(context)
    trained = train(context, spec) or {}
    end_simulation(context.model)
    return PhaseOutcome(context.model, trained | quantize_linear(context, spec.scheme, SIMULATED))
