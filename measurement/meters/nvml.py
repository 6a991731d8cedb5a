"""NVML: the driver's library (module pynvml of nvidia-ml-py), and the GPU that a CUDA device is.

pynvml is imported when a GPU is asked for, so that a machine without it can still measure its CPU. Every error of
the driver becomes one MeterFailure that says what the operator can do; only energy and power are worth one. All else
is a side question, which may fail for any reason without costing a figure.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Any

from measurement.errors import BadOption, MeterFailure, MeterMissing

TRIES = 3
"""How often a question is put before its answer is given up: drivers fail for a single call."""

SAME_LIMIT = 0.005
"""Up to this difference, relative, a power limit is the default."""

MOST_GPUS = 64
"""More than a machine has: where the driver does not count its GPUs, they are counted one by one."""

ABSENT_REMEDY = "no NVIDIA driver is visible here: install it, or start the container with `--gpus all`"

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
        return _answer(function, *arguments)
    except pynvml.NVMLError as error:
        raise _failure(doing, error) from None


def _answer(function: str, *arguments: Any) -> Any:
    import pynvml

    asked = getattr(pynvml, function, None)
    if asked is None:  # nvidia-ml-py is older than this function
        return None
    try:
        return asked(*arguments)
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_FunctionNotFound):
        return None
    except pynvml.NVMLLibraryMismatchError:  # the driver has another version of this function
        raise pynvml.NVMLError(pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH) from None


def _failure(doing: str, error: Exception) -> MeterFailure:
    remedy = _REMEDIES.get(type(error).__name__, "check `nvidia-smi` and `dmesg`")
    return MeterFailure(f"NVML can't {doing}: {error}; {remedy}")


def check_field(doing: str, result: int) -> None:
    """Raise MeterFailure for the result of reading a field, unless it says that the device doesn't support it."""
    import pynvml

    if result not in (pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND):
        raise _failure(doing, pynvml.NVMLError(result))


@dataclass(slots=True)
class Questions:
    """Side questions to the driver, put up to `tries` times. `unanswered`: function -> the last error, in words.

    What a device or driver doesn't support is no error: the answer is None.
    """

    tries: int = TRIES
    unanswered: dict[str, str] = field(default_factory=dict)

    def ask(self, function: str, *arguments: Any) -> Any:
        """The answer of `pynvml.<function>(*arguments)`, None if there is none. Raises no error of the driver."""
        import pynvml

        for left in reversed(range(self.tries)):
            try:
                return _answer(function, *arguments)
            except pynvml.NVMLError as error:
                if not left:
                    self.unanswered[function] = str(error)
        return None


def insist(doing: str, function: str, *arguments: Any) -> Any:
    """The answer to a question without which there is no meter. Raises MeterFailure if it failed `TRIES` times."""
    import pynvml

    for _ in range(TRIES):
        try:
            return getattr(pynvml, function)(*arguments)
        except pynvml.NVMLError as error:
            failed = error
    raise _failure(doing, failed)


def start() -> None:
    """Load the driver's library; may be called again. Raises MeterMissing if there is none or it fails."""
    try:
        insist("start", "nvmlInit")
    except ImportError:
        raise MeterMissing("the package nvidia-ml-py is not installed: `pip install nvidia-ml-py`") from None
    except MeterFailure as failure:
        raise MeterMissing(str(failure)) from None


