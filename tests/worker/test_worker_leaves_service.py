"""A full disk, a lost meter or a held device fails no run: the worker waits until it is back, and says so."""

import sys
import textwrap
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from leaderboard import queries, services, tasks
from leaderboard.models import Run, Worker
from leaderboard.worker import fitness, follow, service
from leaderboard.worker.heartbeat import Heartbeat
from leaderboard.worker.machine import inspect_machine
from measurement.dataroot import NEEDED_BYTES
from measurement.meters.device_lock import DeviceLock
from tests.factories import WorkerFactory
from tests.pages.reading import text
from tests.records import CPU, make_recipe, make_record
from tests.simulated import driver
from tests.simulated.gpu import Profile, h100
from tests.worker.small_disk import small_disk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> Run:
    hardware = services.register_hardware(CPU, "cpu")
    WorkerFactory(name="worker", hardware=hardware)
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=None)
    return submission.runs.get()


@pytest.fixture
def disk(settings, monkeypatch):
    """A data root on a small disk, and a worker that has just started there."""
    settings.MAX_ATTEMPTS = 1
    monkeypatch.setattr(service, "PAUSE_S", 0.0)
    monkeypatch.setattr(tasks, "service", service.Service())
    with small_disk(48) as folder:
        settings.DATA_ROOT = folder / "data"
        settings.MEDIA_ROOT = folder / "data" / "files"
        yield folder


@pytest.fixture
def child_does(monkeypatch):
    def use(program: str) -> None:
        command = [sys.executable, "-c", textwrap.dedent(program)]
        monkeypatch.setattr("leaderboard.worker.child._measurement_command", lambda *_: command)

    return use


@pytest.fixture
def child_measures(child_does, tmp_path):
    (tmp_path / "ready.json").write_text(make_record(make_recipe()).model_dump_json())

    def use() -> None:
        child_does(f"import shutil; shutil.copy({str(tmp_path / 'ready.json')!r}, 'record.json')")

    return use


@pytest.fixture
def while_waiting(monkeypatch):
    """What happens at each look of a worker that is out of service, in turn."""

    def use(*acts) -> list:
        left = list(acts)
        monkeypatch.setattr(follow.Termination, "wait", lambda *_: left.pop(0)())
        return left

    return use


def verify(run: Run) -> Run:
    tasks.verify(run.pk)
    run.refresh_from_db()
    return run


def doctor() -> str:
    said = StringIO()
    try:
        call_command("doctor", stdout=said)
    except CommandError as error:
        return f"{said.getvalue()}{error}"
    return said.getvalue()


