"""A child that crashes, runs out of memory, hangs or writes invalid events ends with a plain reason."""

import os
import sys
import textwrap
from dataclasses import replace

import psutil
import pytest

from leaderboard.worker import child as child_module
from leaderboard.worker.child import Child, Limits, scrubbed_environment, supervise
from measurement.tracks.hidden import KEY_VARIABLE
from tests.waiting import HANG_S, wait_until

LIMITS = Limits(time_s=HANG_S, energy_j=1e6, memory_mb=4096, silence_s=HANG_S)


@pytest.fixture
def run_child(tmp_path):
    """Runs a Python program as the child and returns how it ended, with the events that it sent."""

    def run(program: str, limits: Limits = LIMITS, stop_at=lambda event: ""):
        command = [sys.executable, "-c", textwrap.dedent(program)]
        child = Child(tmp_path, mode="full", device="cpu", limits=limits, command=command)
        events = []

        def on_event(event):
            if event is not None:
                events.append(event)
            return stop_at(event)

        return supervise(child, on_event), events, child

    return run


def test_success_hands_on_every_event(run_child):
    ending, events, _ = run_child("""
        print('{"event": "started", "hardware": "CPU", "phases": ["train"]}')
        print('{"event": "phase", "position": 0, "phase": "train"}')
        print('{"event": "finished"}')
    """)
    assert ending.succeeded
    assert [event.event for event in events] == ["started", "phase", "finished"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [(2, "The recipe can't be run"), (3, "Over budget"), (4, "A meter is missing"), (5, "can't be trusted")],
)
def test_an_exit_code_becomes_words(run_child, code, reason):
    ending, _, _ = run_child(f"""
        print('{{"event": "failed", "exit_code": {code}, "field": "phases.0", "message": "too much"}}')
        raise SystemExit({code})
    """)
    assert not ending.succeeded
    assert reason in ending.reason
    assert "phases.0: too much" in ending.reason
    assert (ending.left.fault, ending.left.field) == ("measurement", "phases.0")


def test_a_crash_without_an_event_gives_its_last_words(run_child):
    ending, _, _ = run_child("raise RuntimeError('the optimizer diverged')")
    assert "the optimizer diverged" in ending.reason
    assert ending.left.log.splitlines()[-1] == "RuntimeError: the optimizer diverged"


def test_its_last_lines_name_no_folder_of_the_machine(run_child):
    ending, _, _ = run_child("""
        import sys
        sys.exit("can't read '/home/ada/data/x.bin' (/var/tmp/q/w), see https://arxiv.org/abs/2108.13465, 3/4 of a/b")
    """)
    assert ending.left.log == "can't read '…/x.bin' (…/w), see https://arxiv.org/abs/2108.13465, 3/4 of a/b"


