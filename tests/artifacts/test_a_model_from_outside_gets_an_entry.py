"""A model of scikit-learn, exported to ONNX and uploaded, is verified, shown as a lower bound, and run again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from leaderboard import services, tasks
from leaderboard.models import Entry, Run
from leaderboard.worker.machine import inspect_machine
from measurement.dataroot import DATA_ROOT_VARIABLE
from measurement.tracks import TRACKS
from measurement.tracks.digits import PIXEL_MEAN, PIXEL_STD
from tests.artifacts.making import sha256, upload
from tests.measurement.onnx_models import document
from tests.pages.reading import text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def exported() -> bytes:
    # Not loaded by every process that collects tests.
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    split = TRACKS["digits"].load_train(8)
    images = ((split.images * PIXEL_STD + PIXEL_MEAN) * 16).flatten(1).numpy().round()
    model = LogisticRegression(max_iter=300).fit(images, split.labels.numpy())
    return to_onnx(model, images[:1].astype(np.float32), options={"zipmap": False}).SerializeToString()


def recipe_of(content: bytes) -> dict[str, Any]:
    return document(sha256(content), output={"name": "probabilities", "kind": "softmax"})


def submit(client: Any, content: bytes) -> Any:
    return client.post("/api/v1/submissions", {"recipe": recipe_of(content)}, content_type="application/json")


def verified(number: int, administrator: Any) -> Run:
    tasks.verify(number)
    run = Run.objects.get(pk=number)
    assert run.state == "succeeded", run.reason
    return services.release_hold(run, by=administrator) if run.held_for else run


def test_from_upload_to_the_board_and_again(by_alice, by_bob, administrator, settings, monkeypatch):
    settings.HOLD_BUSY_RESULTS = False
    monkeypatch.setenv(DATA_ROOT_VARIABLE, str(settings.DATA_ROOT))
    services.register_hardware(inspect_machine("cpu").name, "cpu")
    content = exported()

    refused = submit(by_alice, content)
    assert refused.json()["errors"][0]["field"] == "model.sha256"
    assert "upload it first" in refused.json()["errors"][0]["message"]
    upload(by_alice, content, kind="onnx")
    assert submit(by_bob, content).json() == refused.json(), "another's file is answered like one that is not there"
    taken = submit(by_alice, content)
    assert taken.status_code == 201, taken.json()
    assert by_alice.delete(f"/api/v1/artifacts/{sha256(content)}").status_code == 409, "a submission names it"

    verified(taken.json()["run"]["id"], administrator)
    entry = Entry.objects.get(board__scope="accelerator", board__scenario="offline")
    assert not entry.complete
    assert entry.quality > 0.85
    page = text(by_bob.get(entry.get_absolute_url()))
    assert "ONNX Runtime" in page
    assert "≥" in page
    assert [row["entry"] for row in by_bob.get("/api/v1/leaderboard?track=digits&min_quality=0").json()["results"]]

    again = services.rerun(Run.objects.get(pk=taken.json()["run"]["id"]), by=administrator)
    verified(again.pk, administrator)
    entry = Entry.objects.get(board__scope="accelerator", board__scenario="offline")
    assert entry.results == 2
