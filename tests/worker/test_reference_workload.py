"""The reference workload: measured by the real child while a worker is idle; a worker that drifts leaves service."""

import json
import subprocess
import sys
import threading

import pytest
from django.db import connection
from django.urls import reverse

from leaderboard import queries, services
from leaderboard.domain.reference import FEWEST_PAST, IN_A_ROW
from leaderboard.models import Delivery, LogLine, Reference, Run, Worker
from leaderboard.worker import reference
from leaderboard.worker.follow import Termination
from leaderboard.worker.heartbeat import Heartbeat
from measurement.meters.device_lock import DeviceLock
from tests.factories import HardwareFactory, ReferenceFactory, WorkerFactory
from tests.loaded import executable_in, loaded_python
from tests.pages.reading import text
from tests.records import CPU, make_recipe
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FIGURES = {
    "workload": 1,
    "torch": "2.0",
    "device": "cpu",
    "uuid": None,
    "images_per_s": 800.0,
    "energy_per_image_j": 0.0012,
    "provenance": "estimated",
    "duration_s": 5.0,
    "flags": [],
}


@pytest.fixture
def worker():
    return WorkerFactory(name="worker", hardware=services.register_hardware(CPU, "cpu"))


@pytest.fixture
def check(settings, tmp_path, monkeypatch):
    """That of a worker that has just started, which measures for a moment."""
    settings.DATA_ROOT = tmp_path
    settings.WORKER_DEVICE = "cpu"
    settings.REFERENCE_S = 0.5
    monkeypatch.setattr(sys, "executable", executable_in(tmp_path))
    made = reference.ReferenceCheck()
    monkeypatch.setattr("leaderboard.worker.heartbeat.reference", made)
    return made


def took(name="worker", **figures):
    return services.record_reference(name, FIGURES | figures)


def measured_before(worker, number=FEWEST_PAST, **figures):
    for _ in range(number):
        took(worker.name, **figures)


def test_an_idle_worker_measures_once_and_says_so(worker, check, client):
    check.start()
    Heartbeat("worker")()
    Heartbeat("worker")()
    found = Reference.objects.get()
    assert found.images_per_s > 0
    assert (found.provenance in ("estimated", "metered"), found.drift, found.past) == (True, None, 0)
    line = client.get("/api/v1/workers").json()[0]
    assert line["reference"]["images_per_s"] == found.images_per_s
    page = text(client.get(reverse("queue")))
    assert "images/s" in page
    assert "an image, estimated" in page or "an image, metered" in page


def test_it_is_off_and_of_no_other_process(worker, check, settings):
    assert not check.when_idle("worker"), "this process has started no worker"
    check.start()
    settings.REFERENCE_S = 0.0
    assert not check.when_idle("worker")
    assert not Reference.objects.exists()


def test_a_run_that_comes_ends_it(worker, check, settings, alice):
    settings.REFERENCE_S = 300.0
    check.start()
    folder = settings.DATA_ROOT / "work" / "reference-cpu"

    def ask():
        wait_until((folder / "figures.json").exists, "the workload to begin")
        services.submit(make_recipe(), hardware=worker.hardware, submitter=alice)
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    assert check.when_idle("worker")
    asking.join()
    assert not Reference.objects.exists()
    Run.objects.all().update(state="cancelled")
    settings.REFERENCE_S = 0.2
    assert check.when_idle("worker"), "it is still due"
    assert Reference.objects.count() == 1


def test_nothing_is_begun_while_a_run_waits(worker, check, alice, settings):
    services.submit(make_recipe(), hardware=worker.hardware, submitter=alice)
    check.start()
    assert check.when_idle("worker")
    assert not (settings.DATA_ROOT / "work" / "reference-cpu").exists()


def test_a_worker_that_is_never_idle_makes_room_after_a_while(worker, check, alice, monkeypatch):
    services.submit(make_recipe(), hardware=worker.hardware, submitter=alice)
    check.start()
    with Termination() as termination:
        check.between_runs("worker", termination)
        assert not Reference.objects.exists()
        monkeypatch.setattr(reference, "AT_ONCE_AFTER_S", 0.0)
        check.between_runs("worker", termination)
    assert Reference.objects.count() == 1


def test_a_device_that_is_in_use_is_left_alone(worker, check):
    check.start()
    with DeviceLock("cpu", "cpu"):
        assert check.when_idle("worker")
    assert not Reference.objects.exists()
    assert not check.when_idle("worker"), "it looks again in an hour"


