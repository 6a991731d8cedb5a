"""One simulated card: what it draws, and how its sensor and counter show it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tests.simulated.profiles import Profile

NOT_SUPPORTED = 3
TIMEOUT = 10
FUNCTION_NOT_FOUND = 13
GPU_IS_LOST = 15
UNKNOWN = 999

SW_POWER_CAP = 0x04
HW_SLOWDOWN = 0x08
SW_THERMAL = 0x20
HW_THERMAL = 0x40
HW_POWER_BRAKE = 0x80

THIS_PROCESS = 0
"""In place of a pid: the process that asks. In a container NVML's pids are the host's: script any other number."""

ARCHITECTURES = {"pascal": 4, "volta": 5, "turing": 6, "ampere": 7, "ada": 8, "hopper": 9, "blackwell": 10}


class Fault(NamedTuple):
    """`call` answers with the NVML error `result` from `from_s` until `until_s`, at most `calls` times.

    `call` is a function (without `_v2`, `_v3`) or a field, such as `NVML_FI_DEV_POWER_INSTANT`. Functions that are
    asked of no device, such as `nvmlInit` or `nvmlDeviceGetCount`, fail as the first device's faults say.
    """

    call: str
    result: int = NOT_SUPPORTED
    from_s: float = -math.inf
    until_s: float = math.inf
    calls: float = math.inf


class Throttle(NamedTuple):
    """Clocks-event reasons (bits) that hold from `from_s` until `until_s`."""

    reasons: int
    from_s: float = -math.inf
    until_s: float = math.inf


class GpuProcess(NamedTuple):
    """A process on the device; `kind` is `compute`, `graphics` or `mps`."""

    pid: int
    from_s: float = -math.inf
    until_s: float = math.inf
    memory_bytes: int = 1 << 30
    kind: str = "compute"


class Change(NamedTuple):
    """From `from_s` on, `setting` (e.g. `temperature_c`, `sm_clock_mhz`, `power_limit_w`, `mig_mode`) is `value`."""

    from_s: float
    setting: str
    value: float


@dataclass(frozen=True)
class SimulatedGpu:
    """A card's ground truth and its physics. All times are seconds since the script's start.

    The defaults are an H100 as "Part-time Power Measurements" (arXiv 2312.02741) found it: an instantaneous sensor
    that averages 25 ms of each 100 ms, and `nvmlDeviceGetPowerUsage` as a mean of one second. Latencies and errors
    are 0 by default, so that a test switches on what it is about; `realistic()` switches on all of them.
    """

    profile: Profile
    work: Profile | None = None  # drawn instead while `work.Work` runs, from its beginning each time
    work_decay_s: float = 0.0  # afterwards the power falls back in a straight line
    name: str = "NVIDIA H100 80GB HBM3"
    uuid: str | None = None
    serial: str = ""

    # The power sensor: a boxcar mean over `averaging_s` before each update, at `sensor_phase_s` + k updates.
    averaging_s: float = 0.025
    update_period_s: float = 0.1
    sensor_phase_s: float = 0.0
    power_noise_w: float = 0.0  # even, plus or minus, anew at each update
    average_window_s: float = 1.0
    power_usage_is_average: bool = True

    gain_error: float = 0.0  # relative, of sensor and counter alike
    counter_gain_error: float = 0.0  # relative, of the counter alone, on top

    # The energy counter: true power (or the sensor's readings, held) integrated up to its last tick.
    has_counter: bool = True
    counter_period_s: float = 0.1
    counter_phase_s: float = 0.0
    counter_jitter_s: float = 0.0  # each tick early or late by up to this, evenly
    counter_resolution_mj: float = 1.0
    counter_start_mj: float = 123_456_789.0
    counter_range_mj: float = 0.0  # wraps there; 0 for never
    counter_sees_sensor: bool = False
    counter_resets_s: tuple[float, ...] = ()

    has_instant_field: bool = True
    has_average_field: bool = True

    call_latency_s: float = 0.0  # of every call; the reading is taken in the middle
    call_latency_jitter_s: float = 0.0  # up to this on top, evenly
    seed: int = 0

    architecture: str = "hopper"
    compute_capability: tuple[int, int] = (9, 0)
    mig_mode: bool | None = False  # None: the card has no MIG
    power_limit_w: float | None = 700.0
    default_power_limit_w: float | None = 700.0
    power_limit_range_w: tuple[float, float] = (200.0, 700.0)
    sm_clock_mhz: float | None = 1980.0
    max_sm_clock_mhz: float | None = 1980.0
    memory_clock_mhz: float | None = 2619.0
    max_memory_clock_mhz: float | None = 2619.0
    temperature_c: float | None = 45.0
    persistence_mode: bool | None = True
    compute_mode: int = 0
    performance_state: int = 0
    utilization: float | None = 100.0
    memory_utilization: float = 40.0
    memory_bytes: float | None = 80.0 * 2**30
    used_memory_bytes: float = 2.0 * 2**30
    pci_bus: int | None = None

    lost_at_s: float = math.inf  # from then on every call fails with NVML_ERROR_GPU_IS_LOST
    faults: tuple[Fault, ...] = ()
    throttles: tuple[Throttle, ...] = ()
    processes: tuple[GpuProcess, ...] = ()
    changes: tuple[Change, ...] = ()
    extra: Mapping[str, float] = field(default_factory=dict)  # settings of simulated.h by their own name

    def __post_init__(self) -> None:
        if not 0 <= self.counter_jitter_s < self.counter_period_s / 2:
            raise ValueError("counter_jitter_s must be less than half of counter_period_s")

    def realistic(self, seed: int, **changes: Any) -> SimulatedGpu:
        """The same card with phases, tick jitter, sensor noise and latency drawn from `seed`."""
        import random

        random_ = random.Random(seed)
        drawn = {
            "seed": seed,
            "sensor_phase_s": random_.uniform(0, self.update_period_s),
            "counter_phase_s": random_.uniform(0, self.counter_period_s),
            "counter_jitter_s": 0.05 * self.counter_period_s,
            "power_noise_w": 1.0,
            "call_latency_s": 0.001,
            "call_latency_jitter_s": 0.004,
        }
        return replace(self, **(drawn | changes))

    def identity(self, index: int) -> str:
        """The UUID of the device at `index`."""
        return self.uuid or f"GPU-5131a7ed-0000-4000-8000-{index:012x}"

    def lines(self, index: int) -> Iterator[str]:
        """The device's part of the script."""
        yield f"name {self.name}"
        yield f"uuid {self.identity(index)}"
        if self.serial:
            yield f"serial {self.serial}"
        for setting, value in self._settings(index).items():
            if value is not None:
                yield f"set {setting} {float(value)!r}"
        yield f"repeating {int(self.profile.repeating)}"
        for segment in self.profile.segments:
            yield f"segment {segment.duration_s!r} {segment.start_w!r} {segment.end_w!r}"
        if self.work is not None:
            yield f"work_repeating {int(self.work.repeating)}"
            for segment in self.work.segments:
                yield f"work {segment.duration_s!r} {segment.start_w!r} {segment.end_w!r}"
        for reset_s in self.counter_resets_s:
            yield f"reset {reset_s!r}"
        for fault in (*self._absences(), *self.faults):
            yield f"fault {fault.call} {fault.result} {fault.from_s!r} {fault.until_s!r} {fault.calls!r}"
        for throttle in self.throttles:
            yield f"throttle {throttle.reasons} {throttle.from_s!r} {throttle.until_s!r}"
        for item in self.processes:
            yield f"process {item.pid} {item.kind} {item.from_s!r} {item.until_s!r} {item.memory_bytes}"
        for change in self.changes:
            yield f"at {change.from_s!r} {change.setting} {float(change.value)!r}"

    def _settings(self, index: int) -> dict[str, float | None]:
        same = (
            "averaging_s", "update_period_s", "sensor_phase_s", "power_noise_w", "average_window_s",
            "power_usage_is_average", "gain_error", "counter_gain_error", "counter_period_s", "counter_phase_s",
            "counter_jitter_s", "counter_resolution_mj", "counter_start_mj", "counter_range_mj",
            "counter_sees_sensor", "call_latency_s", "call_latency_jitter_s", "seed", "mig_mode", "power_limit_w",
            "default_power_limit_w", "sm_clock_mhz", "max_sm_clock_mhz", "memory_clock_mhz", "max_memory_clock_mhz",
            "temperature_c", "persistence_mode", "compute_mode", "performance_state", "utilization",
            "memory_utilization", "memory_bytes", "used_memory_bytes", "lost_at_s", "work_decay_s",
        )  # fmt: skip
        return {
            **{setting: getattr(self, setting) for setting in same},
            "architecture": ARCHITECTURES[self.architecture],
            "compute_capability_major": self.compute_capability[0],
            "compute_capability_minor": self.compute_capability[1],
            "min_power_limit_w": self.power_limit_range_w[0],
            "max_power_limit_w": self.power_limit_range_w[1],
            "pci_domain": 0,
            "pci_bus": self.pci_bus if self.pci_bus is not None else 0x10 + index,
            "pci_device": 0,
            **self.extra,
        }

    def _absences(self) -> Iterator[Fault]:
        if not self.has_counter:
            yield Fault("nvmlDeviceGetTotalEnergyConsumption")
        if not self.has_instant_field:
            yield Fault("NVML_FI_DEV_POWER_INSTANT")
        if not self.has_average_field:
            yield Fault("NVML_FI_DEV_POWER_AVERAGE")


