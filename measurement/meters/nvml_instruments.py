"""A GPU's energy counter and power sensor, read through NVML, and which of them a card has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from measurement.errors import MeterFailure
from measurement.meters.base import EnergyCounter, Kind, PowerSensor
from measurement.meters.nvml import TRIES, Questions, call, check_field, product_of
from measurement.vocabulary import Source

UPDATE_PERIOD_S = 0.1
"""Longest interval between two changes of NVML's counter and sensors (20–100 ms, by board). Used if it was not
measured on the card, so that the uncertainty of edges is never too small."""

AVERAGE_S = 1.0
"""What `nvmlDeviceGetPowerUsage` averages over, if it is an average."""

_GA100 = re.compile(r"\b(A100|A800|A30|PG506|CMP 170HX)\b")

PART_TIME_SHARE = 0.25
"""The share of time that the sensor of a GA100 or GH100 measures: 25 of each 100 ms (arXiv 2312.02741)."""

_GH100 = re.compile(r"\b(H100|H800|H200|H20|GH200)\b")


@dataclass(frozen=True, slots=True)
class NvmlEnergyCounter:
    """`nvmlDeviceGetTotalEnergyConsumption`: millijoules since the driver was loaded. Volta and newer."""

    handle: Any
    name: str
    kind: Kind = "gpu"
    range_mj: float | None = None
    update_period_s: float = UPDATE_PERIOD_S
    sample_period_s: float = UPDATE_PERIOD_S / 2

    @property
    def source(self) -> Source:
        return Source.NVML_COUNTER

    def read_mj(self) -> float | None:
        energy_mj = call("read the energy counter", "nvmlDeviceGetTotalEnergyConsumption", self.handle)
        return None if energy_mj is None else float(energy_mj)


@dataclass(frozen=True, slots=True)
class NvmlPowerSensor:
    """Board power. `instant` reads the field POWER_INSTANT, else `nvmlDeviceGetPowerUsage`.

    `update_period_s` is 1 s if the latter is a one-second average: that is what edges may be off by.
    """

    handle: Any
    name: str
    instant: bool
    update_period_s: float
    kind: Kind = "gpu"
    sample_period_s: float = UPDATE_PERIOD_S / 2
    seen_share: float = 1.0

    @property
    def source(self) -> Source:
        return Source.NVML_POWER

    def read_w(self) -> float | None:
        if self.instant:
            return _instant_power_w(self.handle)
        power_mw = call("read the power", "nvmlDeviceGetPowerUsage", self.handle)
        return None if power_mw is None else power_mw / 1000


def _instant_power_w(handle: Any) -> float | None:
    import pynvml

    doing = "read the instantaneous power"
    values = call(doing, "nvmlDeviceGetFieldValues", handle, [pynvml.NVML_FI_DEV_POWER_INSTANT])
    if values is None:
        return None
    if (failed := values[0].nvmlReturn) != pynvml.NVML_SUCCESS:
        check_field(doing, failed)
        return None
    return float(values[0].value.uiVal) / 1000


@dataclass(frozen=True, slots=True)
class Instruments:
    """A GPU's counter and power sensor, as far as they can be read. `lacking`: why one is missing, in words."""

    counters: list[EnergyCounter] = field(default_factory=list)
    sensors: list[PowerSensor] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


def instruments_of(handle: Any, name: str) -> Instruments:
    """The counter and the power sensor of a GPU that can be read now. Without either its joules are missing."""
    found = Instruments()
    counter = NvmlEnergyCounter(handle, name)
    if (why := _why_not(counter.read_mj, "this GPU has no energy counter")) is None:
        found.counters.append(counter)
    else:
        found.lacking.append(why)
    usage_period_s = AVERAGE_S if _usage_is_average(handle) else UPDATE_PERIOD_S
    share = PART_TIME_SHARE if _may_be_part_time(handle) else 1.0
    usage_share = share if usage_period_s < AVERAGE_S else 1.0
    reasons = []
    for sensor in (
        NvmlPowerSensor(handle, name, True, UPDATE_PERIOD_S, seen_share=share),
        NvmlPowerSensor(handle, name, False, usage_period_s, seen_share=usage_share),
    ):
        if (why := _why_not(sensor.read_w, "this GPU reports no power")) is None:
            found.sensors.append(sensor)
            return found
        reasons.append(why)
    found.lacking.append(reasons[-1])
    return found


def _why_not(read: Callable[[], float | None], absent: str) -> str | None:
    """Why an instrument gives no reading; None if it gives one."""
    why = absent
    for _ in range(TRIES):
        try:
            return absent if read() is None else None
        except MeterFailure as failure:
            why = str(failure)
    return why


def _may_be_part_time(handle: Any) -> bool:
    """Whether the sensor measures part of the time, as those of a GA100 or GH100 do, or of an unknown card may."""
    product = product_of(handle)
    return not product or bool(_GA100.search(product) or _GH100.search(product))


def _usage_is_average(handle: Any) -> bool:
    """Whether `nvmlDeviceGetPowerUsage` is a one-second mean, as NVML documents it: on Ampere and newer except
    GA100. Unknown counts as one, the less certain of the two."""
    import pynvml

    architecture = Questions().ask("nvmlDeviceGetArchitecture", handle)
    if architecture is None or architecture > pynvml.NVML_DEVICE_ARCH_AMPERE:
        return True
    return bool(architecture == pynvml.NVML_DEVICE_ARCH_AMPERE and not _GA100.search(product_of(handle)))
