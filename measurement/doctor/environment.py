"""The environment of the meters: container, virtual machine, cards without a driver, torch's build.

Read from files, so that nothing is imported or started; `root` is for tests.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
REMOTE = "AzureExecutionProvider"
"""Runs a graph on another machine, which nothing here meters."""

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


def onnx_providers() -> tuple[str, ...]:
    """The execution providers of the ONNX Runtime that is installed, the fastest first; none without it."""
    try:
        import onnxruntime
    except Exception:  # broken libraries raise what they like, and the doctor goes on
        return ()
    return tuple(name for name in onnxruntime.get_available_providers() if name != REMOTE)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return None
