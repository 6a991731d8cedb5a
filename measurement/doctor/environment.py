"""The environment of the meters: container, virtual machine, CPU quota, cards without a driver, torch's build.

Read from files, so that nothing is imported or started; `root` is for tests.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")

_NVIDIA, _DISPLAY_CLASS = "0x10de", "0x03"
_TORCH_CUDA = re.compile(r"^cuda\b[^=\n]*=\s*(?:'([\d.]+)'|\"([\d.]+)\"|None)", re.MULTILINE)
_TORCH_VERSION = re.compile(r"^__version__\b[^=\n]*=\s*['\"]([^'\"]+)", re.MULTILINE)


def in_container(root: Path = ROOT) -> bool:
    """Whether this process runs in a container, as Docker, Podman and Kubernetes mark it."""
    if (root / ".dockerenv").exists() or (root / "run/.containerenv").exists():
        return True
    marks = ("docker", "kubepods", "containerd", "libpod")
    return any(mark in (_text(root / "proc/1/cgroup") or "") for mark in marks)


def in_virtual_machine(root: Path = ROOT) -> bool:
    """Whether the processor reports a hypervisor."""
    flags = re.search(r"^flags\s*:(.*)$", _text(root / "proc/cpuinfo") or "", re.MULTILINE)
    return flags is not None and "hypervisor" in flags[1].split()


def nvidia_cards(root: Path = ROOT) -> list[str]:
    """PCI addresses of NVIDIA's display and compute cards, with a driver or without."""
    devices = root / "sys/bus/pci/devices"
    found = sorted(devices.iterdir()) if devices.is_dir() else []
    return [
        device.name
        for device in found
        if _text(device / "vendor") == _NVIDIA and (_text(device / "class") or "").startswith(_DISPLAY_CLASS)
    ]


def cpu_quota(root: Path = ROOT) -> float | None:
    """CPU time, in cores, that this process's control groups allow; None without a limit."""
    limits = [
        limit
        for line in (_text(root / "proc/self/cgroup") or "").splitlines()
        for folder in _group_folders(line, root / "sys/fs/cgroup")
        if (limit := _limit_of(folder)) is not None
    ]
    return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class TorchBuild:
    """The torch that is installed; `cuda` is the CUDA version that it was built for, None for none."""

    version: str
    cuda: str | None

    @property
    def cuda_major(self) -> int | None:
        return None if self.cuda is None else int(self.cuda.partition(".")[0])


def torch_build() -> TorchBuild | None:
    """From torch's own version file, without importing torch; None if there is none."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    return read_torch_build(Path(found.origin).with_name("version.py"))


def read_torch_build(path: Path) -> TorchBuild | None:
    """`torch/version.py`; None if it does not say its version."""
    text = _text(path) or ""
    version, cuda = _TORCH_VERSION.search(text), _TORCH_CUDA.search(text)
    return None if version is None else TorchBuild(version[1], (cuda[1] or cuda[2]) if cuda else None)


def _group_folders(line: str, mount: Path) -> list[Path]:
    """The folders of one line of /proc/self/cgroup and of all groups above, if it limits CPU time."""
    number, controllers, group = [*line.split(":", 2), "", ""][:3]
    if number == "0" and not controllers:
        tops = [mount, mount / "unified"]
    elif "cpu" in controllers.split(","):
        tops = [mount / controllers, mount / "cpu"]
    else:
        return []
    parts = [part for part in group.split("/") if part not in ("", "..")]
    return [top.joinpath(*parts[:depth]) for top in tops for depth in range(len(parts) + 1)]


def _limit_of(folder: Path) -> float | None:
    words = (_text(folder / "cpu.max") or "").split()
    if not words:
        words = [_text(folder / f"cpu.cfs_{what}_us") or "" for what in ("quota", "period")]
    try:
        quota, period = int(words[0]), int(words[1])
    except (ValueError, IndexError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return None
