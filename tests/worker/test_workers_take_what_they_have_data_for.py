"""A worker takes no run whose data it lacks, and is not notified of it; the page says what the run waits for."""

from __future__ import annotations

import pytest
from django.utils import timezone

from leaderboard import queries, services, tasks
from leaderboard.models import Run
from leaderboard.routing import queue_of, queues_of, tracks_in
from leaderboard.worker.child import scrubbed_environment
from leaderboard.worker.machine import inspect_machine
from tests.factories import HardwareFactory, RunFactory, WorkerFactory
from tests.measurement.tiny import tiny_document

pytestmark = pytest.mark.django_db

CIFAR = "cifar10"
BIRDS = "imagefolder-0123456789ab"


def diagnosis_of(**lacks: str) -> dict:
    """A doctor's answer; tracks that are not named are there."""
    return {
        "tracks": [
            {"slug": slug, "title": slug, "missing_packages": [], "lacks": lacks.get(slug, "")}
            for slug in ("digits", CIFAR, BIRDS)
        ]
    }


LACKING = diagnosis_of(**{CIFAR: "not found on this machine: cifar10", BIRDS: "this machine lacks birds"})


@pytest.fixture
def cpu():
    return HardwareFactory()


def run_of(track: str, **fields) -> Run:
    return RunFactory(submission__recipe__track=track, queued_at=timezone.now(), **fields)


@pytest.mark.parametrize(
    ("diagnosis", "track", "mode", "takes"),
    [
        (diagnosis_of(), CIFAR, "full", True),
        (diagnosis_of(), BIRDS, "full", True),
        (LACKING, "digits", "full", True),
        (LACKING, CIFAR, "full", False),
        (LACKING, BIRDS, "full", False),
        # A sample works on noise in the track's shape, where that is known without the data.
        (LACKING, CIFAR, "sampled", True),
        (LACKING, BIRDS, "sampled", False),
        # A worker of before, which tells nothing of its data, is left to try.
        ({}, CIFAR, "full", True),
        ({"tracks": [{"slug": "digits", "title": "", "missing_packages": []}]}, CIFAR, "full", True),
        (
            {"tracks": [{"slug": "digits", "title": "", "missing_packages": ["torch"], "lacks": ""}]},
            CIFAR,
            "full",
            False,
        ),
    ],
)
def test_a_worker_takes_only_what_it_can_do(cpu, diagnosis, track, mode, takes):
    WorkerFactory(name="here", hardware=cpu, diagnosis=diagnosis)
    run = run_of(track, mode=mode)
    assert (services.claim(run.pk, "here") is not None) == takes
    run.refresh_from_db()
    assert (run.state, run.attempt) == (("running", 1) if takes else ("queued", 0))
    if tracks_in(diagnosis) is not None:
        assert (queue_of(run) in queues_of(cpu, tracks_in(diagnosis))) == takes


def test_workers_that_can_do_a_run_are_notified_of_it(cpu, monkeypatch):
    notified: list[tuple[str, int]] = []
    monkeypatch.setattr(
        "leaderboard.services.runs.notify", lambda run: notified.append((queue_of(run), run.pk)) or True
    )
    blocked = [run_of(CIFAR).pk for _ in range(12)]
    digits = run_of("digits").pk
    tasks.sweep_queued()
    assert [pk for queue, pk in notified if queue == f"hardware-{cpu.slug}.{CIFAR}"] == blocked[:10]
    assert [pk for queue, pk in notified if queue == f"hardware-{cpu.slug}"] == [digits]


def test_a_worker_that_finishes_notifies_of_the_next_run_it_can_do(cpu, monkeypatch):
    notified: list[int] = []
    monkeypatch.setattr("leaderboard.services.runs.notify", lambda run: notified.append(run.pk) or True)
    WorkerFactory(name="here", hardware=cpu, diagnosis=LACKING)
    done = run_of("digits", state="succeeded")
    run_of(CIFAR)
    following = run_of("digits")
    tasks._notify_next(done.pk, "here")
    assert notified == [following.pk]


def test_the_page_and_the_api_say_what_a_run_waits_for(client, cpu):
    run = run_of(CIFAR)
    page = f"/submissions/{run.submission_id}/"
    address = f"/api/v1/submissions/{run.submission_id}"
    steps = [
        (None, "no worker for this hardware is live"),
        (LACKING, "no live worker of this hardware has the data of track cifar10"),
        (diagnosis_of(), ""),
    ]
    for number, (diagnosis, waits_for) in enumerate(steps):
        if diagnosis is not None:
            WorkerFactory(name=f"worker-{number}", hardware=cpu, diagnosis=diagnosis)
        assert client.get(address).json()["waits_for"] == waits_for
        assert (waits_for or "next in line") in client.get(page).content.decode()
    assert [worker["tracks"] for worker in client.get("/api/v1/workers").json()] == [
        ["digits"],
        sorted(["digits", CIFAR, BIRDS]),
    ]
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    assert client.get(address).json()["waits_for"] == ""
    assert queries.waits_for(None) == ""


def test_a_recipe_of_named_data_is_kept_under_its_board_s_name(cpu):
    from measurement.recipe import parse_recipe

    manifest = "0123456789ab" + "c" * 52
    dataset = {"name": "birds", "manifest_sha256": manifest}
    submission, _ = services.submit(
        parse_recipe(tiny_document(track="imagefolder", dataset=dataset)), hardware=cpu, submitter=None
    )
    assert submission.recipe.track == BIRDS
    assert queue_of(submission.runs.get()) == f"hardware-{cpu.slug}.{BIRDS}"


def test_doctor_and_child_look_below_the_worker_s_data_root(settings, tmp_path, monkeypatch):
    monkeypatch.delenv("MEASUREMENT_DATA_ROOT", raising=False)
    settings.DATA_ROOT = tmp_path / "root"
    folder = settings.DATA_ROOT / "datasets" / "cifar-100-python"
    folder.mkdir(parents=True)
    for name in ("train", "test", "meta"):
        (folder / name).touch()
    tracks = tracks_in(inspect_machine("cpu").diagnosis)
    assert {"digits", "cifar100"} <= tracks
    assert not {CIFAR, "imagenet-1k", "imagefolder"} & tracks
    assert scrubbed_environment(tmp_path)["MEASUREMENT_DATA_ROOT"] == str(settings.DATA_ROOT)
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", "/data")
    assert scrubbed_environment(tmp_path)["MEASUREMENT_DATA_ROOT"] == "/data"