def test_its_figures_as_the_command_says_them():
    command = [*loaded_python(), "-m", "measurement", "reference", "--device", "cpu", "--seconds", "0.2"]
    said = json.loads(subprocess.run([*command, "--json"], check=True, capture_output=True).stdout)
    assert set(FIGURES) <= set(said)
    assert said["images"] / said["duration_s"] == pytest.approx(said["images_per_s"], rel=1.0)
    wrong = subprocess.run([*command[:-4], "--device", "cuda:77"], check=False, capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr.splitlines()) == (
        2,
        ["--device: 'cuda:77' is not a device of this machine; choose from: cpu"],
    )


def test_a_drift_takes_the_worker_out_until_it_is_put_back(worker, client, administrator, alice):
    measured_before(worker)
    run = services.submit(make_recipe(), hardware=worker.hardware, submitter=alice)[0].runs.get()
    for left in range(IN_A_ROW - 1, 0, -1):
        assert took(images_per_s=560.0), f"measured {left} times more"
        assert services.why_paused("worker") == ""
    assert not took(images_per_s=560.0)
    reason = services.why_paused("worker")
    assert "drifted, -30.0 % images per second against the median of its past, 3 times in a row" in reason
    assert services.claim(run.pk, "worker") is None
    line = LogLine.objects.get(action="drift")
    assert (line.actor, line.object_name, line.reason) == ("system", "worker", reason)
    assert reason in Delivery.objects.get(user=administrator).data["text"]
    Heartbeat("worker")()
    assert reason in queries.waits_for(run)
    assert "−30.0 %" in text(client.get(reverse("queue")))

    client.force_login(administrator)
    data = {"action": "put_back", "_selected_action": [worker.pk], "reason": "its fan was cleaned"}
    client.post(reverse("admin:leaderboard_worker_changelist"), data)
    assert services.why_paused("worker") == ""
    line = LogLine.objects.get(action="put_back")
    assert (line.actor, line.reason) == ("admin", "its fan was cleaned")
    assert not took(images_per_s=560.0), "there is no past to drift from"
    assert Reference.objects.latest("pk").past == 0
    assert services.claim(run.pk, "worker") is not None
    worker.refresh_from_db()
    with pytest.raises(services.Refused, match="has not drifted"):
        services.put_back(worker, by=administrator)


def test_one_within_the_bound_ends_the_row(worker):
    measured_before(worker)
    assert [took(images_per_s=rate) for rate in (560.0, 560.0, 790.0, 560.0, 560.0)] == [
        True,
        True,
        False,
        True,
        True,
    ]
    assert services.why_paused("worker") == ""
    assert Reference.objects.latest("pk").past == FEWEST_PAST + 1, "what drifted is no part of the past"


def test_what_other_work_disturbed_says_nothing(worker):
    measured_before(worker)
    for _ in range(2 * IN_A_ROW):
        assert not took(images_per_s=200.0, flags=["overloaded_machine"])
    assert services.why_paused("worker") == ""
    took()
    assert Reference.objects.latest("pk").past == FEWEST_PAST


def test_estimated_joules_are_not_compared_and_metered_are(worker):
    measured_before(worker)
    took(energy_per_image_j=0.01)
    assert Reference.objects.latest("pk").energy_drift is None
    gpu = WorkerFactory(name="gpu", hardware=HardwareFactory(slug="card", kind="cuda"))
    metered = {"provenance": "metered", "uuid": "GPU-1"}
    measured_before(gpu, **metered)
    assert took("gpu", energy_per_image_j=0.00135, **metered)
    assert Reference.objects.latest("pk").energy_drift == pytest.approx(0.125)


def test_another_torch_or_device_begins_another_past(worker):
    measured_before(worker)
    for other in ({"torch": "3.0"}, {"workload": 2}, {"uuid": "GPU-2"}):
        assert not took(images_per_s=100.0, **other)
        assert Reference.objects.latest("pk").past == 0


def test_the_hardware_s_other_workers_are_shown(worker, client):
    for number, rate in enumerate((1000.0, 900.0, 1100.0)):
        other = WorkerFactory(name=f"other-{number}", hardware=worker.hardware)
        took(other.name, images_per_s=5.0)
        took(other.name, images_per_s=rate)
    measured_before(worker, FEWEST_PAST + 1)
    assert Reference.objects.latest("pk").of_hardware == pytest.approx(-0.2)
    assert "−20.0 % against this hardware's other workers" in text(client.get(reverse("queue")))


def test_an_unknown_worker_stores_nothing():
    assert not took("nobody")
    assert not Reference.objects.exists()


def test_its_list_is_in_words(client, administrator, worker):
    ReferenceFactory(worker=worker, past=12, drift=0.004)
    client.force_login(administrator)
    said = text(client.get(reverse("admin:leaderboard_reference_changelist")))
    assert "800 images/s, 1.20 mJ an image, estimated" in said
    assert "throughput +0.4 % against the median of 12 of its own" in said
    assert Worker.objects.get().reference is None
