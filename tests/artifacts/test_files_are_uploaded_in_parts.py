"""A file is announced, sent in parts, resumed where it was cut off, checked against its hash, and stored once."""

from __future__ import annotations

import threading
import uuid
from typing import Any

import pytest
from django.db import connection

from leaderboard import services
from leaderboard.models import Artifact, LogLine, Upload
from leaderboard.services import artifact_files
from tests.artifacts.making import announce, safetensors, send, sha256, upload, weights
from tests.worker.small_disk import small_disk

pytestmark = pytest.mark.django_db
CONTENT = weights(*range(100))


def errors(answer: Any) -> dict[str, str]:
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def files(folder: Any) -> list[str]:
    """All below the data root."""
    root = folder.parent
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_parts_make_the_file(by_alice, folder):
    announced = announce(by_alice, CONTENT, name="best.safetensors")
    assert announced.status_code == 201
    assert (announced.json()["received"], announced.json()["state"]) == (0, "receiving")
    number = announced.json()["id"]
    cut = len(CONTENT) * 9 // 10
    first = send(by_alice, number, 0, CONTENT[:cut])
    assert (first.status_code, first["Upload-Offset"]) == (200, str(cut))

    again = announce(by_alice, CONTENT)
    assert (again.status_code, again.json()["id"], again.json()["received"]) == (200, number, cut)
    for wrong in (0, cut - 1, cut + 1):
        refused = send(by_alice, number, wrong, b"x")
        assert (refused.status_code, f"{cut:,} bytes are here" in errors(refused)["Upload-Offset"]) == (409, True)
    last = send(by_alice, sha256(CONTENT), cut, CONTENT[cut:])
    assert (last.status_code, last.json()["state"], last.json()["sha256"]) == (200, "stored", sha256(CONTENT))
    assert last.json()["found"] == {"tensors": 1, "parameters": 100, "bytes": 400, "types": {"F32": 1}}
    assert files(folder) == [f"artifacts/{sha256(CONTENT)}"]
    content = by_alice.get(f"/api/v1/artifacts/{sha256(CONTENT)}/content")
    assert b"".join(content.streaming_content) == CONTENT
    assert LogLine.objects.filter(action="upload").count() == 1


def test_a_part_that_is_sent_again_after_the_last_changes_nothing(by_alice):
    upload(by_alice, CONTENT)
    again = send(by_alice, sha256(CONTENT), 0, CONTENT)
    assert (again.status_code, again.json()["state"]) == (200, "stored")


def test_without_a_hash_the_site_computes_it(by_alice, folder):
    first = upload(by_alice, CONTENT, sha256=None)
    assert first.json()["sha256"] == sha256(CONTENT)
    second = upload(by_alice, CONTENT, sha256=None)
    assert second.json()["id"] == first.json()["id"]
    assert (Upload.objects.count(), Artifact.objects.count(), len(files(folder))) == (1, 1, 1)


def test_another_content_than_announced_is_not_kept(by_alice, folder):
    answer = upload(by_alice, CONTENT, sha256="0" * 64)
    assert answer.status_code == 400
    assert f"of what arrived is {sha256(CONTENT)}" in errors(answer)["sha256"]
    assert (Upload.objects.count(), files(folder)) == (0, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "pickle"}, "kind"),
        ({"kind": ["onnx"]}, "kind"),
        ({"size": 0}, "size"),
        ({"size": True}, "size"),
        ({"size": "9"}, "size"),
        ({"sha256": "A" * 64}, "sha256"),
        ({"sha256": "a" * 64 + "\n"}, "sha256"),
        ({"name": "a\nb"}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"path": "/etc/passwd"}, "path"),
    ],
)
def test_a_bad_announcement_is_refused(by_alice, body, field):
    answer = announce(by_alice, CONTENT, **({"kind": "safetensors"} | body))
    assert (answer.status_code, list(errors(answer))) == (400, [field])
    assert not Upload.objects.exists()


def test_limits_by_size_and_person(by_alice, settings):
    settings.ARTIFACT_MAX_MB, settings.ARTIFACTS_MB_PER_USER = 1, 2
    too_large = announce(by_alice, CONTENT, size=1_000_001)
    assert (too_large.status_code, "the limit of this site is 1 MB" in errors(too_large)["size"]) == (413, True)
    for number in range(2):
        assert announce(by_alice, CONTENT, size=900_000, sha256=f"{number:064x}").status_code == 201
    too_many = announce(by_alice, CONTENT, size=900_000, sha256="f" * 64)
    assert (too_many.status_code, "delete one first" in errors(too_many)["size"]) == (429, True)
    for number in range(2, 10):
        assert announce(by_alice, CONTENT, size=1, sha256=f"{number:064x}").status_code == 201
    unfinished = announce(by_alice, CONTENT, size=1, sha256="e" * 64)
    assert (unfinished.status_code, "10 unfinished" in errors(unfinished)["artifact"]) == (429, True)


