"""The estimate counts the CPU time of the whole process tree, and can't pass for a metered figure."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import psutil
import pytest

from measurement.errors import BadInput
from measurement.meters import EnergyMeter
from measurement.meters.discovery import describe_hardware
from measurement.meters.estimate import CpuPowerModel, CpuTimeCounter, MemoryCounter, ProcessTree, cpu_model
from measurement.meters.options import MeterOptions
from measurement.meters.replay import ManualClock
from measurement.vocabulary import Provenance, Scope, Source
from tests.waiting import wait_until

BURN = "import time\nwhile time.process_time() < {seconds}: pass\n"
STAY = "import sys\nsys.stdin.read()\n"


def burn(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def child(code, **options):
    return subprocess.Popen([sys.executable, "-c", code], **options)


class Spent:
    """CPU seconds since it was made, by the system's own count: this process's and those of its ended children."""

    def __init__(self) -> None:
        self._before = self._all_s()

    def _all_s(self) -> float:
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + ended.ru_utime + ended.ru_stime

    def seconds(self) -> float:
        return self._all_s() - self._before


def alone(function):
    """The result of a function of this module in a process of its own.

    What other tests have started, such as a database, are children of this process, and work when they like.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
        return pool.submit(function).result()


def burning_and_sleeping():
    tree, spent = ProcessTree(), Spent()
    burn(0.2)
    time.sleep(0.3)
    return tree.cpu_time_s(), spent.seconds()


def test_own_cpu_time_is_counted_and_sleep_is_not():
    counted_s, spent_s = alone(burning_and_sleeping)
    assert counted_s == pytest.approx(spent_s, abs=0.02)
    assert counted_s < 0.4


def with_a_child_that_burns():
    tree, spent = ProcessTree(), Spent()
    process = child(BURN.format(seconds=0.6) + STAY, stdin=subprocess.PIPE)
    wait_until(lambda: tree.cpu_time_s() > 0.6, "the child to burn")
    lives = process.poll() is None
    process.communicate()
    return lives, tree.cpu_time_s(), spent.seconds(), tree.cpu_time_s()


def test_a_child_counts_while_it_runs_and_after_it_ended():
    lived, ended_s, spent_s, later_s = alone(with_a_child_that_burns)
    assert lived
    assert ended_s == pytest.approx(spent_s, abs=0.05)
    assert spent_s > 0.6
    assert later_s == pytest.approx(ended_s, abs=0.05)


def with_a_child_that_is_never_seen():
    tree, spent = ProcessTree(), Spent()
    subprocess.run([sys.executable, "-c", BURN.format(seconds=0.3)], check=True)
    return tree.cpu_time_s(), spent.seconds()


def test_a_child_that_was_never_seen_alive_counts():
    counted_s, spent_s = alone(with_a_child_that_is_never_seen)
    assert counted_s == pytest.approx(spent_s, abs=0.05)
    assert spent_s > 0.3


def with_a_grandchild():
    tree, spent = ProcessTree(), Spent()
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN.format(seconds=0.4)!r}])"
    process = child(code)
    while process.poll() is None:
        tree.cpu_time_s()
        time.sleep(0.02)
    return tree.cpu_time_s(), spent.seconds()


def test_a_grandchild_counts_through_its_parent():
    counted_s, spent_s = alone(with_a_grandchild)
    assert counted_s == pytest.approx(spent_s, abs=0.1)
    assert spent_s > 0.4


def with_a_child_that_nobody_waits_for():
    tree, spent = ProcessTree(), Spent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    seen = [0.0]

    def is_gone(pid: int) -> bool:
        seen.append(tree.cpu_time_s())
        return not psutil.pid_exists(pid)

    process = child(BURN.format(seconds=0.4) + STAY, stdin=subprocess.PIPE)
    burning = psutil.Process(process.pid)
    wait_until(lambda: sum(burning.cpu_times()[:2]) > 0.38, "the child to burn")
    wait_until(lambda: burning.status() == psutil.STATUS_SLEEPING, "the child to have burnt")
    burnt_s = sum(burning.cpu_times()[:2])
    is_gone(process.pid)
    process.stdin.close()
    wait_until(lambda: is_gone(process.pid), "the child to be gone")
    return seen, tree.cpu_time_s() - spent.seconds(), burnt_s


def test_time_of_children_without_a_wait_is_kept():
    seen, kept_s, burnt_s = alone(with_a_child_that_nobody_waits_for)
    assert seen == sorted(seen)
    assert kept_s == pytest.approx(burnt_s, abs=0.1)


