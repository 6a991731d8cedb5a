"""POST submissions/check: what is wrong and in which line, or what to expect; nothing is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from leaderboard.models import Method, Recipe, Run, Submission, Worker
from measurement.recipe import parse_recipe
from tests.api import builders
from tests.factories import (
    AttemptFactory,
    HardwareFactory,
    RecipeFactory,
    RunFactory,
    SubmissionFactory,
    WorkerFactory,
    WorkFactory,
)

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/submissions/check"
TEXT = """\
# A comment, which counts as a line.
schema_version: 1
method:
  title: A plain network
  family: compact
track: digits
model:
  architecture: mobilenetv3_small_050
  resolution: 32
phases:
  - technique: supervised
    phase: train
    epochs: 2
"""
SCOPES = {"accelerator": {"provenance": "metered"}, "system": {"provenance": "estimated"}}
DEVICES = {"devices": [{"device": "cpu", "scopes": SCOPES}]}


@pytest.fixture(autouse=True)
def _fresh_throttle():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def cpu():
    return HardwareFactory()


@pytest.fixture
def by_alice(alice, cpu) -> dict[str, str]:
    return builders.token(alice)


def stored() -> list[int]:
    return [model.objects.count() for model in (Method, Recipe, Submission, Run)]


def check(client: Client, text: str, headers: dict[str, str], query: str = "", status: int = 200) -> Any:
    before = stored()
    answer = client.post(f"{ADDRESS}{query}", text, content_type="application/yaml", headers=headers)
    assert answer.status_code == status, answer.content
    assert stored() == before
    return answer.json()


@pytest.mark.parametrize(
    ("wrong", "field", "line"),
    [
        (TEXT.replace("mobilenetv3_small_050", "mobilenetv3_smal_050"), "model.architecture", 8),
        (TEXT.replace("epochs: 2", "epochs: -2"), "phases.0.epochs", 13),
        (TEXT.replace("    epochs: 2\n", ""), "phases.0.epochs", 11),
        (TEXT.replace("supervised", "supervized"), "phases.0", 11),
        (TEXT.replace("track: digits\n", ""), "track", 2),
        (TEXT + "colour: blue\n", "colour", 14),
        (TEXT.replace("  family: compact", "  family: pruning"), "method.family", 5),
        (TEXT.replace("schema_version: 1", "schema_version: 2"), "schema_version", 2),
        (TEXT + "track: digits\n", "track", 14),
        (TEXT + "inference: [\n", None, 15),
        (TEXT.replace("epochs: 2", "epochs: &a 2") + "seed: *a\n", None, 14),
        (TEXT.replace("  resolution: 32", "  resolution: 2000"), "model.resolution", 9),
        (TEXT.replace("phase: train", "phase: finetune"), "phases.0.phase", 12),
    ],
)
def test_each_fault_has_its_line(client, by_alice, wrong, field, line):
    errors = check(client, wrong, by_alice, status=400)["errors"]
    assert [(error["field"], error["line"]) for error in errors] == [(field, line)]


def test_a_newer_schema_is_told_plainly(client, by_alice):
    [error] = check(client, TEXT.replace("schema_version: 1", "schema_version: 3"), by_alice, status=400)["errors"]
    assert error["message"].startswith("is 3, and this program reads recipes of version 1")


def test_lines_are_found_in_json_with_options_too(client, by_alice, cpu):
    body = '{"hardware": "nowhere",\n "recipe": {"schema_version": 1,\n  "track": "digitz"}}'
    answer = client.post(ADDRESS, body, content_type="application/json", headers=by_alice)
    found = {error["field"]: error["line"] for error in answer.json()["errors"]}
    assert (answer.status_code, found["track"], found["hardware"], found["model"]) == (400, 3, None, 2)


def test_what_to_expect_is_told_phase_by_phase(client, by_alice, cpu):
    WorkerFactory(hardware=cpu, name="desk-1", diagnosis=DEVICES)
    told = check(client, TEXT, by_alice)
    assert told["waits_for"] == ""
    assert told["workers"] == [{"name": "desk-1", "has_data": None, "why_not": ""}]
    train, *inference = told["phases"]
    assert (train["phase"], train["provenances"]) == ("train", {"accelerator": ["metered"], "system": ["estimated"]})
    assert [phase["scenario"] for phase in inference] == ["single_stream", "offline"]
    assert told["like_runs"] is None
    assert told["starts_in_s"] == {"least": 0, "most": 0}
    assert not Recipe.objects.exists()


def test_sampled_and_declared_phases_are_not_called_metered(client, by_alice, cpu):
    WorkerFactory(hardware=cpu, diagnosis=DEVICES)
    declared = "  - {technique: declared, phase: search}\n"
    reported = "reported: {quality: 0.9, evidence: 'https://arxiv.org/abs/2108.13465'}\n"
    text = TEXT.replace("family: compact", "family: nas").replace("phases:\n", f"phases:\n{declared}") + reported
    search, train, single, _ = check(client, text, by_alice, "?mode=sampled")["phases"]
    assert search["provenances"] == {"accelerator": ["missing"], "system": ["missing"]}
    assert train["provenances"] == {"accelerator": ["extrapolated"], "system": ["estimated"]}
    assert single["provenances"] == {"accelerator": ["metered"], "system": ["estimated"]}


def test_a_hopeless_wait_is_told_with_where_it_could_run(client, by_alice, cpu):
    assert check(client, TEXT, by_alice)["waits_for"] == "no worker for this hardware is live"
    lacking = {"tracks": [{"slug": "cifar10", "lacks": "datasets/cifar10 is missing", "missing_packages": []}]}
    having = {"tracks": [{"slug": "cifar10", "lacks": "", "missing_packages": []}]}
    WorkerFactory(hardware=cpu, diagnosis=lacking)
    WorkerFactory(hardware=HardwareFactory(slug="other"), diagnosis=having)
    told = check(client, TEXT.replace("digits", "cifar10"), by_alice, "?hardware=test-cpu")
    assert told["waits_for"] == "no live worker of this hardware has the data of track cifar10"
    assert told["workers"][0]["why_not"] == "has no data of track cifar10 (datasets/cifar10 is missing)"
    assert told["elsewhere"] == ["other"]
    assert told["starts_in_s"] is None


def run_of(document: dict[str, Any], cpu, seconds: float, joules: float | None, **run) -> Run:
    parsed = parse_recipe(document)
    work = WorkFactory._meta.model.objects.get_or_create(sha256=parsed.work_sha256)[0]
    recipe = RecipeFactory(document=parsed.document(), track=parsed.track_key, work=work)
    now = timezone.now()
    made = RunFactory(
        submission=SubmissionFactory(recipe=recipe, hardware=cpu),
        **{"state": "succeeded", "attempt": 1, "started_at": now - timedelta(seconds=seconds), "finished_at": now}
        | run,
    )
    AttemptFactory(run=made, spent_energy_j=joules, spent_provenance="estimated" if joules else "missing")
    return made


def document_of(**changes) -> dict[str, Any]:
    document = builders.recipe_document()
    document["model"] = {"architecture": "mobilenetv3_small_050", "resolution": 32}
    document["phases"] = [{"technique": "supervised", "phase": "train", "epochs": 2} | changes]
    return document


def test_time_and_energy_rest_on_the_most_like_runs(client, by_alice, cpu):
    run_of(document_of(epochs=9), cpu, 900, 9000)
    run_of(document_of(epochs=9), cpu, 1, 1, state="failed")
    run_of(document_of(epochs=9), HardwareFactory(slug="other"), 5, 5)
    told = check(client, TEXT, by_alice, "?hardware=test-cpu")["like_runs"]
    assert (told["basis"], told["runs"], told["time_s"]) == ("same phases", 1, {"least": 900, "most": 900})
    run_of(document_of(batch_size=16), cpu, 100, 1000)
    run_of(document_of(batch_size=8), cpu, 140, None)
    told = check(client, TEXT, by_alice, "?hardware=test-cpu")["like_runs"]
    assert (told["basis"], told["time_s"]) == ("same training", {"least": 100, "most": 140})
    assert told["energy_j"] == {"least": 1000, "most": 1000}
    run_of(document_of(), cpu, 120, 1200)
    told = check(client, TEXT, by_alice, "?hardware=test-cpu")["like_runs"]
    assert (told["basis"], told["energy_j"]) == ("same work", {"least": 1200, "most": 1200})


def test_only_what_runs_before_mine_is_counted(client, by_alice, cpu):
    having = {"tracks": [{"slug": "digits", "lacks": "", "missing_packages": []}]}
    worker = WorkerFactory(hardware=cpu, diagnosis=having)
    for _ in range(3):
        RunFactory(submission=SubmissionFactory(hardware=cpu, recipe=RecipeFactory(track="imagenet-1k")))
    told = check(client, TEXT, by_alice)
    assert (told["ahead"], told["starts_in_s"]) == (0, {"least": 0, "most": 0})
    run_of(document_of(), cpu, 60, 10)
    busy = RunFactory(submission=SubmissionFactory(hardware=cpu), state="running", attempt=1)
    AttemptFactory(run=busy, worker=worker.name)
    RunFactory(submission=SubmissionFactory(hardware=cpu))
    told = check(client, TEXT, by_alice)
    assert (told["ahead"], told["running"], told["starts_in_s"]) == (1, 1, {"least": 60, "most": 120})


def test_what_was_submitted_already_is_found(client, by_alice, cpu):
    mine = client.post("/api/v1/submissions", TEXT, content_type="application/yaml", headers=by_alice).json()
    told = check(client, TEXT, by_alice)
    assert told["submission"] == mine["links"]["self"]


def test_a_check_asks_the_same_few_queries_whatever_waits(client, by_alice, cpu, django_assert_max_num_queries):
    for _ in range(2):
        Worker.objects.all().delete()
        WorkerFactory.create_batch(5, hardware=cpu, diagnosis=DEVICES)
        RunFactory.create_batch(5, submission__hardware=cpu)
        with django_assert_max_num_queries(60):
            answer = client.post(ADDRESS, TEXT, content_type="application/yaml", headers=by_alice)
        assert answer.status_code == 200


MEASURED = (
    "{technique: declared, phase: search, energy_j: 9, evidence: 'https://example.org/api/v1/measurements/%s/'}"
)
UPLOADED = "{technique: pretrained, phase: pretrain, source: upload, sha256: %s}"
AFTER_SEARCH = TEXT.replace("phases:", f"phases:\n  - {MEASURED % ('b' * 64)}").replace("compact", "nas")
FROM_UPLOAD = (
    TEXT.replace("phases:", f"phases:\n  - {UPLOADED % ('a' * 64)}")
    .replace("compact", "transfer")
    .replace("phase: train", "phase: finetune")
)
NOT_MINE = "?version_of=0d1b0c1e-6f6c-4c4f-9a3d-4d8b0a8f0b11"


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        ((AFTER_SEARCH, "", "phases.0.evidence"), ""),
        ((FROM_UPLOAD, "", "phases.0.sha256"), ""),
        ((TEXT, NOT_MINE, "version_of"), ""),
        ((TEXT, "", "submission"), "MAX_SUBMISSIONS_A_DAY"),
        ((TEXT, "", "submission"), "MAX_ACTIVE_RUNS"),
        ((TEXT, "", "seed"), "MAX_SEEDS"),
    ],
)
def test_a_check_refuses_what_submitting_refuses(client, by_alice, settings, sent, limit):
    if limit:
        setattr(settings, limit, 0)
    text, query, field = sent
    address = f"/api/v1/submissions{query}"

    def submit():
        [error] = client.post(address, text, content_type="application/yaml", headers=by_alice).json()["errors"]
        return error

    before, [of_check], after = submit(), check(client, text, by_alice, query, status=400)["errors"], submit()
    assert of_check["field"] == before["field"] == after["field"] == field
    # A minute may end in between: one of them says how long it is until midnight.
    assert of_check["message"] in before["message"] or of_check["message"] in after["message"]


def test_charlie_needs_a_token(client, cpu):
    answer = client.post(ADDRESS, TEXT, content_type="application/yaml")
    assert answer.status_code == 401
