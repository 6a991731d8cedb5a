"""Traces and uploads in an S3-compatible store: what a worker elsewhere leaves there, the site serves."""

import json
import subprocess
import sys
from datetime import timedelta
from io import StringIO
from pathlib import Path

import boto3
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command

from leaderboard import services
from leaderboard.database import clock
from leaderboard.models import Artifact, Attempt, Entry
from tests.artifacts.conftest import signed_in_as
from tests.artifacts.making import upload, weights
from tests.measurement.recorded import record_a_run
from tests.records import make_recipe, make_record
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_DEFAULT_REGION": "eu-west-1"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The address of an S3 server of the tests' own (moto's), with two buckets."""
    log = tmp_path_factory.mktemp("s3") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with (
        pytest.MonkeyPatch.context() as patch,
        log.open("w") as said,
        subprocess.Popen(command, stdout=said, stderr=said) as server,
    ):
        for name, value in KEYS.items():
            patch.setenv(name, value)

        def address() -> str:
            assert server.poll() is None, log.read_text()
            found = [line.split()[-1] for line in log.read_text().splitlines() if "Running on http" in line]
            return found[0] if found else ""

        endpoint = wait_until(address, "the object store to start", tell=log.read_text)
        client = boto3.client("s3", endpoint_url=endpoint)
        for bucket in ("traces", "artifacts"):
            client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield endpoint
        server.kill()


@pytest.fixture
def objects(store, settings, tmp_path, monkeypatch):
    """The site with that store, its settings read as a start reads them; what lies in a bucket, by name."""
    settings.DATA_ROOT = settings.MEDIA_ROOT = tmp_path
    program = "import json; from leaderboard.settings import STORAGES; print(json.dumps(STORAGES))"
    environment = KEYS | {"DATA_ROOT": str(tmp_path), "S3_ENDPOINT": store, "PATH": ""}
    environment |= {"TRACES_S3_BUCKET": "traces", "ARTIFACTS_S3_BUCKET": "artifacts"}
    read = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True).stdout
    settings.STORAGES = settings.STORAGES | {name: json.loads(read)[name] for name in ("default", "artifacts")}
    client = boto3.client("s3", endpoint_url=store)

    def names(bucket):
        return [one["Key"] for one in client.list_objects_v2(Bucket=bucket).get("Contents", [])]

    return names


def test_a_trace_that_a_worker_leaves_is_served(objects, client, hardware, tmp_path):
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=None)
    trace = tmp_path / "trace.parquet"
    trace.write_bytes(b"PAR1" + bytes(300_000))
    record = make_record(make_recipe(), hardware=hardware.name).model_dump_json().encode()
    claim = services.claim(submission.runs.get().pk, "worker")
    assert services.record(claim, record, trace)
    stored = Attempt.objects.get().trace.name
    assert objects("traces") == [stored]
    answer = client.get(f"/api/v1/entries/{Entry.objects.first().pk}/trace")
    assert b"".join(answer.streaming_content) == trace.read_bytes()
    # Nothing of it lies on the site's own disk.
    assert [path for path in Path(tmp_path).rglob("*.parquet") if path != trace] == []


def test_an_old_trace_is_thinned_there(objects, hardware, tmp_path, client):
    recipe = make_recipe(inference={"scenarios": ["offline"]})
    submission, _ = services.submit(recipe, hardware=hardware, submitter=None)
    course = [(0.02, 200_000 + 1_000 * (step % 97)) for step in range(20_000)]
    record_a_run(tmp_path, course, [course[:40]] * 2, recipe=recipe, hardware=hardware.name)
    claim = services.claim(submission.runs.get().pk, "worker")
    assert services.record(claim, (tmp_path / "record.json").read_bytes(), tmp_path / "trace.parquet")
    Attempt.objects.update(ended_at=clock.now() - timedelta(days=40))
    full = Attempt.objects.get().trace.name
    call_command("thin_traces", "--days", "30", stdout=StringIO())
    thinned = Attempt.objects.get().trace.name
    assert {full, thinned} <= set(objects("traces"))
    call_command("thin_traces", "--days", "30", "--remove-full", stdout=StringIO())
    assert full not in objects("traces")
    assert thinned in objects("traces")
    answer = client.get(f"/api/v1/entries/{Entry.objects.first().pk}/trace")
    assert len(b"".join(answer.streaming_content)) == Attempt.objects.get().thinned.bytes
    assert list((tmp_path / "files").rglob("*.parquet")) == []


def test_an_equal_name_takes_no_other_trace_s_place(objects):
    first = storages["default"].save("same.parquet", ContentFile(b"one"))
    second = storages["default"].save("same.parquet", ContentFile(b"two"))
    assert first != second
    assert storages["default"].open(first).read() == b"one"


def test_an_upload_is_stored_served_and_deleted(objects, alice):
    by_alice, content = signed_in_as(alice), weights(*range(100))
    number = upload(by_alice, content).json()["id"]
    (name,) = objects("artifacts")
    assert name == Artifact.objects.get().sha256
    served = by_alice.get(f"/api/v1/artifacts/{name}/content")
    assert b"".join(served.streaming_content) == content
    assert by_alice.delete(f"/api/v1/artifacts/{number}").status_code == 204
    assert objects("artifacts") == []