def after_a_child_and_work_of_its_own():
    child(BURN.format(seconds=0.3)).wait()
    burn(0.1)
    return ProcessTree().cpu_time_s()


def test_time_before_the_meter_is_not_counted():
    assert alone(after_a_child_and_work_of_its_own) < 0.03


def window_of_a_real_meter():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEASUREMENT_CPU_TDP_W", str(10 * (os.cpu_count() or 1)))
        counter = CpuTimeCounter(ProcessTree(), CpuPowerModel.of_this_machine("any"))
        with EnergyMeter([counter], options=MeterOptions(device="cpu")) as meter:
            meter.measure_idle(0.2)
            spent = Spent()
            with meter.window("train") as window:
                subprocess.run([sys.executable, "-c", BURN.format(seconds=0.5)], check=True)
            return window.measurement, spent.seconds(), meter.idle_power_w[Scope.ACCELERATOR]


def test_a_window_of_a_real_meter_charges_the_child_that_burns():
    measured, spent_s, idle_power_w = alone(window_of_a_real_meter)
    assert spent_s > 0.5
    assert measured.energies[Scope.ACCELERATOR].energy_j == pytest.approx(10 * spent_s, rel=0.1)
    assert measured.energies[Scope.ACCELERATOR].provenance == Provenance.ESTIMATED
    assert idle_power_w < 3


def test_an_estimate_is_never_metered_however_it_is_configured(monkeypatch):
    monkeypatch.setenv("MEASUREMENT_CPU_TDP_W", "65")
    with EnergyMeter.for_device("cpu") as meter, meter.window("train") as window:
        time.sleep(0.05)
    energy = window.measurement.to_energy(Scope.ACCELERATOR, images=10)
    if Source.CPU_ESTIMATE in energy.sources:
        assert energy.provenance == Provenance.ESTIMATED
        assert energy.absolute_u95_j is None
    for counter in (CpuTimeCounter, MemoryCounter):
        assert counter.source.fget(None) == Source.CPU_ESTIMATE
        with pytest.raises((AttributeError, TypeError)):
            counter(ProcessTree(), CpuPowerModel.of_this_machine(), source=Source.RAPL)


def test_memory_in_use_is_charged_over_time():
    tree, clock = ProcessTree(), ManualClock()
    counter = MemoryCounter(tree, CpuPowerModel("any", 4.0, "test", memory_w_per_gib=1.0), clock)
    before = counter.read_mj()
    clock.sleep(100)
    spent_j = (counter.read_mj() - before) / 1000
    assert spent_j == pytest.approx(100 * tree.resident_bytes() / 2**30, rel=0.2)


@pytest.mark.parametrize(
    ("name", "power_w"),
    [
        ("AMD EPYC 7763 64-Core Processor", 280 / 128),
        ("Intel(R) Core(TM) i9-9900K CPU @ 3.60GHz", 95 / 16),
        ("AMD EPYC", 4.0),
    ],
)
def test_power_per_cpu_comes_from_the_model_or_the_documented_default(name, power_w, monkeypatch):
    monkeypatch.delenv("MEASUREMENT_CPU_TDP_W", raising=False)
    model = CpuPowerModel.of_this_machine(name)
    assert model.power_per_cpu_w == pytest.approx(power_w)
    assert model.describe()["cpu_power_basis"]


@pytest.mark.parametrize("given", ["much", "0", "-65", "nan", "inf"])
def test_a_wrong_tdp_is_refused_by_name(given, monkeypatch):
    monkeypatch.setenv("MEASUREMENT_CPU_TDP_W", given)
    with pytest.raises(BadInput, match="MEASUREMENT_CPU_TDP_W") as caught:
        CpuPowerModel.of_this_machine("any")
    assert caught.value.exit_code == 2


def test_the_processor_is_named_as_cpuinfo_says_with_its_cores(tmp_path):
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: AMD EPYC  9R14\nstepping\t: 1\n")
    assert cpu_model(tmp_path / "cpuinfo") == "AMD EPYC 9R14"
    (tmp_path / "cpuinfo").write_text("processor\t: 0\n")
    assert "CPU" in cpu_model(tmp_path / "cpuinfo")
    hardware = describe_hardware("cpu")
    assert hardware.name.endswith(f"({hardware.cores} core{'' if hardware.cores == 1 else 's'})")
    assert hardware.memory_bytes > 0


def sampling_for_two_seconds():
    with EnergyMeter.for_device("cpu") as meter, meter.window("idle"):
        before = time.process_time()
        time.sleep(2)
        return time.process_time() - before


def test_sampling_costs_little_of_a_core():
    assert alone(sampling_for_two_seconds) / 2 < 0.03
