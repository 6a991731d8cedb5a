"""A worker whose database, disk or device fails for a moment loses no result, and fails no recipe for it."""

import json
import signal
import sys
import textwrap
import time
from types import SimpleNamespace

import pytest
from django.conf import settings as site
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from leaderboard import services, tasks
from leaderboard.models import Attempt, Entry, Hardware, Run
from leaderboard.services import Claim
from leaderboard.worker import folders, follow, service
from leaderboard.worker.child import Child, Limits, supervise
from leaderboard.worker.follow import Termination, Watch
from measurement.errors import Fault
from measurement.events import Finished, PhaseStarted, Progress
from measurement.meters.device_lock import DeviceLock
from measurement.run.command import _fault_behind
from tests.loaded import loaded_python
from tests.records import CPU, make_recipe, make_record
from tests.waiting import HANG_S

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PHASE = PhaseStarted(position=0, phase="train")
AWAY = [OperationalError("the server closed the connection"), InterfaceError("connection already closed")]


@pytest.fixture
def hardware() -> Hardware:
    return services.register_hardware(CPU, "cpu")


@pytest.fixture
def run(hardware) -> Run:
    submission, _ = services.submit(make_recipe(), hardware=hardware, submitter=None)
    return submission.runs.get()


@pytest.fixture
def data(settings, tmp_path, monkeypatch):
    """A data folder of its own, and a worker that doesn't wait long."""
    settings.DATA_ROOT = tmp_path
    settings.MEDIA_ROOT = tmp_path / "files"
    monkeypatch.setattr(tasks, "RETRY_EVERY_S", 0.01)
    monkeypatch.setattr(tasks, "PAUSE_S", 0.01)
    monkeypatch.setattr(service, "PAUSE_S", 0.01)
    monkeypatch.setattr(tasks, "service", service.Service())
    return tmp_path


@pytest.fixture
def child_does(data, monkeypatch):
    """Replaces the measurement by a Python program."""

    def use(program: str) -> None:
        command = [sys.executable, "-c", textwrap.dedent(program)]
        monkeypatch.setattr("leaderboard.worker.child._measurement_command", lambda *_: command)

    return use


@pytest.fixture
def child_measures(child_does, data):
    (data / "ready.json").write_text(make_record(make_recipe()).model_dump_json())
    child_does(f"""
        import pathlib, shutil
        print('{{"event": "phase", "position": 0, "phase": "train"}}', flush=True)
        pathlib.Path("trace.parquet").write_bytes(b"watts")
        shutil.copy({str(data / "ready.json")!r}, "record.json")
    """)


@pytest.fixture
def child_lingers(child_does, data):
    """Measures, says so, and takes its time to exit."""
    (data / "ready.json").write_text(make_record(make_recipe()).model_dump_json())
    child_does(f"""
        import pathlib, shutil, time
        pathlib.Path("trace.parquet").write_bytes(b"watts")
        shutil.copy({str(data / "ready.json")!r}, "record.json")
        print('{{"event": "finished"}}', flush=True)
        time.sleep(3600)
    """)


def fails_first(monkeypatch, module, name, faults):
    """`name` raises each of `faults` once, then does what it does."""
    real, left = getattr(module, name), list(faults)

    def act(*arguments, **named):
        if left:
            raise left.pop(0)
        return real(*arguments, **named)

    monkeypatch.setattr(module, name, act)


