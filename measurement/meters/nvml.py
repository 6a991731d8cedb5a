"""NVML: a GPU's energy counter and power sensor, through the driver's library (module pynvml of nvidia-ml-py).

pynvml is imported when a GPU is asked for, so that a machine without it can still measure its CPU. Every error of
the driver becomes one MeterFailure that says what the operator can do.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import Any

from measurement.errors import BadOption, MeterFailure, MeterMissing
from measurement.meters.base import EnergyCounter, Kind, PowerSensor
from measurement.vocabulary import Source

UPDATE_PERIOD_S = 0.1
"""Longest interval between two changes of NVML's counter and sensors (20–100 ms, by board). Used if it was not
measured on the card, so that the uncertainty of edges is never too small."""

AVERAGE_S = 1.0
"""What `nvmlDeviceGetPowerUsage` averages over, if it is an average."""

_GA100 = re.compile(r"\b(A100|A800|A30|PG506|CMP 170HX)\b")

ABSENT_REMEDY = "no NVIDIA driver is visible here: install it, or start the container with `--gpus all`"

PART_TIME_SHARE = 0.25
"""The share of time that the sensor of a GA100 or GH100 measures: 25 of each 100 ms (arXiv 2312.02741)."""

_GH100 = re.compile(r"\b(H100|H800|H200|H20|GH200)\b")

_REMEDIES = {
    "NVMLError_LibraryNotFound": ABSENT_REMEDY,
    "NVMLError_DriverNotLoaded": "load the NVIDIA driver: `sudo modprobe nvidia`, then check `nvidia-smi`",
    "NVMLError_LibRmVersionMismatch": "the driver was updated under the running kernel module: reboot",
    "NVMLError_NoPermission": "run as a user that may read /dev/nvidia* (often the group video)",
    "NVMLError_GpuIsLost": "the GPU fell off the bus: see `dmesg`, reboot, and discard the running phase",
    "NVMLError_ResetRequired": "the GPU needs a reset: `sudo nvidia-smi --gpu-reset`",
    "NVMLError_NotFound": "no such GPU: `nvidia-smi -L` lists those that exist",
    "NVMLError_InvalidArgument": "no such GPU: `nvidia-smi -L` lists those that exist",
}


def call(doing: str, function: str, *arguments: Any) -> Any:
    """`pynvml.<function>(*arguments)`; None if the device doesn't support it. Raises MeterFailure otherwise."""
    import pynvml

    try:
        return getattr(pynvml, function)(*arguments)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return None
    except pynvml.NVMLError as error:
        remedy = _REMEDIES.get(type(error).__name__, "check `nvidia-smi` and `dmesg`")
        raise MeterFailure(f"NVML can't {doing}: {error}; {remedy}") from None


def start() -> None:
    """Load the driver's library; may be called again. Raises MeterMissing if there is none or it fails."""
    try:
        call("start", "nvmlInit")
    except ImportError:
        raise MeterMissing("the package nvidia-ml-py is not installed: `pip install nvidia-ml-py`") from None
    except MeterFailure as failure:
        raise MeterMissing(str(failure)) from None


def device_count() -> int:
    """GPUs that NVML shows. Call `start` first."""
    return int(call("count the GPUs", "nvmlDeviceGetCount") or 0)