def h100(profile: Profile, **changes: Any) -> SimulatedGpu:
    """Hopper: 25 of 100 ms, PowerUsage a one-second mean."""
    return SimulatedGpu(profile, **changes)


def a100(profile: Profile, **changes: Any) -> SimulatedGpu:
    """GA100: 25 of 100 ms, and PowerUsage shows just that (NVML excepts GA100 from the one-second mean)."""
    card: dict[str, Any] = {
        "name": "NVIDIA A100-SXM4-80GB", "architecture": "ampere", "compute_capability": (8, 0),
        "power_usage_is_average": False, "power_limit_w": 400.0, "default_power_limit_w": 400.0,
        "power_limit_range_w": (100.0, 400.0), "sm_clock_mhz": 1410.0, "max_sm_clock_mhz": 1410.0,
        "memory_clock_mhz": 1593.0, "max_memory_clock_mhz": 1593.0,
    }  # fmt: skip
    return SimulatedGpu(profile, **(card | changes))


def rtx_3090(profile: Profile, **changes: Any) -> SimulatedGpu:
    """GA102: the sensor sees all of each 100 ms, PowerUsage is a one-second mean, no MIG."""
    card: dict[str, Any] = {
        "name": "NVIDIA GeForce RTX 3090", "architecture": "ampere", "compute_capability": (8, 6),
        "averaging_s": 0.1, "mig_mode": None, "power_limit_w": 350.0, "default_power_limit_w": 350.0,
        "power_limit_range_w": (100.0, 366.0), "sm_clock_mhz": 1695.0, "max_sm_clock_mhz": 2100.0,
        "memory_clock_mhz": 9751.0, "max_memory_clock_mhz": 9751.0, "memory_bytes": 24.0 * 2**30,
    }  # fmt: skip
    return SimulatedGpu(profile, **(card | changes))


