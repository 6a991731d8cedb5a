"""Files of a hub, from a server of the tests' own: at a commit, of known content, where an operator allows it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

from leaderboard import services, tasks
from leaderboard.models import Run
from leaderboard.worker.artifacts import Fetched
from leaderboard.worker.machine import inspect_machine
from measurement.documents import DocumentError
from measurement.errors import Fault
from measurement.recipe import parse_recipe
from measurement.recipe.hub import HubFile
from tests.artifacts.making import sha256, starting_from, weights
from tests.measurement.onnx_models import document as onnx_document
from tests.measurement.tiny import tiny_document

CONTENT = weights(1.0, 2.0, 3.0)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PLACE = f"hf://someone/network@{COMMIT}/small/model.safetensors"


class Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for a file of Git; another one says another commit than it is asked for."""

    content = CONTENT
    asked: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.asked.append((self.command, self.headers.get("Authorization")))
        found = self.path.startswith("/someone/") and self.path.endswith("model.safetensors")
        self.send_response(200 if found else 404)
        body = self.content if found else b""
        if found:
            self.send_header("X-Repo-Commit", "f" * 40 if "moved" in self.path else COMMIT)
            self.send_header("ETag", '"1"')
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("Content-Length", str(len(body) * (1000 if "large" in self.path else 1)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def hub(monkeypatch: Any, settings: Any, tmp_path: Any) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path))
        settings.HUB_DOWNLOADS, Hub.asked = True, []
        yield address
        server.shutdown()


def of(place: str = PLACE, sha: str = sha256(CONTENT)) -> dict[str, Any]:
    document = starting_from(sha)
    document["phases"][0] |= {"source": "hub", "hub": place}
    return document


def provide(document: dict[str, Any]) -> Any:
    with Fetched() as fetched:
        return fetched.provide(document, lambda _: "")


def test_it_is_downloaded_once_and_without_a_token(hub, tmp_path):
    assert provide(of()) is None
    assert (tmp_path / "artifacts" / sha256(CONTENT)).read_bytes() == CONTENT
    assert (tmp_path / "artifacts" / f"{sha256(CONTENT)}.fetched").exists()  # so that it may go again
    assert {command for command, _ in Hub.asked} == {"HEAD", "GET"}
    assert {token for _, token in Hub.asked} == {None}
    asked = len(Hub.asked)
    assert provide(of()) is None
    assert len(Hub.asked) == asked


def test_what_is_not_as_the_recipe_says_is_not_kept(hub, settings, tmp_path, monkeypatch):
    for document, fault, words in (
        (of(sha="0" * 64), Fault.RECIPE, f"phases.0.hub: the file has the SHA-256 {sha256(CONTENT)}; write that"),
        (of(PLACE.replace("someone", "nobody")), Fault.RECIPE, "no such public file (HTTP 404)"),
        (of(PLACE.replace("network", "moved")), Fault.MACHINE, "can't be fetched"),
        (of(PLACE.replace("network", "large")), Fault.MACHINE, "can't be fetched"),  # it is cut
    ):
        ending = provide(document)
        assert (ending.fault, words in ending.reason) == (fault, True), ending.reason
    settings.ARTIFACT_MAX_MB = 0.000001
    too_large = provide(of())
    assert (too_large.fault, "the limit of this site is" in too_large.reason) == (Fault.RECIPE, True)
    settings.HUB_DOWNLOADS = False
    assert "HUB_DOWNLOADS" in provide(of()).reason
    settings.HUB_DOWNLOADS = True
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    settings.ARTIFACT_MAX_MB = 1
    assert (provide(of()).fault, "can't be fetched" in provide(of()).reason) == (Fault.MACHINE, True)
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "place",
    [
        PLACE.replace(COMMIT, "main"),
        PLACE.replace(COMMIT, COMMIT[:7]),
        PLACE.replace("model.safetensors", "model.bin"),
        PLACE.replace("small/", "../"),
        PLACE.replace("hf://", "https://"),
        PLACE.replace("someone/", ""),
        f"{PLACE}\n",
    ],
)
def test_only_a_safe_file_at_a_commit_can_be_named(place):
    with pytest.raises(DocumentError) as refused:
        parse_recipe(of(place))
    assert [fault.field for fault in refused.value.faults] == ["phases.0.hub"]


def test_where_it_comes_from_is_no_other_work_and_goes_with_its_source():
    from_hub, uploaded = parse_recipe(of()), parse_recipe(starting_from(sha256(CONTENT)))
    assert from_hub.downloads == {
        "phases.0.hub": (sha256(CONTENT), HubFile("someone/network", COMMIT, "small/model.safetensors"))
    }
    assert (from_hub.uploads, from_hub.brought_weights) == ({}, (sha256(CONTENT),))
    assert uploaded.downloads == {}
    assert from_hub.work_sha256 == uploaded.work_sha256
    model = parse_recipe(onnx_document("a" * 64, hub=PLACE.replace("safetensors", "onnx")))
    assert (list(model.downloads), model.uploads) == (["model.hub"], {})
    start = {"technique": "pretrained", "phase": "pretrain", "source": "upload", "sha256": "a" * 64, "hub": PLACE}
    with pytest.raises(DocumentError, match="hub goes with source: hub"):
        parse_recipe(tiny_document(start, method={"title": "Mixed up", "family": "transfer"}))


@pytest.mark.django_db
@pytest.mark.parametrize("allowed", [True, False])
def test_a_site_takes_it_only_where_an_operator_allows_it(by_alice, hardware, settings, allowed):
    settings.HUB_DOWNLOADS = allowed
    answer = by_alice.post("/api/v1/submissions", {"recipe": of()}, content_type="application/json")
    assert answer.status_code == (201 if allowed else 400), answer.content
    if not allowed:
        (error,) = answer.json()["errors"]
        assert (error["field"], "upload the file instead" in error["message"]) == ("phases.0.hub", True)


@pytest.mark.django_db(transaction=True)
def test_a_run_starts_from_it(hub, by_alice, settings, monkeypatch):
    settings.HOLD_BUSY_RESULTS = False
    services.register_hardware(inspect_machine("cpu").name, "cpu")
    torch.manual_seed(5)
    state = timm.create_model("test_resnet", num_classes=10, in_chans=1).state_dict()
    monkeypatch.setattr(Hub, "content", safetensors.torch.save(state))
    answer = by_alice.post(
        "/api/v1/submissions", {"recipe": of(sha=sha256(Hub.content))}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    run = Run.objects.get(pk=answer.json()["run"]["id"])
    tasks.verify(run.pk)
    run.refresh_from_db()
    assert run.state == "succeeded", run.reason
    assert f'"weights_sha256": "{sha256(Hub.content)}"' in json.dumps(run.attempts.get().record)
