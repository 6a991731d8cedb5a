"""On a GPU, float32 is TF32 in matrix products and in convolutions, from a run's start to its end, and recorded."""

from __future__ import annotations

import pytest
import torch

from measurement.record import Hardware
from measurement.run.options import RunOptions
from measurement.run.record_parts import with_torch_settings
from measurement.run.runner import run_recipe
from measurement.training.numerics import tensor_float32
from tests.measurement.running import BRIEF, TRAIN, tiny_recipe

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
CARD = Hardware(name="NVIDIA H100", kind="cuda", settings={"temperature_c": 40})
ONE_SCENARIO = tiny_recipe(TRAIN, inference={"scenarios": ["single_stream"]})


def switches() -> tuple[str, bool]:
    return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("before", [("highest", True), ("highest", False), ("high", True)])
def test_both_may_use_it_on_a_gpu_whatever_was_set_before_and_is_set_again_after(before):
    at_first = switches()
    torch.set_float32_matmul_precision(before[0])
    torch.backends.cudnn.allow_tf32 = before[1]
    try:
        with tensor_float32(GPU):
            assert torch.backends.cuda.matmul.allow_tf32
            assert torch.backends.cudnn.allow_tf32
            settings = with_torch_settings(CARD, "default").settings
            assert (settings["tf32_matmul"], settings["tf32_convolution"]) == (True, True)
            assert settings["temperature_c"] == 40
        assert switches() == before
    finally:
        torch.set_float32_matmul_precision(at_first[0])
        torch.backends.cudnn.allow_tf32 = at_first[1]


def test_the_record_has_torch_s_actual_settings_and_not_the_intended_ones():
    settings = with_torch_settings(CARD, "default").settings
    assert settings["tf32_matmul"] is torch.backends.cuda.matmul.allow_tf32 is False


def test_a_cpu_computes_float32_in_full_and_records_no_setting(tmp_path):
    before, seen = switches(), []
    run = run_recipe(
        ONE_SCENARIO, tmp_path, RunOptions(device="cpu", plan=BRIEF, reporter=lambda _: seen.append(switches()))
    )
    assert set(seen) == {before}
    assert not any(name.startswith("tf32") for name in run.hardware.settings)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_run_on_a_gpu_has_it_from_its_start_to_its_end(tmp_path):
    before, seen = switches(), []
    run = run_recipe(
        ONE_SCENARIO, tmp_path, RunOptions(device="cuda:0", plan=BRIEF, reporter=lambda _: seen.append(switches()))
    )
    *during, after = seen
    assert set(during) == {("high", True)}
    assert after == switches() == before
    assert run.hardware.settings["tf32_matmul"]
    assert run.hardware.settings["tf32_convolution"]
