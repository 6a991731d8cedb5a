"""Others' work, the hypervisor, a quota and the kernel are seen through a window; what they disturb is repeated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from measurement.meters.control_groups import throttled_s
from measurement.meters.cpu_load import CpuLoad, CpuTimes
from measurement.record import parse_record
from measurement.run.recompute import recompute
from measurement.traces.trace import read_trace
from measurement.vocabulary import DISTURBED_FLAGS, Flag, Phase
from tests.loaded import loaded_python
from tests.measurement.running import ROOT, environment, tiny_document

QUIET = CpuTimes(
    total_s=40.0, busy_s=10.4, stolen_s=0.0, own_s=10.0, waited_s=0.1, user_s=9.8, kernel_s=0.2, throttled_s={}
)
START = CpuTimes(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, {Path("/job"): 5.0})

BUSY = {Flag.BUSY_MACHINE}
OVERLOADED = {Flag.BUSY_MACHINE, Flag.OVERLOADED_MACHINE}


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, set()),
        ({"busy_s": 15.0}, BUSY),  # others: 5 of 40 CPU seconds
        ({"busy_s": 31.0}, OVERLOADED),
        ({"busy_s": 13.5, "waited_s": 2.0}, BUSY),  # 2 of 12 that the work asked for
        ({"busy_s": 13.9, "waited_s": 4.0}, OVERLOADED),
        ({"waited_s": 9.0}, set()),  # its own threads: others ran for 0.4 s only
        ({"stolen_s": 1.5}, BUSY),
        ({"stolen_s": 5.0}, OVERLOADED),
        ({"throttled_s": {Path("/job"): 6.5}}, BUSY),
        ({"throttled_s": {Path("/"): 0.0, Path("/job"): 9.0}}, OVERLOADED),
        ({"waited_s": None}, set()),
        ({"kernel_s": 1.5}, {Flag.KERNEL_TIME}),
    ],
)
def test_what_the_work_lost_is_flagged_above_stated_bounds(changes, flags):
    load = CpuLoad.between(START, replace(QUIET, **changes))
    assert load.flags == flags
    assert bool(load.notes) == bool(flags)


def test_a_meter_of_the_package_counts_others_joules_too():
    load = CpuLoad.between(START, replace(QUIET, busy_s=15.0), is_metered=True)
    assert load.flags == {Flag.FOREIGN_PROCESS, Flag.BUSY_MACHINE}


def test_a_window_too_short_for_the_clock_says_nothing():
    load = CpuLoad.between(START, replace(QUIET, total_s=0.1))
    assert (load.flags, load.notes, load.conditions) == (frozenset(), (), {})


@pytest.mark.parametrize(
    ("files", "seconds"),
    [
        (
            {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.stat": "usage_usec 9\nthrottled_usec 1500000\n"},
            [1.5],
        ),
        (
            {"proc/self/cgroup": "4:cpu,cpuacct:/\n", "sys/fs/cgroup/cpu/cpu.stat": "throttled_time 250000000\n"},
            [0.25],
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.stat": "usage_usec 9\n"}, []),
        ({}, []),
    ],
)
def test_time_over_the_quota_is_read_from_the_control_groups(tmp_path, files, seconds):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert list(throttled_s(tmp_path).values()) == seconds


SPIN = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); print(flush=True)\nwhile True: pass"

RUN = """
import sys
from dataclasses import replace
from pathlib import Path
from measurement.recipe import load_recipe
from measurement.run.options import RunOptions
from measurement.run.runner import run_recipe
from tests.loaded import loaded_python
from tests.measurement.running import BRIEF

plan = replace(BRIEF, min_duration_s=1.0, max_duration_s=1.2, repeats=1)
options = RunOptions(device="cpu", plan=plan, reporter=lambda event: print(event.event, flush=True))
run_recipe(load_recipe(Path(sys.argv[1])), Path(sys.argv[2]), options)
"""


@contextmanager
def loaded_cores(per_core: int):
    """So many processes that compute without end on each core that this process may use."""
    spinning = [
        subprocess.Popen([sys.executable, "-c", SPIN, str(core)], stdout=subprocess.PIPE)
        for core in sorted(os.sched_getaffinity(0))
        for _ in range(per_core)
    ]
    try:
        for process in spinning:
            process.stdout.readline()
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
            process.stdout.close()


def test_a_run_beside_two_processes_on_every_core_is_repeated_and_held(tmp_path):
    recipe, out = tmp_path / "recipe.json", tmp_path / "out"
    # Long enough that the shares are known.
    train = {"technique": "supervised", "phase": "train", "epochs": 3, "batch_size": 128}
    recipe.write_text(json.dumps(tiny_document(train, inference={"scenarios": ["single_stream"]})))
    with subprocess.Popen(
        [*loaded_python(), "-c", RUN, recipe, out], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout.readline() == "started\n"  # the set-up need not take place beside them
        with loaded_cores(per_core=2):
            run.stdout.read()
    assert run.returncode == 0
    record = parse_record((out / "record.json").read_bytes())
    measured = {phase.phase: phase for phase in record.phases}
    for phase in (measured[Phase.TRAIN], measured[Phase.INFERENCE]):
        assert Flag.OVERLOADED_MACHINE in phase.flags
        # At least two of three runnable processes on each core are not ours, whatever else the machine does.
        assert phase.detail["conditions"]["foreign_cpu_share"] > 0.5
    assert set(record.flags) & DISTURBED_FLAGS
    assert measured[Phase.INFERENCE].detail["repeats"] == 1
    trace = read_trace(out / "trace.parquet")
    names = [window.name for window in trace.windows]
    assert names[-2:] == ["2-inference-single_stream-discarded-1", "2-inference-single_stream"]
    assert recompute(record, trace).agrees