def device_count() -> int:
    """GPUs that NVML shows, by its own count, else as many as can be opened. Call `start` first."""
    questions = Questions()
    count = questions.ask("nvmlDeviceGetCount")
    if count is not None:
        return int(count)
    opened = (questions.ask("nvmlDeviceGetHandleByIndex", index) is not None for index in range(MOST_GPUS))
    return next((index for index, is_open in enumerate(opened) if not is_open), MOST_GPUS)


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
    CUDA_DEVICE_ORDER=PCI_BUS_ID. If torch has started CUDA already, its UUID decides. Raises BadOption for a device
    that doesn't exist or is ambiguous, MeterMissing for a MIG slice: it has no energy of its own, MeterFailure if the
    driver gives no handle in any way.
    """
    uuid = _uuid_from_torch(ordinal)
    if uuid is not None:
        return _refuse_mig(_handle_by_uuid(uuid, "CUDA"))
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
    return _refuse_mig(_handle_by_number(int(chosen), ordinal) if chosen.isdigit() else _handle_by_uuid(chosen))


def _handle_by_number(number: int, ordinal: int) -> Any:
    try:
        handle = insist("open the GPU", "nvmlDeviceGetHandleByIndex", number)
    except MeterFailure:
        shown = Questions().ask("nvmlDeviceGetCount")
        if shown is not None and number >= shown:
            raise BadOption(f"cuda:{ordinal} does not exist: NVML shows {shown} GPUs", field="device") from None
        uuid = _uuid_from_torch(ordinal, start_cuda=True)
        if uuid is None:
            raise
        return _handle_by_uuid(uuid, "CUDA")
    if os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID" and not _are_alike(device_count()):
        raise BadOption("set CUDA_DEVICE_ORDER=PCI_BUS_ID: with different GPUs, CUDA numbers them in another order "
                       "than NVML does", field="device")  # fmt: skip
    return handle


def _are_alike(count: int) -> bool:
    """Whether there is one GPU, or all are known to have one name."""
    if count <= 1:
        return True
    questions = Questions()
    names = {_name(questions, questions.ask("nvmlDeviceGetHandleByIndex", i)) for i in range(count)}
    return len(names) == 1 and None not in names


_MIG = "the GPU is in MIG mode, and a slice has no energy of its own: turn MIG off (`sudo nvidia-smi -mig 0`)"


def _refuse_mig(handle: Any) -> Any:
    mode = Questions().ask("nvmlDeviceGetMigMode", handle)
    if mode is not None and mode[0]:
        raise MeterMissing(_MIG)
    return handle


def _uuid_from_torch(ordinal: int, *, start_cuda: bool = False) -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not (torch.cuda.is_initialized() or (start_cuda and torch.cuda.is_available())):
        return None
    if ordinal >= torch.cuda.device_count():
        return None
    uuid = getattr(torch.cuda.get_device_properties(ordinal), "uuid", None)
    return None if uuid is None else f"GPU-{uuid}"


def _handle_by_uuid(prefix: str, named_by: str = "CUDA_VISIBLE_DEVICES") -> Any:
    """The GPU of a UUID, or of the beginning of one as CUDA_VISIBLE_DEVICES may have it."""
    questions = Questions()
    if (handle := questions.ask("nvmlDeviceGetHandleByUUID", prefix)) is not None:
        return handle
    for index in range(device_count()):
        handle = questions.ask("nvmlDeviceGetHandleByIndex", index)
        if handle is not None and str(questions.ask("nvmlDeviceGetUUID", handle) or "").startswith(prefix):
            return handle
    questions.unanswered.pop("nvmlDeviceGetHandleByUUID", None)
    if questions.unanswered:
        why = ", ".join(f"{error} ({function})" for function, error in questions.unanswered.items())
        raise MeterFailure(f"NVML can't find the GPU {prefix}: {why}; check `nvidia-smi` and `dmesg`")
    raise BadOption(f"{named_by} names {prefix!r}, which `nvidia-smi -L` does not list", field="device")


def _name(questions: Questions, handle: Any) -> str | None:
    name = None if handle is None else questions.ask("nvmlDeviceGetName", handle)
    return None if name is None else str(name)


def product_of(handle: Any) -> str:
    """The GPU's name; empty if it is unknown."""
    return _name(Questions(), handle) or ""


def uuid_of(handle: Any) -> str | None:
    """The GPU's UUID, as `nvidia-smi -L` has it; None if it is unknown."""
    uuid = Questions().ask("nvmlDeviceGetUUID", handle)
    return None if uuid is None else str(uuid)


def describe(handle: Any, ordinal: int = 0) -> dict[str, Any]:
    """Identity and settings: name, uuid, driver, power_limit_w, memory_bytes, persistence, clocks, temperature.

    A power limit that is not the card's default is part of the name: such a card is other hardware, since both speed
    and joules per image depend on the limit.
    What the device doesn't report is None; `settings.unanswered` says which questions failed. A name that NVML does
    not report is taken from torch, if that is loaded.
    """
    import pynvml

    questions = Questions()
    limit_mw = questions.ask("nvmlDeviceGetEnforcedPowerLimit", handle)
    set_mw = questions.ask("nvmlDeviceGetPowerManagementLimit", handle)  # the enforced one may be lower for a while
    default_mw = questions.ask("nvmlDeviceGetPowerManagementDefaultLimit", handle)
    memory = questions.ask("nvmlDeviceGetMemoryInfo", handle)
    persistence = questions.ask("nvmlDeviceGetPersistenceMode", handle)
    name = _name(questions, handle) or _name_from_torch(ordinal) or "unnamed NVIDIA GPU"
    described = {
        "name": name + _at_limit(set_mw, default_mw),
        "uuid": questions.ask("nvmlDeviceGetUUID", handle),
        "driver": questions.ask("nvmlSystemGetDriverVersion"),
        "power_limit_w": None if limit_mw is None else limit_mw / 1000,
        "memory_bytes": None if memory is None else int(memory.total),
        "settings": {
            "default_power_limit_w": None if default_mw is None else default_mw / 1000,
            "persistence_mode": None if persistence is None else bool(persistence),
            "sm_clock_mhz": questions.ask("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_SM),
            "memory_clock_mhz": questions.ask("nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_MEM),
            "max_sm_clock_mhz": questions.ask("nvmlDeviceGetMaxClockInfo", handle, pynvml.NVML_CLOCK_SM),
            "temperature_c": questions.ask("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU),
        },
    }
    if questions.unanswered:
        described["settings"]["unanswered"] = questions.unanswered
    return described


def _at_limit(limit_mw: int | None, default_mw: int | None) -> str:
    """What a name says of a power limit that is not the default; nothing if either is unknown."""
    if not limit_mw or not default_mw or abs(limit_mw / default_mw - 1) < SAME_LIMIT:
        return ""
    return f" at {limit_mw / 1000:.0f} W"


def _name_from_torch(ordinal: int) -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or ordinal >= torch.cuda.device_count():
        return None
    return str(torch.cuda.get_device_name(ordinal))
