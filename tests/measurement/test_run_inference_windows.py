"""How long inference is metered, in which batches, and what its percentiles are."""

from __future__ import annotations

import math
import random

import pytest
import torch

from measurement.meters import EnergyMeter
from measurement.methods import no_progress
from measurement.run.inference import (
    InferencePlan,
    Inputs,
    measure,
    nearest_rank,
    prepare,
    satisfied,
)
from measurement.vocabulary import Scenario
from tests.measurement.running import BRIEF

PLAN = InferencePlan.for_device(torch.device("cpu"))


def test_the_methodology_s_minima_hold_on_each_kind_of_device() -> None:
    assert PLAN.min_duration_s >= 5
    assert InferencePlan.for_device(torch.device("cuda:0")).min_duration_s >= 30
    assert PLAN.min_blocks >= 5
    assert PLAN.max_jitter_s == pytest.approx(0.1)


def test_the_window_ends_early_when_steady_at_the_cap_when_not_and_never_before_the_minimum() -> None:
    steady, wild = [1.0, 1.001, 0.999, 1.0, 1.0, 1.0], [1.0, 2.0, 0.5, 1.5, 1.0, 3.0]
    assert not satisfied(PLAN, PLAN.min_duration_s - 0.1, steady)
    assert not satisfied(PLAN, PLAN.max_duration_s, steady[:4])
    assert satisfied(PLAN, PLAN.min_duration_s, steady)
    assert not satisfied(PLAN, PLAN.min_duration_s, wild)
    assert satisfied(PLAN, PLAN.max_duration_s, wild)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [nearest_rank(values, share) for share in (0.5, 0.9, 0.99, 1.0)] == [50, 90, 99, 100]
    assert nearest_rank([7.0], 0.5) == 7


@pytest.mark.parametrize("batch_size", [1, 7, 64, 300, 1000])
def test_batches_are_always_full(batch_size: int) -> None:
    images = torch.arange(300.0).reshape(300, 1, 1, 1)
    feed = Inputs(images).batches(batch_size)
    shapes = {next(feed).shape for _ in range(50)}
    assert shapes == {torch.Size([batch_size, 1, 1, 1])}


def test_jitter_between_blocks_is_outside_the_window() -> None:
    model = torch.nn.Flatten()
    inputs = Inputs(torch.zeros(8, 1, 4, 4))
    plan = InferencePlan(0.2, 0.25, 0.02, 0.02, 0.05, max_jitter_s=0.1)
    synchronize = lambda: None  # noqa: E731
    prepared = prepare(Scenario.SINGLE_STREAM, model, inputs, plan, max_batch_size=8, synchronize=synchronize)
    with EnergyMeter.for_device("cpu") as meter, meter.window("inference") as window:
        figures = measure(
            prepared,
            model,
            window,
            plan,
            synchronize=synchronize,
            advance=no_progress,
            jitter=random.Random(0),
        )
    measured = window.measurement
    paused_s = math.fsum(end - start for start, end in measured.pauses)
    assert len(measured.pauses) == figures.blocks - 1
    assert paused_s > 0.01
    assert measured.duration_s == pytest.approx(measured.ended_s - measured.started_s - paused_s, abs=1e-6)
    assert sum(block.images or 0 for block in measured.blocks) == figures.images


def test_training_behaviour_is_off_while_inference_is_measured() -> None:
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.BatchNorm1d(16)).train()
    prepare(
        Scenario.OFFLINE,
        model,
        Inputs(torch.zeros(8, 1, 4, 4)),
        BRIEF,
        max_batch_size=8,
        synchronize=lambda: None,
    )
    assert not any(module.training for module in model.modules())