# How a process ends on a full disk: by an error of the system, or, with a file in memory, by a signal.
ENDS = {
    "an error": "pathlib.Path('checkpoint.bin').write_bytes(bytes(2**21))",
    "a signal": """
file = open('checkpoint.bin', 'w+b')
file.truncate(2**21)
mmap.mmap(file.fileno(), 2**21)[:] = bytes(2**21)""",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_disk_that_others_fill(run, disk, child_does, child_measures, while_waiting, client, end):  # noqa: PLR0917
    filler = disk / "of-others"
    fill = f"""
import mmap, pathlib
try:
    with open({str(filler)!r}, 'wb', buffering=0) as file:
        while file.write(bytes(4096)): pass
except OSError: pass"""
    child_does(fill + "\n" + ENDS[end])
    seen = []

    def look():
        worker = Worker.objects.get()
        line = client.get("/api/v1/workers").json()[0]
        assert line["live"]
        assert "No space left on device" in line["out_of_service"] == worker.out_of_service
        assert line["out_of_service_since"] is not None
        page = text(client.get(reverse("queue")))
        assert "out of service since" in page
        assert str(disk) not in page
        assert "No space left on device" in page
        assert "every live worker that can do it is out of service" in queries.waits_for(Run.objects.get())
        assert "worker     worker: out of service: the disk of its work folder" in (said := doctor())
        assert "disk       the disk of its work folder can't take 16 MiB" in said
        assert 'workers_out_of_service{hardware="' in client.get("/metrics").content.decode()
        seen.append(Run.objects.get().state)

    while_waiting(look, look, filler.unlink)
    assert verify(run).state == "queued"
    assert seen == ["queued", "queued"]
    assert (Worker.objects.get().out_of_service, queries.waits_for(run)) == ("", "")

    child_measures()
    assert verify(run).state == "succeeded"
    assert list(run.attempts.values_list("outcome", flat=True)) == ["machine fault", "succeeded"]


def test_a_worker_whose_disk_is_full_claims_nothing(run, disk, child_measures, while_waiting):
    filler = disk / "of-others"
    filler.write_bytes(bytes(40 * 2**20))
    child_measures()
    left = while_waiting(lambda: None, filler.unlink)
    assert verify(run).state == "succeeded"
    assert not left
    assert [attempt.outcome for attempt in run.attempts.all()] == ["succeeded"]


def test_a_run_that_fills_every_disk_ends(run, disk, child_does, while_waiting, settings):
    settings.MAX_MACHINE_FAULTS = 3
    child_does(ENDS["a signal"].replace("2**21", "60 * 2**20").replace("file =", "import mmap; file =", 1))
    while_waiting(*[lambda: None] * 9)
    assert [verify(run).state for _ in range(3)] == ["queued", "queued", "failed"]
    assert "failed after 3 faults of machines" in run.reason
    assert not list((disk / "data" / "work").iterdir())


def test_checkpoints_of_ours_that_keep_a_disk_full_are_removed_in_the_end(
    run, disk, child_does, while_waiting, monkeypatch
):
    child_does("""
        import os
        os.mkdir("checkpoint")
        with open("checkpoint/weights", "wb", buffering=0) as file:
            while file.write(bytes(4096)): pass
    """)

    def much_later():
        monkeypatch.setattr(service, "CHECKPOINTS_KEPT_S", -1.0)

    left = while_waiting(lambda: None, much_later, lambda: None)
    assert verify(run).state == "queued"
    assert not left
    assert not list((disk / "data" / "work").iterdir())


def test_an_idle_worker_says_so_too(run, disk):
    beat = Heartbeat("worker")
    beat()
    assert Worker.objects.get().out_of_service == ""
    (disk / "of-others").write_bytes(bytes(40 * 2**20))
    beat._stored_at = 0.0
    beat()
    assert "No space left" in Worker.objects.get().out_of_service
    (disk / "of-others").unlink()
    beat._stored_at = 0.0
    beat()
    assert (Worker.objects.get().out_of_service, Worker.objects.get().out_of_service_since) == ("", None)


def test_a_meter_that_is_lost_and_comes_back(tmp_path, settings, monkeypatch):
    settings.DATA_ROOT = settings.MEDIA_ROOT = tmp_path / "data"

    def card(**fault) -> None:
        for name, value in driver.environment([h100(Profile.constant(200.0), **fault)], tmp_path).items():
            monkeypatch.setenv(name, value)

    card()
    found = fitness.Fitness()
    found.started_as = inspect_machine("cuda:0")
    assert found.lacks() == ""
    card(lost_at_s=0.0)
    assert "cuda:0" in found.lacks()
    (tmp_path / "nvml-script.txt").write_text("start_s 0.0\n")
    assert "cuda:0" in found.lacks()
    card()
    assert found.lacks() == ""


def test_a_device_that_another_measurement_holds(tmp_path, settings):
    settings.DATA_ROOT = settings.MEDIA_ROOT = tmp_path / "data"
    found = fitness.Fitness()
    found.started_as = inspect_machine("cpu")
    with DeviceLock("cpu", "cpu"):
        assert "in use by another measurement" in found.lacks()
    assert found.lacks() == ""


def test_what_a_run_needs_of_a_disk(tmp_path):
    assert NEEDED_BYTES == 16 * 2**20
    assert fitness.why_not_writable(tmp_path / "new") == ""
    assert not list((tmp_path / "new").iterdir())
    Path(tmp_path / "file").write_text("in the way")
    assert fitness.why_not_writable(tmp_path / "file" / "work")
