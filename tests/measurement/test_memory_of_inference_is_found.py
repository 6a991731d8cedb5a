"""The peak memory of inference is the network's, a batch's, and what the forward pass adds; nothing else's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from measurement.run import memory, peak_memory
from tests.measurement.running import ROOT, environment

MIB = 2**20

# A network of 33 MiB whose forward pass takes 16 MiB for every image of 2 MiB, after a training that left memory
# behind, as the command line runs it: batch and MiB in each scenario.
INFERENCE = """
import json
import torch
from torch import nn
from measurement.run.inference import Inputs, prepare
from measurement.run.memory import freed_memory_kept
from measurement.vocabulary import Scenario
from tests.measurement.running import BRIEF

class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8 * 2**20))
        self.register_buffer("scale", torch.ones(2**18))

    def forward(self, images):
        held = images.new_ones(len(images), 2**22)
        return held.sum(1) + images.sum((1, 2, 3))

with freed_memory_kept(torch.device("cpu")):
    left = [torch.ones(2**20) for _ in range(64)]
    del left[::2]
    model, inputs = Wide(), Inputs(torch.zeros(8, 1, 512, 1024))
    found = [
        prepare(scenario, model, inputs, BRIEF, max_batch_size=4, synchronize=lambda: None)
        for scenario in (Scenario.SINGLE_STREAM, Scenario.OFFLINE)
    ]
print(json.dumps([(one.batch_size, one.peak_memory_bytes / 2**20) for one in found]))
"""


@pytest.mark.skipif(memory.c_library() is None, reason="glibc's allocator")
def test_weights_a_batch_and_what_the_pass_adds() -> None:
    variables = environment() | {memory.TUNABLES: memory.NO_THREAD_CACHE}
    done = subprocess.run(
        [sys.executable, "-c", INFERENCE], cwd=ROOT, env=variables, capture_output=True, text=True, check=True
    )
    for batch_size, found_mib in json.loads(done.stdout):
        assert found_mib == pytest.approx(33 + 18 * batch_size, abs=4)


def test_a_kernel_that_does_not_say_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    batch, model = torch.zeros(1, 1, 8, 8), nn.Flatten()
    status = tmp_path / "status"
    monkeypatch.setattr(peak_memory, "STATUS", status)
    monkeypatch.setattr(peak_memory, "CLEAR_REFS", tmp_path / "nowhere" / "clear_refs")
    assert peak_memory.peak_memory_bytes(model, batch, lambda: None) is None
    monkeypatch.setattr(peak_memory, "CLEAR_REFS", tmp_path / "clear_refs")
    status.write_text("Name:\tpython\nVmRSS:\t    2048 kB\n")  # without a peak
    assert peak_memory.peak_memory_bytes(model, batch, lambda: None) is None
    status.write_text("VmHWM:\t    3072 kB\nVmRSS:\t    2048 kB\n")
    assert peak_memory.peak_memory_bytes(model, batch, lambda: None) == 64 * 4 + MIB


def test_on_a_card_torch_s_allocator_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The allocator of a card that is not here: 100 MiB in use, 140 at the peak of the pass after the reset."""
    calls: list[str] = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: calls.append("reset"))
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 100 * MIB)
    peak = lambda device: (900, 140)[calls == ["reset", "run"]] * MIB  # noqa: E731
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", peak)
    added = peak_memory._added_on_card(torch.device("cuda:0"), lambda: calls.append("run"))
    assert added == 40 * MIB