def visible_count() -> int:
    """GPUs that CUDA can use in this process. Call `start` first."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return device_count() if visible is None else len(_entries(visible))


def _entries(visible: str) -> list[str]:
    """CUDA takes the devices before the first that is not valid, and -1 usually means none."""
    entries = [entry.strip() for entry in visible.split(",")]
    invalid = next((position for position, entry in enumerate(entries) if entry in ("", "-1")), len(entries))
    return entries[:invalid]


def handle_of(ordinal: int) -> Any:
    """NVML's handle of CUDA device `ordinal`.

    NVML counts all GPUs in PCI order, CUDA only those in CUDA_VISIBLE_DEVICES, fastest first unless
    CUDA_DEVICE_ORDER=PCI_BUS_ID. If torch is loaded already, its UUID decides. Raises BadOption for a device that
    doesn't exist or is ambiguous, MeterMissing for a MIG slice: it has no energy of its own.
    """
    uuid = _uuid_from_torch(ordinal)
    if uuid is not None:
        return _refuse_mig(call("find the GPU", "nvmlDeviceGetHandleByUUID", uuid))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        chosen = str(ordinal)
    else:
        entries = _entries(visible)
        if ordinal >= len(entries):
            raise BadOption(f"cuda:{ordinal} does not exist: CUDA_VISIBLE_DEVICES is {visible!r}", field="device")
        chosen = entries[ordinal]
    if chosen.startswith("MIG"):
        raise MeterMissing(_MIG)
    if not chosen.isdigit():
        return _refuse_mig(_handle_by_uuid(chosen))
    if int(chosen) >= device_count():
        raise BadOption(f"cuda:{ordinal} does not exist: NVML shows {device_count()} GPUs", field="device")
    if os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID" and len({_name(i) for i in range(device_count())}) > 1:
        raise BadOption("set CUDA_DEVICE_ORDER=PCI_BUS_ID: with different GPUs, CUDA numbers them in another order "
                       "than NVML does", field="device")  # fmt: skip
    return _refuse_mig(_handle(int(chosen)))


_MIG = "the GPU is in MIG mode, and a slice has no energy of its own: turn MIG off (`sudo nvidia-smi -mig 0`)"


def _refuse_mig(handle: Any) -> Any:
    mode = call("read the MIG mode", "nvmlDeviceGetMigMode", handle)
    if mode is not None and mode[0]:
        raise MeterMissing(_MIG)
    return handle


def _uuid_from_torch(ordinal: int) -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized() or ordinal >= torch.cuda.device_count():
        return None
    uuid = getattr(torch.cuda.get_device_properties(ordinal), "uuid", None)
    return None if uuid is None else f"GPU-{uuid}"


def _handle_by_uuid(prefix: str) -> Any:
    for index in range(device_count()):
        if str(call("read a UUID", "nvmlDeviceGetUUID", _handle(index)) or "").startswith(prefix):
            return _handle(index)
    raise BadOption(f"CUDA_VISIBLE_DEVICES names {prefix!r}, which `nvidia-smi -L` does not list", field="device")


def _handle(index: int) -> Any:
    return call("open the GPU", "nvmlDeviceGetHandleByIndex", index)


def _name(index: int) -> str:
    return _product(_handle(index))


def _product(handle: Any) -> str:
    return str(call("read a name", "nvmlDeviceGetName", handle) or "")


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

    values = call(
        "read the instantaneous power", "nvmlDeviceGetFieldValues", handle, [pynvml.NVML_FI_DEV_POWER_INSTANT]
    )
    if values is None or values[0].nvmlReturn != pynvml.NVML_SUCCESS:
        return None
    return float(values[0].value.uiVal) / 1000


def instruments_of(handle: Any, name: str) -> tuple[list[EnergyCounter], list[PowerSensor]]:
    """The counter and the power sensor that this GPU has; both may be absent (then its joules are missing)."""
    counters: list[EnergyCounter] = []
    sensors: list[PowerSensor] = []
    counter = NvmlEnergyCounter(handle, name)
    if counter.read_mj() is not None:
        counters.append(counter)
    usage_period_s = AVERAGE_S if _usage_is_average(handle) else UPDATE_PERIOD_S
    product = _product(handle)
    share = PART_TIME_SHARE if _GA100.search(product) or _GH100.search(product) else 1.0
    usage_share = share if usage_period_s < AVERAGE_S else 1.0
    for sensor in (
        NvmlPowerSensor(handle, name, True, UPDATE_PERIOD_S, seen_share=share),
        NvmlPowerSensor(handle, name, False, usage_period_s, seen_share=usage_share),
    ):
        if sensor.read_w() is not None:
            sensors.append(sensor)
            break
    return counters, sensors


def uuid_of(handle: Any) -> str | None:
    """The GPU's UUID, as `nvidia-smi -L` has it; None if it reports none."""
    uuid = call("read the UUID", "nvmlDeviceGetUUID", handle)
    return None if uuid is None else str(uuid)


def _usage_is_average(handle: Any) -> bool:
    """Whether `nvmlDeviceGetPowerUsage` is a one-second mean, as NVML documents it: on Ampere and newer except
    GA100."""
    import pynvml

    architecture = call("read the architecture", "nvmlDeviceGetArchitecture", handle)
    if architecture is None or architecture > pynvml.NVML_DEVICE_ARCH_AMPERE:
        return True
    return bool(architecture == pynvml.NVML_DEVICE_ARCH_AMPERE and not _GA100.search(_product(handle)))


def describe(handle: Any) -> dict[str, Any]:
    """Identity and settings: name, uuid, driver, power_limit_w, memory_bytes, persistence, clocks, temperature.

    What the device doesn't report is None.
    """
    import pynvml

    def read(function: str, *arguments: Any) -> Any:
        return call("describe the GPU", function, handle, *arguments)

    limit_mw = read("nvmlDeviceGetEnforcedPowerLimit")
    memory = read("nvmlDeviceGetMemoryInfo")
    return {
        "name": str(read("nvmlDeviceGetName") or "unnamed NVIDIA GPU"),
        "uuid": read("nvmlDeviceGetUUID"),
        "driver": call("read the driver's version", "nvmlSystemGetDriverVersion"),
        "power_limit_w": None if limit_mw is None else limit_mw / 1000,
        "memory_bytes": None if memory is None else int(memory.total),
        "settings": {
            "persistence_mode": _as_bool(read("nvmlDeviceGetPersistenceMode")),
            "sm_clock_mhz": read("nvmlDeviceGetClockInfo", pynvml.NVML_CLOCK_SM),
            "memory_clock_mhz": read("nvmlDeviceGetClockInfo", pynvml.NVML_CLOCK_MEM),
            "max_sm_clock_mhz": read("nvmlDeviceGetMaxClockInfo", pynvml.NVML_CLOCK_SM),
            "temperature_c": read("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU),
        },
    }


def _as_bool(value: Any) -> bool | None:
    return None if value is None else bool(value)
