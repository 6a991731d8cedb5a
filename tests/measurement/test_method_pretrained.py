"""A start from trained weights: found by hash, never free, and refused if they are not the right ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

from measurement.documents import DocumentError
from measurement.errors import BadInput
from measurement.methods import TECHNIQUES, PhaseContext, no_progress
from measurement.networks.build import build_model
from measurement.networks.weights import load_weights
from measurement.recipe import Recipe, load_recipe, read_recipe
from measurement.record import Record
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from measurement.run.workbench import set_up
from measurement.tracks import TRACKS
from tests.measurement.running import BRIEF, FINETUNE, ROOT, tiny_recipe

CPU = torch.device("cpu")
FIGURE = {"energy_j": 3.5e6, "evidence": "https://example.org/log"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path / "root"))
    (tmp_path / "root" / "weights").mkdir(parents=True)
    return tmp_path / "root" / "weights"


def keep(store: Path, model: torch.nn.Module) -> str:
    content = safetensors.torch.save(model.state_dict())
    sha256 = hashlib.sha256(content).hexdigest()
    (store / f"{sha256}.safetensors").write_bytes(content)
    return sha256


def network(classes: int = 10, channels: int = 1, seed: int = 5, name: str = "test_resnet") -> torch.nn.Module:
    torch.manual_seed(seed)
    return timm.create_model(name, num_classes=classes, in_chans=channels)


def pretrained(**fields: Any) -> dict[str, Any]:
    return {"technique": "pretrained", "phase": "pretrain", "source": "store"} | fields


def run(recipe: Recipe) -> Any:
    torch.manual_seed(0)
    track = TRACKS["digits"]
    context = PhaseContext(
        spec=recipe.phases[0],
        position=0,
        model=build_model(recipe, track, CPU),
        recipe=recipe,
        track=track,
        train=track.load_train(recipe.model.resolution),
        device=CPU,
        seed=recipe.seed,
        advance=no_progress,
    )
    return TECHNIQUES["pretrained"].run(context)


def test_weights_of_the_store_are_the_network_s(store):
    given = network()
    outcome = run(tiny_recipe(pretrained(sha256=keep(store, given))))
    assert outcome.detail["classifier"] == "kept"
    for name, tensor in outcome.model.state_dict().items():
        assert torch.equal(tensor, given.state_dict()[name]), name


def test_a_classifier_of_other_classes_is_replaced_and_nothing_else(store):
    given = network(classes=7)
    outcome = run(tiny_recipe(pretrained(sha256=keep(store, given))))
    assert outcome.detail["classifier"] == "replaced"
    assert outcome.model(torch.zeros(2, 1, 16, 16)).shape == (2, 10)
    other = [n for n, t in outcome.model.state_dict().items() if not torch.equal(t, given.state_dict()[n])]
    assert other == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: network(channels=3), r"conv1.* is 24 x 3 x|conv1.* x 3 x"),
        (lambda: network(name="test_vit"), "not the weights of this network"),
    ],
)
def test_weights_of_another_network_are_refused(store, given, message):
    with pytest.raises(BadInput, match=message) as raised:
        run(tiny_recipe(pretrained(sha256=keep(store, given()))))
    assert (raised.value.field, raised.value.exit_code) == ("phases.0.sha256", 2)


def test_only_what_the_hash_says_is_read(store, tmp_path):
    sha256 = keep(store, network())
    path = store / f"{sha256}.safetensors"
    content = path.read_bytes()
    assert load_weights(sha256, field="weights").keys() == network().state_dict().keys()

    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadInput, match="has other content") as raised:
        load_weights(sha256, field="teacher.weights")
    assert raised.value.field == "teacher.weights"

    with pytest.raises(BadInput, match="not found on this machine: weights/0000"):
        load_weights("0" * 64, field="weights")

    for noise in (b"", b"no safetensors", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."):
        name = hashlib.sha256(noise).hexdigest()
        (store / f"{name}.safetensors").write_bytes(noise)
        with pytest.raises(BadInput, match="is not a safetensors file"):
            load_weights(name, field="weights")

    elsewhere = tmp_path / "elsewhere.safetensors"
    elsewhere.write_bytes(content)
    path.unlink()
    path.symlink_to(elsewhere)
    with pytest.raises(BadInput, match="leads out of weights/"):
        load_weights(sha256, field="weights")


def timm_s(store: Path, model: torch.nn.Module, repository: str = "test_resnet.r160_in1k") -> None:
    """As Hugging Face's client leaves a file that it downloaded."""
    folder = store / "hub" / f"models--timm--{repository}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("a" * 40)
    (folder / "blobs").mkdir()
    (folder / "blobs" / "b").write_bytes(safetensors.torch.save(model.state_dict()))
    (folder / "snapshots" / ("a" * 40)).mkdir(parents=True)
    (folder / "snapshots" / ("a" * 40) / "model.safetensors").symlink_to("../../blobs/b")


