"""Two measurements on one device would count each other's joules: the second is refused, naming the first's pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from measurement.errors import MeterFailure, NotTrustworthy
from measurement.meters import EnergyMeter
from measurement.meters.device_lock import DeviceLock, lock_folder
from tests.measurement.running import ROOT, measurement, tiny_document
from tests.simulated.child import run
from tests.simulated.gpu import h100
from tests.simulated.profiles import Profile

HOLD = """
import sys
from measurement.meters.device_lock import DeviceLock
with DeviceLock(sys.argv[1], "cpu"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def locks(tmp_path, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_LOCK_FOLDER", str(tmp_path))
    return tmp_path


@pytest.fixture
def held(locks):
    """A process that holds the CPU."""
    command = [sys.executable, "-c", HOLD, "cpu"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.stdin.close()


def test_a_second_process_learns_which_one_measures(held):
    with pytest.raises(NotTrustworthy, match=f"in use by another measurement .pid {held.pid}.") as refused:
        EnergyMeter.for_device("cpu").__enter__()
    assert refused.value.exit_code == 5
    with DeviceLock("GPU-1", "cuda:0"):
        pass


def test_the_command_line_ends_with_code_5_and_one_line(held, tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(tiny_document()))
    ended = measurement("run", recipe, "--out", tmp_path / "out", "--device", "cpu")
    assert ended.returncode == 5
    (line,) = ended.stderr.splitlines()
    assert f"pid {held.pid}" in line
    assert line.startswith("--device: ")
    assert not (tmp_path / "out" / "record.json").exists()


def test_a_killed_measurement_leaves_no_lock(held):
    held.send_signal(signal.SIGKILL)
    held.wait()
    with DeviceLock("cpu", "cpu"):
        pass


def test_who_holds_a_lock_may_enter_again_and_gives_it_back_once(locks):
    lock = DeviceLock("cpu", "cpu")
    with lock:
        with lock:
            pass
        with pytest.raises(NotTrustworthy), DeviceLock("cpu", "cpu"):
            pass
    with DeviceLock("cpu", "cpu"):
        pass


def test_another_users_file_that_is_only_readable_still_locks(locks):
    path = DeviceLock("cpu", "cpu").path
    path.write_text("1\n")
    path.chmod(0o444)
    with DeviceLock("cpu", "cpu"), pytest.raises(NotTrustworthy), DeviceLock("cpu", "cpu"):
        pass


def test_a_folder_that_is_not_there_is_said_with_its_remedy(locks, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_LOCK_FOLDER", str(locks / "absent"))
    with pytest.raises(MeterFailure, match="MEASUREMENT_LOCK_FOLDER"), DeviceLock("cpu", "cpu"):
        pass


def test_without_the_variable_all_users_share_one_folder(monkeypatch):
    monkeypatch.delenv("MEASUREMENT_LOCK_FOLDER", raising=False)
    assert lock_folder().stat().st_mode & 0o002


def lock_of_gpu():
    meter = EnergyMeter.for_device("cuda:0")
    with meter.exclusive():
        return [path.name for path in lock_folder().iterdir()]


def test_a_gpu_is_known_by_its_uuid(locks, tmp_path):
    gpu = h100(Profile.constant(100.0), uuid="GPU-aaaa-1")
    variables = {"MEASUREMENT_LOCK_FOLDER": str(locks / "gpus")}
    (locks / "gpus").mkdir()
    assert run(lock_of_gpu, [gpu], tmp_path, variables=variables) == ["energy-measurement-GPU-aaaa-1.lock"]


def test_the_lock_names_its_process(locks):
    with DeviceLock("cpu", "cpu") as lock:
        assert lock.path.read_text().strip() == str(os.getpid())
