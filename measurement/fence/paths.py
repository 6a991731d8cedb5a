"""What a child sees of the file system besides its own folder: what Python and its packages need, and its data."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import measurement
from measurement.dataroot import lock_folder, lock_name

# Of /etc only what the dynamic linker, time zones and user names take: services keep their secrets there.
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf",
)  # fmt: skip
_DEVICES = ("nvidia*", "nvidia-caps")


def system_paths(environment: dict[str, str]) -> Iterator[Path]:
    """What is bound read-only whatever the child does, if it exists."""
    yield from map(Path, _SYSTEM)
    yield from python_paths()
    for variable in ("LD_LIBRARY_PATH", "CUDA_HOME"):
        yield from (Path(part) for part in environment.get(variable, "").split(":") if part.startswith("/"))


def python_paths() -> Iterator[Path]:
    """The interpreter, its environment, its packages and `measurement`; never the folder that holds it.

    A checkout may hold the site's data and settings.
    """
    yield Path(sys.base_prefix)
    if sys.prefix != sys.base_prefix:
        yield Path(sys.prefix)
    yield from _links(Path(sys.executable))
    packages = {*site.getsitepackages(), *sysconfig.get_paths().values(), *sys.path}
    yield from (
        Path(folder) for folder in sorted(packages) if Path(folder).name in ("site-packages", "dist-packages")
    )
    yield Path(measurement.__file__).resolve().parent


def _links(path: Path) -> Iterator[Path]:
    """Every link on the way to a file, and what it points to in the end, each with its folder's real place."""
    for _ in range(10):
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()


def data_paths(data_root: Path, recipe: str) -> list[Path]:
    """What of the data root a measurement reads: never the site's database, files, settings or other runs.

    Of uploaded files those that its recipe, a text, names by their SHA-256: the others are of other people.
    """
    shared = [data_root / name for name in ("datasets", "weights", "manifests")]
    named = sorted({*re.findall(r"\b[0-9a-f]{64}\b", recipe)})
    return shared + [data_root / folder / sha256 for folder in ("artifacts", "unpacked") for sha256 in named]


def lock_files() -> list[Path]:
    """The locks of this machine's devices; that of the CPU is made if need be, those of GPUs by the doctor."""
    folder = lock_folder()
    with suppress(OSError):
        file = os.open(folder / lock_name("cpu"), os.O_CREAT | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        with suppress(OSError):
            os.fchmod(file, 0o666)
        os.close(file)
    return sorted(folder.glob(lock_name("*").replace("_", "*")))


def gpu_devices() -> Iterator[Path]:
    """NVIDIA's device nodes."""
    for pattern in _DEVICES:
        yield from sorted(Path("/dev").glob(pattern))


def without_parts(paths: Iterable[Path]) -> list[Path]:
    """Existing paths in order of depth, each once, without those that another one holds."""
    kept: list[Path] = []
    for path in sorted({path for path in paths if path.exists()}, key=lambda path: (len(path.parts), str(path))):
        if not any(path.is_relative_to(whole) for whole in kept):
            kept.append(path)
    return kept
