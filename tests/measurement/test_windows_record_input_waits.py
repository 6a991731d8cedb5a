"""A window on a GPU whose loop waited for its input says so."""

from __future__ import annotations

import math

import pytest

from measurement.meters.replay import ManualClock
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.tracks.manifest import read_manifest
from measurement.tracks.streamed import READERS_VARIABLE
from measurement.vocabulary import Flag
from tests.measurement.folders import photograph
from tests.measurement.instruments import Steady, cpu_meter, gpu_meter
from tests.measurement.running import BRIEF, TRAIN, tiny_recipe


def of_gpu(clock):
    return gpu_meter(clock, [Steady(clock, 300.0, "gpu0", "gpu")])


def measured(make, waits, *, pause_s=0.0):
    """A window of ten seconds whose loop waited so long for its batches."""
    clock = ManualClock()
    with make(clock) as meter, meter.window("train") as window:
        clock.sleep(10)
        for seconds in waits:
            window.waited(seconds)
        if pause_s:
            window.pause()
            clock.sleep(pause_s)
    return window.measurement


@pytest.mark.parametrize(
    ("make", "waits", "starved", "share"),
    [
        (of_gpu, [0.4, 0.7], True, 0.11),
        (of_gpu, [0.4, 0.5], False, 0.09),
        (of_gpu, [0.0], False, 0.0),
        (of_gpu, [8.0, 8.0], True, 1.0),
        (cpu_meter, [5.0], False, 0.5),
    ],
)
def test_waiting_for_more_than_a_tenth_of_a_gpus_time_is_flagged(make, waits, starved, share):
    found = measured(make, waits)
    assert (Flag.INPUT_STARVED in found.flags) == starved
    assert found.conditions["input_wait_share"] == pytest.approx(share, abs=1e-3)
    assert any("waited for its input" in note for note in found.notes) == starved


def test_pauses_are_no_time_in_which_input_was_used():
    assert Flag.INPUT_STARVED in measured(of_gpu, [1.5], pause_s=90.0).flags


def test_a_loop_that_reports_no_wait_leaves_the_share_unknown():
    found = measured(of_gpu, [])
    assert "input_wait_share" not in found.conditions
    assert Flag.INPUT_STARVED not in found.flags


@pytest.mark.parametrize("seconds", [-0.1, math.nan, math.inf])
def test_a_wait_that_can_not_be_is_refused(seconds):
    with pytest.raises(ValueError, match="0 or more"):
        measured(of_gpu, [seconds])


def test_a_closed_window_hears_of_no_more_waits():
    clock = ManualClock()
    with of_gpu(clock) as meter, meter.window("train") as window:
        clock.sleep(1)
    with pytest.raises(RuntimeError, match="closed"):
        window.waited(1)


def photographs(folder, count):
    """Two classes of photographs that take far longer to decode than a tiny network takes to learn from them."""
    for name, colour in {"blue": (20, 40, 230), "red": (230, 30, 20)}.items():
        for part in ("train", "val"):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                photograph(colour, number, size=(1200, 900)).save(folder / part / name / f"{number}.jpg")
    return {"name": folder.name, "manifest_sha256": read_manifest(folder).sha256}


def shares(record):
    return {str(phase.phase): phase.detail.get("conditions", {}).get("input_wait_share") for phase in record.phases}


def test_a_run_records_how_long_it_waited_for_its_training_and_test_images(tmp_path, monkeypatch):
    """Also those held back and those at other resolutions, which are splits made from the one that is trained on."""
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    monkeypatch.setenv(READERS_VARIABLE, "0")  # then all decoding is waited for
    stopping = {"patience": 1, "validation_share": 0.5}
    train = TRAIN | {
        "epochs": 2,
        "progressive_resizing": [{"resolution": 8, "share": 1.0}],
        "early_stopping": stopping,
    }
    recipe = tiny_recipe(
        train,
        track="imagefolder",
        dataset=photographs(tmp_path / "datasets" / "large", 8),
        inference={"scenarios": ["single_stream"], "max_batch_size": 4},
    )
    found = shares(run_recipe(recipe, tmp_path / "out", RunOptions(device="cpu", plan=BRIEF)))
    assert 0.5 < found["train"] <= 1
    assert 0.5 < found["evaluate"] <= 1
    assert found["inference"] is None, "its images lie on the device, and none is waited for"


def test_a_run_whose_images_lie_on_the_device_waits_for_none(tmp_path):
    recipe = tiny_recipe(inference={"scenarios": ["single_stream"]})
    found = shares(run_recipe(recipe, tmp_path, RunOptions(device="cpu", plan=BRIEF)))
    assert found == {"train": 0.0, "evaluate": 0.0, "inference": None}
