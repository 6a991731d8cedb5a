"""A private result with a word in it that nobody else may see anywhere, beside a public one on the same files."""

from __future__ import annotations

from typing import Any

from django.core.files.base import ContentFile
from django.test import Client

from leaderboard import services
from leaderboard.models import Entry, Hardware, Run
from measurement.recipe import Recipe, parse_recipe
from tests.artifacts.archives import SMALL, zipped
from tests.artifacts.making import sha256, upload
from tests.measurement.tiny import TRAIN, tiny_document
from tests.power_traces import trace
from tests.services.verifying import verify

WORD = "Xylograph"
SECRET = {"title": f"{WORD} of my birds", "family": "compact", "summary": f"{WORD} twice", "authors": [f"A. {WORD}"]}


def recipe(found: dict[str, Any], content: bytes, *, title: str = WORD, epochs: int = 1, **dataset: Any) -> Recipe:
    """A recipe on an uploaded data set; private if `dataset` says so."""
    named = {"name": "mine", "manifest_sha256": found["manifest_sha256"], "archive_sha256": sha256(content)} | dataset
    method = SECRET if title == WORD else {"title": title, "family": "compact"}
    model = {"architecture": "test_resnet", "resolution": 32}
    return parse_recipe(
        tiny_document(TRAIN | {"epochs": epochs}, track="imagefolder", dataset=named, model=model, method=method)
    )


def uploaded(user: Any, content: bytes = b"") -> tuple[dict[str, Any], bytes]:
    """What the site found in the archive that `user` has sent, and the archive."""
    content = content or zipped(SMALL)
    client = Client()
    client.force_login(user)
    found: dict[str, Any] = upload(client, content, kind="dataset", name="birds.zip").json()["found"]
    return found, content


def published(wanted: Recipe, hardware: Hardware, submitter: Any, **figures: Any) -> tuple[Run, Entry]:
    """The run, with a trace, and the entry that a board opens with."""
    run, _ = verify(services.of_submitter(wanted, submitter), hardware, submitter=submitter, **figures)
    if run.held_for:
        services.release_hold(run)
    run.attempts.get().trace.save("run.parquet", ContentFile(trace([0.0, 1.0], [5.0, 6.0]).read()))
    return run, Entry.objects.get(run=run, board__scope="accelerator", board__scenario="offline")
