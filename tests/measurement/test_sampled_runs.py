"""A sample of a phase gives the whole phase's joules, with their uncertainty."""

from __future__ import annotations

import math
import random
from itertools import accumulate

import pytest
import torch

from measurement.errors import BadInput
from measurement.events import PhaseStarted
from measurement.meters import EnergyMeter
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.recipe import load_recipe
from measurement.run.options import RunOptions
from measurement.run.recompute import recompute
from measurement.run.runner import run_recipe
from measurement.run.sampling import METHODOLOGY, SampledPace, SamplingPlan, extrapolated, sample_details
from measurement.run.steps import step_name
from measurement.traces.trace import read_trace
from measurement.tracks import TRACKS
from measurement.tracks.synthetic import SyntheticSplit
from measurement.vocabulary import Provenance, Scope, Source
from tests.measurement.instruments import Steady
from tests.measurement.running import BRIEF, PRUNE, ROOT, TRAIN, tiny_recipe

WATTS = 50.0
SHORT = SamplingPlan(window_s=0.25, warm_up_s=0.05)
REPORTED = {"quality": 0.97, "evidence": "https://example.org/log"}


def sampled(steps_s: dict[str, list[float]], plan: SamplingPlan, instrument=Steady):
    """A metered window in which each stage's steps take the given seconds at 50 W."""
    clock = ManualClock()
    with (
        EnergyMeter([instrument(clock, WATTS)], options=MeterOptions(clock=clock, sampling=False)) as meter,
        meter.window("train") as window,
    ):
        pace = SampledPace(window, plan, clock.monotonic_s)
        for stage, seconds in steps_s.items():
            for step in pace.steps(stage, len(seconds)):
                clock.sleep(seconds[step])
    return window.measurement, pace.stages


def test_the_methodology_meters_half_a_minute_in_five_blocks():
    assert METHODOLOGY.window_s >= 30
    assert METHODOLOGY.blocks >= 5


def test_each_stage_is_charged_at_its_own_price():
    steps_s = {"at 16 pixels": [0.5] * 1000, "at 32 pixels": [2.0] * 500}
    measured, stages = sampled(steps_s, METHODOLOGY)
    energy = extrapolated(measured, stages, Scope.ACCELERATOR, idle_w=10.0)
    assert energy.provenance == Provenance.EXTRAPOLATED
    assert energy.energy_j == pytest.approx(1500 * WATTS, rel=0.01)
    assert energy.net_of_idle_j == pytest.approx(1500 * (WATTS - 10), rel=0.01)
    assert measured.duration_s < 100
    assert [stage["steps_declared"] for stage in sample_details(measured, stages)["sampled"]["stages"]] == [1000, 500]


def test_a_stage_that_ends_before_its_sample_is_metered_whole():
    measured, stages = sampled({"training": [1.0] * 20}, METHODOLOGY)
    energy = extrapolated(measured, stages, Scope.ACCELERATOR, idle_w=None)
    assert energy.provenance == Provenance.METERED
    assert energy == measured.to_energy(Scope.ACCELERATOR)


class Modelled(Steady):
    """Joules that a power model gives."""

    source = Source.CPU_ESTIMATE


def test_a_sample_of_an_estimate_is_no_better_known_than_the_whole():
    """Nobody knows how well the model's joules of the window repeat: that is no zero in the sum of both."""
    seconds = {"training": [0.1, 0.12] * 2000}
    measured, stages = sampled(seconds, METHODOLOGY, Modelled)
    energy = extrapolated(measured, stages, Scope.ACCELERATOR, idle_w=None)
    whole = measured.to_energy(Scope.ACCELERATOR)
    assert energy.provenance == whole.provenance == Provenance.ESTIMATED
    assert energy.energy_j > 5 * whole.energy_j
    assert energy.repeatability_u95_j is whole.repeatability_u95_j is None
    assert energy.absolute_u95_j is None
    assert sample_details(measured, stages)["sampled"]["left_out_u95_j"]["accelerator"] > 0


def test_the_record_has_the_uncertainty_of_the_steps_left_out():
    measured, stages = sampled({"at 16 pixels": [0.5, 0.6, 0.5] * 300, "at 32 pixels": [2.0, 2.1] * 250}, METHODOLOGY)
    interval_j = sample_details(measured, stages)["sampled"]["left_out_u95_j"]
    energy = extrapolated(measured, stages, Scope.ACCELERATOR, idle_w=None)
    assert 0 < interval_j["accelerator"] <= energy.repeatability_u95_j
    assert interval_j["accelerator"] == pytest.approx(energy.repeatability_u95_j, rel=0.01)
    assert interval_j["system"] is None


