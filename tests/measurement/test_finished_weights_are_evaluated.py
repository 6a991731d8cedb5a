"""A sampled run evaluates the submitter's finished weights if the recipe names them."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from measurement.dataroot import sha256_of
from measurement.errors import BadInput
from measurement.methods import TECHNIQUES
from measurement.networks.weights import save_weights, take_finished_weights
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.sampling import SamplingPlan
from measurement.run.workbench import set_up
from tests.measurement.running import BRIEF, FINETUNE, PRUNE, TRAIN, tiny_recipe

SHORT = SamplingPlan(window_s=0.25, warm_up_s=0.05)
LONG = {"epochs": 500}
WEIGHT_ONLY = {"technique": "quantization", "phase": "compress", "scheme": "int8_weight_only"}
STATIC = WEIGHT_ONLY | {"scheme": "int8_static", "calibration_batches": 1}
SPECTRAL = {"technique": "low_rank", "phase": "compress", "spectral_share": 0.9}
ONCE = {"scenarios": ["single_stream"]}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def kept(store, path):
    """The SHA-256 under which the file now lies in the store."""
    sha256 = sha256_of(path)
    shutil.copy(path, store / f"{sha256}.safetensors")
    return sha256


def reported(sha256):
    return {"quality": 0.5, "evidence": "https://example.org/log", "weights_sha256": sha256}


@pytest.mark.parametrize(
    "further",
    [[], [PRUNE | {"ratio": 0.2}, FINETUNE | {"epochs": 3}, WEIGHT_ONLY]],
    ids=["trained", "pruned and quantized"],
)
def test_a_sampled_run_finds_the_quality_of_the_full_runs_weights(further, store, tmp_path):
    full = run_recipe(
        tiny_recipe(TRAIN | {"epochs": 3}, *further, inference=ONCE),
        tmp_path / "full",
        RunOptions(device="cpu", plan=BRIEF),
    )
    recipe = tiny_recipe(
        TRAIN | LONG,
        *further,
        inference=ONCE,
        reported=reported(kept(store, tmp_path / "full" / "model.safetensors")),
    )
    sampled = run_recipe(
        recipe, tmp_path / "sampled", RunOptions(mode="sampled", device="cpu", plan=BRIEF, sampling=SHORT)
    )
    assert "sampled" in sampled.phases[0].detail
    assert full.quality.value > 0.5
    assert sampled.quality.value == full.quality.value
    assert sampled.quality.provenance == "evaluated"
    assert sampled.quality.finished_weights_sha256 == full.model.weights_sha256
    assert [phase.phase for phase in sampled.phases] == [phase.phase for phase in full.phases]


def test_a_sample_of_early_exits_is_run_on_the_finished_weights(store, tmp_path):
    """Images leave at the same exits as in the full run, and so cost the same."""
    exits = TRAIN | {"technique": "early_exit", "confidence": 0.6, "optimizer": {"learning_rate": 0.005}}
    full = run_recipe(
        tiny_recipe(exits | {"epochs": 3}, inference=ONCE), tmp_path / "full", RunOptions(device="cpu", plan=BRIEF)
    )
    finished = reported(kept(store, tmp_path / "full" / "model.safetensors"))
    recipe = tiny_recipe(exits | LONG, inference=ONCE, reported=finished)
    sampled = run_recipe(
        recipe, tmp_path / "sampled", RunOptions(mode="sampled", device="cpu", plan=BRIEF, sampling=SHORT)
    )
    assert "sampled" in sampled.phases[0].detail
    shares, shares_of_sampled = (
        next(phase.detail["exit_shares"] for phase in record.phases if phase.phase == "evaluate")
        for record in (full, sampled)
    )
    assert len([share for share in shares if share > 0]) == 3
    assert shares_of_sampled == shares
    assert sampled.quality.value == full.quality.value
    assert sampled.model.macs == full.model.macs


def test_early_exits_are_not_sampled_on_noise(store, tmp_path):
    """CIFAR-10 is not in the store, and the cost of noise is not that of its images."""
    model = {"architecture": "test_resnet", "resolution": 32}
    recipe = tiny_recipe(
        TRAIN | {"technique": "early_exit"}, track="cifar10", model=model, reported=reported("0" * 64)
    )
    with pytest.raises(BadInput, match="not found on this machine:") as raised:
        run_recipe(recipe, tmp_path / "out", RunOptions(mode="sampled", device="cpu", plan=BRIEF, sampling=SHORT))
    assert raised.value.field == "track"


def test_a_run_that_leaves_nothing_out_evaluates_what_it_has_trained(store, tmp_path):
    save_weights(fresh(tiny_recipe()), tmp_path / "untrained.safetensors")
    recipe = tiny_recipe(
        TRAIN | {"epochs": 3}, inference=ONCE, reported=reported(kept(store, tmp_path / "untrained.safetensors"))
    )
    record = run_recipe(recipe, tmp_path / "out", RunOptions(mode="sampled", device="cpu", plan=BRIEF))
    assert record.quality.value > 0.5
    assert record.quality.finished_weights_sha256 is None


def fresh(recipe):

    workbench = set_up(recipe, "full", torch.device("cpu"))
    for position, spec in enumerate(recipe.phases):
        workbench.take(TECHNIQUES[spec.technique].rehearse(workbench.context(position)))
    return workbench.model


@pytest.mark.parametrize(
    ("theirs", "phases", "said"),
    [
        ([TRAIN], [TRAIN, PRUNE], "not the finished weights of this recipe's network"),
        ([TRAIN], [TRAIN, WEIGHT_ONLY], "not the finished weights of this recipe's network"),
        ([TRAIN], [TRAIN, STATIC], "int8_static"),
        (None, [TRAIN], "not found on this machine: weights/"),
    ],
    ids=["unpruned", "not quantized", "a program", "not there"],
)
def test_weights_that_do_not_fit_are_refused_before_anything_is_metered(theirs, phases, said, store, tmp_path):
    sha256 = "0" * 64
    if theirs:
        save_weights(fresh(tiny_recipe(*theirs)), tmp_path / "theirs.safetensors")
        sha256 = kept(store, tmp_path / "theirs.safetensors")
    with pytest.raises(BadInput, match=said) as raised:
        run_recipe(
            tiny_recipe(*phases, reported=reported(sha256)),
            tmp_path / "out",
            RunOptions(mode="sampled", device="cpu"),
        )
    assert raised.value.field == "reported.weights_sha256"
    assert not (tmp_path / "out" / "record.json").exists()


@pytest.mark.parametrize(
    ("field", "follows", "does_not"),
    [
        ("spectral_share", SPECTRAL, SPECTRAL | {"spectral_share": None, "rank_share": 0.5}),
        ("global_ranking", PRUNE | {"global_ranking": True}, PRUNE),
    ],
)
def test_weights_are_refused_if_a_sample_makes_other_shapes(field, follows, does_not):
    """The full run's network is smaller or larger than the sample's, so its right weights would be refused."""
    fault = tiny_recipe(TRAIN, follows, reported=reported("0" * 64)).why_not_sampled()
    assert fault.field == "reported.weights_sha256"
    assert f"phases.1.{field}" in fault.message
    assert "leave it out to have quality reported" in fault.message
    assert tiny_recipe(TRAIN, does_not, reported=reported("0" * 64)).why_not_sampled() is None
    assert tiny_recipe(TRAIN, follows, reported=reported(None)).why_not_sampled() is None


def test_tied_weights_are_taken_once_and_a_missing_name_is_reported(store, tmp_path):
    layer = nn.Linear(4, 4)
    tied, other = nn.Sequential(layer, nn.ReLU(), layer), nn.Linear(4, 4)
    save_weights(tied, tmp_path / "tied.safetensors")
    torch.nn.init.zeros_(layer.weight)
    recipe = tiny_recipe(reported=reported(kept(store, tmp_path / "tied.safetensors")))
    assert take_finished_weights(recipe, tied)
    assert layer.weight.abs().sum() > 0
    save_file({"weight": other.weight}, tmp_path / "part.safetensors")
    with pytest.raises(BadInput, match="bias is not there, the network's is 4 of float32"):
        take_finished_weights(tiny_recipe(reported=reported(kept(store, tmp_path / "part.safetensors"))), other)
