"""What goes wrong inside a run reaches a person as one clear error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from measurement.errors import BadInput, MeasurementError, MeterMissing
from measurement.meters.discovery import discover
from measurement.run.device import choose_device, leave_a_core
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.workbench import explained
from measurement.vocabulary import Provenance, Scope
from tests.measurement.running import BRIEF, TRAIN, tiny_recipe


def test_memory_that_torch_cannot_get_is_an_error_with_a_remedy() -> None:
    with (
        pytest.raises(MeasurementError, match="out of memory in phase train; use a smaller batch_size") as raised,
        explained("in phase train", "phases.0"),
    ):
        torch.empty(1 << 50)
    assert raised.value.field == "phases.0"
    assert raised.value.exit_code == 1


def test_other_errors_pass_unchanged() -> None:
    with pytest.raises(RuntimeError, match="shape"), explained("in phase train", "phases.0"):
        torch.zeros(2).reshape(3)


def test_a_device_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(BadInput, match="choose from: cpu") as raised:
        choose_device("cuda:99")
    assert raised.value.field == "--device"
    assert choose_device("cpu") == torch.device("cpu")
    for wrong in ("", "gpu", "cuda:", "cuda:-1", "cpu:0", "mps"):
        with pytest.raises(BadInput):
            choose_device(wrong)


@pytest.mark.skipif(
    discover("cpu").provenance(Scope.ACCELERATOR) == Provenance.METERED, reason="this machine meters its CPU"
)
def test_a_required_meter_that_is_missing_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(MeterMissing):
        run_recipe(tiny_recipe(), tmp_path / "out", RunOptions(device="cpu", require_metered=True, plan=BRIEF))
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_run_as_declared_writes_nothing(tmp_path: Path) -> None:
    recipe = tiny_recipe(model={"architecture": "inception_v3", "resolution": 16})
    with pytest.raises(BadInput, match="16 x 16"):
        run_recipe(recipe, tmp_path / "out", RunOptions(device="cpu", plan=BRIEF))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for out in (file, file / "below"):
        with pytest.raises(BadInput) as raised:
            run_recipe(tiny_recipe(TRAIN), out, RunOptions(device="cpu", plan=BRIEF))
        assert raised.value.field == "--out"


def test_a_core_is_left_to_the_meter_unless_threads_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    cores = len(os.sched_getaffinity(0))
    try:
        torch.set_num_threads(cores)
        monkeypatch.setenv("OMP_NUM_THREADS", str(cores))
        leave_a_core(torch.device("cpu"))
        assert torch.get_num_threads() == cores
        monkeypatch.delenv("OMP_NUM_THREADS")
        leave_a_core(torch.device("cpu"))
        assert torch.get_num_threads() == max(1, cores - 1)
    finally:
        torch.set_num_threads(before)
