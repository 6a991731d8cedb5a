"""A worker whose database, disk or device fails for a moment loses no result, and fails no recipe for it."""

import json
import signal
import sys
import textwrap
import time

import pytest
from django.conf import settings as site
from django.db import IntegrityError, InterfaceError, OperationalError, connection
from django.utils import timezone

from leaderboard import services, tasks, watch, workfolders
from leaderboard.models import Attempt, Entry, Hardware, Run
from leaderboard.services import Claim
from leaderboard.supervisor import Child, Limits, supervise
from leaderboard.watch import Termination, Watch
from measurement.events import Finished, PhaseStarted, Progress
from measurement.guard import DeviceLock
from tests.records import CPU, make_recipe, make_record
from tests.waiting import HANG_S

pytestmark = pytest.mark.django_db(transaction=True)
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
    monkeypatch.setattr(tasks, "INSIST_EVERY_S", 0.01)
    monkeypatch.setattr(tasks, "PAUSE_S", 0.01)
    monkeypatch.setattr(tasks, "_fitness", tasks.Fitness())
    return tmp_path


@pytest.fixture
def child_does(data, monkeypatch):
    """Replaces the measurement by a Python program."""

    def use(program: str) -> None:
        command = [sys.executable, "-c", textwrap.dedent(program)]
        monkeypatch.setattr("leaderboard.supervisor._measurement_command", lambda *_: command)

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
    monkeypatch.setattr(tasks, "INSIST_FOR_S", 0.0)
    fails_first(monkeypatch, services, "record", AWAY * 9)
    assert verify(run).state == "running"
    assert (data / "work" / f"run-{run.pk}-1" / "record.json").exists()


def test_folders_of_killed_workers_are_removed_others_at_work_keep_theirs(run, hardware, child_measures, data):
    other, _ = services.submit(make_recipe(seed=1), hardware=hardware, submitter=None)
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
    workfolders.leave(second)
    out = workfolders.make(services.claim(run.pk, "worker"))
    assert (out / "checkpoint" / "journal.json").read_text() == "latest"
    assert [path.name for path in (data / "work").iterdir()] == [out.name]


def test_a_run_that_has_ended_leaves_no_checkpoint(run, data):
    claim = services.claim(run.pk, "worker")
    (workfolders.make(claim) / "checkpoint").mkdir()
    services.fail(claim, "it broke")
    workfolders.leave(claim)
    assert not list((data / "work").iterdir())


def test_a_work_folder_that_can_t_be_made_gives_the_run_back(run, child_measures, data):
    (data / "work").write_text("in the way")
    assert verify(run).state == "queued"
    assert run.attempts.get().outcome == "lost"
    (data / "work").unlink()
    assert verify(run).state == "succeeded"


def test_an_unexpected_error_is_logged_not_published(run, child_measures, monkeypatch):
    def broken(*_):
        raise RuntimeError("connection to 10.0.0.7 failed: password=hunter2")

    monkeypatch.setattr(tasks, "supervise", broken)
    assert verify(run).state == "failed"
    assert run.reason == run.attempts.get().reason == "The worker failed unexpectedly; its log says why."


FAILED = """
    import json
    print(json.dumps({"event": "failed", "exit_code": %d, "field": "device", "message": %r}))
    raise SystemExit(%d)
"""


@pytest.mark.parametrize(
    ("code", "message", "state"),
    [
        (4, "no energy meter for cuda:0", "queued"),
        (5, "cuda:0 is in use by another measurement (pid 7): wait", "queued"),
        (5, "the GPU was throttled", "failed"),
        (1, "torch is not installed; pip install x", "queued"),
        (1, "unexpected OSError at trace.py:7: [Errno 28] No space left on device", "queued"),
        (1, "the loss is not a number", "failed"),
        (2, "phases.0: no such thing", "failed"),
        (3, "more joules than allowed", "failed"),
    ],
)
def test_only_the_machine_s_faults_give_the_run_back(run, child_does, code, message, state):
    child_does(FAILED % (code, message, code))
    verify(run)
    assert run.state == state
    assert message in run.reason
    assert run.attempts.get().outcome == ("lost" if state == "queued" else "failed")


def test_weights_that_are_nowhere_make_no_worker_pause_for_long(run, child_does):
    child_does(FAILED % (2, "this machine lacks weights/00.safetensors; copy the file", 2))
    assert verify(run).state == "queued"
    assert tasks._fitness.pause_s(False) == tasks.PAUSE_S, "a fault was counted before this one"


def test_faults_in_a_row_make_longer_pauses():
    fitness = tasks.Fitness()
    pauses = [fitness.pause_s(fit) for fit in (False, False, False, False, False, True, False)]
    assert pauses == [10.0, 30.0, 90.0, 270.0, 300.0, 0.0, 10.0]


LIMITS = Limits(time_s=HANG_S, energy_j=1e6, memory_mb=4096, silence_s=HANG_S)


def real_child(out, command=None):
    (out / "recipe.json").write_text(json.dumps(make_recipe().document()))
    return supervise(Child(out, mode="full", device="cpu", limits=LIMITS, command=command), lambda _: "")


@pytest.mark.slow
def test_the_measurement_s_own_words_for_a_device_in_use_are_known(tmp_path):
    with DeviceLock("cpu", "cpu"):
        ending = real_child(tmp_path)
    assert "is in use by another measurement" in ending.reason
    assert ending.machine_at_fault


@pytest.mark.slow
def test_the_measurement_s_own_words_for_a_missing_package_are_known(tmp_path):
    program = (
        "import sys; sys.modules['torch'] = None; from measurement.__main__ import main;"
        "sys.exit(main(['run', 'recipe.json', '--out', '.', '--device', 'cpu', '--events']))"
    )
    ending = real_child(tmp_path, [sys.executable, "-c", program])
    assert "torch is not installed" in ending.reason
    assert ending.machine_at_fault


class HandClock:
    """Stands for the module `time` where a test sets the time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> HandClock:
    """The watch's."""
    clock = HandClock()
    monkeypatch.setattr(watch, "time", clock)
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
    monkeypatch.setattr(watch, "RETRY_EVERY_S", 0.0)
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


def test_a_cancel_is_heard_within_a_second_or_so(run, clock):
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
            patch.setattr(watch, "CHECK_EVERY_S", 3600.0 * 24 * 365)
            patch.setattr(services, "report_progress", progress)
            assert verify(run).state == "cancelled"
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture
def when_finished(monkeypatch):
    """Does something as soon as the child has told that it finished."""
    before = signal.signal(signal.SIGTERM, lambda *_: None)

    def use(act):
        take = watch.ProgressView.take

        def seen(view, event):
            if isinstance(event, Finished):
                act()
            return take(view, event)

        monkeypatch.setattr(watch.ProgressView, "take", seen)

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