def steps_like_their_neighbours(draw: random.Random, count: int) -> list[float]:
    """Seconds of steps around 0.1 s whose differences last for some steps, half a second or so."""
    levels = accumulate(range(count), lambda level, _: 0.8 * level + draw.gauss(0, 0.12), initial=0.0)
    return [max(0.01, 0.1 * (1 + level)) for level in levels][1:]


def steps_that_drift(draw: random.Random, count: int) -> list[float]:
    """Seconds of steps around 0.1 s with flicker noise: similar at every scale, as on a shared machine."""
    waves = [(2.0**octave, draw.uniform(0, math.tau), draw.gauss(0, 0.02)) for octave in range(2, 14)]
    return [0.1 + 0.1 * sum(high * math.sin(math.tau * step / length + phase) for length, phase, high in waves)
            for step in range(count)]  # fmt: skip


@pytest.mark.parametrize("seconds_of", [steps_like_their_neighbours, steps_that_drift])
@pytest.mark.parametrize("count", [900, 5000])
def test_the_true_joules_lie_in_the_interval_as_often_as_it_says(seconds_of, count):
    trials, inside = 200, 0
    for seed in range(trials):
        seconds = seconds_of(random.Random(seed), count)
        measured, stages = sampled({"training": seconds}, METHODOLOGY)
        energy = extrapolated(measured, stages, Scope.ACCELERATOR, idle_w=None)
        inside += abs(energy.energy_j - WATTS * sum(seconds)) <= energy.repeatability_u95_j
    assert inside / trials >= 0.93


def test_without_the_submitters_figure_nothing_is_sampled(tmp_path):
    with pytest.raises(BadInput, match="quality and evidence") as raised:
        run_recipe(tiny_recipe(), tmp_path, RunOptions(mode="sampled", plan=BRIEF))
    assert raised.value.field == "reported"
    assert not (tmp_path / "record.json").exists()


SPACE = {"architectures": ["test_resnet"], "resolutions": [8, 16]}
SEARCH = {"technique": "architecture_search", "phase": "search", "space": SPACE, "candidates": 2}


@pytest.mark.parametrize(
    ("phases", "field"),
    [
        ([TRAIN | {"epochs": 9, "early_stopping": {"patience": 2}}], "phases.0.early_stopping"),
        ([SEARCH | {"training": {"epochs": 1}}, TRAIN], "phases.0.found"),
    ],
)
def test_what_a_sample_can_t_verify_is_refused(phases, field, tmp_path):
    with pytest.raises(BadInput) as raised:
        run_recipe(tiny_recipe(*phases, reported=REPORTED), tmp_path, RunOptions(mode="sampled", plan=BRIEF))
    assert raised.value.field == field


@pytest.fixture(scope="module")
def sampled_events():
    """The events of `sampled_run`."""
    return []


@pytest.fixture(scope="module")
def sampled_run(tmp_path_factory, sampled_events):
    out = tmp_path_factory.mktemp("sampled")
    recipe = tiny_recipe(TRAIN | {"epochs": 500}, PRUNE, reported=REPORTED)
    plans = {"plan": BRIEF, "sampling": SHORT}
    return run_recipe(
        recipe, out, RunOptions(mode="sampled", device="cpu", reporter=sampled_events.append, **plans)
    ), out


def steps_begun(events):
    """The name that was announced for the place of each step, and its own."""
    begun = [event for event in events if isinstance(event, PhaseStarted)]
    return [(events[0].phases[event.position], step_name(event.phase, event.scenario)) for event in begun]


def test_the_evaluation_that_is_not_done_leaves_the_others_their_places(sampled_run, sampled_events):
    begun = steps_begun(sampled_events)
    assert [announced for announced, _ in begun] == [name for _, name in begun]
    assert [name for _, name in begun] == ["train", "compress", "inference single_stream", "inference offline"]


