"""A data set is uploaded as an archive, fetched and unpacked by a worker on another machine, and has a board."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from leaderboard import services, tasks
from leaderboard.models import Entry, Run
from leaderboard.routing import queue_of
from leaderboard.worker.artifacts import Fetched
from leaderboard.worker.machine import inspect_machine
from measurement.errors import Fault
from measurement.recipe import parse_recipe
from tests.artifacts.archives import SMALL, zipped, zipped_folder
from tests.artifacts.making import sha256, upload
from tests.artifacts.test_files_are_uploaded_in_parts import errors, files
from tests.artifacts.test_uploaded_weights_are_verified import go_on
from tests.measurement.folders import image_folder, shapes, squares
from tests.measurement.tiny import TRAIN, tiny_document
from tests.pages.reading import text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

DETECTOR = {"architecture": "ssdlite320_mobilenet_v3_large", "resolution": 64}
MAKERS = {"imagefolder": image_folder, "segmentation": shapes, "detection": squares}


def recipe_on(found: dict[str, Any], sha: str, **dataset: Any) -> dict[str, Any]:
    named = {"name": "mine", "manifest_sha256": found["manifest_sha256"], "archive_sha256": sha} | dataset
    return tiny_document(
        TRAIN | {"batch_size": 8},
        track=found["track"],
        dataset=named,
        model={"architecture": "test_resnet", "resolution": 32} if found["track"] != "detection" else DETECTOR,
        inference={"scenarios": ["single_stream"]},
    )


def submit(client: Any, recipe: dict[str, Any]) -> Any:
    return client.post("/api/v1/submissions", {"recipe": recipe}, content_type="application/json")


@pytest.mark.parametrize("track", MAKERS)
@pytest.mark.usefixtures("worker")
def test_from_upload_to_a_board_of_its_own(track, by_alice, by_bob, administrator, tmp_path):
    services.register_hardware(inspect_machine("cpu").name, "cpu")
    manifest = MAKERS[track](tmp_path / "made", "mine")
    content = zipped_folder(tmp_path / "made", "")
    sha, found = sha256(content), upload(by_alice, content, kind="dataset", name="My birds.zip").json()["found"]
    assert (found["track"], found["manifest_sha256"]) == (track, manifest)
    listed = by_alice.get("/artifacts/").content.decode()
    assert (
        f"track: {track}\ndataset:\n  name: my-birds\n  manifest_sha256: {manifest}\n  archive_sha256: {sha}"
        in listed
    )

    assert "upload it first" in errors(submit(by_bob, recipe_on(found, sha)))["dataset.archive_sha256"]
    other = submit(by_alice, recipe_on(found, sha, manifest_sha256="0" * 64))
    assert f"is not that of the uploaded files, {manifest}" in errors(other)["dataset.manifest_sha256"]
    on_worker = recipe_on(found, sha, visibility="private", archive_sha256=None)
    assert "that you have uploaded can be private" in errors(submit(by_alice, on_worker))["dataset.visibility"]

    is_private = track == "segmentation"
    taken = submit(by_alice, recipe_on(found, sha, visibility="private" if is_private else "public"))
    assert taken.status_code == 201, taken.json()
    run = Run.objects.get(pk=taken.json()["run"]["id"])
    assert queue_of(run) == run.hardware.queue, "any worker can do it"
    tasks.verify(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded", run.reason
    if run.held_for:
        services.release_hold(run, by=administrator)
    entry = Entry.objects.get(board__scope="accelerator", run=run)
    of_alice = f"-private-{run.submission.submitter_id}" if is_private else ""
    assert entry.board.track == f"{track}-upload-{manifest[:12]}{of_alice}"
    assert (tmp_path / "elsewhere" / "unpacked" / sha / "dataset" / "train").is_dir()
    board = f"/?track={entry.board.track}&min_quality=0"
    assert "A tiny network" in text(by_alice.get(board))
    assert ("A tiny network" in text(by_bob.get(board))) is not is_private
    snapshot = f"/api/v1/leaderboard/snapshot?track={entry.board.track}"
    seen = [client.get(snapshot).json()["columns"]["entry"] for client in (by_alice, by_bob, by_alice, Client())]
    other = [] if is_private else [entry.pk]
    assert seen == [[entry.pk], other, [entry.pk], other], "what processes share is no way around"
    assert by_alice.delete(f"/api/v1/artifacts/{sha}").status_code == 409, "a submission names it"


def test_the_cache_counts_what_is_unpacked(by_alice, worker, settings):
    archives = [zipped(SMALL | {"train/cat/x.png": bytes([number]) * 900_000}) for number in range(3)]
    found = [upload(by_alice, content, kind="dataset").json()["found"] for content in archives]
    settings.ARTIFACT_CACHE_MB = 4  # two archives, unpacked
    unpacked = worker.parent / "unpacked"

    def provide(number: int) -> Any:
        with Fetched() as fetched:
            return fetched.provide(recipe_on(found[number], sha256(archives[number])), go_on)

    first, second, third = map(sha256, archives)
    with Fetched() as running:
        assert running.provide(recipe_on(found[0], first), go_on) is None
        assert provide(1) is None
        assert provide(2) is None
        assert {path.name for path in unpacked.iterdir()} == {first, third}
    assert provide(1) is None
    assert second in {path.name for path in unpacked.iterdir()}
    assert first not in {path.name for path in unpacked.iterdir()}

    (worker / third).write_bytes(archives[0])  # damaged on the worker's disk
    (unpacked / third).rename(unpacked / "gone")
    again = provide(2)
    assert (again.fault, "the worker's copy has the SHA-256" in again.reason) == (Fault.MACHINE, True)


@pytest.mark.usefixtures("hardware")
def test_an_archive_for_another_track_is_refused(by_alice, folder):
    content = zipped(SMALL)
    found = upload(by_alice, content, kind="dataset").json()["found"]
    refused = submit(by_alice, recipe_on(found | {"track": "segmentation"}, sha256(content)))
    assert "the uploaded data set is for 'imagefolder'" in str(refused.json()["errors"]), refused.json()
    bad = upload(by_alice, zipped({"../x.png": b""}), kind="dataset")
    assert (bad.status_code, "leads out of its folder" in errors(bad)["file"]) == (400, True)
    assert files(folder) == [f"artifacts/{sha256(content)}"]


def test_two_archives_of_the_same_files_are_one_work():
    found = {"track": "imagefolder", "manifest_sha256": "a" * 64}
    one, other = (parse_recipe(recipe_on(found, digit * 64)) for digit in "bc")
    on_worker = parse_recipe(recipe_on(found, "b" * 64, archive_sha256=None))
    assert one.work_sha256 == other.work_sha256 != on_worker.work_sha256
    assert one.track_key == other.track_key != on_worker.track_key
