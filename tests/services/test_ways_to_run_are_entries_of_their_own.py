"""One network in float32, in bfloat16, compiled and through ONNX Runtime: four entries, each with its own quality."""

from __future__ import annotations

import shutil

import pytest
import yaml

from leaderboard import services
from leaderboard.models import Entry
from leaderboard.worker.machine import inspect_machine
from measurement.recipe import parse_recipe
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from tests.measurement.running import BRIEF, tiny_document

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

WAYS = {
    "": {},
    "bf16": {"precision": "bfloat16"},
    "compiled": {"compile": True},
    "ONNX Runtime": {"runtime": "onnxruntime"},
}
HAS_COMPILER = any(shutil.which(name) for name in ("c++", "g++", "clang++"))


def measured(recipe, out):
    return run_recipe(recipe, out, RunOptions(device="cpu", plan=BRIEF, accept_busy=True))


def published(mark, alice, folder, settings):
    """The entry of one way, from a run in this process: torch is loaded once for all four."""
    settings.HOLD_BUSY_RESULTS = False
    hardware = services.register_hardware(inspect_machine("cpu").name, "cpu")
    options = {"scenarios": ["offline"], "max_batch_size": 8} | WAYS[mark]
    recipe = parse_recipe(tiny_document(inference=options))
    submission, _ = services.submit(recipe, hardware=hardware, submitter=alice)
    record = measured(recipe, folder / (mark or "plain"))
    claim = services.claim(submission.runs.get().pk, "worker")
    assert services.record(claim, record.model_dump_json().encode())
    run = submission.runs.get()
    assert run.state == "succeeded", run.reason
    assert not run.held_for, run.held_for
    return Entry.objects.get(run=run, board__scope="accelerator"), record


def test_each_way_is_an_entry_that_can_be_reproduced_from_its_page(alice, client, settings, tmp_path):
    ways = [mark for mark in WAYS if mark != "compiled" or HAS_COMPILER]  # torch.compile needs a compiler of C++
    found = {mark: published(mark, alice, tmp_path, settings) for mark in ways}
    assert Entry.objects.filter(board__scope="accelerator").count() == len(ways)
    rows = client.get("/api/v1/leaderboard?track=digits&min_quality=0").json()["results"]
    assert sorted(row["run_mark"] for row in rows) == sorted(ways)
    plain = found[""][1]
    for mark, (entry, record) in found.items():
        assert record.quality.provenance == "evaluated"
        assert entry.quality == pytest.approx(plain.quality.value, abs=0.03)
        assert record.model.weights_sha256 == plain.model.weights_sha256
        page = client.get(entry.get_absolute_url()).content.decode()
        address = f"/entries/{entry.pk}/recipe.yaml"
        assert address in page
        assert mark in page
        again = parse_recipe(yaml.safe_load(client.get(address).content))
        assert (again.sha256, again.work_sha256) == (record.recipe.sha256, record.recipe.work_sha256)
        if mark in {
            "bf16",
            "ONNX Runtime",
        }:  # to compile again takes half a minute
            repeated = measured(again, tmp_path / f"again-{mark}")
            assert repeated.quality.value == record.quality.value
            assert repeated.model.weights_sha256 == record.model.weights_sha256