def test_a_sampled_run_keeps_what_is_reported_apart(sampled_run):
    record, _ = sampled_run
    assert (record.quality.provenance, record.quality.value) == ("reported", 0.97)
    assert record.quality.evidence == REPORTED["evidence"]
    train, prune = record.phases[:2]
    assert train.detail["sampled"]["stages"][0]["steps_declared"] == 500 * 12
    assert train.detail["sampled"]["stages"][0]["steps_run"] < 1000
    # This machine may only have an estimate; that does not become anything better by being scaled.
    assert train.energy(Scope.ACCELERATOR).provenance in (Provenance.EXTRAPOLATED, Provenance.ESTIMATED)
    assert "sampled" not in prune.detail
    energy = train.energy(Scope.ACCELERATOR)
    assert (energy.repeatability_u95_j is None) == (energy.provenance == Provenance.ESTIMATED)
    assert train.detail["sampled"]["left_out_u95_j"]["accelerator"] > 0
    assert [str(phase.phase) for phase in record.phases] == ["train", "compress", "inference", "inference"]


def test_a_sampled_run_recomputes_from_its_trace(sampled_run):
    record, out = sampled_run
    found = recompute(record, read_trace(out / "trace.parquet"))
    assert found.agrees, found.faults
    assert any(figure.phase == "train" and figure.name == "net_of_idle_j" for figure in found.figures)


def test_a_record_that_charges_less_than_its_sample_says_is_found_out(sampled_run):
    record, out = sampled_run
    stage = record.phases[0].detail["sampled"]["stages"][0] | {"steps_declared": 10}
    lie = record.phases[0].model_copy(update={"detail": {"sampled": {"stages": [stage], "left_out_s": 0.0}}})
    found = recompute(
        record.model_copy(update={"phases": (lie, *record.phases[1:])}), read_trace(out / "trace.parquet")
    )
    assert not found.agrees


UNPUBLISHED = {"supernet", "resnet50-low-rank", "resnet50-early-exit"}
"""Whoever runs one of these is the first to know what it reaches, as its comment says."""


@pytest.mark.parametrize(
    "path", sorted((ROOT / "recipes" / "imagenet-1k").glob("*.yaml")), ids=lambda path: path.stem
)
def test_the_recipes_for_imagenet_can_be_sampled_if_their_quality_is_published(path):
    recipe = load_recipe(path)
    assert recipe.track == "imagenet-1k"
    assert recipe.method.paper
    fault = recipe.why_not_sampled()
    assert (fault and fault.field) == ("reported" if path.stem in UNPUBLISHED else None)


def test_a_worker_without_the_images_samples_on_noise_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path / "empty"))
    recipe = tiny_recipe(
        TRAIN | {"epochs": 90, "batch_size": 4},
        track="imagenet-1k",
        model={"architecture": "test_resnet", "resolution": 32},
        inference={"scenarios": ["single_stream"]},
        reported=REPORTED,
    )
    events, out = [], tmp_path / "out"
    plans = {"plan": BRIEF, "sampling": SHORT}
    record = run_recipe(recipe, out, RunOptions(mode="sampled", device="cpu", reporter=events.append, **plans))
    assert (record.data, record.quality.provenance) == ("synthetic", "reported")
    assert events[0].phases == ("train", "inference single_stream")
    assert [announced for announced, _ in steps_begun(events)] == ["train", "inference single_stream"]
    assert record.phases[0].detail["sampled"]["stages"][0]["steps_declared"] == 90 * -(-1_281_167 // 4)
    with pytest.raises(BadInput) as raised:
        run_recipe(recipe, tmp_path / "full", RunOptions(device="cpu", plan=BRIEF))
    assert raised.value.field == "track"


def test_noise_has_the_shape_of_the_tracks_images():
    track = TRACKS["digits"]
    noise = SyntheticSplit(track, track.train_images, 16, torch.device("cpu"))
    real = track.load_train(16)
    assert noise.batch_count(100) == real.batch_count(100)
    for (images, labels), (real_images, real_labels) in zip(noise.batches(100), real.batches(100), strict=True):
        assert images.shape == real_images.shape
        assert labels.shape == real_labels.shape
        assert labels.dtype == real_labels.dtype
    assert len(noise.first(2000)[0]) == len(real.first(2000)[0])


@pytest.mark.parametrize("batch_size", [64, 1000])
def test_noise_is_compiled_for_the_batches_that_come(batch_size):
    """What `first` gives is compiled for; another size of batch would be compiled again, inside a metered step."""
    noise = SyntheticSplit(TRACKS["digits"], 2000, 8, torch.device("cpu"))
    assert noise.first(batch_size)[0].shape == next(noise.batches(batch_size))[0].shape