def test_a_segmentation_fault_is_named(run_child):
    ending, _, _ = run_child("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert ("crashed (SIGSEGV)" in ending.reason, ending.left.fault) == (True, "crash")


def test_a_kill_by_the_system_is_blamed_on_memory(run_child):
    ending, _, _ = run_child("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert ("ran out of memory" in ending.reason, ending.left.fault) == (True, "memory")


FINISHED = """
    import os, pathlib, signal, sys, time
    pathlib.Path("record.json").write_text("{}")
    print('{"event": "finished"}', flush=True)
"""


@pytest.mark.parametrize(
    "end",
    [
        f"time.sleep({HANG_S})",
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "raise SystemExit(1)",
        """print('{"event": "failed", "exit_code": 1, "message": "stopped by SIGTERM"}'); raise SystemExit(1)""",
    ],
    ids=["stopped by its worker", "segmentation fault", "exit code", "stopped with its service"],
)
def test_how_a_child_exits_takes_nothing_from_a_finished_measurement(run_child, end):
    heard = []

    def stop_once_it_finished(event):
        if event is not None:
            heard.append(event)
            return ""
        return "Stopping." if heard else ""

    ending, events, _ = run_child(FINISHED + f"    {end}", stop_at=stop_once_it_finished)
    assert events[0].event == "finished"
    assert ending.succeeded, ending.reason


def test_a_child_that_finished_without_a_record_has_failed(run_child):
    program = FINISHED.replace("record.json", "another.json") + "    os.kill(os.getpid(), signal.SIGSEGV)"
    ending, _, _ = run_child(program)
    assert ("crashed (SIGSEGV)" in ending.reason, ending.left.fault) == (True, "crash")


def test_a_record_of_a_child_that_did_not_finish_is_none(run_child):
    ending, _, _ = run_child(FINISHED.replace("finished", "unheard of") + "    raise SystemExit(5)")
    assert not ending.succeeded


def test_memory_over_the_limit_is_stopped(run_child):
    limits = replace(LIMITS, memory_mb=200)
    ending, _, _ = run_child("import time; block = bytearray(400 * 2**20); time.sleep(3600)", limits)
    assert "Out of memory" in ending.reason
    assert "the limit is 200 MiB" in ending.reason


def test_memory_that_processes_share_counts_once(tmp_path, monkeypatch):
    """Five processes hold 150 MiB in common until that has been looked at twice."""
    looks, look = [], child_module._proportional_mb
    monkeypatch.setattr(child_module, "MEMORY_CHECK_S", 0.1)
    monkeypatch.setattr(child_module, "_proportional_mb", lambda pid: looks.append(pid) or look(pid))
    program = """
import os, sys
shared = bytearray(os.urandom(150 * 2**20))
readers = [pid for _ in range(4) if (pid := os.fork()) or sys.stdin.read() or os._exit(0)]
sys.stdin.read()
for pid in readers:
    os.waitpid(pid, 0)
"""
    limits = replace(LIMITS, memory_mb=350)
    child = Child(tmp_path, mode="full", device="cpu", limits=limits, command=[sys.executable, "-c", program])

    def end_it_once_seen(event):
        if len(looks) >= 2:
            child.process.stdin.close()
        return ""

    ending = supervise(child, end_it_once_seen)
    assert ending.succeeded, ending.reason
    assert len(looks) >= 2


def test_a_talkative_child_is_held_to_its_memory_too(run_child):
    limits = replace(LIMITS, memory_mb=200)
    ending, _, _ = run_child(
        """
        import time
        block = bytearray(400 * 2**20)
        while True:
            print('{"event": "progress", "position": 0, "fraction": 0.5}', flush=True)
            time.sleep(0.01)
        """,
        limits,
    )
    assert "Out of memory" in ending.reason


def test_a_silent_child_is_stopped(run_child):
    limits = replace(LIMITS, silence_s=1.0)
    ending, _, _ = run_child("import time; time.sleep(3600)", limits)
    assert "hung: it reported nothing for 1 s" in ending.reason


def test_a_child_that_ignores_its_time_budget_is_stopped(run_child, monkeypatch):
    monkeypatch.setattr("leaderboard.worker.child.GRACE_S", 0.5)
    limits = replace(LIMITS, time_s=1.0)
    ending, _, _ = run_child(
        """
        import time
        while True:
            print('{"event": "progress", "position": 0, "fraction": 0.5}', flush=True)
            time.sleep(0.05)
        """,
        limits,
    )
    assert "Over budget: still running after 1 s" in ending.reason


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_stopping_takes_the_grandchildren_along(run_child):
    ending, events, child = run_child(
        """
        import subprocess, sys, time
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        print('{"event": "progress", "position": 0, "fraction": 0, "detail": "%d"}' % other.pid, flush=True)
        time.sleep(3600)
        """,
        stop_at=lambda event: "Cancelled." if event is not None else "",
    )
    assert ending.reason == "Cancelled."
    grandchild = int(events[0].detail)
    wait_until(lambda: is_gone(grandchild), "the grandchild to be gone")
    assert child.process.poll() is not None


def test_a_grandchild_left_behind_by_a_success_is_ended(run_child):
    ending, events, _ = run_child("""
        import subprocess, sys
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print('{"event": "progress", "position": 0, "fraction": 0, "detail": "%d"}' % other.pid, flush=True)
    """)
    assert ending.succeeded
    wait_until(lambda: is_gone(int(events[0].detail)), "the grandchild to be gone")


def test_nonsense_on_standard_output_is_not_an_event(run_child):
    ending, events, _ = run_child("print('hello'); print('{\"event\": \"unheard of\"}'); raise SystemExit(1)")
    assert events == []
    assert "unheard of" in ending.reason


def test_an_error_in_the_watch_leaves_no_child(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(3600)"]
    child = Child(tmp_path, mode="full", device="cpu", limits=LIMITS, command=command)

    def broken(event):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        supervise(child, broken)
    assert child.process.poll() is not None


def test_a_child_gets_a_key_of_the_hidden_splits_that_follows_from_the_site_s_secret(tmp_path, monkeypatch, settings):
    settings.SECRET_KEY = "a secret"
    key = scrubbed_environment(tmp_path)[KEY_VARIABLE]
    assert scrubbed_environment(tmp_path)[KEY_VARIABLE] == key
    assert "a secret" not in key
    settings.SECRET_KEY = "another secret"
    assert scrubbed_environment(tmp_path)[KEY_VARIABLE] != key
    monkeypatch.setenv(KEY_VARIABLE, "the operator's own")
    assert scrubbed_environment(tmp_path)[KEY_VARIABLE] == "the operator's own"


def test_a_child_gets_no_secret(tmp_path, monkeypatch):
    for name in ("SECRET_KEY", "DATABASE_URL", "REDIS_URL", "EMAIL_URL", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "a secret")
    monkeypatch.setenv("MEASUREMENT_CPU_TDP_W", "65")
    environment = scrubbed_environment(tmp_path)
    assert "a secret" not in environment.values()
    assert environment["MEASUREMENT_CPU_TDP_W"] == "65"
    assert environment["PATH"] == os.environ["PATH"]