def test_parts_have_limits(by_alice):
    number = announce(by_alice, CONTENT).json()["id"]
    too_large = send(by_alice, number, 0, bytes(4 * 2**20 + 1))
    assert (too_large.status_code, "parts of at most 4,194,304" in errors(too_large)[None]) == (413, True)
    beyond = send(by_alice, number, 0, CONTENT + b"x")
    assert (beyond.status_code, "were announced" in errors(beyond)["Upload-Offset"]) == (400, True)
    for offset in ("", "-1", "1.0", "9" * 400):
        assert send(by_alice, number, offset, b"x").status_code == 400
    assert by_alice.patch(f"/api/v1/artifacts/{number}", b"x", content_type="text/plain").status_code in (400, 415)
    assert by_alice.get(f"/api/v1/artifacts/{number}").json()["received"] == 0


def test_others_neither_see_nor_notice_a_file(
    by_alice, by_bob, by_administrator, folder, django_capture_on_commit_callbacks
):
    number = upload(by_alice, CONTENT).json()["id"]
    for name in (number, sha256(CONTENT)):
        for address in (f"/api/v1/artifacts/{name}", f"/api/v1/artifacts/{name}/content"):
            assert by_bob.get(address).status_code == 404
            assert by_administrator.get(address).status_code == 200
        assert send(by_bob, name, 0, b"x").status_code == 404
        assert by_bob.delete(f"/api/v1/artifacts/{name}").status_code == 404
    assert by_bob.get("/api/v1/artifacts").json() == {"results": []}
    # Announcing it is answered as for a file that nobody has, and all of it must be sent.
    announced = announce(by_bob, CONTENT)
    assert (announced.status_code, announced.json()["received"]) == (201, 0)
    assert upload(by_bob, CONTENT).json()["state"] == "stored"
    assert (Artifact.objects.count(), Upload.objects.count(), len(files(folder))) == (1, 2, 1)

    assert by_alice.delete(f"/api/v1/artifacts/{number}").status_code == 204
    assert by_bob.get(f"/api/v1/artifacts/{sha256(CONTENT)}").status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        assert by_administrator.delete(f"/api/v1/artifacts/{sha256(CONTENT)}").status_code == 204
    assert (Artifact.objects.count(), files(folder)) == (0, [])


def test_a_full_disk_is_said_and_the_part_can_be_sent_again(by_alice, settings):
    content = weights(*range(250_000))
    with small_disk(3) as disk:
        settings.DATA_ROOT = disk
        place = {"location": str(disk / "artifacts")}
        local = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": place}
        settings.STORAGES = settings.STORAGES | {"artifacts": local}
        number = announce(by_alice, content).json()["id"]
        assert send(by_alice, number, 0, content[:100]).status_code == 200
        (disk / "others").write_bytes(bytes(20 * 2**17))
        full = send(by_alice, number, 100, content[100:])
        assert (full.status_code, "disk is full" in errors(full)["artifact"]) == (507, True)
        (disk / "others").unlink()
        assert send(by_alice, number, 100, content[100:]).json()["state"] == "stored"


def test_one_request_writes_at_a_time(by_alice):
    number = announce(by_alice, CONTENT).json()["id"]
    with artifact_files.writing(uuid.UUID(number)):
        busy = send(by_alice, number, 0, CONTENT)
    assert (busy.status_code, "another request" in errors(busy)["Upload-Offset"]) == (409, True)
    assert send(by_alice, number, 0, CONTENT).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_two_people_finish_one_hash_at_once(folder, alice, bob):
    uploads = [services.declare(user, kind="safetensors", size=len(CONTENT))[0] for user in (alice, bob, alice, bob)]
    together, failed = threading.Barrier(len(uploads)), []

    def finish(one: Upload) -> None:
        try:
            together.wait()
            services.append(one, 0, CONTENT)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=finish, args=[one]) for one in uploads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert Artifact.objects.count() == 1
    assert sorted(Upload.objects.values_list("owner__username", flat=True)) == ["alice", "bob"]
    assert files(folder) == [f"artifacts/{sha256(CONTENT)}"]


def test_a_storage_that_is_no_folder(by_alice, settings, tmp_path, django_capture_on_commit_callbacks):
    settings.DATA_ROOT = tmp_path
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = settings.STORAGES | {"artifacts": in_memory}
    assert upload(by_alice, CONTENT).json()["state"] == "stored"
    content = by_alice.get(f"/api/v1/artifacts/{sha256(CONTENT)}/content")
    assert b"".join(content.streaming_content) == CONTENT
    with django_capture_on_commit_callbacks(execute=True):
        assert by_alice.delete(f"/api/v1/artifacts/{sha256(CONTENT)}").status_code == 204
    assert not artifact_files.storage().exists(sha256(CONTENT))


def test_a_file_of_another_form_is_not_kept(by_alice, folder):
    answer = upload(by_alice, safetensors({}, b""))
    assert (answer.status_code, "holds no tensor" in errors(answer)["file"]) == (400, True)
    assert (Upload.objects.count(), files(folder)) == (0, [])
