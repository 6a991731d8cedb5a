"""On a CPU what tensors free is kept for the next step: a figure is the network's, not the allocator's.

That the command line runs with it, test_command_line_runs_without_django.py sees in a record.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import psutil
import pytest
import torch

from measurement.run import memory
from measurement.run.memory import freed_memory_kept, is_short
from tests.measurement.running import ROOT, environment
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(memory.c_library() is None, reason="glibc's allocator")

CPU = torch.device("cpu")
PAGES_OF_TENSOR = 100 * 2**20 // resource.getpagesize()

# Page faults in each of five steps that allocate and free three tensors, with freed memory kept and without.
FAULTS = """
import json, resource
from contextlib import nullcontext
import torch
from measurement.run.memory import freed_memory_kept

torch.set_num_threads(1)

def faults():
    counts = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        held = [torch.ones(size * 2**18) for size in (100, 40, 100)]
        del held
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return counts

with freed_memory_kept(torch.device("cpu")):
    kept = faults()
print(json.dumps([kept, faults()]))
"""


def test_a_step_faults_no_memory_in_that_an_earlier_one_freed():
    variables = environment() | {memory.TUNABLES: memory.NO_THREAD_CACHE}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    kept, default = json.loads(done.stdout)
    # The heap has found its size after the second step: where small blocks lie in the first differs from run to run.
    assert max(kept[2:]) < PAGES_OF_TENSOR / 100
    # Transparent huge pages, where they are on for all programs, take one fault for 512 pages.
    assert min(default[2:]) > 10 * max(1, *kept[2:])


def test_memory_is_given_back_at_the_end_and_near_the_limit(monkeypatch):
    monkeypatch.setattr(memory, "CHECK_EVERY_S", 0.01)
    process = psutil.Process()
    size = 400 * 2**20
    with freed_memory_kept(CPU):
        torch.ones(size // 4)
        kept = process.memory_info().rss
    assert process.memory_info().rss < kept - size / 2
    with freed_memory_kept(CPU, limit_mb=1):
        torch.ones(size // 4)
        wait_until(lambda: process.memory_info().rss < kept - size / 2, "freed memory to be given back")


@pytest.mark.parametrize(
    ("used", "limit_mb", "available", "short"),
    [(700, 1000, 50, False), (900, 1000, 50, True), (900, None, 50, False), (10, 1000, 4, True)],
)
def test_memory_is_short_near_the_limit_or_if_the_machine_has_little(used, limit_mb, available, short):
    assert is_short(used * 2**20, limit_mb, available, 100) == short


def test_a_gpu_s_run_leaves_the_allocator_as_it_is():
    with freed_memory_kept(torch.device("cuda")) as how:
        assert how == "the system's default"
