"""The batch of the scenario `offline` follows from network and device, not from what the machine did just then."""

from __future__ import annotations

import random
import time

import pytest
import torch

from measurement.record import BatchProbe
from measurement.run.inference import InferencePlan, Inputs, prepare
from measurement.run.offline_batch import LONGEST_BATCH_S, offline_batch_size, probe_sizes
from measurement.vocabulary import Scenario
from tests.measurement.running import BRIEF

METHODOLOGY = InferencePlan.for_device(torch.device("cpu")).probing
SIZES = [2**power for power in range(9)]


def probes(throughputs: dict[int, float]) -> list[BatchProbe]:
    return [BatchProbe(batch_size=size, throughput_images_per_s=found) for size, found in throughputs.items()]


@pytest.mark.parametrize(
    ("throughputs", "expected"),
    [
        ({1: 100, 2: 200, 4: 400, 8: 404, 16: 405}, 4),  # all further doublings together bring 1.2 %
        ({1: 100, 2: 200, 4: 400, 8: 406, 16: 412}, 8),  # each less than 2 %, both together more
        ({1: 100, 2: 90, 4: 80, 8: 800, 16: 1600}, 16),
        ({1: 100, 2: 200, 4: 400, 8: 300, 16: 200}, 4),
        ({1: 100}, 1),
        ({}, 1),
    ],
)
def test_the_batch_is_the_smallest_within_two_percent_of_the_best(throughputs, expected):
    assert offline_batch_size(probes(throughputs)) == expected


class Machine:
    """Images per second of a network of which 128 images at once are best, on a machine with troubles of its own."""

    def __init__(self, *, drift_per_s: float = 0.0, spikes: random.Random | None = None) -> None:
        self.now_s, self.asked = 0.0, []
        self.drift_per_s, self.spikes = drift_per_s, spikes

    def clock(self) -> float:
        return self.now_s

    def throughput(self, size: int) -> float:
        self.asked.append(size)
        self.now_s += max(0.05, size / 3000)
        slowed = 1 + self.drift_per_s * self.now_s
        if self.spikes and self.spikes.random() < 0.1:
            slowed *= 3
        return 3000 * size / (size + 5) * (0.9 if size > 128 else 1) / slowed

    def batch(self) -> int:
        return offline_batch_size(
            probe_sizes(self.throughput, max_batch_size=256, plan=METHODOLOGY, clock=self.clock)
        )


@pytest.mark.parametrize("drift_per_s", [-0.05, 0.0, 0.05, 0.2])
def test_a_machine_that_gets_slower_or_faster_meanwhile_gives_the_same_batch(drift_per_s):
    assert Machine(drift_per_s=drift_per_s).batch() == 128


def test_a_busy_moment_now_and_then_changes_nothing():
    batches = [Machine(spikes=random.Random(seed)).batch() for seed in range(100)]
    assert batches.count(128) >= 95


def test_passes_go_up_and_down_over_all_sizes():
    machine = Machine()
    machine.batch()
    passes = [machine.asked[start : start + len(SIZES)] for start in range(0, len(machine.asked), len(SIZES))]
    assert passes == [SIZES if turn % 2 == 0 else SIZES[::-1] for turn in range(METHODOLOGY.passes)]


def test_want_of_memory_ends_the_sizes_in_the_first_pass_and_in_a_later_one():
    found = probe_sizes(lambda size: None if size >= 8 else 100.0, max_batch_size=64, plan=METHODOLOGY)
    assert [probe.batch_size for probe in found] == [1, 2, 4]
    asked: list[int] = []

    def once(size: int) -> float | None:
        asked.append(size)
        return None if size >= 16 and asked.count(size) > 1 else 100.0

    found = probe_sizes(once, max_batch_size=64, plan=METHODOLOGY)
    assert [probe.batch_size for probe in found] == [1, 2, 4, 8]
    assert asked.count(64) == 2
    assert asked.count(16) == 2


def test_a_slow_network_is_probed_no_longer_than_a_fast_one_by_much():
    """8 images a second: the batch that takes over a second is the last; no pass begins after the time is up."""
    now_s, asked = 0.0, []

    def throughput(size: int) -> float:
        nonlocal now_s
        asked.append(size)
        now_s += 2 * size / 8
        return 8.0

    found = probe_sizes(throughput, max_batch_size=65_536, plan=METHODOLOGY, clock=lambda: now_s)
    assert [probe.batch_size for probe in found] == [1, 2, 4, 8, 16]
    assert all(probe.batch_size / 8 <= LONGEST_BATCH_S for probe in found[:-1])
    assert now_s <= METHODOLOGY.max_duration_s + 2 * sum(probe.batch_size for probe in found) / 8


def test_one_size_is_no_choice_and_is_not_probed_again():
    asked: list[int] = []
    probe_sizes(lambda size: asked.append(size) or 100.0, max_batch_size=1, plan=METHODOLOGY)
    assert asked == [1]


class Waits(torch.nn.Module):
    """Costs the same for any number of images; then it has to make room for others, longer the more images it had."""

    work = torch.rand(256, 256)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        torch.mm(self.work, self.work)
        time.sleep(0.01 * len(images))
        return images


def test_time_that_the_processor_was_others_decides_nothing():
    prepared = prepare(
        Scenario.OFFLINE,
        Waits(),
        Inputs(torch.zeros(16, 1, 1, 1)),
        BRIEF,
        max_batch_size=16,
        synchronize=lambda: None,
    )
    assert prepared.batch_size == 16
    assert [probe.batch_size for probe in prepared.probes] == [1, 2, 4, 8, 16]