def verify(run: Run) -> Run:
    tasks.verify(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.parametrize("verb", ["record", "report_progress", "renew_lease", "cancel_is_requested", "worker_seen"])
def test_a_database_that_is_away_for_a_moment(run, child_measures, data, monkeypatch, verb):
    fails_first(monkeypatch, services, verb, AWAY if verb == "record" else AWAY[:1])
    assert verify(run).state == "succeeded"
    assert Entry.objects.count() == 4
    assert Attempt.objects.get().trace.read() == b"watts"
    assert not list((data / "work").iterdir())


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server that could end a connection")
def test_a_connection_that_the_server_ends_while_the_record_is_stored(run, child_measures, data, monkeypatch):
    real, ended = services.results.publish, []

    def publish(*arguments):
        if not ended:
            ended.append(True)
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return real(*arguments)

    monkeypatch.setattr(services.results, "publish", publish)
    assert verify(run).state == "succeeded"
    assert ended
    assert Entry.objects.count() == 4
    assert len([path for path in (data / "files").rglob("*") if path.is_file()]) == 1


def test_a_full_disk_that_is_emptied_in_time(run, child_measures, monkeypatch):
    fails_first(monkeypatch, services, "record", [OSError(28, "No space left on device")])
    assert verify(run).state == "succeeded"


def test_a_database_that_stays_away_leaves_the_measurement_behind(run, child_measures, data, monkeypatch):
    monkeypatch.setattr(tasks, "RETRY_FOR_S", 0.0)
    fails_first(monkeypatch, services, "record", AWAY * 9)
    assert verify(run).state == "running"
    assert (data / "work" / f"run-{run.pk}-1" / "record.json").exists()


def test_folders_of_killed_workers_are_removed_others_at_work_keep_theirs(run, hardware, child_measures, data):
    other, _ = services.submit(make_recipe(epochs=2), hardware=hardware, submitter=None)
    at_work = services.claim(other.runs.get().pk, "beside")
    for name in (f"run-{at_work.run_id}-{at_work.token}", "run-999-1", f"run-{run.pk}-0"):
        (data / "work" / name).mkdir(parents=True)
    assert verify(run).state == "succeeded"
    assert [path.name for path in (data / "work").iterdir()] == [f"run-{at_work.run_id}-{at_work.token}"]


def test_the_next_attempt_takes_over_the_checkpoint_of_the_latest_before_it(run, data):
    first = services.claim(run.pk, "worker")
    for token, text in ((first.token, "older"), (first.token + 1, "latest")):
        checkpoint = data / "work" / f"run-{run.pk}-{token}" / "checkpoint"
        checkpoint.mkdir(parents=True)
        (checkpoint / "journal.json").write_text(text)
    services.lose(first, "gone")
    second = services.claim(run.pk, "worker")
    services.lose(second, "gone too")
    folders.leave(second)
    out = folders.make(services.claim(run.pk, "worker"))
    assert (out / "checkpoint" / "journal.json").read_text() == "latest"
    assert [path.name for path in (data / "work").iterdir()] == [out.name]


def test_a_run_that_has_ended_leaves_no_checkpoint(run, data):
    claim = services.claim(run.pk, "worker")
    (folders.make(claim) / "checkpoint").mkdir()
    services.fail(claim, "it broke")
    folders.leave(claim)
    assert not list((data / "work").iterdir())


def test_a_work_folder_that_can_t_be_made_gives_the_run_back(run, child_measures, data):
    run_folder = data / "work" / f"run-{run.pk}-1"
    run_folder.parent.mkdir()
    run_folder.write_text("in the way")
    assert verify(run).state == "queued"
    assert run.attempts.get().outcome == "machine fault"
    assert verify(run).state == "succeeded"


def test_an_unexpected_error_is_logged_not_published(run, child_measures, monkeypatch):
    def broken(*_):
        raise RuntimeError("connection to 10.0.0.7 failed: password=hunter2")

    monkeypatch.setattr(tasks, "supervise", broken)
    assert verify(run).state == "failed"
    assert run.reason == run.attempts.get().reason == "The worker failed. Its log has the reason."


FAILED = """
    import json
    print(json.dumps({"event": "failed", "exit_code": %d, "fault": %r, "field": "device", "message": %r}))
    raise SystemExit(%d)
"""


@pytest.mark.parametrize(
    ("code", "fault", "message", "state"),
    [
        (4, "machine", "k7#q", "queued"),
        (5, "machine", "", "queued"),
        (5, "measurement", "cuda:0 is in use by another measurement (pid 7): wait", "failed"),
        (1, "machine", "the loss is not a number", "queued"),
        (1, "measurement", "[Errno 28] No space left on device", "failed"),
        (2, "recipe", "not found on this machine: torch is not installed;", "failed"),
        (2, "data", "phases.0: no such thing", "queued"),
        (3, "budget", "k7#q", "failed"),
    ],
)
def test_the_fault_alone_decides_who_tries_again(run, child_does, code, fault, message, state):  # noqa: PLR0917
    child_does(FAILED % (code, fault, message, code))
    verify(run)
    assert run.state == state
    assert message in run.reason
    outcome = {"machine": "machine fault", "data": "lost"}.get(fault, "failed")
    assert run.attempts.get().outcome == outcome


def test_weights_that_no_worker_has_cause_no_long_pause(run, child_does):
    child_does(FAILED % (2, "data", "not found on this machine: weights/00.safetensors; copy the file", 2))
    assert verify(run).state == "queued"
    assert tasks.service.backoff.pause_s(False) == service.PAUSE_S, "a fault was counted before this one"


def test_faults_in_a_row_make_longer_pauses():
    backoff = service.MachineBackoff()
    pauses = [backoff.pause_s(machine_ok) for machine_ok in (False, False, False, False, False, True, False)]
    assert pauses == [10.0, 30.0, 90.0, 270.0, 300.0, 0.0, 10.0]


LIMITS = Limits(time_s=HANG_S, energy_j=1e6, memory_mb=4096, silence_s=HANG_S)


def real_child(out, command=None, **fields):
    (out / "recipe.json").write_text(json.dumps(make_recipe(**fields).document()))
    return supervise(Child(out, mode="full", device="cpu", limits=LIMITS, command=command), lambda _: "")


MAIN = (
    "from measurement.__main__ import main; import sys;"
    "sys.exit(main(['run', 'recipe.json', '--out', '.', '--device', %r, '--events']))"
)
# Every message of the measurement's own errors becomes noise.
NOISE = "from measurement import errors; errors.MeasurementError.__str__ = lambda error: 'zq 17 #';"


@pytest.mark.slow
def test_a_device_in_use_is_the_machine_s_fault_however_worded(tmp_path):
    with DeviceLock("cpu", "cpu"):
        ending = real_child(tmp_path, [*loaded_python(), "-c", NOISE + MAIN % "cpu"])
    assert "zq 17 #" in ending.reason
    assert ending.fault == Fault.MACHINE


@pytest.mark.slow
def test_data_that_are_not_here_are_no_fault_of_the_recipe_however_worded(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_DATA_ROOT", str(tmp_path / "empty"))
    ending = real_child(tmp_path, [*loaded_python(), "-c", NOISE + MAIN % "cpu"], track="cifar10")
    assert "zq 17 #" in ending.reason
    assert ending.fault == Fault.DATA


@pytest.mark.slow
def test_a_device_that_the_machine_has_not_is_its_own_fault(tmp_path):
    ending = real_child(tmp_path, [*loaded_python(), "-c", MAIN % "cuda:99"])
    assert ending.fault == Fault.MACHINE


def test_a_missing_package_is_the_machine_s_fault(tmp_path):
    ending = real_child(tmp_path, [sys.executable, "-c", "import sys; sys.modules['torch'] = None;" + MAIN % "cpu"])
    assert "torch is not installed" in ending.reason
    assert ending.fault == Fault.MACHINE


@pytest.mark.slow
def test_an_unforeseen_error_is_told_with_its_fault(tmp_path):
    fails = "lambda *_, **__: (_ for _ in ()).throw(OSError(28, 'x'))"
    broken = f"from measurement.run import runner; runner.run_recipe = {fails};"
    assert real_child(tmp_path, [*loaded_python(), "-c", broken + MAIN % "cpu"]).fault == Fault.MACHINE


@pytest.mark.parametrize(
    ("raised", "fault"),
    [
        (OSError(28, "x"), Fault.MACHINE),
        (OSError(5, "x"), Fault.MACHINE),
        (PermissionError(13, "x"), Fault.MACHINE),
        (KeyError("no space left on device"), Fault.MEASUREMENT),
        (ValueError("is in use by another measurement"), Fault.MEASUREMENT),
    ],
)
def test_an_unforeseen_error_is_judged_by_its_type(tmp_path, raised, fault):
    assert _fault_behind(raised, tmp_path) == fault


def test_a_full_disk_is_the_machine_s_fault_whatever_a_library_makes_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    assert _fault_behind(RuntimeError("unexpected pos 64 vs 0"), tmp_path) == Fault.MACHINE
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**30))
    assert _fault_behind(RuntimeError("unexpected pos 64 vs 0"), tmp_path) == Fault.MEASUREMENT


