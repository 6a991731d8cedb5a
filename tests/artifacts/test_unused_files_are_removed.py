"""What nobody finished, and what no submission has named for a time, is removed with a line in the log."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction

from leaderboard import services, tasks
from leaderboard.database import clock
from leaderboard.models import Artifact, LogLine, Recipe, Submission, Upload
from leaderboard.services.artifact_files import path_of_parts
from measurement.recipe import parse_recipe
from tests.artifacts.making import announce, send, sha256, starting_from, upload, weights
from tests.artifacts.test_files_are_uploaded_in_parts import files

pytestmark = pytest.mark.django_db(transaction=True)  # parts go when the deletion is certain
CONTENT = weights(1.0, 2.0)


def age(days: float) -> None:
    Upload.objects.update(changed_at=clock.now() - timedelta(days=days))


def test_only_what_is_unused_goes(by_alice, folder, alice, hardware):
    named, unnamed, unfinished = CONTENT, weights(3.0), weights(4.0)
    for content in (named, unnamed):
        upload(by_alice, content)
    number = announce(by_alice, unfinished).json()["id"]
    send(by_alice, number, 0, unfinished[:9])
    submission, _ = services.submit(parse_recipe(starting_from(sha256(named))), hardware=hardware, submitter=alice)
    tasks.remove_unused_uploads()
    assert Upload.objects.count() == 3

    age(days=3)
    tasks.remove_unused_uploads()
    assert files(folder) == sorted(f"artifacts/{sha256(content)}" for content in (named, unnamed))
    age(days=31)
    tasks.remove_unused_uploads()
    assert files(folder) == [f"artifacts/{sha256(named)}"]
    assert LogLine.objects.filter(action="remove_unused").count() == 3  # two uploads and a content

    services.withdraw(submission, by=alice)
    age(days=31)
    tasks.remove_unused_uploads()
    assert Upload.objects.count() == 1  # it was named until a moment ago
    Submission.objects.update(withdrawn_at=clock.now() - timedelta(days=31))
    tasks.remove_unused_uploads()
    assert (Artifact.objects.count(), files(folder), Recipe.objects.count()) == (0, [], 1)


def test_parts_without_an_upload_go(by_alice, folder, alice):
    number = announce(by_alice, CONTENT).json()["id"]
    send(by_alice, number, 0, CONTENT[:9])
    upload_ = Upload.objects.get()
    alice.delete()
    os.utime(path_of_parts(upload_.pk), (0, 0))
    tasks.remove_unused_uploads()
    assert files(folder) == []


def test_a_form_without_javascript_takes_a_small_file(by_alice, by_bob, folder):
    sent = by_alice.post("/artifacts/", {"file": SimpleUploadedFile("best.safetensors", CONTENT)}, follow=True)
    assert f"Its SHA-256 is {sha256(CONTENT)}" in sent.content.decode()
    assert "best.safetensors" not in by_bob.get("/artifacts/").content.decode()
    again = by_alice.post("/artifacts/", {"file": SimpleUploadedFile("other.safetensors", CONTENT)}, follow=True)
    assert "was here already" in again.content.decode()
    for name, content, words in (
        ("best.pt", CONTENT, "must end in .safetensors or .onnx or .zip"),
        ("bad.safetensors", b"pickled", "too few for a safetensors file"),
    ):
        refused = by_alice.post("/artifacts/", {"file": SimpleUploadedFile(name, content)})
        assert (refused.status_code, words in refused.content.decode()) == (400, True)
    too_large = by_alice.post("/artifacts/", {"file": SimpleUploadedFile("a.onnx", bytes(5 * 2**20))})
    assert too_large.status_code == 413
    number = Upload.objects.get().pk
    by_bob.post("/artifacts/", {"delete": str(number)})
    assert Upload.objects.count() == 1
    by_alice.post("/artifacts/", {"delete": str(number)})
    assert files(folder) == []


def test_a_deletion_that_is_undone_leaves_the_file(by_alice, folder, alice):
    content = weights(1.0, 2.0)
    upload(by_alice, content)
    with transaction.atomic():
        services.delete_upload(Upload.objects.get(), by=alice)
        transaction.set_rollback(True)
    assert Artifact.objects.filter(uploads__owner=alice).exists()
    assert (folder / sha256(content)).read_bytes() == content


def test_a_file_that_is_stored_again_meanwhile_stays(by_alice, by_bob, folder, alice):
    content = weights(1.0, 2.0)
    upload(by_alice, content)
    with transaction.atomic():
        services.delete_upload(Upload.objects.get(), by=alice)
        upload(by_bob, content)  # before the deletion is certain
    assert (folder / sha256(content)).read_bytes() == content
    assert by_bob.get(f"/api/v1/artifacts/{sha256(content)}/content").status_code == 200
