"""Recipes that do the same are one work, however they are written, limited or seeded; others are not."""

import pytest

from measurement.recipe import load_recipe, parse_recipe, read_recipe
from tests.docs.reading import ROOT
from tests.records import make_recipe

TRAIN = {"phase": "train", "technique": "supervised", "epochs": 4}
DECLARED = {"phase": "pretrain", "technique": "declared"}
REPORTED = {"quality": 0.9, "evidence": "https://example.org/log"}
SEARCH = {
    "phase": "search",
    "technique": "architecture_search",
    "candidates": 2,
    "training": {"epochs": 1},
    "space": {"architectures": ["resnet10t", "resnet18"], "resolutions": [16, 32], "widths": [0.5, 1.0]},
}
RESIZED = [{"resolution": 16, "share": 0.5}]


def phases(*changed, **inner):
    return {"phases": [TRAIN | inner, *changed]}


def declared(energy_j, evidence="https://example.org/a"):
    return DECLARED | {"energy_j": energy_j, "evidence": evidence}


SAME = {
    "seed": ({}, {"seed": 7}),
    "budget": ({}, {"budget": {"time_s": 4000.0, "energy_j": 1e6}}),
    "reported": ({}, {"reported": REPORTED}),
    "other weights of the same training": (
        {"reported": REPORTED | {"weights_sha256": "a" * 64}},
        {"reported": REPORTED | {"weights_sha256": "b" * 64}},
    ),
    "defaults written out": (
        phases(),
        phases(batch_size=64, optimizer={"name": "adamw", "learning_rate": 0.001}, label_smoothing=0.0),
    ),
    "a rate in other writing": (
        phases(optimizer={"learning_rate": 2e-3}),
        phases(optimizer={"learning_rate": 0.0020000001}),
    ),
    "minus zero": (phases(optimizer={"weight_decay": 0.0}), phases(optimizer={"weight_decay": -0.0})),
    "almost nothing": (phases(), phases(label_smoothing=1e-12)),
    "almost the default": (phases(), phases(optimizer={"learning_rate": 0.001000001})),
    "scenarios": ({}, {"inference": {"scenarios": ["offline"]}}),
    "scenarios in another order": ({}, {"inference": {"scenarios": ["offline", "single_stream"]}}),
    "a largest batch": ({}, {"inference": {"max_batch_size": 16}}),
    "a batch beyond all images": (phases(batch_size=1437), phases(batch_size=5000)),
    "a declared phase elsewhere": (
        {"phases": [declared(5.0), TRAIN]},
        {"phases": [TRAIN, declared(5.0, "https://example.org/b")]},
    ),
    "a declared phase in two": (
        {"phases": [declared(5.0), TRAIN]},
        {"phases": [declared(2.0), declared(3.0), TRAIN]},
    ),
    "a space in another order": (
        {"phases": [SEARCH, TRAIN]},
        {"phases": [SEARCH | {"space": {key: axis[::-1] for key, axis in SEARCH["space"].items()}}, TRAIN]},
    ),
    "what a search found": (
        {"phases": [SEARCH, TRAIN]},
        {"phases": [SEARCH | {"found": {"architecture": "resnet18", "resolution": 16, "width": 0.5}}, TRAIN]},
    ),
    "shares of the same epochs": (
        phases(progressive_resizing=RESIZED),
        phases(progressive_resizing=[{"resolution": 16, "share": 0.55}]),
    ),
}
OTHER = {
    "epochs": phases(epochs=5),
    "a rate": phases(optimizer={"learning_rate": 2e-3}),
    "a rate by two per cent": phases(optimizer={"learning_rate": 0.00102}),
    "a mean over more steps": phases(ema_decay=0.999),
    "a mean over yet more steps": phases(ema_decay=0.9999),
    "a network": {"model": {"architecture": "resnet18", "resolution": 32}},
    "a resolution": {"model": {"architecture": "mobilenetv3_small_050", "resolution": 24}},
    "a declared phase": {"phases": [DECLARED, TRAIN]},
    "a declared energy": {"phases": [declared(5.0), TRAIN]},
    "half of it missing": {"phases": [declared(5.0), DECLARED, TRAIN]},
    "weights to start from": {
        "phases": [DECLARED | {"technique": "pretrained", "source": "store", "sha256": "a" * 64}, TRAIN]
    },
    "other weights to start from": {
        "phases": [DECLARED | {"technique": "pretrained", "source": "store", "sha256": "b" * 64}, TRAIN]
    },
    "an optimizer": phases(optimizer={"name": "lamb"}),
    "the order of phases": phases({"phase": "compress", "technique": "sparsity", "ratio": 0.5}),
}


@pytest.mark.parametrize("what", SAME)
def test_what_changes_nothing_of_the_work_changes_no_identity(what):
    one, other = (make_recipe(f"Title {number}", **changes) for number, changes in enumerate(SAME[what]))
    assert one.work_sha256 == other.work_sha256


def test_what_changes_the_work_changes_its_identity():
    works = {what: make_recipe(**phases() | changes).work_sha256 for what, changes in OTHER.items()}
    works["as it was"] = make_recipe(**phases()).work_sha256
    assert len(set(works.values())) == len(works)


def test_formatting_and_the_order_of_fields_change_nothing():
    yaml = "track: digits\nphases:\n- {epochs: 1, technique: supervised, phase: train}\nmodel: {resolution: 32,"
    yaml += " architecture: mobilenetv3_small_050}\nmethod: {family: compact, title: Other}\nschema_version: 1\n"
    assert read_recipe(yaml).work_sha256 == make_recipe().work_sha256


def test_the_identity_of_a_work_stays_from_version_to_version():
    """It is stored: a change here splits works on every site."""
    assert make_recipe().work_sha256 == "c3330caf82ed650698b55da36448dd8f67f2787ba97dde055b3495bad7867e91"
    whole = load_recipe(ROOT / "recipes" / "digits" / "distilled.yaml")
    assert parse_recipe(whole.document()).work_sha256 == whole.work_sha256


def test_the_examples_are_works_of_their_own():
    examples = [load_recipe(path) for path in sorted((ROOT / "recipes").rglob("*.yaml"))]
    assert len({recipe.work_sha256 for recipe in examples}) == len(examples)