class HandClock:
    """Stands for the module `time` where a test sets the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> HandClock:
    """Of the module that follows the child."""
    clock = HandClock()
    monkeypatch.setattr(follow, "time", clock)
    return clock


def watching(run: Run) -> tuple[Watch, Claim]:
    claim = services.claim(run.pk, "worker")
    return Watch(claim, "worker", Termination()), claim


def test_a_watch_goes_on_while_all_is_well(run):
    seen, _ = watching(run)
    assert seen(PHASE) == ""
    run.refresh_from_db()
    assert run.progress["phase"] == "train"


def test_a_watch_that_lost_its_run_says_so_at_the_next_renewal(run):
    seen, claim = watching(run)
    Run.objects.filter(pk=run.pk).update(attempt=claim.token + 1)
    assert seen(None) == "lost"


def test_a_watch_that_lost_its_run_says_so_at_the_next_progress(run):
    seen, claim = watching(run)
    assert seen(None) == ""
    Run.objects.filter(pk=run.pk).update(attempt=claim.token + 1)
    assert seen(PHASE) == "lost"


def test_progress_that_could_not_be_stored_is_stored_with_a_later_tick(run, monkeypatch):
    monkeypatch.setattr(follow, "RETRY_EVERY_S", 0.0)
    seen, _ = watching(run)
    fails_first(monkeypatch, services, "report_progress", AWAY)
    assert [seen(PHASE), seen(None), seen(None)] == ["", "", ""]
    run.refresh_from_db()
    assert run.progress["phase"] == "train"


def test_a_run_is_lost_only_when_the_lease_has_run_out_meanwhile(run, settings, monkeypatch, clock):
    settings.LEASE_SECONDS = 30
    seen, _ = watching(run)
    assert seen(None) == ""
    fails_first(monkeypatch, services, "renew_lease", AWAY * 1000)
    for _ in range(30):
        clock.now += 1
        assert seen(Progress(position=0, fraction=0.5)) == ""
    clock.now += 1
    assert seen(None) == seen.stopped_because == "lost"


def test_an_error_that_no_later_tick_mends_is_raised(run, monkeypatch):
    seen, _ = watching(run)
    fails_first(monkeypatch, services, "report_progress", [IntegrityError("no such run")])
    with pytest.raises(IntegrityError):
        seen(PHASE)


def test_a_cancel_is_noticed_within_a_second_or_so(run, clock):
    seen, _ = watching(run)
    assert seen(None) == ""
    services.request_cancel(run, by=None)
    clock.now += 1.1
    assert seen(None) == seen.stopped_because == "cancelled"


def test_a_shutdown_while_a_cancel_is_asked_for_cancels(run, child_does):
    child_does("""
        import os, signal, time
        print('{"event": "phase", "position": 0, "phase": "train"}', flush=True)
        time.sleep(3600)
    """)
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    real = services.report_progress

    def progress(claim, what):
        done = real(claim, what)
        services.request_cancel(run, by=None)
        signal.raise_signal(signal.SIGTERM)
        return done

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(follow, "CHECK_EVERY_S", 3600.0 * 24 * 365)
            patch.setattr(services, "report_progress", progress)
            assert verify(run).state == "cancelled"
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def when_finished(monkeypatch):
    """Does something as soon as the child has reported that it finished."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)

    def use(act):
        take = follow.ProgressView.take

        def seen(view, event):
            if isinstance(event, Finished):
                act()
            return take(view, event)

        monkeypatch.setattr(follow.ProgressView, "take", seen)

    yield use
    signal.signal(signal.SIGTERM, before)


def test_a_shutdown_while_a_finished_measurement_exits_stores_it(run, child_lingers, when_finished, data):
    when_finished(lambda: signal.raise_signal(signal.SIGTERM))
    assert verify(run).state == "succeeded"
    assert Entry.objects.count() == 4
    assert Attempt.objects.get().trace.read() == b"watts"
    assert not list((data / "work").iterdir())


def test_a_cancel_while_a_finished_measurement_exits_cancels(run, child_lingers, when_finished):
    when_finished(lambda: services.request_cancel(run, by=None))
    assert verify(run).state == "cancelled"
    assert not Entry.objects.exists()


def test_a_lease_ends_by_the_database_s_clock(run, monkeypatch):
    monkeypatch.setattr(
        timezone, "now", lambda: timezone.datetime(2001, 1, 1, tzinfo=timezone.get_default_timezone())
    )
    earliest = time.time() - 1  # SQLite's clock gives milliseconds, PostgreSQL's stands while a transaction is open
    services.claim(run.pk, "its clock is years behind")
    latest = time.time() + 1
    assert services.reap() == []
    run.refresh_from_db()
    assert earliest <= run.lease_expires_at.timestamp() - site.LEASE_SECONDS <= latest
