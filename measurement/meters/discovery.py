"""Which instruments this machine has for a device, and what the device calls itself."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from measurement.errors import BadOption, MeterFailure, MeterMissing
from measurement.meters import nvml
from measurement.meters.base import (
    Clock,
    EnergyCounter,
    Kind,
    PowerSensor,
    SystemClock,
    kinds_in_scope,
    provenance_of,
)
from measurement.meters.device_lock import DeviceLock
from measurement.meters.disturbances import CpuObserver, GpuObserver, ReferenceObserver
from measurement.meters.estimate import CpuPowerModel, CpuTimeCounter, MemoryCounter, ProcessTree, cpu_model
from measurement.meters.nvml_instruments import instruments_of
from measurement.meters.observation import Observer
from measurement.meters.rapl import POWERCAP_ROOT, find_zones
from measurement.record import Hardware
from measurement.vocabulary import Provenance, Scope, Source

_DEVICE = re.compile(r"^(?:cpu|cuda:(\d+))$")


@dataclass(slots=True)
class Discovery:
    """The instruments found for a device (or several GPUs, `device` being the first), with their observers and locks.

    `remedies` says, per kind without a meter, what would help; `notes` what of a GPU's instruments can't be read;
    `identities` holds the UUIDs of the components that have one.
    """

    devices: tuple[str, ...]
    counters: list[EnergyCounter] = field(default_factory=list)
    sensors: list[PowerSensor] = field(default_factory=list)
    remedies: dict[Kind, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    observers: list[Observer] = field(default_factory=list)
    identities: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def device(self) -> str:
        """The first device."""
        return self.devices[0]

    def sources(self, scope: Scope) -> tuple[Source, ...]:
        """The sources that `scope` would be summed from; empty if one of its kinds has none."""
        kinds = kinds_in_scope(scope, self.device)
        chosen: dict[str, tuple[Kind, Source]] = {}
        for instrument in (*self.counters, *self.sensors):
            chosen.setdefault(instrument.name, (instrument.kind, instrument.source))
        used = [(kind, source) for kind, source in chosen.values() if kind in kinds]
        return tuple(dict.fromkeys(source for _, source in used)) if {kind for kind, _ in used} == kinds else ()

    def provenance(self, scope: Scope) -> Provenance:
        """The provenance that a figure in `scope` would have."""
        return provenance_of(self.sources(scope))

    @property
    def locks(self) -> list[DeviceLock]:
        """The locks that keep other measurements off the devices."""
        if self.device == "cpu":
            return [DeviceLock("cpu", "cpu")]
        devices = {f"gpu{ordinal}": device for device in self.devices if (ordinal := _ordinal(device)) is not None}
        return [DeviceLock(self.identities.get(name, device), device) for name, device in devices.items()]

    def require_metered(self) -> None:
        """Raises MeterMissing unless the accelerator scope is metered, with what to do."""
        if self.provenance(Scope.ACCELERATOR) != Provenance.METERED:
            raise missing_meter(self.device, self.remedies)


def missing_meter(device: str, remedies: Mapping[Kind, str]) -> MeterMissing:
    """The error that says what would give `device` a meter."""
    remedy = remedies.get("cpu" if device == "cpu" else "gpu", "run `python -m measurement doctor`")
    return MeterMissing(f"no energy meter for {device}: {remedy}", field="device")


def discover(device: str | Sequence[str], clock: Clock | None = None, powercap: Path = POWERCAP_ROOT) -> Discovery:
    """The instruments for a model on `device` (`cpu`, `cuda:0` …, or several GPUs), each with its best instrument.

    CPU and DRAM fall back to the estimate, each by itself; a GPU without counter and sensor stays missing. Raises
    BadOption for a device that doesn't exist, MeterMissing for a MIG slice.
    """
    clock = clock if clock is not None else SystemClock()
    devices = (device,) if isinstance(device, str) else tuple(dict.fromkeys(device))
    found = Discovery(devices)
    ordinals = [_ordinal(device) for device in devices]
    if len(devices) != 1 and None in (ordinals or [None]):
        raise BadOption(f"several devices must all be GPUs (got {', '.join(devices) or 'none'})", field="device")
    for ordinal in ordinals:
        if ordinal is not None:
            _add_gpu(found, ordinal)
    if "gpu" in found.remedies:  # some of the GPUs alone are not the work's joules
        found.counters, found.sensors, found.notes = [], [], [f"gpu: {found.remedies['gpu']}"]
    zones = find_zones(powercap)
    cpus, drams = zones.of_kind("cpu"), zones.of_kind("dram")
    found.counters += [*cpus, *drams]
    tree, model = ProcessTree(), CpuPowerModel.of_this_machine()
    if found.device == "cpu":
        found.observers += [ReferenceObserver(), CpuObserver(is_metered=bool(cpus))]
    if not cpus:
        found.counters.append(CpuTimeCounter(tree, model))
        found.remedies["cpu"] = zones.remedy or "no package zone found in the RAPL tree"
    if not drams:
        found.counters.append(MemoryCounter(tree, model, clock))
        found.remedies["dram"] = zones.remedy or "this processor's RAPL has no DRAM zone; its memory is estimated"
    if not (cpus and drams):
        found.settings["power_model"] = model.describe()
    return found


def describe_hardware(device: str) -> Hardware:
    """What `device` calls itself, with its settings at this moment.

    A CPU's figures depend on how many cores the process may use, so its name includes them: `AMD EPYC 9R14 (2
    cores)`. Raises BadOption for a device that doesn't exist, MeterMissing if a GPU's driver doesn't answer.
    """
    ordinal = _ordinal(device)
    if ordinal is not None:
        return _describe_gpu(ordinal)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Hardware(
        name=f"{cpu_model()} ({cores} core{'s' if cores != 1 else ''})"[:200],
        kind="cpu",
        cores=cores,
        memory_bytes=psutil.virtual_memory().total,
        settings=discover("cpu").settings,
    )


def _describe_gpu(ordinal: int) -> Hardware:
    nvml.start()
    try:
        described = nvml.describe(nvml.handle_of(ordinal), ordinal)
    except MeterFailure as failure:
        raise MeterMissing(str(failure), field="device") from None
    return Hardware(kind="cuda", cores=os.cpu_count(), **described)


def _add_gpu(found: Discovery, ordinal: int) -> None:
    try:
        nvml.start()
    except MeterMissing as missing:
        found.remedies["gpu"] = str(missing)
        return
    try:
        handle = nvml.handle_of(ordinal)
    except MeterFailure as failure:
        found.remedies["gpu"] = str(failure)
        return
    name = f"gpu{ordinal}"
    instruments = instruments_of(handle, name)
    if not instruments.counters and not instruments.sensors:
        found.remedies["gpu"] = (
            f"this GPU reports neither its energy nor its power ({'; '.join(instruments.lacking)}); a newer driver "
            "or board may"
        )
        return
    found.counters += instruments.counters
    found.sensors += instruments.sensors
    instead = "its power is integrated instead" if instruments.sensors else "its counter is not checked against it"
    found.notes += [f"{name}: {why}; {instead}" for why in instruments.lacking]
    found.observers.append(GpuObserver(handle))
    if (uuid := nvml.uuid_of(handle)) is not None:
        found.identities[name] = uuid


def _ordinal(device: str) -> int | None:
    """The number of a CUDA device, None for the CPU. Raises BadOption for anything else."""
    matched = _DEVICE.match(device)
    if matched is None:
        raise BadOption(f"{device!r} is not a device; use cpu, cuda:0, cuda:1 …", field="device")
    return None if matched[1] is None else int(matched[1])
