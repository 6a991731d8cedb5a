"""Weights are uploaded in parts, fetched by a worker on another machine with its token, and verified to an entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

from leaderboard import services, tasks
from leaderboard.models import Artifact, Entry, Run
from leaderboard.worker.artifacts import Fetched
from leaderboard.worker.machine import inspect_machine
from measurement.errors import Fault
from tests.artifacts.making import FIGURE, announce, send, sha256, starting_from, upload, weights
from tests.measurement.running import FINETUNE, tiny_recipe
from tests.worker.small_disk import small_disk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def this_machine(db: None) -> Any:
    return services.register_hardware(inspect_machine("cpu").name, "cpu")


def go_on(_: None) -> str:
    return ""


def provide(sha: str) -> Any:
    with Fetched() as fetched:
        return fetched.provide(starting_from(sha), go_on)


@pytest.mark.usefixtures("this_machine")
def test_from_upload_to_entry(by_alice, by_bob, worker, administrator, settings):
    settings.HOLD_BUSY_RESULTS = False
    torch.manual_seed(5)
    network = timm.create_model("test_resnet", num_classes=10, in_chans=1)
    content = safetensors.torch.save(network.state_dict())
    sha, cut = sha256(content), len(content) * 9 // 10
    number = announce(by_alice, content).json()["id"]
    send(by_alice, number, 0, content[:cut])
    assert send(by_alice, number, cut, content[cut:]).json()["found"]["tensors"] == len(network.state_dict())

    body = {"recipe": starting_from(sha)}
    refused = by_bob.post("/api/v1/submissions", body, content_type="application/json")
    unknown = by_bob.post("/api/v1/submissions", {"recipe": starting_from("0" * 64)}, content_type="application/json")
    assert refused.status_code == unknown.status_code == 400
    assert refused.json() == unknown.json()
    assert refused.json()["errors"][0]["field"] == "phases.0.sha256"
    taken = by_alice.post("/api/v1/submissions", body, content_type="application/json")
    assert taken.status_code == 201, taken.json()
    kept = by_alice.delete(f"/api/v1/artifacts/{sha}")
    assert (kept.status_code, "withdraw it first" in kept.json()["errors"][0]["message"]) == (409, True)

    run = Run.objects.get(pk=taken.json()["run"]["id"])
    tasks.verify(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded", run.reason
    assert (worker / sha).read_bytes() == content
    services.release_hold(run, by=administrator)  # as any weights that a submitter brings
    assert Entry.objects.filter(run=run).exists()


def test_weights_of_another_network_end_the_run_in_words(by_alice, worker, this_machine):
    content = safetensors.torch.save(timm.create_model("test_vit", num_classes=10, in_chans=1).state_dict())
    upload(by_alice, content)
    answer = by_alice.post(
        "/api/v1/submissions", {"recipe": starting_from(sha256(content))}, content_type="application/json"
    )
    run = Run.objects.get(pk=answer.json()["run"]["id"])
    tasks.verify(run.pk)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "phases.0.sha256: these are not the weights of this network" in run.reason


def test_the_cache_is_bounded_and_spares_what_is_used(by_alice, worker, settings):
    files = [weights(*range(100_000), float(number)) for number in range(3)]
    for content in files:
        upload(by_alice, content)
    settings.ARTIFACT_CACHE_MB = 1  # two of them
    first, second, third = map(sha256, files)
    with Fetched() as running:
        assert running.provide(starting_from(first), go_on) is None
        assert provide(second) is None
        assert provide(third) is None
        assert {path.name for path in worker.iterdir() if len(path.name) == 64} == {first, third}
    assert provide(second) is None
    assert (worker / second).exists()
    assert not (worker / first).exists()


def test_faults_of_the_machine_send_the_run_elsewhere(by_alice, worker, settings, folder, monkeypatch):
    content = weights(*range(700_000))
    sha = sha256(content)
    upload(by_alice, content)
    with small_disk(2) as disk, monkeypatch.context() as patch:
        patch.setenv("MEASUREMENT_DATA_ROOT", str(disk))
        full = provide(sha)
        assert (full.fault, "disk of the worker's uploaded files is full" in full.reason) == (Fault.MACHINE, True)
        assert not list(disk.rglob(f"{sha}*"))
    damaged = bytearray(content)
    damaged[-1] ^= 1
    (folder / sha).write_bytes(damaged)
    other = provide(sha)
    assert (other.fault, f"has the SHA-256 {sha256(bytes(damaged))}" in other.reason) == (Fault.MACHINE, True)
    unknown = provide("0" * 64)
    assert (unknown.fault, "the site has no such file" in unknown.reason) == (Fault.DATA, True)
    Path(settings.WORKER_TOKEN_FILE).write_text("\n")  # none was made yet: it looks into the storage
    (folder / sha).rename(folder / "away")
    assert "WORKER_TOKEN_FILE" in provide(sha).reason
    Path(settings.WORKER_TOKEN_FILE).write_text("not a token")
    assert (provide(sha).fault, "HTTP 401" in provide(sha).reason) == (Fault.MACHINE, True)
    settings.SITE_URL = "http://127.0.0.1:9"
    assert (provide(sha).fault, "can't be fetched" in provide(sha).reason) == (Fault.MACHINE, True)
    assert not list(worker.glob("*.part"))


def test_what_the_storage_has_is_never_removed_from_it(by_alice, folder, settings, monkeypatch):
    """A worker on the site's own machine: its cache is the storage."""
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(folder.parent))
    settings.ARTIFACT_CACHE_MB = 1
    files = [weights(*range(200_000), float(number)) for number in range(3)]
    for content in files:
        upload(by_alice, content)
        assert provide(sha256(content)) is None
    assert {path.name for path in folder.iterdir()} == set(map(sha256, files))
    assert Artifact.objects.count() == 3


def test_where_the_same_bytes_are_kept_is_no_other_work():
    start = {"technique": "pretrained", "phase": "pretrain", "sha256": "a" * 64, **FIGURE}
    named = {"title": "From weights of my own", "family": "transfer"}
    of = [tiny_recipe(start | {"source": source}, FINETUNE, method=named) for source in ("store", "upload")]
    assert of[0].work_sha256 == of[1].work_sha256
    assert [list(recipe.uploads) for recipe in of] == [[], ["phases.0.sha256"]]