def test_timm_s_own_weights_are_fitted_to_the_track(store):
    given = network(classes=1000, channels=3)
    timm_s(store, given)
    outcome = run(tiny_recipe(pretrained(source="timm", tag="r160_in1k")))
    assert outcome.detail["timm_weights"] == "test_resnet.r160_in1k"
    assert outcome.detail["classifier"] == "replaced"
    assert outcome.model(torch.zeros(2, 1, 16, 16)).shape == (2, 10)
    taken, wanted = outcome.model.state_dict(), given.state_dict()
    same = [
        name for name in wanted if taken[name].shape == wanted[name].shape and torch.equal(taken[name], wanted[name])
    ]
    assert len(same) == len(wanted) - 3  # the first convolution and the classifier's two
    assert torch.allclose(taken["conv1.0.weight"], wanted["conv1.0.weight"].sum(1, keepdim=True), atol=1e-6)


def test_timm_s_weights_that_are_not_here_are_not_downloaded(store):
    with pytest.raises(
        BadInput, match=r"not found on this machine: timm's weights test_resnet.*HF_HUB_CACHE"
    ) as raised:
        run(tiny_recipe(pretrained(source="timm")))
    assert raised.value.field == "phases.0.source"
    with pytest.raises(
        BadInput, match=r"timm has no weights 'test_resnet\.magic'; choose from .*test_resnet\.r160_in1k"
    ):
        run(tiny_recipe(pretrained(source="timm", tag="magic")))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "sha256 goes with source: store"),
        ({"source": "timm", "sha256": "0" * 64}, "sha256 goes with source: store"),
        ({"sha256": "0" * 64, "tag": "a1_in1k"}, "tag goes with source: timm"),
        ({"sha256": "0" * 64, "energy_j": 1.0}, "energy_j and evidence go together"),
        ({"sha256": "../secret"}, "phases.0.sha256"),
        ({"source": "timm", "tag": "../../etc"}, "phases.0.tag"),
    ],
)
def test_fields_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(DocumentError, match=message):
        tiny_recipe(pretrained(**fields))


def test_what_a_run_trained_starts_the_next_and_is_reported_or_missing_but_never_free(store, tmp_path):
    def run_here(name: str, *phases: dict[str, Any]) -> Record:
        return run_recipe(tiny_recipe(*phases), tmp_path / name, RunOptions(device="cpu", plan=BRIEF))

    first = run_here("first", FINETUNE | {"phase": "train", "epochs": 3})
    sha256 = first.model.weights_sha256
    (store / f"{sha256}.safetensors").write_bytes((tmp_path / "first" / "model.safetensors").read_bytes())

    as_it_is = run_here("second", pretrained(sha256=sha256))
    assert as_it_is.quality.value == first.quality.value
    assert as_it_is.model.weights_sha256 == sha256
    start = as_it_is.phases[0]
    assert (start.phase, start.technique, start.duration_s) == ("pretrain", "pretrained", None)
    assert [(energy.provenance, energy.energy_j) for energy in start.energies] == [("missing", None)] * 2

    tuned = run_here("third", pretrained(sha256=sha256, **FIGURE), FINETUNE)
    assert [(energy.scope, energy.provenance, energy.energy_j) for energy in tuned.phases[0].energies] == [
        ("accelerator", "reported", FIGURE["energy_j"]),
        ("system", "missing", None),
    ]
    assert tuned.phases[0].evidence == FIGURE["evidence"]
    assert tuned.phases[0].detail["weights_sha256"] == sha256
    assert tuned.phases[1].energy("accelerator").energy_j > 0


def test_the_example_of_transfer_invents_no_figure_and_works_once_its_lines_are_filled_in(store):
    path = ROOT / "recipes" / "transfer" / "starnet-s050.yaml"
    start, finetune = load_recipe(path).phases
    assert (start.technique, start.source, start.energy_j, start.evidence) == ("pretrained", "store", None, None)
    assert finetune.phase == "finetune"
    sha256 = keep(store, network(name="starnet_s050"))
    filled_in = path.read_text("utf-8").replace(start.sha256, sha256)
    workbench = set_up(read_recipe(filled_in), "full", CPU)
    assert TECHNIQUES["pretrained"].run(workbench.context(0)).detail["weights_sha256"] == sha256
