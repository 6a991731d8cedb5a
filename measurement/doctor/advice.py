"""What an operator can do for better meters: one piece of advice for each missing part, with its commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measurement.dataroot import NEEDED_BYTES, data_root, why_not_writable
from measurement.doctor import environment
from measurement.doctor.environment import ROOT, TorchBuild
from measurement.errors import MeasurementError
from measurement.meters import nvml
from measurement.meters.control_groups import cpu_quota
from measurement.meters.rapl import POWERCAP_ROOT, RaplZones, find_zones

RAPL_FILES = "/sys/class/powercap/intel-rapl:*/energy_uj /sys/class/powercap/intel-rapl:*/intel-rapl:*/energy_uj"
UDEV_RULE = 'ACTION=="add", SUBSYSTEM=="powercap", RUN+="/bin/chmod a+r /sys%p/energy_uj"'


@dataclass(frozen=True, slots=True)
class Advice:
    """`subject` is the topic, `message` the fault and its effect; `commands` are ready to paste."""

    subject: str
    message: str
    commands: tuple[str, ...] = ()


def of_rapl(zones: RaplZones | None = None, root: Path = ROOT) -> Iterator[Advice]:
    """Why processor and memory are estimated, if they are."""
    zones = zones if zones is not None else find_zones(POWERCAP_ROOT)
    if zones.unreadable:
        names = ", ".join(zone.name for zone in zones.unreadable)
        yield Advice(
            "RAPL permission",
            f"this user may not read the counters of {names}, so their energy is estimated. On "
            "the host, as administrator, run the first command (lasts until the next boot), the second (permanent), "
            "or the third (only for this Python and the processes that it starts)",
            (
                f"sudo chmod a+r {RAPL_FILES}",
                f"echo '{UDEV_RULE}' | sudo tee /etc/udev/rules.d/70-rapl.rules && sudo udevadm control --reload "
                "&& sudo udevadm trigger --subsystem-match=powercap --action=add",
                f"sudo setcap cap_dac_read_search+ep {Path(sys.executable).resolve()}",
            ),
        )
    elif not zones.of_kind("cpu"):
        yield from _of_absent_rapl(root)


def _of_absent_rapl(root: Path) -> Iterator[Advice]:
    if environment.in_virtual_machine(root):
        yield Advice(
            "RAPL in a virtual machine",
            "this is a virtual machine, and hypervisors seldom give access to the processor's counters: CPU and "
            "memory are estimated here; measure them on a physical machine",
        )
    elif environment.in_container(root):
        yield Advice(
            "RAPL in a container",
            "Docker and Podman hide /sys/devices/virtual/powercap from containers: start this one with that path "
            "unmasked, and make the counters readable on the host",
            (
                "docker run --security-opt systempaths=unconfined …",
                "podman run --security-opt unmask=/sys/devices/virtual/powercap …",
                f"sudo chmod a+r {RAPL_FILES}  # on the host",
            ),
        )
    else:
        yield Advice(
            "RAPL driver",
            "the kernel shows no RAPL counters: load its driver; processors before Sandy Bridge and Zen have none",
            ("sudo modprobe intel_rapl_msr", "ls /sys/class/powercap"),
        )


def of_missing_driver(root: Path = ROOT) -> Iterator[Advice]:
    """If NVML does not answer: whether there is a card that needs a driver."""
    cards = environment.nvidia_cards(root)
    if not cards:
        return
    if environment.in_container(root):
        what = "but this container has no access to them"
        commands: tuple[str, ...] = ("docker run --gpus all …", "podman run --device nvidia.com/gpu=all …")
    else:
        what = "but their driver does not answer: install or load it"
        commands = (
            "sudo modprobe nvidia",
            "sudo ubuntu-drivers install  # Ubuntu; for others see the distribution's documentation",
        )
    yield Advice("NVIDIA driver", f"NVIDIA cards found ({', '.join(cards)}), {what}", commands)


def of_gpu(ordinal: int, persistence_mode: bool | None, remedy: str | None) -> Iterator[Advice]:
    """MIG, and a driver that unloads between runs."""
    if remedy is not None and "MIG" in remedy:
        yield Advice(
            f"cuda:{ordinal} is in MIG mode",
            "a MIG slice has no energy of its own, so it can't be measured. Turn MIG off while nothing uses the GPU",
            (f"sudo nvidia-smi -i {ordinal} -mig 0",),
        )
    if persistence_mode is False:
        yield Advice(
            f"cuda:{ordinal} without persistence mode",
            "the driver unloads whenever nothing uses the GPU: its counter then starts again, and its idle power "
            "differs from run to run",
            ("sudo nvidia-smi -pm 1",),
        )


def of_disk() -> Iterator[Advice]:
    """For a data root without space: neither results nor checkpoints can be written."""
    root = data_root()
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    if reason := why_not_writable(there, by_writing=False):
        yield Advice(
            "disk",
            f"{root}: {reason}. A worker takes no run until it can write {NEEDED_BYTES // 2**20} MiB there",
            (f"df -h {there}",),
        )


def of_use(device: str, in_use: str) -> Iterator[Advice]:
    """For a device that another measurement holds."""
    if in_use:
        yield Advice(f"{device} is in use", in_use)


def of_torch(build: TorchBuild | None, gpus: int) -> Iterator[Advice]:
    """For a GPU in NVML that the installed torch can't use."""
    if build is None or not gpus:
        return
    shown = f"NVML shows {gpus} GPU{'s' if gpus != 1 else ''}"
    if build.cuda_major is None:
        yield Advice(
            "torch without CUDA",
            f"{shown}, but torch {build.version} is built without CUDA: runs would use the CPU",
            ("pip install --force-reinstall torch torchvision --index-url https://download.pytorch.org/whl/cu126",),
        )
        return
    driver = _driver_cuda_major()
    if driver is not None and build.cuda_major > driver:
        yield Advice(
            "torch newer than the driver",
            f"{shown}, but its driver supports CUDA up to {driver}, and torch {build.version} needs CUDA "
            f"{build.cuda}: update the driver, or install a torch built for an older CUDA",
        )


def of_cpu_quota(root: Path = ROOT) -> Iterator[Advice]:
    """For a container whose share of CPU time is less than the cores that threads are started for."""
    quota = cpu_quota(root)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if quota is not None and quota < cores - 0.01:
        yield Advice(
            "CPU quota",
            f"the control group allows {quota:g} of the {cores} cores that this process sees: threads are paused "
            "repeatedly, which lengthens runs and adds idle energy. Assign whole cores exclusively",
            ("docker run --cpuset-cpus 0-3 …  # instead of --cpus", f"export OMP_NUM_THREADS={max(1, int(quota))}"),
        )


def _driver_cuda_major() -> int | None:
    try:
        version = nvml.call("read the driver's CUDA version", "nvmlSystemGetCudaDriverVersion")
    except MeasurementError:
        return None
    return None if version is None else int(version) // 1000