def v100(profile: Profile, **changes: Any) -> SimulatedGpu:
    """Volta: 10 of 20 ms, a counter that ticks every 20 ms, no fields for power, no MIG."""
    card: dict[str, Any] = {
        "name": "Tesla V100-SXM2-32GB", "architecture": "volta", "compute_capability": (7, 0),
        "averaging_s": 0.01, "update_period_s": 0.02, "counter_period_s": 0.02, "power_usage_is_average": False,
        "has_instant_field": False, "has_average_field": False, "mig_mode": None, "power_limit_w": 300.0,
        "default_power_limit_w": 300.0, "power_limit_range_w": (150.0, 300.0), "sm_clock_mhz": 1530.0,
        "max_sm_clock_mhz": 1530.0, "memory_clock_mhz": 877.0, "max_memory_clock_mhz": 877.0,
        "memory_bytes": 32.0 * 2**30,
    }  # fmt: skip
    return SimulatedGpu(profile, **(card | changes))


def p100(profile: Profile, **changes: Any) -> SimulatedGpu:
    """Pascal: no energy counter, no fields for power; instantaneous PowerUsage, 10 of 20 ms."""
    card: dict[str, Any] = {
        "name": "Tesla P100-PCIE-16GB", "architecture": "pascal", "compute_capability": (6, 0), "has_counter": False,
        "averaging_s": 0.01, "update_period_s": 0.02, "power_usage_is_average": False, "has_instant_field": False,
        "has_average_field": False, "mig_mode": None, "power_limit_w": 250.0, "default_power_limit_w": 250.0,
        "power_limit_range_w": (125.0, 250.0), "sm_clock_mhz": 1328.0, "max_sm_clock_mhz": 1328.0,
        "memory_clock_mhz": 715.0, "max_memory_clock_mhz": 715.0, "memory_bytes": 16.0 * 2**30,
    }  # fmt: skip
    return SimulatedGpu(profile, **(card | changes))
