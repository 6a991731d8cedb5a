"""Runs in a separate process with the simulated NVIDIA driver: one meter over many windows."""

from __future__ import annotations

import logging
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from bench.meters_cards import KINDS, card
from tests.simulated.clock import AbsoluteClock
from tests.simulated.work import Truth, Work


class Reading(NamedTuple):
    """A tool's result for a window: the GPU's joules, and the half-width of their 95 % interval if it gives one."""

    energy_j: float | None
    half_width_j: float | None = None


Metered = Callable[[Callable[[], None]], Reading]

TICK_S = 0.1


@contextmanager
def _ours() -> Iterator[Metered]:
    from measurement.meters import EnergyMeter
    from measurement.vocabulary import Scope

    with EnergyMeter.for_device("cuda:0", clock=AbsoluteClock()) as meter:

        def metered(body: Callable[[], None]) -> Reading:
            with meter.window("bench") as window:
                body()
            energy = window.measurement.energies[Scope.ACCELERATOR]
            return Reading(energy.energy_j, energy.repeatability_u95_j)

        yield metered


@contextmanager
def _zeus() -> Iterator[Metered]:
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor(gpu_indices=[0])

    def metered(body: Callable[[], None]) -> Reading:
        # Nothing to synchronize: no CUDA here.
        monitor.begin_window("bench", sync_execution=False)
        body()
        return Reading(monitor.end_window("bench", sync_execution=False).gpu_energy[0])

    yield metered


@contextmanager
def _codecarbon() -> Iterator[Metered]:
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        country_iso_code="USA", tracking_mode="process", gpu_ids=[0], save_to_file=False, log_level="critical"
    )

    def metered(body: Callable[[], None]) -> Reading:
        tracker.start_task()
        body()
        return Reading(3.6e6 * tracker.stop_task().gpu_energy)

    metered(lambda: None)  # looks for hardware for two seconds at its first task
    yield metered


TOOLS = {"ours": _ours, "Zeus": _zeus, "CodeCarbon": _codecarbon}


def versions() -> dict[str, str]:
    return {"Zeus": version("zeus"), "CodeCarbon": version("codecarbon")}


def windows(
    tool: str, power: tuple[str, int, bool], start_s: float, first_s: float, plan: list[tuple[float, float, float]]
) -> list[dict[str, Any]]:
    """Each planned window as `tool` measured it, and what the card truly drew while the body ran.

    `power`: the arguments of `card`: kind, seed, and whether power follows the work.
    """
    logging.disable()
    kind, seed, follows_work = power
    gpu, clock = card(kind, seed, follows_work=follows_work), AbsoluteClock()
    work = Work.of_environment(clock) if follows_work else None
    truth, found = Truth(gpu, start_s, work), []
    with TOOLS[tool]() as metered:
        for at_s, nominal_s, length_s in plan:
            time.sleep(max(0.0, first_s + at_s - time.monotonic()))
            edges: list[float] = []

            def body(edges: list[float] = edges, length_s: float = length_s) -> None:
                edges.append(time.monotonic())
                if work is None:
                    time.sleep(length_s)
                else:
                    with work.running():
                        time.sleep(length_s)
                edges.append(time.monotonic())

            reading = metered(body)
            found.append(
                {
                    "tool": tool,
                    "kind": kind,
                    "follows_work": follows_work,
                    "window_s": nominal_s,
                    "true_j": truth.energy_j(*edges),
                    "measured_j": reading.energy_j,
                    "repeatability_u95_j": reading.half_width_j,
                }
            )
    return found


