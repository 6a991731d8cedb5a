"""Weights that know the public test images do worse on a second test split, which nobody else can draw."""

from __future__ import annotations

import shutil

import pytest
import torch
from torch.nn.functional import cross_entropy

from measurement.dataroot import sha256_of
from measurement.networks.build import build_model
from measurement.networks.weights import save_weights
from measurement.record import HiddenQuality, Quality, parse_record
from measurement.run.options import RunOptions
from measurement.run.record_parts import checked_on_hidden_split
from measurement.run.runner import run_recipe
from measurement.tracks import TRACKS
from measurement.tracks.digits import DIGITS
from measurement.tracks.hidden import KEY_VARIABLE, seed_of_draw
from measurement.vocabulary import Flag
from tests.measurement.running import BRIEF, FINETUNE, TRAIN, tiny_recipe
from tests.records import make_record

KEY = "a secret of the site"
ALMOST_NOTHING = {"learning_rate": 1e-9, "weight_decay": 0.0}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def weights_trained_on(split, epochs, store):
    """Train the tiny network somewhere else, and bring its weights: their SHA-256."""
    torch.manual_seed(0)
    model = build_model(tiny_recipe(), DIGITS, torch.device("cpu")).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(epochs):
        for images, labels in split.batches(32, torch.Generator().manual_seed(epoch)):
            optimizer.zero_grad()
            cross_entropy(model(images), labels).backward()
            optimizer.step()
    path = store / "brought"
    save_weights(model, path)
    sha256 = sha256_of(path)
    shutil.move(path, store / f"{sha256}.safetensors")
    return sha256


def brought(sha256):
    start = {"phase": "pretrain", "technique": "pretrained", "source": "store", "sha256": sha256}
    return tiny_recipe(start, FINETUNE | {"optimizer": ALMOST_NOTHING}, inference={"scenarios": ["single_stream"]})


def run(recipe, out):
    return run_recipe(recipe, out, RunOptions(device="cpu", plan=BRIEF))


def test_weights_trained_on_the_test_split_are_flagged(store, tmp_path):
    sha256 = weights_trained_on(DIGITS.load_test(16), 40, store)
    record = run(brought(sha256), tmp_path / "out")
    assert record.quality.value > 0.99
    assert record.quality.hidden.value < 0.96
    assert record.quality.hidden.images == DIGITS.hidden.images
    assert record.flags >= {Flag.HIDDEN_SPLIT_DISAGREES}
    assert record.brought_weights == (sha256,)
    assert parse_record((tmp_path / "out" / "record.json").read_bytes()) == record


def test_a_network_that_learned_from_the_training_split_is_not(store, tmp_path):
    record = run(tiny_recipe(TRAIN | {"epochs": 8, "optimizer": {"learning_rate": 5e-3}}), tmp_path / "out")
    assert record.quality.value > 0.85
    assert Flag.HIDDEN_SPLIT_DISAGREES not in record.flags
    assert record.brought_weights == ()


def test_the_draw_follows_the_key_and_nothing_else(store, monkeypatch):
    def drawn():
        return DIGITS.hidden.load(8, seed_of_draw("digits")).images

    first = drawn()
    assert torch.equal(drawn(), first)
    monkeypatch.setenv(KEY_VARIABLE, "another secret")
    assert not torch.equal(drawn(), first)
    monkeypatch.delenv(KEY_VARIABLE)  # another draw in each run
    assert not torch.equal(drawn(), drawn())


def test_hardly_an_image_of_it_is_published():
    hidden = DIGITS.hidden.load(8, 7).images.flatten(1)
    published = torch.cat([split.images.flatten(1) for split in (DIGITS.load_train(8), DIGITS.load_test(8))])
    nearest = (hidden[:, None] - published[None]).abs().amax(-1).min(1).values
    assert (nearest < 1e-3).float().mean() < 0.01


@pytest.mark.parametrize(
    ("public", "hidden", "is_flagged"),
    [(1.0, 0.9, True), (0.99, 0.96, False), (0.96, 0.96, False), (0.95, 0.915, False), (0.95, 0.89, True)],
)
def test_a_gap_is_flagged_above_the_track_s_and_above_chance(public, hidden, is_flagged):
    evaluation = make_record(tiny_recipe()).phases[1]
    quality = Quality(
        metric="top1",
        value=public,
        provenance="evaluated",
        images=360,
        hidden=HiddenQuality(value=hidden, images=DIGITS.hidden.images),
    )
    flags = checked_on_hidden_split(evaluation, quality, DIGITS).flags
    assert (Flag.HIDDEN_SPLIT_DISAGREES in flags) == is_flagged


def test_a_network_that_has_learnt_little_is_not_suspected():
    """It finds changed images harder: in two epochs up to 19 points. Below the floor it is ranked nowhere anyhow."""
    evaluation = make_record(tiny_recipe()).phases[1]
    hidden = HiddenQuality(value=0.39, images=DIGITS.hidden.images)
    quality = Quality(metric="top1", value=0.57, provenance="evaluated", images=360, hidden=hidden)
    assert Flag.HIDDEN_SPLIT_DISAGREES not in checked_on_hidden_split(evaluation, quality, DIGITS).flags


def test_a_track_without_one_has_no_hidden_quality():
    assert TRACKS["cifar10"].hidden is None
    record = make_record(tiny_recipe())
    older = record.model_dump_json(exclude={"quality": {"hidden"}})
    assert parse_record(older).quality.hidden is None
