"""Windows of an `EnergyMeter` over simulated cards in virtual time, each beside what the card truly drew."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from measurement.meters import EnergyMeter
from measurement.meters.discovery import discover
from measurement.meters.options import MeterOptions
from measurement.vocabulary import Scope
from tests.simulated.clock import VirtualClock
from tests.simulated.driver import in_process
from tests.simulated.gpu import SimulatedGpu
from tests.simulated.work import Truth, Work

SAMPLE_S = 0.05
"""Seconds between two samples of the thread that virtual time has no use for."""


@dataclass(frozen=True)
class Trial:
    """One window: what was drawn, what was measured, and the flags. None where the meter had no figure."""

    true_j: float
    measured_j: float | None
    repeatability_u95_j: float | None
    duration_s: float
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    cross_check_j: float | None

    @property
    def relative_error(self) -> float:
        assert self.measured_j is not None, self.notes
        return self.measured_j / self.true_j - 1

    @property
    def is_covered(self) -> bool:
        """Whether the true energy lies in the 95 % interval (of repeatability: gain is not its affair)."""
        assert self.measured_j is not None
        assert self.repeatability_u95_j is not None
        return abs(self.measured_j - self.true_j) <= self.repeatability_u95_j


def gpu_meter(clock: Any, *, sampling: bool = False) -> EnergyMeter:
    """A meter of cuda:0 alone, with the instruments that this machine's discovery finds for it."""
    found = discover("cuda:0", clock)
    return EnergyMeter(
        [counter for counter in found.counters if counter.kind == "gpu"],
        found.sensors,
        MeterOptions(device="cuda:0", clock=clock, sampling=sampling),
    )


def pass_time(meter: EnergyMeter, clock: VirtualClock, seconds: float) -> None:
    """Let time pass, sampling as the meter's thread would."""
    until_s = clock.now_s + seconds
    while (left_s := until_s - clock.now_s) > 1e-9:
        clock.sleep(min(SAMPLE_S, left_s))
        if until_s - clock.now_s > 1e-9:
            meter.sample()


def _warm_up(meter: EnergyMeter, clock: VirtualClock, work: Work | None, random_: random.Random) -> None:
    """A window of work that comes and goes, as a run has before its first phase."""
    with meter.window("warm-up"):
        for _ in range(12):
            with work.running() if work is not None else nullcontext():
                pass_time(meter, clock, random_.uniform(0.1, 0.5))
            pass_time(meter, clock, random_.uniform(0.1, 0.5))


def trial(
    gpu: SimulatedGpu, duration_s: float, seed: int, clock: VirtualClock, folder: Path, *, warm_up: bool = False
) -> Trial:
    """One window of `duration_s` of work, opened at a random time; true are the joules from the begin of the window's
    body to its end. The gain error is left out of `true_j`'s fault: the truth is what a meter of the same gain would
    see."""
    random_ = random.Random(seed)
    work = Work(folder / f"work-{seed}", clock) if gpu.work is not None else None
    start_s = clock.now_s
    with in_process([gpu], folder, clock=clock, start_s=start_s, work=work), gpu_meter(clock) as meter:
        if warm_up:
            _warm_up(meter, clock, work, random_)
        pass_time(meter, clock, 0.5 + random_.random())
        with meter.window("work") as window:
            began_s = clock.now_s
            with work.running() if work is not None else nullcontext():
                pass_time(meter, clock, duration_s)
            ended_s = clock.now_s
    measured = window.measurement
    true_j = Truth(gpu, start_s, work).energy_j(began_s, ended_s)
    if work is not None:
        work.path.unlink()
    energy = measured.energies[Scope.ACCELERATOR]
    return Trial(
        true_j * (1 + gpu.gain_error) * (1 + gpu.counter_gain_error),
        energy.energy_j,
        energy.repeatability_u95_j,
        measured.duration_s,
        tuple(sorted(measured.flags)),
        measured.notes,
        measured.components["gpu0"].cross_check_j if "gpu0" in measured.components else None,
    )


def trials(
    cards: Callable[[int], tuple[SimulatedGpu, float]], seeds: range, folder: Path, *, warm_up: bool = False
) -> list[dict[str, Any]]:
    """A trial for each seed, of the card and the duration that `cards(seed)` gives. For the child process."""
    clock = VirtualClock(folder / "clock", 1000.0)
    return [asdict(trial(*cards(seed), seed, clock, folder, warm_up=warm_up)) for seed in seeds]