def costs(tool: str, start_s: float, count: int, sampled_s: float) -> dict[str, float]:
    """Median seconds to open and close a window, with and without the wait for a tick, and the share of a core that
    an open window takes. The card's counter ticks at `start_s` and every tenth of a second after it."""
    logging.disable()
    opening_s, closing_s, beyond_s = [], [], []
    random_ = random.Random(1)
    with TOOLS[tool]() as metered:
        for _ in range(count):
            edges: list[float] = []

            def body(edges: list[float] = edges) -> None:
                edges.append(time.monotonic())
                time.sleep(random_.uniform(0.2, 0.4))
                edges.append(time.monotonic())

            asked_s = time.monotonic()
            metered(body)
            done_s = time.monotonic()
            opening_s.append(edges[0] - asked_s)
            closing_s.append(done_s - edges[1])
            # Ours waits for ticks, and only the time after the last one is its own; the others don't wait.
            after_ticks_s = (edges[0] - start_s) % TICK_S + (done_s - start_s) % TICK_S
            beyond_s.append(after_ticks_s if tool == "ours" else opening_s[-1] + closing_s[-1])

        used: list[float] = []

        def idle() -> None:
            before_s = time.process_time()
            time.sleep(sampled_s)
            used.append(time.process_time() - before_s)

        metered(idle)
    return {
        "open_s": statistics.median(opening_s),
        "close_s": statistics.median(closing_s),
        "beyond_s": statistics.median(beyond_s),
        "worst_beyond_s": max(beyond_s),
        "share_of_core": used[0] / sampled_s,
    }


def slowdowns(pairs: int, block_s: float) -> dict[str, list[float]]:
    """Relative slowdown of a small convolutional network's training on the CPU, one figure for each pair of blocks
    with our meter's sampling on and off: by the wall clock and by the training thread's own CPU time."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    images, labels = torch.randn(32, 1, 28, 28), torch.randint(10, (32,))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()

    def steps(count: int) -> tuple[float, float]:
        """Seconds of a step: the median by the wall clock, the mean of the thread's CPU time."""
        walls, before_s = [], time.thread_time()
        for _ in range(count):
            began_s = time.perf_counter()
            step()
            walls.append(time.perf_counter() - began_s)
        return statistics.median(walls), (time.thread_time() - before_s) / count

    from measurement.meters import EnergyMeter
    from measurement.meters.discovery import discover
    from measurement.meters.options import MeterOptions

    found = discover("cuda:0", AbsoluteClock())
    instruments = (*found.counters, *found.sensors)
    period_s = min(instrument.sample_period_s for instrument in instruments)
    slowdowns_by_clock: dict[str, list[float]] = {"wall": [], "cpu": []}
    on, done = threading.Event(), threading.Event()

    def sample() -> None:
        while on.wait() and not done.is_set():
            meter.sample()
            time.sleep(period_s)

    # The meter's thread does exactly this, but can't be paused, and a new meter takes longer than a block.
    with (
        EnergyMeter(
            found.counters, found.sensors, MeterOptions(device="cuda:0", clock=AbsoluteClock(), sampling=False)
        ) as meter,
        meter.window("training"),
    ):
        thread = threading.Thread(target=sample)
        thread.start()
        steps(50)
        count = max(10, int(block_s / steps(50)[0]))
        random_ = random.Random(1)
        for _ in range(pairs):
            pair = {}
            for is_on in random_.sample([True, False], 2):
                (on.set if is_on else on.clear)()
                steps(3)
                pair[is_on] = steps(count)
            for position, clock in enumerate(slowdowns_by_clock):
                slowdowns_by_clock[clock].append(pair[True][position] / pair[False][position] - 1)
        done.set()
        on.set()
        thread.join()
    return slowdowns_by_clock


def virtual(seeds: list[int], durations_s: tuple[float, float], part_time: bool, folder: str) -> list[dict[str, Any]]:
    """Windows of our meter in virtual time, kinds in turn, power following the work in every other round.

    part_time: the card's counter only repeats its sensor, which sees a quarter of the time; the meter is warm.
    """
    from tests.simulated.trials import trials

    def of_seed(seed: int) -> Any:
        gpu = card(KINDS[seed % len(KINDS)], seed, follows_work=bool(seed // len(KINDS) % 2))
        return replace(gpu, counter_sees_sensor=part_time), random.Random(seed).uniform(*durations_s)

    found = trials(of_seed, range(*seeds), Path(folder), warm_up=part_time)
    for seed, trial in zip(range(*seeds), found, strict=True):
        trial["kind"] = KINDS[seed % len(KINDS)]
        trial["follows_work"] = bool(seed // len(KINDS) % 2)
    return found
